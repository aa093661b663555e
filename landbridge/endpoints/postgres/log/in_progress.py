"""
Transactions that the server sends before they end (`streaming`, manual 54.9): decoded as they come, kept in a file
without a name, told when they commit. Until then nothing of them is known to anybody: neither what was rolled back
in part or whole, nor what cannot be decoded, which stops the stream only if it commits.
"""

import marshal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from typing import IO

from landbridge.change import Change
from landbridge.endpoints.postgres.log import pgoutput
from landbridge.endpoints.postgres.log.decode import Decoder
from landbridge.errors import MigrationError, SchemaDrift, Terminal, Unsupported

IGNORED = (pgoutput.TYPE, pgoutput.ORIGIN, pgoutput.MESSAGE)
PART_CHANGES = 10_000
PART_BYTES = 8 << 20
_HEAD = Struct(">QQ")  # a block's length, and that of the messages in it
_FORMAT = 2  # marshal's last one without references: plain values gain nothing from them


class InProgress:
    """All of one connection: the server begins each anew on the next one. Between `begin` and `pause` of a block."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._kept: dict[bytes, Kept] = {}
        self._block: Kept | None = None

    @property
    def any(self) -> bool:
        return bool(self._kept)

    def begin(self, payload: bytes) -> None:
        self._block = self._kept.setdefault(payload[1:5], Kept())

    def pause(self) -> None:
        if self._block is not None:
            self._block.store()
        self._block = None

    def take(self, payload: bytes) -> None:
        """A message of the open block. After its tag stands the subtransaction that it is of."""
        assert self._block is not None
        part, message = payload[1:5], payload[:1] + payload[5:]
        decode = self._decoder.rows.get(message[:5])
        try:
            if decode is not None:
                self._block.add(part, [decode(message)], len(message))
            else:
                self._other(self._block, part, message)
        except (SchemaDrift, Unsupported) as error:
            if decode is not None and isinstance(error, Unsupported):
                self._block.unread.setdefault(part, {}).setdefault(message[1:5], error)
            else:
                self._block.failed.setdefault(part, error)

    def _other(self, block: "Kept", part: bytes, message: bytes) -> None:
        tag = message[0]
        if tag == pgoutput.RELATION:
            self._decoder.relation(message)
        elif tag == pgoutput.TRUNCATE:
            block.add(part, self._decoder.truncate(message), len(message))
        elif tag not in IGNORED:
            raise self._decoder.undecodable(message)

    def abort(self, payload: bytes) -> None:
        """Each subtransaction is named by itself; some were never sent (version 18 names all)."""
        whole, part = payload[1:5], payload[5:9]
        if whole == part:
            self._drop(whole)
        elif whole in self._kept:
            self._kept[whole].aborted.add(part)

    def unread(self, whole: bytes) -> dict[bytes, Unsupported]:
        """By table, why changes of it cannot be decoded; the others of the transaction come with `commit`."""
        kept = self._kept.get(whole, Kept())
        found = [tables for part, tables in kept.unread.items() if part not in kept.aborted]
        return {oid: error for tables in reversed(found) for oid, error in tables.items()}

    def commit(self, whole: bytes) -> Iterator[list[Change]]:
        """What it did, in parts. Raises what could not be decoded of it, before the first."""
        kept = self._kept.get(whole)
        if kept is not None:
            yield from kept.parts()
            self._drop(whole)

    def close(self) -> None:
        for whole in list(self._kept):
            self._drop(whole)

    def _drop(self, whole: bytes) -> None:
        if whole in self._kept:
            self._kept.pop(whole).close()


class Kept:
    """
    One transaction: runs of changes, each of one subtransaction, in order. aborted, failed, unread (further by table):
    by subtransaction.
    """

    def __init__(self) -> None:
        self.aborted: set[bytes] = set()
        self.failed: dict[bytes, MigrationError] = {}
        self.unread: dict[bytes, dict[bytes, Unsupported]] = {}
        self._runs: list[tuple[bytes, list[Change]]] = []
        self._count = self._size = 0
        self._file: IO[bytes] | None = None

    def add(self, part: bytes, changes: list[Change], size: int) -> None:
        runs = self._runs
        if runs and runs[-1][0] == part:
            runs[-1][1].extend(changes)
        else:
            runs.append((part, changes))
        self._count += len(changes)
        self._size += size
        if self._count >= PART_CHANGES or self._size >= PART_BYTES:
            self.store()

    def store(self) -> None:
        if not self._runs:
            return
        with _disk_errors():
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="landbridge-")  # noqa: SIM115 it lives with the transaction
            block = marshal.dumps(self._runs, _FORMAT)
            self._file.write(_HEAD.pack(len(block), self._size) + block)
        self._runs, self._count, self._size = [], 0, 0

    def parts(self) -> Iterator[list[Change]]:
        for part, error in self.failed.items():
            if part not in self.aborted:
                raise error
        found: list[Change] = []
        size = 0
        for stored, runs in self._stored():
            count = sum(len(changes) for _, changes in runs)
            if found and (size + stored > PART_BYTES or len(found) + count > PART_CHANGES):
                yield found
                found, size = [], 0
            for part, changes in runs:
                if part not in self.aborted:
                    found += changes
            size += stored
        if found:
            yield found

    def _stored(self) -> Iterator[tuple[int, list[tuple[bytes, list[Change]]]]]:
        self.store()
        if self._file is None:
            return
        with _disk_errors():
            end = self._file.tell()
            self._file.seek(0)
        while self._file.tell() < end:
            with _disk_errors():
                length, size = _HEAD.unpack(self._file.read(_HEAD.size))
                block = self._file.read(length)
            yield size, marshal.loads(block)  # noqa: S302 our own, and nobody else can open it

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Terminal(
            f"a transaction that is not committed yet cannot be kept in {tempfile.gettempdir()}: {error.strerror}",
            mend="make space on that disk and start again; nothing is lost",
        ) from error
