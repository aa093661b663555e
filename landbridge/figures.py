"""
How the stream fares, in figures (docs/cdc.md says what each means): measured again and again beside capture and apply,
kept in the ledger, so that they are seen from anywhere. Two sides apart: how far capture is behind the source's log,
and how far apply is behind capture.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from landbridge import ledger
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Changes, Connects, Held, Pulse
from landbridge.errors import MigrationError
from landbridge.ledger import Alteration, StreamRow
from landbridge.model import Position
from landbridge.runfolder import RunFolder

FRESH = 30.0
"""Seconds for which figures that were measured are good."""

CAUGHT_UP = 5.0
"""A lag in seconds that is none: heartbeats come every second, and three processes hand them on."""

_WINDOW = 30.0
_TOLD_LATELY = 10.0


@dataclass(frozen=True, kw_only=True)
class Side:
    """
    Of capture: behind the source. Of apply: behind capture. lag in seconds, bytes of the source's log, rate in changes
    a second. trouble: why it tries again. None where it is not known.
    """

    state: str | None = None
    trouble: str = ""
    lag: float | None = None
    bytes: int | None = None
    rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """
    at: seconds since 1970. lag: of the whole way, in seconds. catch_up: seconds until there is none at present rates,
    None where that is not known, or the backlog is growing. log: Held's fields. log_rate: bytes a second. log_left:
    seconds until the source no longer has what is not applied yet, None where nothing threatens it. oldest: the seconds
    that a transaction has been open on the source, and who has it open. tables: changes applied, by target table.
    reached: whether what was written during the load is applied.
    standing: the seconds for which a table has stood still, and the names of all that do.
    """

    at: float
    lag: float | None
    capture: Side
    apply: Side
    changes: int
    spool_bytes: int | None
    catch_up: float | None
    growing: bool
    log: dict[str, Any] | None
    log_rate: float | None
    log_left: float | None
    oldest: tuple[float, str] | None
    paused: str
    tables: dict[str, dict[str, int]]
    reached: bool = True
    standing: tuple[float, str] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """grown: bytes that the log grew since the sample before."""

    at: float
    captured: int | None
    applied: int
    behind: int | None
    grown: int


class Meter:
    """Measures one run; rates are those of the last half minute."""

    def __init__(self, source: Endpoint, target: Endpoint, run: str, folder: RunFolder) -> None:
        self._source, self._target, self._run, self._folder = source, target, run, folder
        self._engine = target.get(Connects).engine()
        self._samples: deque[_Sample] = deque()
        self._end: Position | None = None
        self._load: Position | None = None  # what it read last; later ones are rows that were read again
        with self._engine.connect() as connection:
            self._names = {each.number: str(each.target.name) for each in ledger.tables(connection, run)}

    def measure(self) -> Figures:
        """Raises Transient when the target cannot be asked. Where the source cannot, what it would say is None."""
        with self._engine.connect() as connection:
            row, counts = ledger.read_stream(connection, self._run), ledger.counts(connection, self._run)
            standing = ledger.standing(connection, self._run)
        self._load = self._load or row.consistent
        captured, applying = self._told("capture"), self._told("apply")
        at_capture = Position(captured["position"]) if captured else None
        pulse, held = self._ask(row, at_capture)
        behind = pulse.behind[0] if pulse else None
        ahead = pulse.behind[1] if pulse and at_capture is not None else None
        self._note(captured, row, behind, pulse)
        now = pulse.clock if pulse else time.time()
        since = _since(now, row.committed)
        captured_since = _since(now, captured["source_time"]) if captured else None
        log_rate = self._log_rate()
        return Figures(
            at=time.time(),
            lag=since,
            capture=Side(
                state=captured["state"] if captured else None,
                trouble=captured["trouble"] if captured else "",
                lag=captured_since,
                bytes=ahead,
                rate=self._rate("captured"),
            ),
            apply=Side(
                state=applying["state"] if applying else None,
                trouble=applying["trouble"] if applying else "",
                lag=None if since is None or captured_since is None else max(0.0, since - captured_since),
                bytes=None if behind is None or ahead is None else max(0, behind - ahead),
                rate=self._rate("applied"),
            ),
            changes=row.changes,
            spool_bytes=captured["spool_bytes"] if captured else None,
            catch_up=self._catch_up(since),
            growing=self._grows(since),
            log=vars(held) if held else None,
            log_rate=log_rate,
            log_left=_log_left(held, log_rate),
            oldest=pulse.oldest if pulse else None,
            paused=row.paused,
            standing=_standing(standing),
            reached=self._load is None or row.position >= self._load,
            tables={self._names[number]: each for number, each in counts.items() if number in self._names},
        )

    def keep(self, figures: Figures) -> None:
        with self._engine.begin() as connection:
            ledger.set_figures(connection, self._run, figures.as_dict())

    def _told(self, role: str) -> dict[str, Any] | None:
        """What the role's process said within the last seconds; None where it does not run on this machine."""
        told = self._folder.read(f"{role}.json")
        return told if told is not None and time.time() - told["updated_at"] < _TOLD_LATELY else None

    def _ask(self, row: StreamRow, at_capture: Position | None) -> tuple[Pulse | None, Held | None]:
        changes = self._source.get(Changes)
        try:
            pulse = changes.pulse(row.position, at_capture or row.position, self._end or row.position)
            return pulse, changes.held(self._run, row.position, row.committed)
        except MigrationError:
            return None, None

    def _note(self, captured: dict[str, Any] | None, row: StreamRow, behind: int | None, pulse: Pulse | None) -> None:
        grown = (pulse.behind[2] or 0) if pulse and self._end is not None else 0
        self._end = pulse.end if pulse else self._end
        total = captured["changes"] if captured else None
        now = time.monotonic()
        last = self._samples[-1] if self._samples else None
        if last is not None and (total is None or last.captured is None or total < last.captured):
            self._samples.clear()  # another capture process counts from nought
        self._samples.append(_Sample(at=now, captured=total, applied=row.changes, behind=behind, grown=grown))
        while now - self._samples[0].at > _WINDOW:
            self._samples.popleft()

    def _span(self) -> float:
        return self._samples[-1].at - self._samples[0].at

    def _rate(self, what: str) -> float | None:
        first, last = getattr(self._samples[0], what), getattr(self._samples[-1], what)
        return round((last - first) / self._span(), 1) if self._span() > 0 and first is not None else None

    def _log_rate(self) -> float | None:
        grown = sum(sample.grown for sample in list(self._samples)[1:])
        return round(grown / self._span(), 1) if self._span() > 0 else None

    def _catch_up(self, lag: float | None) -> float | None:
        if lag is not None and lag <= CAUGHT_UP:
            return 0.0
        then, now = self._samples[0].behind, self._samples[-1].behind
        if then is None or now is None or now >= then:
            return None
        return round(now * self._span() / (then - now), 1)

    def _grows(self, lag: float | None) -> bool:
        then, now = self._samples[0].behind, self._samples[-1].behind
        return lag is not None and lag > CAUGHT_UP and then is not None and now is not None and now > then


def _standing(found: Sequence[Alteration]) -> tuple[float, str] | None:
    if not found:
        return None
    names = ", ".join(sorted({str(each.map.source.name) for each in found}))
    return round(max(0.1, time.time() - min(each.met for each in found)), 1), names


def _since(now: float, committed: float) -> float | None:
    return round(max(0.0, now - committed), 1) if committed else None


def _log_left(held: Held | None, rate: float | None) -> float | None:
    """The sooner of the two ways to lose it."""
    if held is None:
        return None
    if held.state != "kept":
        return 0.0
    ways = [held.seconds_left]
    if held.bytes_left is not None and rate:
        ways.append(max(0, held.bytes_left) / rate)
    return min((way for way in ways if way is not None), default=None)


def seen(connection: sa.Connection, run: str) -> dict[str, Any] | None:
    """The latest figures in the ledger, if they are fresh: then something measures, that is, a flow runs."""
    found = ledger.latest_figures(connection, run)
    return found if found is not None and time.time() - found["at"] < FRESH else None
