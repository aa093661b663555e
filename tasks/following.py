"""Keeping the target up with the source until somebody says otherwise: for weeks, through restarts of either."""

import time
from collections.abc import Callable

from prefect.logging import get_run_logger

from landbridge.backoff import Backoff
from landbridge.errors import Killed, SourceMoved, Terminal, Transient
from landbridge.figures import Figures
from tasks import artifacts
from tasks.running import Phase, still_ours
from tasks.stream import Stream

_LOOK_EVERY = 0.5
_LOCK_EVERY = 10.0
_PAGE_EVERY = 30.0
_LASTED = 300.0
_KILLED_MOST = 5


def persist(attempt: Callable[[], None]) -> None:
    """
    Again, after growing pauses, while what ends it may clear by itself, and at the server that is the source now after
    a failover. Raises what will not; Terminal too when processes are killed again and again.
    """
    backoff, killed, moved = Backoff(lambda: False), 0, False
    while True:
        begun = time.monotonic()
        try:
            return attempt()
        except (Transient, Killed, SourceMoved) as error:
            if time.monotonic() - begun > _LASTED:
                backoff.reset()
                killed, moved = 0, False
            if moved and isinstance(error, SourceMoved):
                raise
            moved = moved or isinstance(error, SourceMoved)
            killed += isinstance(error, Killed)
            if killed >= _KILLED_MOST:
                raise Terminal(
                    f"{error.found}, {killed} times in a row", mend="see what kills it, want of memory first: dmesg"
                ) from None
            get_run_logger().warning("starting again: %s", error.found)
            backoff.wait()


def follow(stream: Stream, this: Phase) -> None:
    """Until this process is told to end. Raises what capture or apply died of."""
    page = artifacts.Page("replication", stream.plan.name, "how the stream fares; renewed while it runs")
    next_lock = next_page = time.monotonic()
    while True:
        stream.watch()
        now = time.monotonic()
        if now >= next_lock:
            next_lock = now + _LOCK_EVERY
            still_ours(stream.plan)
        figures = stream.metering.latest
        if figures is not None and now >= next_page:
            next_page = now + _PAGE_EVERY
            page.write(describe(figures))
            this.say(_line(figures))
        time.sleep(_LOOK_EVERY)


def _line(figures: Figures) -> str:
    lag = "unknown" if figures.lag is None else f"{figures.lag:.1f} s"
    return f"paused {figures.paused}" if figures.paused else f"{figures.changes:,} changes applied, lag {lag}"


def describe(figures: Figures) -> str:
    """Markdown."""
    rows = [
        ("state", f"paused {figures.paused}" if figures.paused else f"{figures.capture.state}, {figures.apply.state}"),
        ("lag", _shown(figures.lag, "s")),
        ("capture behind the source", f"{_shown(figures.capture.lag, 's')}, {_shown(figures.capture.bytes, 'bytes')}"),
        ("apply behind capture", f"{_shown(figures.apply.lag, 's')}, {_shown(figures.apply.bytes, 'bytes')}"),
        ("captured", _shown(figures.capture.rate, "changes/s")),
        ("applied", f"{_shown(figures.apply.rate, 'changes/s')}, {figures.changes:,} in all"),
        ("spool", _shown(figures.spool_bytes, "bytes")),
        ("caught up in", "never at present rates" if figures.growing else _shown(figures.catch_up, "s")),
        (
            "the source's log is kept for",
            "no limit known" if figures.log_left is None else f"{figures.log_left:,.0f} s",
        ),
        ("oldest open transaction", f"{figures.oldest[0]:,.0f} s, {figures.oldest[1]}" if figures.oldest else "none"),
    ]
    tables = [
        f"| {name} | {c['inserts']:,} | {c['updates']:,} | {c['deletes']:,} |" for name, c in figures.tables.items()
    ]
    lines = ["| | |", "|---|---|", *(f"| {what} | {said} |" for what, said in rows)]
    if tables:
        lines += ["", "| table | inserts | updates | deletes |", "|---|---|---|---|", *tables]
    return "\n".join(lines)


def _shown(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:,.{0 if float(value).is_integer() else 1}f} {unit}"
