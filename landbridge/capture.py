"""
Capture: from the source's log into the spool. It resumes where the spool ends and forgets, in the spool and at the
source, what apply has committed; so it may end at any moment, and be sent anything again.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from landbridge import ledger
from landbridge.backoff import Backoff
from landbridge.change import Transaction
from landbridge.changed_keys import forget, remembered
from landbridge.drift import BACK_ENDS, Following
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Changes, ChangeStream, Connects
from landbridge.errors import MigrationError, PositionLost, SchemaDrift, SourceMoved, Terminal, Transient
from landbridge.ledger import Run
from landbridge.model import Position
from landbridge.runfolder import RunFolder
from landbridge.spool import ForeignSpool, SpoolMissing, SpoolWriter, set_aside

log = logging.getLogger(__name__)

_FLUSH = 0.02
_LOOK = 1.0
_ROOM_POLL = 0.2
_SHARE_FOR_THE_SWITCH = 0.25


@dataclass
class Captured:
    """How far capture is. committed: the source's time of the newest transaction or heartbeat."""

    spool: str
    position: Position
    committed: float = 0.0
    changes: int = 0
    spool_bytes: int = 0
    state: str = "capturing"
    trouble: str = ""


class Capturing:
    """One run's capture. tell: called once a second or so."""

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        run: Run,
        folder: RunFolder,
        *,
        stopping: Callable[[], bool],
        tell: Callable[[Captured], None],
    ) -> None:
        self._source, self._target, self._run, self._folder = source, target, run, folder
        self._bound = int(run.plan.capture.spool_gb * 1e9)
        self._stopping, self._tell = stopping, tell
        with target.get(Connects).engine().begin() as connection:
            self._applied = ledger.kept_from(connection, run.run)
            ledger.make_safe(connection, run.run)
            self._begun = ledger.read_stream(connection, run.run)
            self._leads_back = ledger.leg_of(connection, run.run).leads_back
        self._following = Following(source, target, run)
        self._looked = 0.0

    def run_until_stopped(self) -> None:
        """Raises what the stream does, SourceMoved when the source is another server, Terminal for want of space."""
        backoff = Backoff(self._stopping)
        with closing(Spooling(self._open_spool())) as spool:
            done = Captured(spool=spool.id, position=spool.tail)
            while not self._stopping():
                try:
                    self._stream(spool, done, backoff)
                except Transient as error:
                    done.trouble = error.found
                    log.warning("trying again: %s", error.found)
                    self._look(spool, done)
                    backoff.wait()
                except (PositionLost, SchemaDrift) as end:
                    if not self._leads_back:
                        raise
                    raise type(end)(end.found, mend=BACK_ENDS) from None  # what there is to follow holds all the data

    def _open_spool(self) -> SpoolWriter:
        """The spool that the ledger knows; else a new one from the position applied, and what was there set aside."""
        engine, run, folder = self._target.get(Connects).engine(), self._run.run, self._folder.spool
        with engine.begin() as connection:
            known = ledger.spool(connection, run)
        try:
            writer = SpoolWriter.open(folder, run)
            if writer.id == known:
                return writer
            writer.close()
            log.warning("set aside a spool that the ledger does not know: %s", set_aside(folder))
        except SpoolMissing:
            pass
        except ForeignSpool as error:
            log.warning("%s; set aside: %s", error.found, set_aside(folder))
        self._refuse_standing()
        forget(self._folder)  # what changed since the last comparison is not in the new one, or at other positions
        writer = SpoolWriter.create(folder, run, self._applied)
        with engine.begin() as connection:
            ledger.set_spool(connection, run, writer.id)
        return writer

    def _refuse_standing(self) -> None:
        """A new spool would begin with other tables' changes that are applied, in shapes they no longer have."""
        with self._target.get(Connects).engine().begin() as connection:
            standing = ledger.standing(connection, self._run.run)
        if standing:
            names = ", ".join(sorted({str(each.map.source.name) for each in standing}))
            raise Terminal(
                f"the spool is lost, and with it what waited for {names}",
                mend="begin the migration of this plan anew",
            )

    def _stream(self, spool: "Spooling", done: Captured, backoff: Backoff) -> None:
        self._require_same_server()
        spool.rewind()
        since = max(spool.tail, self._applied)
        self._look(spool, done)
        tables, follow = self._following.tables(since), self._following.follow
        left_out, passed = self._begun.left_out, self._begun.passed if since >= self._begun.position else ""
        with self._source.get(Changes).stream(
            self._run.run, since, tables, left_out, follow, passed, packed=True
        ) as stream:
            for transaction in stream:
                size = spool.append(transaction)
                backoff.reset()
                done.changes += transaction.count
                done.committed, done.trouble = transaction.committed or done.committed, ""
                if time.monotonic() - self._looked >= _LOOK:
                    self._look(spool, done, stream)
                if transaction.last and size > self._bound:
                    self._wait_for_room(spool, done, stream)
                if self._stopping():
                    return

    def _require_same_server(self) -> None:
        identity = self._source.get(Connects).identity()
        if identity != self._run.source:
            raise SourceMoved(
                f"the source is another server ({identity}) than it was ({self._run.source})",
                mend="run the same command again: it goes on there if nothing is missing, or says what is",
            )

    def _look(self, spool: "Spooling", done: Captured, stream: ChangeStream | None = None) -> None:
        """At what apply has committed meanwhile; telling the stream keeps its connection alive, too."""
        self._looked = time.monotonic()
        self._applied = max(self._applied, self._folder.applied() or self._applied)
        spool.trim(self._needed(spool))
        if stream is not None:
            stream.confirm(self._applied)
        done.position, done.spool_bytes = spool.tail, spool.size()
        self._tell(done)

    def _needed(self, spool: "Spooling") -> Position:
        """From where the spool is kept: for the switch from the last clean comparison on, while that costs little."""
        checked = remembered(self._folder)
        if checked is None or spool.size() > self._bound * _SHARE_FOR_THE_SWITCH:
            return self._applied
        return min(self._applied, checked)

    def _wait_for_room(self, spool: "Spooling", done: Captured, stream: ChangeStream) -> None:
        """Between transactions only: an open one must come to its end. The file in use is never trimmed."""
        done.state = "waiting for apply"
        while not self._stopping() and spool.size() > self._bound and self._applied < spool.tail:
            time.sleep(_ROOM_POLL)
            self._refuse_waiting_for_people(spool)
            if time.monotonic() - self._looked >= _LOOK:
                self._look(spool, done, stream)
        done.state = "capturing"

    def _refuse_waiting_for_people(self, spool: "Spooling") -> None:
        reached = self._folder.reached()
        if reached is None or reached < spool.tail:
            return
        with self._target.get(Connects).engine().begin() as connection:
            standing = ledger.standing(connection, self._run.run)
            approved = ledger.alterations(connection, self._run.run, "approved")
        if standing and not approved:
            raise Terminal(
                f"the spool is full ({spool.size() / 1e9:.1f} GB) with the changes of tables that stand still",
                mend="see `landbridge ddl list`; let them go on, or raise capture.spool_gb; then start again",
            )


