"""When a figure is an alarm."""

from dataclasses import replace
from typing import Any

import pytest

from landbridge.alarms import judge
from landbridge.errors import PlanError
from landbridge.figures import Figures, Side
from landbridge.plan import AlarmSettings, parse_plan
from tests.unit.test_cli import PLAN

QUIET = Figures(
    at=0.0, lag=1.0, capture=Side(), apply=Side(), changes=0, spool_bytes=0, catch_up=0.0, growing=False,
    log={"state": "kept", "bytes": 0}, log_rate=0.0, log_left=None, oldest=None, paused="", tables={},
)  # fmt: skip
HOUR = 3600.0


def found(active: set[str], settings: dict[str, str] | None = None, **figures: Any) -> dict[str, str]:
    verdicts = judge(replace(QUIET, **figures), AlarmSettings(**settings or {}), active)  # type: ignore[arg-type]
    return {verdict.alarm: verdict.found for verdict in verdicts}


def test_a_quiet_stream_has_none() -> None:
    assert found(set()) == {"lag": "", "log_loss": "", "spool": "", "transaction": "", "standing": ""}


@pytest.mark.parametrize(
    ("alarm", "figure", "below", "over", "still", "back"),
    [
        ("lag", "lag", 59.0, 60.0, 48.0, 47.0),
        ("log_loss", "log_left", 12.1 * HOUR, 12 * HOUR, 14.9 * HOUR, 15.1 * HOUR),
        ("spool", "spool_bytes", 9_999_999_999, 10_000_000_000, 8_000_000_000, 7_900_000_000),
        ("transaction", "oldest", (3599.0, "pid 7"), (3600.0, "pid 7"), (2880.0, "pid 8"), (2879.0, "pid 8")),
    ],
)
def test_it_begins_at_the_threshold_and_ends_a_fifth_below(
    alarm: str, figure: str, below: Any, over: Any, still: Any, back: Any
) -> None:
    assert found(set(), **{figure: below})[alarm] == ""
    assert found(set(), **{figure: over})[alarm] != ""
    assert found(set(), **{figure: still})[alarm] == ""
    assert found({alarm}, **{figure: still})[alarm] != ""
    assert found({alarm}, **{figure: back})[alarm] == ""


def test_what_is_not_known_leaves_it_as_it_is() -> None:
    unknown = found({"lag", "spool", "log_loss", "transaction"}, lag=None, spool_bytes=None, log=None)
    assert unknown == {"standing": ""}


def test_a_table_that_stands_still_is_told_at_once_or_as_the_plan_says() -> None:
    still = (5.0, "shop.t")
    assert "shop.t stands still" in found(set(), standing=still)["standing"]
    assert found({"standing"}, standing=None)["standing"] == ""
    assert found(set(), {"standing": "1h"}, standing=still)["standing"] == ""


def test_the_lag_of_the_load_is_none() -> None:
    assert found(set(), lag=7200.0, reached=False)["lag"] == ""
    assert found(set(), lag=7200.0, reached=True)["lag"] != ""


def test_a_log_that_is_lost_is_said_to_be() -> None:
    assert "no longer" in found(set(), log={"state": "lost"}, log_left=0.0)["log_loss"]
    assert "a transaction at the source has been open for 4,000 s: pid 9" in str(found(set(), oldest=(4000.0, "pid 9")))


def test_off_ends_it() -> None:
    off = dict.fromkeys(("lag", "log_loss", "spool", "transaction", "standing"), "off")
    much = {"lag": 1e9, "log_left": 0.0, "spool_bytes": 10**15, "oldest": (1e9, "x"), "standing": (1e9, "x")}
    assert set(found({"lag"}, off, **much).values()) == {""}
    plan = parse_plan(PLAN | {"alarms": {"lag": False, "spool": "1.5TB"}})  # so YAML reads off
    assert (plan.alarms.lag, plan.alarms.spool, plan.alarms.log_loss) == ("off", "1.5TB", "12h")


def test_a_threshold_that_is_none_is_refused() -> None:
    with pytest.raises(PlanError, match="10 bananas' is not a size; write it like 500MB"):
        parse_plan(PLAN | {"alarms": {"spool": "10 bananas"}})
    with pytest.raises(PlanError, match="soon' is not a duration"):
        parse_plan(PLAN | {"alarms": {"lag": "soon"}})
