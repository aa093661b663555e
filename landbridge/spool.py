"""
The spool: what capture has read from the source's log and apply has not yet written, on disk between the two processes.

Every file begins at a transaction's border and is written by one writer, which only appends; a writer that comes later
cuts what the last one left unfinished and begins a file of its own. A reader hands out nothing of a transaction before
all of it is there. So no byte that was used ever changes.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import starmap
from pathlib import Path

from landbridge import spoolfile
from landbridge.change import Transaction, divided
from landbridge.errors import PositionLost, Terminal
from landbridge.model import Position
from landbridge.spoolfile import Block, ForeignSpool, Header, SpoolDamaged, SpoolMissing

__all__ = [
    "ForeignSpool", "SpoolDamaged", "SpoolMissing", "SpoolReader", "SpoolWriter", "discard", "set_aside",
]  # fmt: skip

SEGMENT_BYTES = 64 << 20
"""A file is left at the first transaction border past this: one huge transaction makes one huge file."""

_BATCH = 4096  # changes and transactions that go into one block
_PAUSES = (0.002, 0.005, 0.01, 0.02, 0.05)


class _Border:
    """Tells, at a transaction's first part, whether all of it is past `position`, which moves on with what is."""

    def __init__(self, position: Position) -> None:
        self.position = position
        self._open = False
        self._new = False

    def forget(self) -> bool:
        """Whether a transaction was open; it will begin again."""
        was_open, self._open = self._open, False
        return was_open

    def past(self, transactions: Iterable[Transaction]) -> Iterator[Transaction]:
        """Those that lie past it, which moves on with them; of a group on both sides, its members that do."""
        for each in transactions:
            if each.ends and each.first <= self.position < each.position:
                yield from filter(self.passed_by, divided([each]))
            elif self.passed_by(each):
                yield each

    def passed_by(self, transaction: Transaction) -> bool:
        if transaction.last and not self._open and transaction.position > self.position:  # as nearly all
            self.position = transaction.position
            return True
        if not self._open:
            self._new = transaction.position > self.position
        self._open = not transaction.last
        if transaction.last:
            if (transaction.position > self.position) is not self._new:
                raise Terminal(
                    f"a transaction that ends at {transaction.position} began on the other side of {self.position}",
                    mend="report this: the stream's positions are not in order",
                )
            if self._new:
                self.position = transaction.position
        return self._new


