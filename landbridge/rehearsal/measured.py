"""The figures of a rehearsal: from its ledger, before that is dropped, and from what was seen while it ran."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from landbridge import ledger
from landbridge.rehearsal.forecast import Estimate, compare, forecast, verdicts

FREEZE, WAY_BACK = 1.0, 2.0
"""Seconds assumed for the steps that a rehearsal must not try, because they would touch the source."""

_PHASES = {"load": "load", "catch-up": "catch-up", "indexes": "build-indexes", "comparison": "verify"}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """at: seconds since the rehearsal began. spool: bytes. rate: changes a second."""

    at: float
    lag: float | None
    rate: float
    spool: int


def measure(
    connection: sa.Connection,
    run: str,
    samples: Sequence[Sample],
    switch: Mapping[str, float],
    disk: int,
    *,
    way_back: bool = False,
) -> dict[str, Any]:
    """switch: seconds of each of its steps. disk: bytes of the scratch database. way_back: the plan wants one."""
    pause = {"freeze (assumed)": FREEZE} | dict(switch) | ({"way back (assumed)": WAY_BACK} if way_back else {})
    phases = [each for each in ledger.phases(connection, run) if each["finished"]]
    took = {each["phase"]: each["finished"] - each["started"] for each in phases}
    states = ledger.table_states(connection, run)
    checked = ledger.latest_round(connection, run)
    detail = (checked or {}).get("detail") or {}
    begun = min((each["started"] for each in phases), default=time.time())
    left = [item for item in ledger.items(connection, run) if item.status in ("not carried", "waived", "failed")]
    quantities = {name: round(took.get(phase, 0.0), 3) for name, phase in _PHASES.items()}
    quantities |= {"write pause": round(sum(pause.values()), 3), "disk": disk}
    quantities |= {"spool": max((sample.spool for sample in samples), default=0)}
    return {
        "run": run,
        "started": begun,
        "finished": time.time(),
        "equal": bool(checked and checked["passed"]),
        "rows": detail.get("rows", 0),
        "differing": detail.get("differing", 0),
        "rejected_rows": len(ledger.rejects(connection, run)),
        "not_carried": len(left),
        "left_behind": [f"{item.kind} {item.name}" for item in left],
        "changes": ledger.read_stream(connection, run).changes,
        "bytes": sum(state.bytes for state in states),
        "tables": [
            {"table": str(s.map.source.name), "rows": s.rows, "bytes": s.bytes, "seconds": _seconds(s)} for s in states
        ],
        "phases": [
            {"phase": p["phase"], "at": round(p["started"] - begun, 3), "seconds": round(took[p["phase"]], 3)}
            for p in phases
        ],
        "switch": {name: round(value, 3) for name, value in pause.items()},
        "quantities": quantities,
        "samples": [asdict(sample) for sample in samples],
    }


def _seconds(state: ledger.TableState) -> float:
    return round((state.finished or 0.0) - (state.started or 0.0), 3)


def document(measured: dict[str, Any], former: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """With what it says about the real migration, and against the last rehearsal. former: oldest first."""
    last = former[-1] if former else None
    changes = compare(last, measured) if last else []
    regressions = [each.name for each in changes if each.regressed] + verdicts(last, measured)
    estimates = forecast([*former, measured])
    return measured | {
        "summary": _summary(measured, estimates, regressions),
        "forecast": [asdict(each) for each in estimates],
        "against_the_last": [asdict(each) for each in changes],
        "regressions": regressions,
        "former": [{"finished": each["finished"], "quantities": each["quantities"]} for each in former],
    }


def _summary(measured: Mapping[str, Any], estimates: Sequence[Estimate], regressions: Sequence[str]) -> str:
    told = {each.name: each for each in estimates}
    equal = f"all {measured['rows']:,} rows equal" if measured["equal"] else "NOT equal"
    load, pause = told["load"], told["write pause"]
    worse = f"; worse than before: {', '.join(regressions)}" if regressions else ""
    return (
        f"{equal}; load {load.value:,.1f} s ({load.low:,.1f} to {load.high:,.1f}), "
        f"write pause {pause.value:,.1f} s ({pause.low:,.1f} to {pause.high:,.1f}){worse}"
    )
