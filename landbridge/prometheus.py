"""The figures in Prometheus' text format (its documentation: "Exposition formats", text-based format 0.0.4)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from landbridge.alarms import KINDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_GAUGES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "lag_seconds": (("lag",), "seconds by which the target is behind the source"),
    "capture_lag_seconds": (("capture", "lag"), "seconds by which capture is behind the source"),
    "capture_lag_bytes": (("capture", "bytes"), "bytes of the source's log that are not captured yet"),
    "capture_changes_per_second": (("capture", "rate"), "changes captured a second"),
    "apply_lag_seconds": (("apply", "lag"), "seconds by which apply is behind capture"),
    "apply_lag_bytes": (("apply", "bytes"), "bytes of the source's log that are captured and not applied yet"),
    "apply_changes_per_second": (("apply", "rate"), "changes applied a second"),
    "spool_bytes": (("spool_bytes",), "size of the spool on disk"),
    "catch_up_seconds": (("catch_up",), "seconds until the target is up with the source, at present rates"),
    "source_log_bytes": (("log", "bytes"), "bytes of log that the source keeps for the run"),
    "source_log_left_bytes": (("log", "bytes_left"), "bytes that may be added before the source drops it"),
    "source_log_left_seconds": (("log_left",), "seconds until the source drops it, at present rates"),
    "source_log_bytes_per_second": (("log_rate",), "growth of the source's log"),
    "standing_seconds": (("standing", "0"), "seconds for which a table has stood still"),
    "oldest_transaction_seconds": (("oldest", "0"), "age of the source's oldest open transaction that has written"),
}


def text(plan: str, run: str, figures: Mapping[str, Any] | None, alarms: Collection[str] = ()) -> str:
    """A run's figures (`Figures.as_dict` and `running`); what is not known is left out. None: the run is over."""
    own = {"plan": plan, "run": run}
    up = figures is not None and figures["running"]
    lines = [*_family("up", "gauge", "whether a flow keeps capture and apply running"), _line("up", own, up)]
    if figures is not None:
        lines += _gauges(figures, own)
        lines += _totals(figures, own)
    lines += _family("alarm", "gauge", "whether an alarm is under way")
    lines += [_line("alarm", own | {"alarm": alarm}, alarm in alarms) for alarm in KINDS]
    return "\n".join(lines) + "\n"


def _gauges(figures: Mapping[str, Any], own: dict[str, str]) -> Iterator[str]:
    for name, (path, about) in _GAUGES.items():
        value: Any = figures
        for step in path:
            value = value[int(step)] if isinstance(value, list | tuple) else value.get(step) if value else None
        if value is not None:
            yield from _family(name, "gauge", about)
            yield _line(name, own, value)
    yield from _family("paused", "gauge", "whether apply was paused by command")
    yield _line("paused", own, bool(figures["paused"]))


def _totals(figures: Mapping[str, Any], own: dict[str, str]) -> Iterator[str]:
    yield from _family("applied_changes_total", "counter", "changes applied since the run began")
    yield _line("applied_changes_total", own, figures["changes"])
    yield from _family("table_changes_total", "counter", "changes applied since the run began, by table")
    for table, counted in figures["tables"].items():
        for operation, count in counted.items():
            yield _line("table_changes_total", own | {"table": table, "operation": operation}, count)


def _family(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP landbridge_{name} {about}", f"# TYPE landbridge_{name} {kind}"]


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(said)}"' for label, said in labels.items())
    return f"landbridge_{name}{{{shown}}} {int(value) if isinstance(value, bool) else value}"


def _escaped(said: str) -> str:
    return said.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
