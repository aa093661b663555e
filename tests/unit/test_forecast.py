"""The arithmetic of a forecast, by hand."""

import math
from typing import Any

import pytest

from landbridge.rehearsal import compare, document, forecast, verdicts
from landbridge.rehearsal.forecast import UNITS
from landbridge.rehearsal.page import markdown, write


def rehearsed(load: float = 10.0, size: int = 1000, **more: Any) -> dict[str, Any]:
    quantities: dict[str, float] = dict.fromkeys(UNITS, 1.0) | {"load": load}
    about = {"plan": "shop", "finished": 1e9, "source": "a", "target": "b", "number": 1, "rows": 7, "changes": 3}
    found = {"equal": True, "differing": 0, "rejected_rows": 0, "not_carried": 0, "left_behind": [], "tables": []}
    shown = {"phases": [{"phase": "load", "at": 0.0, "seconds": load}], "samples": [], "switch": {"drain": 1.0}}
    return about | found | shown | {"bytes": size, "quantities": quantities} | more


def load_of(documents: list[dict[str, Any]]) -> tuple[float, float, float]:
    (load,) = [each for each in forecast(documents) if each.name == "load"]
    assert load.rehearsals == min(5, len(documents))
    return load.value, load.low, load.high


def test_one_rehearsal_may_be_half_of_it_off() -> None:
    assert load_of([rehearsed(10.0)]) == (10.0, 5.0, 15.0)


def test_the_error_bar_is_a_prediction_interval_of_what_was_measured() -> None:
    # 8, 10, 12: mean 10, deviation 2, Student's t of 90 % with 2 degrees of freedom 2.920
    width = 2.920 * 2 * math.sqrt(1 + 1 / 3)
    assert load_of([rehearsed(each) for each in (8.0, 10.0, 12.0)]) == (
        10.0,
        round(10 - width, 3),
        round(10 + width, 3),
    )


def test_none_is_surer_than_a_tenth_and_none_ends_below_nothing() -> None:
    assert load_of([rehearsed(10.0)] * 3) == (10.0, 9.0, 11.0)
    assert load_of([rehearsed(1.0), rehearsed(19.0)])[1] == 0.0


def test_times_grow_with_the_data_and_only_the_last_five_count() -> None:
    # 10 s for 1000 bytes, 22 s for 2000: 0.010 and 0.011 s a byte, so 21 s for 2000
    assert load_of([rehearsed(10.0, 1000), rehearsed(22.0, 2000)])[0] == 21.0
    assert load_of([rehearsed(1000.0)] + [rehearsed(10.0)] * 5) == (10.0, 9.0, 11.0)
    assert load_of([rehearsed(10.0, 0)]) == (10.0, 5.0, 15.0), "an empty database"


@pytest.mark.parametrize(
    ("before", "now", "regressed"),
    [
        ((10.0, 1000), (12.4, 1000), False),
        ((10.0, 1000), (12.6, 1000), True),
        ((10.0, 1000), (24.0, 2000), False),
        ((0.1, 1000), (0.9, 1000), False),
        ((10.0, 1000), (5.0, 1000), False),
    ],
)
def test_worse_is_a_quarter_more_for_as_much_data_and_more_than_a_moment(
    before: tuple[float, int], now: tuple[float, int], regressed: bool
) -> None:
    (load,) = [each for each in compare(rehearsed(*before), rehearsed(*now)) if each.name == "load"]
    assert load.regressed is regressed
    assert load.before == before[0] * now[1] / before[1]
    assert load.now == now[0]


def test_bytes_have_a_moment_of_their_own() -> None:
    def disk(size: float) -> dict[str, Any]:
        return rehearsed(quantities=dict.fromkeys(UNITS, 1.0) | {"disk": size})

    assert [e.regressed for e in compare(disk(10e6), disk(19e6)) if e.name == "disk"] == [False]
    assert [e.regressed for e in compare(disk(10e6), disk(21e6)) if e.name == "disk"] == [True]


def test_what_differs_or_stays_behind_is_worse_whatever_the_times() -> None:
    good = rehearsed()
    assert verdicts(good, good) == []
    assert verdicts(None, rehearsed(equal=False, differing=3)) == ["3 row(s) differ"]
    assert verdicts(good, rehearsed(rejected_rows=2)) == ["2 row(s) refused, 0 before"]
    assert verdicts(rehearsed(not_carried=1), rehearsed(not_carried=2)) == ["2 object(s) left behind, 1 before"]
    assert verdicts(rehearsed(not_carried=2), rehearsed(not_carried=1)) == []


def test_the_page_needs_nothing_else_and_escapes_names(tmp_path: Any) -> None:
    tables = [{"table": "public.<b>", "rows": 1, "bytes": 2, "seconds": 0.5}]
    samples = [{"at": 1.0, "lag": 0.5, "rate": 0.0, "spool": 1}, {"at": 2.0, "lag": None, "rate": 0.0, "spool": 1}]
    told = document(rehearsed(20.0, tables=tables, samples=samples), [rehearsed(10.0)]) | {"number": 2}
    assert told["regressions"] == ["load"]
    shown, data = write(told, tmp_path / "deep", "2")
    page = shown.read_text()
    assert "public.&lt;b&gt;" in page
    assert "http" not in page
    assert page.count("<svg") == 1 + 2 * len(UNITS)
    assert "prefers-color-scheme: dark" in page
    assert data.read_text().startswith("{")
    assert "| load | 15.0 s | " in markdown(told, shown)
    assert "10.0 s **worse** |" in markdown(told, shown)
