"""
What the run is doing at this moment: the tasks write it, the terminal and the artifacts read it. Plain attributes,
written whole, so that a reader in another thread never sees half of anything.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

Outcome = Literal["running", "done", "skipped", "waiting", "failed"]

_RATE_OVER = 5.0


@dataclass(frozen=True, kw_only=True)
class PhaseProgress:
    """Times by time.monotonic(); `said` is one line about what is going on or came out."""

    name: str
    outcome: Outcome
    started: float
    ended: float | None = None
    said: str = ""

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started


@dataclass(frozen=True, kw_only=True)
class TableProgress:
    """expected: the server's estimates, which may be off."""

    name: str
    expected_rows: int
    expected_bytes: int
    rows: int = 0
    bytes: int = 0
    finished: bool = False


@dataclass(frozen=True, kw_only=True)
class StreamProgress:
    """lag in seconds, None before anything was applied; rate in changes a second."""

    state: str
    lag: float | None
    changes: int
    rate: float


@dataclass(kw_only=True)
class Board:
    """plan_file: as the command line has it. flow_run: its address in the UI. findings: precheck's, as plain data."""

    plan_file: str = "PLAN"
    flow_run: str = ""
    findings: list[dict[str, str]] = field(default_factory=list)
    phases: dict[str, PhaseProgress] = field(default_factory=dict)
    tables: dict[int, TableProgress] = field(default_factory=dict)
    stream: StreamProgress | None = None
    notes: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _changes: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))

    def clear(self) -> None:
        self.flow_run, self.stream = "", None
        for part in (self.findings, self.phases, self.tables, self.notes, self._changes):
            part.clear()

    def begin(self, phase: str) -> None:
        self.phases[phase] = PhaseProgress(name=phase, outcome="running", started=time.monotonic())

    def say(self, phase: str, said: str) -> None:
        self.phases[phase] = replace(self.phases[phase], said=said)

    def end(self, phase: str, outcome: Outcome) -> None:
        self.phases[phase] = replace(self.phases[phase], outcome=outcome, ended=time.monotonic())

    def note(self, line: str) -> None:
        """A line that stays, such as a finding or where to approve."""
        self.notes.append(line)

    def expect(self, number: int, table: TableProgress) -> None:
        self.tables[number] = table

    def copied(self, number: int, rows: int, size: int) -> None:
        with self._lock:
            known = self.tables[number]
            self.tables[number] = replace(known, rows=known.rows + rows, bytes=known.bytes + size)

    def finish_table(self, number: int) -> None:
        with self._lock:
            self.tables[number] = replace(self.tables[number], finished=True)

    def streamed(self, state: str, lag: float | None, changes: int) -> None:
        now = time.monotonic()
        self._changes.append((now, changes))
        while len(self._changes) > 2 and now - self._changes[0][0] > _RATE_OVER:
            self._changes.popleft()
        begun, before = self._changes[0]
        rate = (changes - before) / (now - begun) if now > begun else 0.0
        self.stream = StreamProgress(state=state, lag=lag, changes=changes, rate=rate)


BOARD = Board()
"""One process runs one migration."""
