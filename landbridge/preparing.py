"""
The next batch is read from the spool and made ready to be written, in a thread, while the target writes the one before.
What a thread made ready is only ever taken in place of the ordinary way, which stays able to write all there is.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from landbridge.change import Tally, Transaction
from landbridge.errors import Terminal
from landbridge.spool import SpoolReader

_MOST_RESTS = 4096
_NAP = 0.005
_FIRST = 16
_PACKED = 4
"""So much more of the spool may be packed: it takes less memory for as much, and more at once costs less."""
_MUCH, _NAPS, _IDLE = 10_000, 20, 6
"""
Where so many changes came to less than half as many rows, more of them come to hardly more rows: so long the next batch
waits for these while it is wanted already, unless none come for a while.
"""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """
    write: carries the changes out in the open transaction; False where not every row was as they say. rows: so many
    are written. learned: by how many tidings of shapes and positions it was made.
    """

    counts: Tally
    rows: int
    learned: int
    write: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What was read, and if it can be so, made ready as a whole."""

    batch: list[Transaction]
    prepared: Prepared | None = None


class Preparing:
    """
    One session's. prepare: asked in the thread, for what was read; None where it has to go the ordinary way. Read is
    what comes until a batch is full or wanted, as the larger one is the cheaper; and nothing further before it is
    taken, so that two are in memory at most.
    """

    def __init__(
        self,
        reader: SpoolReader,
        max_bytes: int,
        patience: float,
        prepare: Callable[[list[Transaction]], Prepared | None],
    ) -> None:
        self._reader, self._max_bytes, self._patience, self._prepare = reader, max_bytes, patience, prepare
        self._bytes = max_bytes // _FIRST  # so that the target has something to do soon
        self._made: queue.SimpleQueue[Ready | BaseException] = queue.SimpleQueue()
        self._room, self._wanted = threading.Semaphore(1), threading.Event()
        self._naps = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="prepare", daemon=True)
        self._thread.start()

    def take(self) -> Ready:
        """Waits as long as reading does; then empty. Raises what reading raised."""
        self._wanted.set()
        try:
            made = self._made.get(timeout=self._patience)
        except queue.Empty:
            return Ready(batch=[])
        finally:
            self._wanted.clear()
        if isinstance(made, BaseException):
            raise made
        self._room.release()
        return made

    def close(self) -> None:
        self._closing = True
        self._room.release()
        self._thread.join()
        self._reader.close()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._room.acquire()
                if batch := self._read():
                    prepared = self._prepared(batch)
                    self._naps = _NAPS if prepared and _shrank(prepared) else 0
                    self._made.put(Ready(batch=batch, prepared=prepared))
        except BaseException as error:  # noqa: BLE001 raised where something is taken
            self._made.put(error)

    def _read(self) -> list[Transaction]:
        batch: list[Transaction] = []
        idle = 0
        left, self._bytes = self._bytes, min(self._max_bytes, self._bytes * 2)
        naps = self._naps
        while not self._closing and left > 0:
            if batch and self._wanted.wait(_NAP):
                if not naps or idle >= _IDLE:
                    break
                time.sleep(_NAP)
                naps -= 1
            found = self._reader.read(left, 0.0 if batch else self._patience, grouped=True)
            idle = 0 if found else idle + 1
            packed = all(each.packed or not each.changes for each in found)
            left -= self._reader.taken // (_PACKED if packed else 1)
            batch += found
        return batch

    def _prepared(self, batch: list[Transaction]) -> Prepared | None:
        try:
            return self._prepare(batch)
        except Terminal:  # what is wrong with it is found out, and told, the ordinary way
            return None


def _shrank(prepared: Prepared) -> bool:
    changes = sum(prepared.counts.values())
    return changes >= _MUCH and prepared.rows * 2 < changes


class Trust:
    """
    Whether it is worth while to make batches ready: each time one did not fit, twice as many go the ordinary way, which
    can divide them.
    """

    def __init__(self) -> None:
        self._rests = self._left = 0

    def given(self) -> bool:
        """To be asked once for each batch."""
        if self._left:
            self._left -= 1
            return False
        return True

    def lost(self) -> None:
        self._rests = min(max(1, self._rests * 2), _MOST_RESTS)
        self._left = self._rests

    def earned(self) -> None:
        self._rests //= 2
