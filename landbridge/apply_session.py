"""
One connection's part of apply: what was read and is not applied yet, held where the ledger says so, each batch in one
transaction with the position that it leads to.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from landbridge import ledger
from landbridge.altering import Altering, alters
from landbridge.batch import BatchWriter
from landbridge.change import Change, Transaction, divided, passed_by
from landbridge.counting import kinds
from landbridge.drift import cascading
from landbridge.errors import Fenced, RowRejected, SchemaDrift, Terminal
from landbridge.ledger import Alteration, StreamRow
from landbridge.model import Position
from landbridge.preparing import Prepared, Preparing, Ready

if TYPE_CHECKING:
    from landbridge.apply import Applying

log = logging.getLogger(__name__)

_HOLD_POLL = 0.1
_HELD_PAUSE = 0.05
_HEARTBEAT = 0.5
_UNSAFE = 0.5
"""Seconds for which commits need not wait for the target's disk: by so much may its failure set it back."""


@dataclass
class Applied:
    """
    How far apply is. state: loading, waiting (for the spool), applying, held, paused. trouble: why it retries. kept:
    what follows this is still needed; less than the position while a table stands still, or what was committed is not
    safe on the target's disk yet.
    """

    position: Position
    committed: float
    changes: int
    state: str
    trouble: str = ""
    kept: Position | None = None


class Refused(Exception):
    """These transactions did not go; from the position committed on, fewer at once will show which one it is."""

    def __init__(self, batch: Sequence[Transaction]) -> None:
        super().__init__(batch[-1].position)
        self.batch = batch


class StandsStill(Exception):
    """A table does not follow any more; a new session goes on with the others."""


class Unready(Exception):
    """What was made ready did not fit; the ordinary way divides it, and shows what is wrong."""


