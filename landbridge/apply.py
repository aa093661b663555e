"""
Apply: from the spool into the target, whole transactions in batches, and with each batch, in one transaction of the
target, the position that covers it. So everything is applied exactly once, whatever is killed.
"""

import logging
import time
from collections.abc import Callable
from contextlib import closing

from landbridge import ledger
from landbridge.apply_session import Applied, Refused, Session, StandsStill, Unready
from landbridge.backoff import Backoff
from landbridge.batch import Stopped
from landbridge.counting import Counting
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects
from landbridge.errors import RowRejected, Transient
from landbridge.model import Position, TableName
from landbridge.narrowing import Narrowing
from landbridge.plan import OnError
from landbridge.preparing import Preparing, Trust
from landbridge.spool import SpoolReader

log = logging.getLogger(__name__)

BATCH_BYTES = 1 << 20
"""Of the spool, more where it is packed; 5,000 to 15,000 changes of ordinary rows, in some ten times as much memory."""

_READ_PATIENCE = 0.1
_LOAD_POLL = 0.5


class Applying:
    """
    One run's apply. open_spool: a reader of what follows a position, None while capture has not opened the spool.
    tell: called often, also while nothing happens. on_error: what a change does that the target refuses of a table.
    """

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        run: str,
        *,
        open_spool: Callable[[Position], SpoolReader | None],
        stopping: Callable[[], bool],
        tell: Callable[[Applied], None],
        on_error: Callable[[TableName], OnError] = lambda _: "stop",
    ) -> None:
        self.source, self.target, self.run, self.on_error = source, target, run, on_error
        self.open_spool, self.stopping = open_spool, stopping
        self.done = Applied(position=Position(""), committed=0.0, changes=0, state="loading")
        self.engine = target.get(Connects).engine()
        self.narrowing = Narrowing()
        self.trust = Trust()
        self.counting = Counting(run)
        self._tell = tell

    def tell(self) -> None:
        self._tell(self.done)

    def run_until_stopped(self) -> None:
        """Raises Fenced when another process took over, RowRejected when the target refuses a row."""
        backoff = Backoff(self.stopping)
        epoch: int | None = None
        while not self.stopping():
            try:
                if epoch is None:
                    epoch = self._begin()
                self._session(epoch, backoff)
            except Transient as error:
                self.done.trouble = error.found
                log.warning("trying again: %s", error.found)
                self.tell()
                backoff.wait()
            except Refused as refused:
                self.narrowing.refused(refused.batch)
            except StandsStill:
                continue
            except Unready:
                self.trust.lost()
            except Stopped:
                return

    def _begin(self) -> int:
        """Wait until the load has opened every table, then fence whoever applied before."""
        while True:
            with self.engine.begin() as connection:
                if all(state.state == "applying" for state in ledger.table_states(connection, self.run)):
                    ledger.forget_stops(connection, self.run)
                    return ledger.take_over(connection, self.run)
            self.tell()
            self.pause(_LOAD_POLL)

    def _session(self, epoch: int, backoff: Backoff) -> None:
        with self.engine.connect() as connection:
            with connection.begin():
                row = ledger.read_stream(connection, self.run)
            self.counting.rolled_back()
            session = Session(self, connection, row, epoch)
            self.done = Applied(position=row.position, committed=row.committed, changes=row.changes, state="waiting")
            reader = self._reader(row.position)
            with closing(Preparing(reader, BATCH_BYTES, _READ_PATIENCE, session.prepare)) as coming:
                while not self.stopping():
                    if session.step(coming):
                        backoff.reset()
                    self.tell()
            session.end()

    def _reader(self, position: Position) -> SpoolReader:
        while True:
            reader = self.open_spool(position)
            if reader is not None:
                return reader
            self.tell()
            self.pause(_READ_PATIENCE)

    def pause(self, seconds: float) -> None:
        if self.stopping():
            raise Stopped
        time.sleep(seconds)

    def reject(self, table: int | None, error: RowRejected) -> None:
        with self.engine.begin() as connection:
            ledger.reject(connection, self.run, table, error.found)
