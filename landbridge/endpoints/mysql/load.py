"""
Parsing lines into a table: the server does it, by LOAD DATA LOCAL, some megabytes a statement. What it did not take
exactly as it was sent is taken back and goes by strict INSERT, which names the row at fault.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pymysql
import sqlalchemy as sa

from landbridge import text
from landbridge.endpoints.mysql.connection import Database, driver_errors, is_of_data
from landbridge.endpoints.mysql.write import infile
from landbridge.endpoints.mysql.write.insert import Inserter, Refused
from landbridge.endpoints.mysql.write.writing import prepare
from landbridge.errors import RowRejected
from landbridge.model import Relation

_CHUNK = 8 << 20
"""Bytes that are kept until the server has said that it took them."""

_SAVEPOINT = "landbridge_chunk"
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_UNKNOWN = {b"f": b"\f", b"v": b"\v"}


class Loader:
    def __init__(self, database: Database) -> None:
        self._ref = database.ref

    def load(self, connection: sa.Connection, table: Relation, blocks: Iterable[bytes]) -> int:
        driver: Any = connection.connection.driver_connection
        with driver_errors(self._ref):
            room = prepare(driver)
            inserter = Inserter(self._ref, driver, table, room.longest)
            rows = 0
            for chunk in _Chunks(_as_known(blocks)):
                taken = _taken_whole(driver, table, chunk) if room.local_infile else None
                rows += _inserted(inserter, table, chunk, rows) if taken is None else taken
            return rows


def _inserted(inserter: Inserter, table: Relation, chunk: "_Chunk", before: int) -> int:
    try:
        return inserter.insert(chunk.rows(), before)
    except Refused as refused:
        raise RowRejected(
            f"{table.name}: row {refused.place} of the segment was refused by the target ({refused.fault})",
            mend=refused.mend,
        ) from None


def _taken_whole(driver: Any, table: Relation, chunk: "_Chunk") -> int | None:
    """How many rows the server took, None when not all of them as they are: then it has none of them."""
    with driver.cursor() as cursor:
        cursor.execute(f"savepoint {_SAVEPOINT}")
        try:
            taken = infile.load(driver, table, chunk, mariadb=Database.is_mariadb(driver))
            if taken.whole(chunk.lines):
                return taken.rows
        except pymysql.Error as error:
            if not is_of_data(error):
                raise
            chunk.finish()
        cursor.execute(f"rollback to savepoint {_SAVEPOINT}")
    return None


class _Chunks:
    """Blocks that may end anywhere, gathered to whole lines."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = filter(None, blocks)
        self._rest = b""

    def __iter__(self) -> "Iterator[_Chunk]":
        while (first := self.next()) is not None:
            yield _Chunk(self, first)

    def next(self) -> bytes | None:
        rest, self._rest = self._rest, b""
        return rest or next(self._blocks, None)

    def back(self, rest: bytes) -> None:
        self._rest = rest


class _Chunk:
    """Iterating yields its blocks as they come; they are kept."""

    def __init__(self, chunks: _Chunks, first: bytes) -> None:
        self._chunks, self._first = chunks, first
        self._kept: list[bytes] = []
        self._iterator = self._take()

    def __iter__(self) -> Iterator[bytes]:
        return self._iterator

    def _take(self) -> Iterator[bytes]:
        size = 0
        block: bytes | None = self._first
        while block is not None:
            size += len(block)
            end = block.rfind(b"\n") + 1 if size >= _CHUNK else 0
            if end:
                self._chunks.back(block[end:])
                block = block[:end]
            self._kept.append(block)
            yield block
            if end:
                return
            block = self._chunks.next()

    def finish(self) -> None:
        """Take what a server that failed early did not ask for."""
        for _ in self._iterator:
            pass

    @property
    def lines(self) -> int:
        return sum(block.count(b"\n") for block in self._kept)

    def rows(self) -> Iterator[tuple[bytes | None, ...]]:
        self.finish()
        for line in b"".join(self._kept).split(b"\n")[:-1]:
            yield text.split(line)


def _as_known(blocks: Iterable[bytes]) -> Iterator[bytes]:
    r"""LOAD DATA reads \f and \v, which other engines write, as the letters."""
    rest = b""
    for block in blocks:
        whole = rest + block if rest else block
        rest = b""
        if whole.endswith(b"\\") and (len(whole) - len(whole.rstrip(b"\\"))) % 2:
            whole, rest = whole[:-1], b"\\"
        if b"\\f" in whole or b"\\v" in whole:
            whole = _ESCAPED.sub(lambda match: _UNKNOWN.get(match[1], match[0]), whole)
        yield whole
    if rest:
        yield rest
