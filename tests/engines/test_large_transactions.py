"""One transaction of very many rows: capture and apply take no more memory for it, and it shows when it is whole."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landbridge.endpoints.postgres import server as postgres
from tests.engines.test_replicate import Pair
from tests.support import rows

ROLES = ("capture", "apply")


@pytest.fixture
def pair(postgres_server: postgres.Server, postgres_database: Callable[[], str], tmp_path: Path) -> Iterator[Pair]:
    made = Pair(postgres_server, (postgres_database(), postgres_database()), tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    "number",
    [200_000, pytest.param(5_000_000, marks=[pytest.mark.long, pytest.mark.timeout(3000)])],
)
def test_memory_stays_where_it_was(pair: Pair, number: int) -> None:
    pair.begin("create table items (id int primary key, name text, note text)")
    pair.replication.start()
    pair.source.run("insert into items values (0, 'first', null)")
    pair.catch_up()
    many = f"insert into items select i, 'row ' || i, repeat('x', 60) from generate_series(1, {number}) i"
    pair.source.transaction(many, "update items set note = 'changed' where id % 10 = 1")
    here = pair.source.log.here()
    seen = set()

    def reached() -> bool:
        seen.add(rows(pair.target, "select count(*) from items")[0][0])
        return pair.row().position >= here

    pair.wait(reached, 60 + number / 2000)
    seen.add(rows(pair.target, "select count(*) from items")[0][0])
    assert seen <= {1, number + 1}
    assert pair.row().changes == number + 1 + number // 10
    peaks = [int(Path(f"/proc/{pair.pid(r)}/status").read_text().partition("VmHWM:")[2].split()[0]) for r in ROLES]
    assert sum(peaks) < 300 * 1024, peaks
    assert rows(pair.target, "select count(*) from items where note = 'changed'") == [(number // 10,)]
