"""The rows of a query as lines that the server wrote, by COPY."""

import io
from collections.abc import Iterator
from typing import Any

from landbridge.endpoints.abc import Sink
from landbridge.text import split

BLOCK = 256 * 1024

Row = tuple[bytes | None, ...]


class _Blocks(io.RawIOBase):
    """A file that hands on what is written to it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.failed = False

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        if not self.failed:
            self.failed = True  # until proven otherwise: the buffer before us tries again when it is dropped
            self._sink(bytes(block))
            self.failed = False
        return len(block)


def copy_out(connection: Any, select: str, sink: Sink) -> int:
    """The query's rows as lines, in blocks that may end anywhere; returns how many rows."""
    # The driver writes every row by itself: gathering them is left to C code.
    buffer = io.BufferedWriter(_Blocks(sink), BLOCK)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"copy ({select}) to stdout", buffer, BLOCK)
        buffer.flush()
        return int(cursor.rowcount)


def rows_of(blocks: Iterator[bytes]) -> Iterator[Row]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield split(line)
