"""For how long nobody can write in a switch, by a client's own clock; in small (`python -m tests.bench.pause` in large)."""

from tests.bench import pause
from tests.bench.servers import servers


def test_a_client_that_writes_all_the_time_is_refused_for_seconds_only() -> None:
    with servers() as found:
        told = pause.measure(found, "postgres", tables=10, number=10_000, rate=200)
    assert told["on_target"] > 0, "it never wrote to the target"
    assert told["longest_gap"] < 10
    assert told["longest_gap"] < told["pause"] + 2, "the pause that is told must be the one that a client sees"