class Spooling:
    """The spool's writer with a thread beside it that makes visible to apply, soon, what was appended."""

    def __init__(self, writer: SpoolWriter) -> None:
        self.id = writer.id
        self._writer, self._lock = writer, threading.Lock()
        self._dirty, self._closing = threading.Event(), False
        self._failed: MigrationError | None = None
        self._thread = threading.Thread(target=self._flush, name="flush", daemon=True)
        self._thread.start()

    @property
    def tail(self) -> Position:
        return self._writer.tail

    def size(self) -> int:
        with self._lock:
            return self._writer.size()

    def append(self, transaction: Transaction) -> int:
        """The spool's size. Raises what the last flush failed of."""
        with self._lock:
            if self._failed is not None:
                raise self._failed
            self._writer.append(transaction)
            size = self._writer.size()
        if not self._dirty.is_set():  # a third of the time of setting it, for each transaction
            self._dirty.set()
        return size

    def rewind(self) -> None:
        """The stream begins again at the tail: parts of a transaction whose end had not come will come again."""
        with self._lock:
            self._writer.rewind()

    def trim(self, position: Position) -> None:
        with self._lock:
            self._writer.trim(position)

    def close(self) -> None:
        self._closing = True
        self._dirty.set()
        self._thread.join()
        self._writer.close()

    def _flush(self) -> None:
        while not self._closing:
            self._dirty.wait()
            time.sleep(_FLUSH)
            self._dirty.clear()
            try:
                with self._lock:
                    self._writer.flush()
            except MigrationError as error:
                self._failed = error
                return
