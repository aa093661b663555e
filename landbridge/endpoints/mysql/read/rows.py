"""The rows of a query, as lines that the server wrote or, where a row is too long for that, written here."""

from collections.abc import Iterator
from typing import Any

from landbridge.change import Value
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.expressions import line, raw
from landbridge.endpoints.mysql.names import qualified
from landbridge.endpoints.mysql.read.ranges import within
from landbridge.endpoints.mysql.read.wire import Values, finish, records
from landbridge.errors import Transient
from landbridge.model import EVERYTHING, Bounds, Relation
from landbridge.text import line as written
from landbridge.text import split

Row = tuple[bytes | None, ...]


def source(relation: Relation, bounds: Bounds) -> str:
    """What stands after FROM for the rows of a range."""
    index = "" if bounds == EVERYTHING else " force index (primary)"
    return f"{qualified(relation.name)}{index} where {within(relation, bounds)}"


class Lines:
    """Iterating yields blocks of lines; then `rows` says how many lines they held."""

    def __init__(self, connection: Any, relation: Relation, bounds: Bounds) -> None:
        self.rows = 0
        self._connection, self._relation, self._bounds = connection, relation, bounds
        self._line = line(relation, mariadb=Database.is_mariadb(connection))
        self._values: Values | None = None

    def __iter__(self) -> Iterator[bytes]:
        place = source(self._relation, self._bounds)
        self._values = Values(self._connection, f"select {self._line} from {place}")
        yield from self._values
        self.rows = self._values.rows
        if self._values.nulls:
            yield from self._long_rows(self._values.nulls)

    def drain(self) -> None:
        """Read what is left, so that the session can go on."""
        if self._values:
            self._values.drain()
        finish(self._connection)

    def _long_rows(self, expected: int) -> Iterator[bytes]:
        for row in raw_rows(self._connection, self._relation, self._bounds, f"{self._line} is null"):
            self.rows += 1
            expected -= 1
            yield written(row)
        if expected:
            raise changed_under_us(self._relation)


def texts(connection: Any, relation: Relation, bounds: Bounds) -> Iterator[Row]:
    lines = Lines(connection, relation, bounds)
    try:
        for block in lines:
            for found in block.split(b"\n")[:-1]:
                yield split(found)
    finally:
        lines.drain()


def raw_rows(connection: Any, relation: Relation, bounds: Bounds, condition: str) -> Iterator[tuple[Value, ...]]:
    """Canonical texts of any length: the server hands the values out as they are, the rest is done here."""
    columns, finishing = zip(*map(raw, relation.fields), strict=True)
    for row in records(connection, f"select {', '.join(columns)} from {source(relation, bounds)} and {condition}"):
        yield tuple(None if value is None else done(value) for value, done in zip(row, finishing, strict=True))


def changed_under_us(relation: Relation) -> Transient:
    """Only a table without transactions can change between two statements of one snapshot."""
    return Transient(f"{relation.name} changed while it was read", mend="nothing: it is read again")