class SpoolWriter:
    """The one writer of a folder, made by `create` or `open`; both raise Busy while another one lives."""

    def __init__(self, folder: Path, lock: int, header: Header, older: list[tuple[Header, int]]) -> None:
        self.id = header.id
        self._folder, self._lock, self._header, self._older = folder, lock, header, older
        self._border = _Border(header.after)
        self._pending: list[Transaction] = []
        self._weight = 0
        self._file, self._offset = spoolfile.begin(folder, header)
        self._whole, self._written = self._offset, header.after  # the end of the last whole transaction in the files
        self._left = False  # nothing may be written to this file any more

    @staticmethod
    def create(folder: Path, run: str, start: Position) -> "SpoolWriter":
        """A fresh spool for everything after `start`. ForeignSpool when the folder has one already."""
        folder.mkdir(parents=True, exist_ok=True)
        with spoolfile.unless_failing(spoolfile.lock(folder)) as lock:
            if spoolfile.numbers(folder):
                raise ForeignSpool(f"{folder} holds a spool already", mend="open it or set it aside")
            header = Header(run=run, id=secrets.token_hex(8), number=1, after=start)
            return SpoolWriter(folder, lock, header, [])

    @staticmethod
    def open(folder: Path, run: str) -> "SpoolWriter":
        """The spool that is there, cut after its last whole transaction. SpoolMissing, ForeignSpool, SpoolDamaged."""
        with spoolfile.unless_failing(spoolfile.lock(folder)) as lock:
            headers = spoolfile.headers(folder, run)
            tail = spoolfile.cut(folder, headers[-1])
            older = [(header, spoolfile.path(folder, header.number).stat().st_size) for header in headers]
            return SpoolWriter(folder, lock, headers[-1].follower(tail), older)

    @property
    def tail(self) -> Position:
        """The end of the last whole transaction appended, or where the spool starts."""
        return self._border.position

    def append(self, transaction: Transaction) -> None:
        """
        Buffered. A transaction at or before `tail` came again after a reconnect and is dropped, all parts of it; what
        is such in a group is left out by readers.
        """
        if not self._border.passed_by(transaction):
            return
        self._pending.append(transaction)
        self._weight += 1 + transaction.count
        if self._weight >= _BATCH:
            self._write()

    def rewind(self) -> None:
        """
        To be called whenever the stream begins again at `tail` under a living writer: a transaction of which only some
        parts had come is forgotten, because all of it is sent again.
        """
        if not self._border.forget():
            return
        while self._pending and not self._pending[-1].last:
            self._pending.pop()
        self._write()
        if self._offset > self._whole:  # readers may have looked at these parts, so nothing else may stand there
            with self._disk_errors():
                os.ftruncate(self._file, self._whole)
            self._offset = self._whole
            self._left = True

    def flush(self, sync: bool = False) -> None:
        """
        Make what was appended visible to readers; with `sync` also safe from a crash of the machine. After a Terminal
        for want of space everything appended is kept, and a later call goes on.
        """
        self._write()
        if sync:
            with self._disk_errors():
                os.fsync(self._file)

    def size(self) -> int:
        """Bytes on disk."""
        return self._offset + (sum(size for _, size in self._older) if self._older else 0)

    def trim(self, position: Position) -> None:
        """Delete the files that hold nothing past `position`."""
        while self._older:
            border = self._older[1][0].after if len(self._older) > 1 else self._header.after
            if border > position:
                return
            header, _ = self._older.pop(0)
            spoolfile.path(self._folder, header.number).unlink(missing_ok=True)

    def close(self) -> None:
        """Flush and let the folder go."""
        if self._lock < 0:
            return
        try:
            self._write()
        finally:
            os.close(self._file)
            os.close(self._lock)
            self._lock = -1

    def _write(self) -> None:
        """Whole transactions in one block, parts of an open one in another: a cut is always between blocks."""
        pending = self._pending
        if self._left and pending:
            self._roll()
        parts = len(pending)
        while parts and not pending[parts - 1].last:
            parts -= 1
        if parts:
            self._write_block(pending[:parts], whole=True)
            self._whole, self._written = self._offset, pending[parts - 1].position
            del pending[:parts]
            if self._offset >= SEGMENT_BYTES:
                self._roll()
        if pending:
            self._write_block(pending, whole=False)
            pending.clear()
        self._weight = 0

    def _write_block(self, transactions: list[Transaction], *, whole: bool) -> None:
        block = memoryview(spoolfile.encode(self._header, self._offset, transactions, whole=whole))
        offset = self._offset
        with self._disk_errors():
            while block:
                written = os.pwrite(self._file, block, offset)
                offset += written
                block = block[written:]
        self._offset = offset

    def _roll(self) -> None:
        header = self._header.follower(self._written)
        with self._disk_errors():
            os.fsync(self._file)  # only the newest file may be torn
            file, offset = spoolfile.begin(self._folder, header)
        self._older.append((self._header, self._offset))
        os.close(self._file)
        self._file, self._offset, self._header, self._whole, self._left = file, offset, header, offset, False

    @contextlib.contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._offset)
            raise Terminal(
                f"the spool in {self._folder} cannot be written: {error.strerror}",
                mend="make space on that disk and start again; nothing is lost",
            ) from error


