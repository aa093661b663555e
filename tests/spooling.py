"""Transactions for a spool, and what befalls one in tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from landbridge import spool
from landbridge.change import INSERT, Transaction, lay
from landbridge.model import Position
from landbridge.spool import SpoolReader, SpoolWriter
from tests.packing import message

START = Position(f"{0:016X}")


def at(number: int) -> Position:
    return Position(f"{number:016X}")


def transaction(number: int, parts: int = 1) -> list[Transaction]:
    """Transaction `number` ends at position 10 * number; its parts lie before that."""
    made = []
    for part in range(parts):
        last = part == parts - 1
        changes = [(INSERT, 2, None, (b"%d.%d" % (number, part), None, b"\0\n\\x", ...))]
        made.append(Transaction(at(10 * number - (0 if last else 1)), 1.5 + number, changes, last))
    return made


def member(number: int) -> Transaction:
    """A transaction as groups are made of."""
    rows = [message(b"I", (b"N", [b"%d.%d" % (number, row), None])) for row in range(number % 3 + 1)]
    return Transaction(at(10 * number), 1.5 + number, [], packed=lay(rows, {rows[0][1:5]: (2, (0,))}))


def drain(reader: SpoolReader, max_bytes: int = 1 << 20) -> list[Transaction]:
    found: list[Transaction] = []
    while more := reader.read(max_bytes, 0):
        found += more
    return found


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


@contextmanager
def small(segment: int = 400, batch: int = 3) -> Iterator[None]:
    """Files and blocks so small that there are many; no test here crashes the machine, so nothing need be synced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SEGMENT_BYTES", segment)
        patch.setattr(spool, "_BATCH", batch)
        patch.setattr(os, "fsync", lambda _: None)
        yield


def abandon(writer: SpoolWriter) -> None:
    """What SIGKILL leaves: the kernel closes the files, nothing is flushed."""
    os.close(writer._file)
    os.close(writer._lock)
    writer._lock = -1
