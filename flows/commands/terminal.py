"""The run in the terminal: a live picture where there is one to draw on, else a line for each thing that happens."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tasks.board import Board, PhaseProgress, TableProgress

_MARKS = {
    "running": ("…", "cyan"),
    "done": ("✓", "green"),
    "skipped": ("✓", "dim"),
    "waiting": ("?", "yellow"),
    "failed": ("✗", "red"),
}
_TABLES_SHOWN = 12
_NOTES_SHOWN = 20
_EVERY = 0.25
_PLAIN_EVERY = 10.0


@contextmanager
def watching(board: Board) -> Iterator[None]:
    """Shows the board on standard error for as long as it is open."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        with _live(board, console):
            yield
    else:
        with _plain(board):
            yield


@contextmanager
def _live(board: Board, console: Console) -> Iterator[None]:
    begun = time.monotonic()
    with Live(console=console, get_renderable=lambda: picture(board), refresh_per_second=1 / _EVERY):
        yield
    console.print(Text(f"{time.monotonic() - begun:.1f} s in all", style="dim"))


def picture(board: Board) -> RenderableType:
    """The phases, below them the tables under way, the stream and what must be read."""
    parts: list[RenderableType] = [Text(board.flow_run, style="dim")] if board.flow_run else []
    parts.append(_phases(board))
    loading = board.phases.get("load")
    if loading is not None and loading.outcome == "running":
        parts += [_tables(board), Text(f"  {load_line(board, loading)}", style="cyan")]
    if board.stream is not None:
        parts.append(Text(f"  {stream_line(board)}", style="cyan"))
    parts += [Text(note) for note in board.notes[-_NOTES_SHOWN:]]
    return Group(*parts)


def _phases(board: Board) -> Table:
    grid = Table.grid(padding=(0, 1))
    for phase in board.phases.values():
        mark, style = _MARKS[phase.outcome]
        took = "" if phase.outcome == "skipped" else f"{phase.seconds:6.1f} s"
        grid.add_row(Text(mark, style=style), phase.name, Text(took, style="dim"), Text(phase.said, style="dim"))
    return grid


def _tables(board: Board) -> Table:
    grid = Table.grid(padding=(0, 1))
    begun = [table for table in board.tables.values() if table.rows and not table.finished]
    for table in sorted(begun, key=lambda table: -table.expected_bytes)[:_TABLES_SHOWN]:
        total = max(table.expected_rows, table.rows, 1)
        bar = ProgressBar(total=total, completed=table.rows, width=30)
        grid.add_row(" ", table.name, bar, Text(f"{table.rows:,} rows", style="dim"))
    return grid


def load_line(board: Board, loading: PhaseProgress) -> str:
    tables: list[TableProgress] = list(board.tables.values())
    rows, size = sum(t.rows for t in tables), sum(t.bytes for t in tables)
    done = sum(t.finished for t in tables)
    seconds = max(loading.seconds, 0.001)
    speed = f"{rows / seconds:,.0f} rows/s, {size / seconds / 1e6:,.1f} MB/s"
    return f"{done} of {len(tables)} tables, {rows:,} rows, {size / 1e6:,.1f} MB, {speed}"


def stream_line(board: Board) -> str:
    stream = board.stream
    if stream is None:
        return ""
    lag = "lag unknown" if stream.lag is None else f"lag {stream.lag:.1f} s"
    return f"changes: {stream.state}, {stream.changes:,} applied, {stream.rate:,.0f}/s, {lag}"


@contextmanager
def _plain(board: Board) -> Iterator[None]:
    printer = _Printer(board)
    stop = threading.Event()
    thread = threading.Thread(target=printer.run, args=(stop,), name="terminal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        printer.print_news()


class _Printer:
    """Remembers what it said, so that each thing is said once."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.said: set[tuple[str, str]] = set()
        self.notes = 0
        self.next_progress = time.monotonic() + _PLAIN_EVERY

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(_EVERY):
            self.print_news()

    def print_news(self) -> None:
        if self.board.flow_run and ("", "") not in self.said:
            self.said.add(("", ""))
            self._print(f"in Prefect: {self.board.flow_run}")
        for phase in list(self.board.phases.values()):
            self._print_phase(phase)
        for note in self.board.notes[self.notes :]:
            self.notes += 1
            self._print(note)
        if time.monotonic() >= self.next_progress:
            self.next_progress = time.monotonic() + _PLAIN_EVERY
            self._print_progress()

    def _print_phase(self, phase: PhaseProgress) -> None:
        if (phase.name, phase.outcome) in self.said:
            return
        self.said.add((phase.name, phase.outcome))
        if phase.outcome == "running":
            self._print(f"{phase.name} ...")
        elif phase.outcome == "skipped":
            self._print(f"{phase.name}: {phase.said or 'done before'}")
        else:
            ending = f": {phase.said}" if phase.said else ""
            self._print(f"{phase.name} {phase.outcome} in {phase.seconds:.1f} s{ending}")

    def _print_progress(self) -> None:
        loading = self.board.phases.get("load")
        if loading is not None and loading.outcome == "running":
            self._print(f"  {load_line(self.board, loading)}")
        if self.board.stream is not None:
            self._print(f"  {stream_line(self.board)}")

    @staticmethod
    def _print(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
