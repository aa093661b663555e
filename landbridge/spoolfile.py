"""
One file of the spool: a line of JSON that says whose it is, then blocks, each a marshalled list of transactions or of
parts of one. Every checksum is seeded with the file's identity and a block's head with its place, so that bytes of
another file, or of another place in this one, never pass for a block.
"""

import contextlib
import fcntl
import json
import marshal
import os
import re
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from landbridge.change import Transaction
from landbridge.errors import Busy, Terminal
from landbridge.model import Position

_HEAD = struct.Struct("<QIB3x")  # the payload's length and checksum; 1: whole transactions, 0: parts of one still open
_SUM = struct.Struct("<I")
_OVERHEAD = _HEAD.size + _SUM.size
_FORMAT = 2  # marshal's last one without references: plain values gain nothing from them
_NAME = re.compile(r"^(\d{12})\.spool$")
_LINE = re.compile(rb"^landbridge spool ([0-9a-f]{8}) (\{.*\})\n")
_LINE_LIMIT = 1 << 16
_LAYOUT = 3  # of what a block holds, one more with each change
_PYTHON = f"{sys.implementation.cache_tag or sys.version}, {_LAYOUT}"  # marshal promises nothing between versions


class SpoolMissing(Terminal):
    """There is no spool in the folder."""


class ForeignSpool(Terminal):
    """The spool belongs to another run or another Python version: set it aside and capture again."""


class SpoolDamaged(ForeignSpool):
    """The disk did not keep what was written to it. Everything that was handed out is right."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """`after`: everything in the files before this one is at or before it."""

    run: str
    id: str
    number: int
    after: Position
    python: str = _PYTHON

    @property
    def seed(self) -> int:
        return zlib.crc32(f"{self.id}/{self.number}".encode())

    def line(self) -> bytes:
        text = json.dumps(asdict(self)).encode()
        return b"landbridge spool %08x %s\n" % (zlib.crc32(text), text)

    def follower(self, after: Position) -> "Header":
        return Header(run=self.run, id=self.id, number=self.number + 1, after=after)


@dataclass(frozen=True, slots=True)
class Block:
    start: int
    length: int
    checksum: int
    whole: bool

    @property
    def end(self) -> int:
        return self.start + self.length


def path(folder: Path, number: int) -> Path:
    return folder / f"{number:012}.spool"


def numbers(folder: Path) -> list[int]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 names are all that is needed
    except FileNotFoundError:
        raise missing(folder) from None
    return sorted(int(match[1]) for match in map(_NAME.match, names) if match)


def lock(folder: Path) -> int:
    """A descriptor that holds the folder's lock until it is closed. Raises Busy, SpoolMissing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise missing(folder) from None
    with unless_failing(descriptor):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            here = folder.stat().st_ino == os.fstat(descriptor).st_ino
        except (BlockingIOError, FileNotFoundError):
            here = False
        if not here:  # taken, or set aside between the two calls
            raise Busy(f"another process writes the spool in {folder}", mend="let it end, or end it, then start again")
    return descriptor


@contextlib.contextmanager
def unless_failing(descriptor: int) -> Iterator[int]:
    """Closes the descriptor when the body fails, and only then."""
    try:
        yield descriptor
    except BaseException:
        os.close(descriptor)
        raise


def begin(folder: Path, header: Header) -> tuple[int, int]:
    """A new file, there with its whole header or not at all: its descriptor and size."""
    line = header.line()
    draft = folder / "new"
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with unless_failing(descriptor):
        os.write(descriptor, line)
        os.fsync(descriptor)
        draft.rename(path(folder, header.number))
        sync_folder(folder)
    return descriptor, len(line)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_header(file: Path) -> Header | None:
    """None when what stands there is no header."""
    with file.open("rb") as stream:
        match = _LINE.match(stream.read(_LINE_LIMIT))
    if match is None or zlib.crc32(match[2]) != int(match[1], 16):
        return None
    return Header(**json.loads(match[2]))