class SpoolReader:
    """
    Reads what is past `after` while another process writes. Raises PositionLost when the spool begins later than that,
    and SpoolMissing and ForeignSpool as `SpoolWriter.open` does. After a crash of the machine the writer comes first:
    it cuts what the crash tore.
    """

    def __init__(self, folder: Path, run: str, after: Position) -> None:
        headers = spoolfile.headers(folder, run)
        begun = [header for header in headers if header.after <= after]
        if not begun:
            raise PositionLost(
                f"the spool in {folder} begins at {headers[0].after}, past {after}",
                mend="set the spool aside and capture again, or load again when the source's log has gone on, too",
            )
        self.id = headers[0].id
        self.taken = 0  # bytes that the last read took
        self._folder = folder
        self._border = _Border(after)
        self._ready: deque[Block] = deque()
        self._parts: list[Block] = []
        self._file = -1
        self._enter(begun[-1])

    @property
    def position(self) -> Position:
        """The end of the last whole transaction handed out, or where reading began."""
        return self._border.position

    def read(self, max_bytes: int, timeout: float, *, grouped: bool = False) -> list[Transaction]:
        """
        What comes next, in order, heartbeats included: about `max_bytes` on disk but at least one block, so a large
        transaction comes in parts. Waits `timeout` seconds at most; [] when nothing came. grouped: groups as they are,
        not divided. SpoolDamaged when the disk lost something: a transaction whose last part did not come must then be
        forgotten.
        """
        deadline = time.monotonic() + timeout
        pauses = iter(_PAUSES)
        while True:
            found = self._take(max_bytes)
            left = deadline - time.monotonic()
            if found or (left <= 0 and not self._ready):
                return found if grouped else list(divided(found))
            if not self._ready:
                time.sleep(min(next(pauses, _PAUSES[-1]), left))

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _enter(self, header: Header) -> None:
        try:
            self._file = os.open(spoolfile.path(self._folder, header.number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise self._trimmed() from None
        self._header = header
        self._used = self._seen = len(header.line())
        self._parts = []

    def _take(self, max_bytes: int) -> list[Transaction]:
        if not self._ready:
            self._look()
        found: list[Transaction] = []
        size = 0
        while self._ready and size < max_bytes:
            block = self._ready[0]
            rows = spoolfile.decode(self._file, self._header, block)
            if rows is None and found:  # what is right is handed out first
                break
            if rows is None:
                raise spoolfile.damaged(self._folder)
            self._ready.popleft()
            found += self._border.past(starmap(Transaction, rows))
            size += block.length
            self._used = block.end
        self.taken = size
        return found

    def _look(self) -> None:
        """Find new blocks, here or, when this file is at its end, in the next."""
        while not self._ready:
            follower = self._follower()  # asked before scanning: a file that has one does not grow any more
            self._scan()
            if self._ready or follower is None:
                return
            if os.fstat(self._file).st_size > self._used:
                raise spoolfile.damaged(self._folder)
            if follower.after > self.position:
                raise self._trimmed()
            self.close()
            self._enter(follower)

    def _scan(self) -> None:
        for block in spoolfile.scan(self._file, self._header, self._seen, os.fstat(self._file).st_size):
            if block is None and self._ready:
                return
            if block is None:
                raise spoolfile.damaged(self._folder)
            self._parts.append(block)
            self._seen = block.end
            if block.whole:
                self._ready += self._parts
                self._parts = []

    def _follower(self) -> Header | None:
        later = [number for number in spoolfile.numbers(self._folder) if number > self._header.number]
        if not later:
            return None
        try:
            header = spoolfile.read_header(spoolfile.path(self._folder, later[0]))
        except FileNotFoundError:
            raise self._trimmed() from None
        if header is None or header.id != self.id:
            raise spoolfile.damaged(self._folder)
        return header

    def _trimmed(self) -> PositionLost:
        return PositionLost(
            f"the spool in {self._folder} no longer holds what follows {self.position}",
            mend="set the spool aside and capture again, or load again when the source's log has gone on, too",
        )


def set_aside(folder: Path) -> Path:
    """Rename a spool that the ledger does not know, so that it is never applied and never lost. Busy, SpoolMissing."""
    lock = spoolfile.lock(folder)
    try:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        return folder.rename(folder.with_name(f"{folder.name}.aside-{stamp}-{secrets.token_hex(2)}"))
    finally:
        os.close(lock)


def discard(folder: Path) -> None:
    """Delete the spool of a run that is over. Busy while it is written; deleting none is no error."""
    with contextlib.suppress(SpoolMissing):
        lock = spoolfile.lock(folder)
        try:
            shutil.rmtree(folder)
        finally:
            os.close(lock)