class Session:
    """One connection, and what was read but not yet applied. Any error ends it; the next begins where the ledger is."""

    def __init__(self, applying: "Applying", connection: sa.Connection, row: StreamRow, epoch: int) -> None:
        self._applying, self._connection, self._epoch = applying, connection, epoch
        self._position, self._row = row.position, row
        self._safe: Position | None = None  # nobody knows how the one before has committed
        self._passed = self._heard = row.passed  # up to the position, and up to what was read past it
        self._writer = BatchWriter(
            applying.source, applying.target, applying.run, connection, row.consistent, applying.stopping,
            lambda table: applying.on_error(table) == "store",
        )  # fmt: skip
        self.altering = Altering(applying.target, applying.run, connection, self._writer)
        self._pending: list[Transaction] = []
        self._heartbeat: Transaction | None = None
        self._large: sa.RootTransaction | None = None
        self._large_changes = self._counted = 0
        self._polled = self._committed_at = self._safe_at = 0.0
        self.prepare = self._writer.prepare

    def step(self, coming: Preparing) -> bool:
        """Whether anything was committed."""
        before = self._position
        if self._large is None and self._stands_still():
            self._settle()
            time.sleep(_HELD_PAUSE)
            return self._position != before
        prepared = None if self._pending else self._take(coming.take())
        if not self._pending and self._large is None:
            self._settle()
        self._applying.done.state = "applying"
        batch = self._next_batch() if prepared is None else self._pending
        self._pending = self._pending[len(batch) :]
        if batch:
            self._apply(batch, prepared)
        elif self._pending:  # the next transaction ends past the hold, so the target is at the hold itself
            self._advance_idly(Position(self._row.hold), self._applying.done.committed)
        elif self._heartbeat is not None and self._quiet():
            self._advance_idly(self._heartbeat.position, self._heartbeat.committed)
        return self._position != before

    def end(self) -> None:
        """Count what was not counted yet, at a transaction's border."""
        if self._large is None:
            with self._connection.begin():
                self._applying.counting.flush(self._connection, now=True)
            self._applying.counting.committed()

    # --- holding ---

    def _stands_still(self) -> bool:
        if time.monotonic() - self._polled >= _HOLD_POLL:
            with self._connection.begin():
                self._look()
        if self._row.paused:
            self._applying.done.state = "paused"
            return True
        hold = self._row.hold
        if not hold or (hold != ledger.NOW and self._position < hold):
            if self.altering.standing:
                self._go_on()
            return False
        if self._row.held != self._position:
            self._say_held(hold)
        self._applying.done.state = "held"
        return True

    def _look(self) -> None:
        self._row = ledger.read_stream(self._connection, self._applying.run)
        self._polled = time.monotonic()
        if self._row.epoch != self._epoch:
            raise Fenced(
                f"another process applies the stream of run {self._applying.run}", mend="let it; end this process"
            )

    def _say_held(self, hold: str) -> None:
        """Under the row's lock: an answer to a hold that was meanwhile replaced would pass for one to the new hold."""
        with self._connection.begin():
            self._advance(self._position, 0, self._applying.done.committed)
            self._look()
            if self._row.hold == hold:
                ledger.set_held(self._connection, self._applying.run, self._epoch, self._position)
        self._applying.counting.committed()
        self._keep()
        self._polled = 0.0

    def _take(self, ready: Ready) -> Prepared | None:
        """What was made ready, where it can be written as it is; else all that was read goes the ordinary way."""
        prepared, batch, hold = ready.prepared, ready.batch, self._row.hold
        if prepared is not None and self._large is None and self._applying.narrowing.most is None:
            below = not hold or hold == ledger.NOW or batch[-1].position <= hold
            if below and self._writer.fits(prepared, self._position) and self._applying.trust.given():
                self._pending = batch
                return prepared
        self._pending = list(divided(batch))
        return None

    def _next_batch(self) -> list[Transaction]:
        """Whole transactions up to the hold, or one part of a large one, which has a transaction of its own."""
        hold = "" if self._row.hold == ledger.NOW else self._row.hold
        taken = 0
        for transaction in self._pending:
            alone = not transaction.last or alters(transaction)
            if self._large is None and ((hold and transaction.position > hold) or (taken and alone)):
                break
            taken += 1
            if self._large is not None or alone or taken == self._applying.narrowing.most:
                break
        return self._pending[:taken]

    # --- writing ---

    def _apply(self, batch: list[Transaction], prepared: Prepared | None) -> None:
        last = batch[-1]
        changes = [] if prepared else self._writer.wanted(batch)
        counts = prepared.counts if prepared else kinds(changes)
        self._heard = passed_by(self._heard, batch)
        if not counts and last.last and self._large is None:
            self._heartbeat = last
            if self._quiet():
                self._advance_idly(last.position, last.committed)
            return
        try:
            self._alter_ahead(last)
            self._applying.counting.add(counts)
            relaxed = False
            if last.last and self._large is None:
                with self._connection.begin():
                    self._advance(last.position, sum(counts.values()), last.committed)
                    self._write(changes, prepared)
                    self._writer.close(self._position, last.position)
                    relaxed = self._relaxed(last)
            else:
                self._apply_part(last, changes)
        except Fenced:
            raise
        except Terminal as error:
            if prepared:
                raise Unready from None
            if not self._careful:
                raise Refused(batch) from None
            if isinstance(error, RowRejected):
                self._rejected(error)
            raise
        if last.last:
            self._committed(last.position, last.committed, relaxed=relaxed)

    def _relaxed(self, last: Transaction) -> bool:
        """Of the open transaction. What alters a table is rare, and not worth a thought about what follows from it."""
        lately = self._safe is not None and time.monotonic() - self._safe_at < _UNSAFE
        return lately and not alters(last) and self._writer.relax()

    def _write(self, changes: list[Change], prepared: Prepared | None) -> None:
        if prepared is None:
            self.altering.write(changes, self._position, careful=self._careful)
        elif prepared.write():
            self._applying.trust.earned()
        else:
            raise Unready

    def _apply_part(self, part: Transaction, changes: list[Change]) -> None:
        """In constant memory: nothing of it is visible before its last part has come."""
        if self._large is None:
            self._large, self._large_changes = self._connection.begin(), 0
            self._advance(self._position, 0, self._applying.done.committed)
        self.altering.write(changes, self._position, careful=self._careful)
        self._large_changes += len(changes)
        if part.last:
            self._advance(part.position, self._large_changes, part.committed)
            self._writer.close(self._position, part.position)
            self._large.commit()
            self._large = None

    def _alter_ahead(self, transaction: Transaction) -> None:
        if self.altering.transactional or not alters(transaction):
            return
        if self._large is not None or not transaction.last:
            if not self.altering.carries_out(transaction):
                return
            raise SchemaDrift(
                "a table was altered inside of a large transaction, which this target's DDL would commit in part",
                mend="begin the migration of this plan anew",
            )
        with self._connection.begin():
            self._advance(self._position, 0, self._applying.done.committed)
        self.altering.ahead(transaction)

    def _go_on(self) -> None:
        """With a table that stood still, once a person has approved, up to where the spool was read for the others."""
        found = self.altering.approved()
        reader = self._applying.open_spool(found.since or self._position) if found else None
        if found is None or reader is None:
            return
        upto, committed = self._position, self._applying.done.committed
        if self._heartbeat is not None:
            upto, committed = self._heartbeat.position, self._heartbeat.committed
        try:
            with closing(reader):
                self.altering.prepare(found)
                with self._connection.begin():
                    self._advance(upto, 0, committed)
                    for written in self.altering.go_on(found, upto, reader, careful=self._careful):
                        self._applying.counting.add(kinds(written))
                        self._counted += len(written)
                    ledger.count(self._connection, self._applying.run, self._counted)
                    self._writer.close(self._position, upto)
        except RowRejected as error:
            self._rejected(error, found)
            raise
        self._committed(upto, committed)

    def _rejected(self, error: RowRejected, found: Alteration | None = None) -> None:
        """
        Raises StandsStill where the plan wants the table to, which is noted before anything else is tried. found: at
        which it stood already.
        """
        table = found.table if found else self._writer.current
        if self._large is not None:
            self._large.rollback()
        if table is None or not self._pauses(table):
            self._applying.reject(table, error)
            return
        self._applying.counting.rolled_back()
        with self._connection.begin():
            self._advance(self._position, 0, self._applying.done.committed)
            if found is None:
                ledger.stand_still(self._connection, self._applying.run, table, self._position, error.found)
            else:
                ledger.set_alteration(self._connection, self._applying.run, found, "paused", obstacle=error.found)
        log.warning("a table stands still: %s", error.found)
        raise StandsStill

    def _pauses(self, table: int) -> bool:
        """Not where other tables' changes are derived from its own, or its own from theirs."""
        with self._connection.begin():
            tables = ledger.tables(self._connection, self._applying.run)
        (own,) = (each for each in tables if each.number == table)
        return self._applying.on_error(own.source.name) == "pause" and not cascading(own, tables)

    def _advance(self, position: Position, changes: int, committed: float) -> None:
        """The first thing written in every transaction: so a zombie has written nothing when it is found out."""
        self._counted, known = changes, committed or self._applying.done.committed
        run, epoch = self._applying.run, self._epoch
        passed = self._passed if position == self._position else self._heard
        ledger.advance(self._connection, run, self._position, position, epoch, changes, known, passed)
        self._applying.counting.flush(self._connection)

    def _advance_idly(self, position: Position, committed: float) -> None:
        with self._connection.begin():
            self._advance(position, 0, committed)
            self._writer.close(self._position, position)
        self._committed(position, committed)

    def _settle(self) -> None:
        """One commit that waits for the disk makes all before it safe."""
        if self._safe == self._position:
            return
        with self._connection.begin():
            self._advance(self._position, 0, self._applying.done.committed)
        self._applying.counting.committed()
        self._keep()

    def _keep(self) -> None:
        """The position is safe: capture may let go of what lies before it."""
        self._safe, self._safe_at = self._position, time.monotonic()
        self._applying.done.kept = self.altering.kept_from(self._position)

    def _committed(self, position: Position, committed: float, *, relaxed: bool = False) -> None:
        applying = self._applying
        applying.done = Applied(
            position=position,
            committed=committed or applying.done.committed,
            changes=applying.done.changes + self._counted,
            state="applying",
            kept=applying.done.kept,
        )
        applying.counting.committed()
        self._position, self._heartbeat, self._committed_at = position, None, time.monotonic()
        self._passed = self._heard
        if not relaxed:
            self._keep()
        applying.narrowing.applied(position)

    def _quiet(self) -> bool:
        return time.monotonic() - self._committed_at >= _HEARTBEAT

    @property
    def _careful(self) -> bool:
        return self._applying.narrowing.careful