def headers(folder: Path, run: str) -> list[Header]:
    """
    Of all files, in order. A last one that cannot be read is left out: what it held is captured again. Raises
    SpoolMissing, ForeignSpool, SpoolDamaged.
    """
    try:
        found = [read_header(path(folder, number)) for number in numbers(folder)]
    except FileNotFoundError:  # trimmed while we looked
        return headers(folder, run)
    if len(found) > 1 and found[-1] is None:
        found.pop()
    readable = [header for header in found if header is not None]
    if not found:
        raise missing(folder)
    if len(readable) < len(found):
        raise damaged(folder)
    if any((header.run, header.python) != (run, _PYTHON) for header in readable):
        raise ForeignSpool(
            f"the spool in {folder} is of run {readable[0].run} ({readable[0].python}), not of {run} ({_PYTHON})",
            mend="set it aside and capture again",
        )
    if len({header.id for header in readable}) > 1:
        raise damaged(folder)
    return readable


def encode(header: Header, offset: int, transactions: Sequence[Transaction], *, whole: bool) -> bytes:
    """The block as it stands at `offset`."""
    rows = [(t.position, t.committed, t.changes, t.last, t.passed, t.packed, t.ends) for t in transactions]
    payload = marshal.dumps(rows, _FORMAT)
    head = _HEAD.pack(len(payload), zlib.crc32(payload, header.seed), whole)
    return head + _SUM.pack(_place_sum(head, header, offset)) + payload


def scan(file: int, header: Header, offset: int, size: int) -> Iterator[Block | None]:
    """Blocks that are there in full; a last None says that something that is no block follows them."""
    while offset + _OVERHEAD <= size:
        head = os.pread(file, _OVERHEAD, offset)
        if len(head) < _OVERHEAD:  # cut since `size` was taken
            return
        if _SUM.unpack_from(head, _HEAD.size)[0] != _place_sum(head[: _HEAD.size], header, offset):
            yield None
            return
        length, checksum, whole = _HEAD.unpack_from(head)
        block = Block(offset + _OVERHEAD, length, checksum, bool(whole))
        if block.end > size:
            return
        yield block
        offset = block.end


def decode(file: int, header: Header, block: Block) -> list[tuple[Any, ...]] | None:
    """The block's transactions as the values of their fields; None when the bytes are damaged."""
    payload = os.pread(file, block.length, block.start)
    while 0 < len(payload) < block.length:  # one call reads 2 GiB at most
        more = os.pread(file, block.length - len(payload), block.start + len(payload))
        if not more:
            break
        payload += more
    if len(payload) != block.length or zlib.crc32(payload, header.seed) != block.checksum:
        return None
    rows: list[tuple[Any, ...]] = marshal.loads(payload)  # noqa: S302 our own file, its checksum verified
    return rows


def cut(folder: Path, header: Header) -> Position:
    """Cut the file after its last whole transaction; the position of that."""
    file = os.open(path(folder, header.number), os.O_RDWR | os.O_CLOEXEC)
    try:
        tail, end = header.after, len(header.line())
        for block in scan(file, header, end, os.fstat(file).st_size):
            rows = None if block is None else decode(file, header, block)
            if block is None or rows is None:
                break
            if block.whole:
                tail, end = rows[-1][0], block.end
        os.ftruncate(file, end)
        os.fsync(file)
    finally:
        os.close(file)
    return tail


def missing(folder: Path) -> SpoolMissing:
    return SpoolMissing(f"there is no spool in {folder}", mend="capture again from the position applied")


def damaged(folder: Path) -> SpoolDamaged:
    return SpoolDamaged(
        f"the spool in {folder} does not hold what was written to it",
        mend="check that disk; set the spool aside and capture again",
    )


def _place_sum(head: bytes, header: Header, offset: int) -> int:
    return zlib.crc32(head, (header.seed + offset) & 0xFFFFFFFF)
