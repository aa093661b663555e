"""What `landbridge status` says of where the target stands."""

import pytest

from flows.commands.stream_status import lines

CONVERGING = "stream: 7 changes applied, still converging"
AHEAD = "stream: 7 changes applied, past the load, some rows read again and ahead of its position"
EQUAL = "stream: 7 changes applied, equal to the source at its position"


@pytest.mark.parametrize(
    ("reached", "past_the_load", "said"),
    [(True, True, EQUAL), (False, True, AHEAD), (False, False, CONVERGING), (False, None, CONVERGING)],
)
def test_where_it_stands(reached: bool, past_the_load: bool | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """past_the_load: as measured, None where the run is over."""
    monkeypatch.setattr("flows.commands.stream_status._figure_lines", lambda _: [])
    figures = None if past_the_load is None else {"reached": past_the_load}
    stream = {"reached": reached, "figures": figures, "changes": 7, "paused": None, "alarms": [], "source_log": None}
    assert lines(stream) == [said]
