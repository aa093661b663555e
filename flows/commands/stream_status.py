"""The stream's part of `landbridge status`: the figures, for people and as Prometheus text."""

import time
from typing import Any

from landbridge.plan import Plan


def collect(connection: Any, run: Any, plan: Plan) -> dict[str, Any] | None:
    """None before there is a stream."""
    from landbridge import ledger

    if not ledger.has_stream(connection, run.run):
        return None
    row = ledger.read_stream(connection, run.run)
    figures = _figures(connection, run, plan)
    return {
        "position": row.position,
        "consistent": row.consistent,
        "reached": row.consistent is not None and row.position >= row.consistent,
        "changes": row.changes,
        "lag": round(time.time() - row.committed, 1) if row.committed else None,
        "held": row.held or None,
        "paused": row.paused or None,
        "source_log": figures["log"] if figures else None,
        "figures": figures,
        "alarms": [vars(alarm) for alarm in ledger.alarms(connection, run.run)],
    }


def _figures(connection: Any, run: Any, plan: Plan) -> dict[str, Any] | None:
    """As a running flow measured them; else what can be said without one. None when the run is over."""
    from landbridge.endpoints import connect
    from landbridge.figures import Meter, seen
    from landbridge.runfolder import RunFolder
    from tasks.home import home

    if run.state != "active":
        return None
    found = seen(connection, run.run)
    if found is not None:
        return found | {"running": True}
    meter = Meter(connect(plan.source), connect(plan.target), run.run, RunFolder(home() / "runs" / run.run))
    return meter.measure().as_dict() | {"running": False}


def exposition(plan: Plan) -> str:
    """Prometheus text, of the way back where that is the one that counts; '' while the plan has no stream."""
    from landbridge import ledger, legs, prometheus
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    plan = legs.now(plan)
    with connect(plan.target).get(Connects).engine().connect() as connection:
        run = ledger.find_run(connection, plan)
        stream = collect(connection, run, plan) if run else None
    if run is None or stream is None:
        return ""
    alarms = {alarm["alarm"] for alarm in stream["alarms"]}
    return prometheus.text(plan.name, run.run, stream["figures"], alarms)


def _where(stream: dict[str, Any]) -> str:
    if stream["reached"]:
        return "equal to the source at its position"
    if stream["figures"] is not None and stream["figures"]["reached"]:
        return "past the load, some rows read again and ahead of its position"
    return "still converging"


def lines(stream: dict[str, Any]) -> list[str]:
    """For people."""
    said = [f"stream: {stream['changes']:,} changes applied, {_where(stream)}"]
    if stream["paused"]:
        said.append(f"  PAUSED {stream['paused']}; `landbridge resume` lets it go on")
    said += [f"  ALARM {alarm['alarm']}: {alarm['found']}" for alarm in stream["alarms"]]
    figures = stream["figures"]
    if figures is not None:
        said += [f"  {line}" for line in _figure_lines(figures)]
    if stream["source_log"]:
        said.append(f"  {_log_line(stream['source_log'])}")
    return said


def _figure_lines(figures: dict[str, Any]) -> list[str]:
    capture, apply = figures["capture"], figures["apply"]
    said = [f"lag {_seconds(figures['lag'])}; {_outlook(figures)}"]
    if figures["running"]:
        said += [
            f"capture: {_side(capture)} behind the source, {_rate(capture['rate'])}",
            f"apply:   {_side(apply)} behind capture, {_rate(apply['rate'])}",
            f"spool {_megabytes(figures['spool_bytes'])}",
        ]
        said += [f"{role} tries again: {side['trouble']}" for role, side in _sides(figures) if side["trouble"]]
    if figures["oldest"]:
        age, who = figures["oldest"]
        said.append(f"oldest open transaction at the source: {_seconds(age)}, {who}")
    return said


def _sides(figures: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("capture", figures["capture"]), ("apply", figures["apply"])]


def _outlook(figures: dict[str, Any]) -> str:
    if not figures["running"]:
        return "nothing captures or applies"
    if figures["catch_up"] == 0:
        return "up with the source"
    if figures["catch_up"] is not None:
        return f"up with the source in {_seconds(figures['catch_up'])} at present rates"
    return "GROWING: it does not catch up at present rates" if figures["growing"] else "no forecast yet"


def _side(side: dict[str, Any]) -> str:
    return f"{side['state'] or 'unknown'}, {_seconds(side['lag'])} and {_megabytes(side['bytes'])}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return f"{seconds:,.1f} s" if seconds < 600 else f"{seconds / 3600:,.1f} h"


def _megabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:,.1f} MB"


def _rate(rate: float | None) -> str:
    return "rate unknown" if rate is None else f"{rate:,.0f} changes/s"


def _log_line(log: dict[str, Any]) -> str:
    if log["state"] == "lost":
        return "the source's log: LOST at our position; the load has to begin anew"
    line = f"the source's log: {log['bytes'] / 1e6:,.1f} MB not applied yet"
    if log["bytes_left"] is not None:
        line += f", lost after {max(0, log['bytes_left']) / 1e6:,.1f} MB more"
    if log["seconds_left"] is not None:
        line += f", kept for {log['seconds_left'] / 3600:,.1f} hours at least"
    return line + ("; THREATENED, the source may drop it at any time" if log["state"] == "threatened" else "")
