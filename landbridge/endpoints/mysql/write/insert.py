"""
Rows by strict INSERT: the way for servers that take no LOAD DATA LOCAL, and for lines that it did not take as they are.
It names the row that is refused, never what is in it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.change import Value
from landbridge.endpoints.mysql.connection import Database, is_of_data, translate
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.write.values import constant
from landbridge.errors import Terminal
from landbridge.model import Relation
from landbridge.plan import EndpointRef

_ROWS = 500
_SAVEPOINT = "landbridge_rows"
_DATES = (ER.TRUNCATED_WRONG_VALUE, 1525)
_KEY = re.compile(r" '?([^' ]+)'?$")
_NAMES = {number: name for name, number in vars(ER).items() if isinstance(number, int)}

Row = tuple[Value, ...]


class Refused(Exception):
    """place: of the row, from 1. fault: without its data."""

    def __init__(self, place: int, fault: str, *, mend: str) -> None:
        super().__init__(fault)
        self.place, self.fault, self.mend = place, fault, mend


class Inserter:
    """Into one table, inside the transaction that is open. longest: bytes that a statement may have."""

    def __init__(self, ref: EndpointRef, connection: Any, table: Relation, longest: int) -> None:
        self._ref, self._connection, self._table, self._longest = ref, connection, table, longest
        self._mariadb = Database.is_mariadb(connection)
        names = ", ".join(quote(field.name) for field in table.fields)
        self._into = f"insert into {qualified(table.name)} ({names}) values ".encode()

    def insert(self, rows: Iterable[Row], before: int = 0) -> int:
        """`before`: rows of the segment that came earlier. Raises Refused for the first one that is."""
        count = before
        for batch in self._batches(rows):
            with self._connection.cursor() as cursor:
                cursor.execute(f"savepoint {_SAVEPOINT}")
                if self._refusal(cursor, batch) is not None:
                    cursor.execute(f"rollback to savepoint {_SAVEPOINT}")
                    for place, row in enumerate(batch, count + 1):
                        self._one(row, place)
            count += len(batch)
        return count - before

    def _batches(self, rows: Iterable[Row]) -> Iterator[list[bytes]]:
        batch: list[bytes] = []
        size = len(self._into)
        for row in rows:
            text = self._text(row)
            if batch and (len(batch) == _ROWS or size + len(text) + 1 > min(self._longest, 1 << 20)):
                yield batch
                batch, size = [], len(self._into)
            batch.append(text)
            size += len(text) + 1
        if batch:
            yield batch

    def _text(self, row: Row) -> bytes:
        if ... in row:
            raise Terminal(
                f"a row to insert into {self._table.name} came without all its columns",
                mend="let the source log whole rows; `landbridge precheck` names the setting",
            )
        values = (constant(f, v, mariadb=self._mariadb) for f, v in zip(self._table.fields, row, strict=True))
        return b"(%b)" % b", ".join(values)

    def one(self, row: Row) -> None:
        self._one(self._text(row), 1)

    def _one(self, row: bytes, place: int) -> None:
        size = len(self._into) + len(row)
        if size > self._longest:
            raise Refused(
                place,
                f"its statement of {size} bytes is longer than the target's max_allowed_packet, {self._longest}",
                mend=f"SET GLOBAL max_allowed_packet = {min(1 << 30, ((size >> 20) + 1) << 20)}; on the target",
            )
        with self._connection.cursor() as cursor:
            refusal = self._refusal(cursor, [row])
        if refusal is not None:
            raise refused(self._table, place, *refusal)

    def _refusal(self, cursor: Any, rows: Sequence[bytes]) -> tuple[int, str] | None:
        """The server's error or its first warning, for a value that only fits with one is not the source's."""
        statement = self._into + b",".join(rows)
        if len(statement) > self._longest:
            return 0, ""
        try:
            cursor.execute(statement)
        except pymysql.Error as error:
            if is_of_data(error):
                return error.args[0], str(error.args[1])
            raise translate(error, self._ref) from None
        if not cursor.warning_count:
            return None
        cursor.execute("show warnings limit 1")
        _, number, message = cursor.fetchone()
        return number, message


def refused(table: Relation, place: int, number: int, message: str) -> Refused:
    """The fault by its number and the column or key it names: the rest of the message quotes the row."""
    named = next((f.name for f in table.fields if _names(message, f.name)), None)
    column = f"column {named}: " if named else ""
    name = _NAMES.get(number, "no name").lower().replace("_", " ")
    return Refused(place, f"{column}error {number}, {name}", mend=_mend(number, message))


def _names(message: str, column: str) -> bool:
    return f"'{column}'" in message or f"`{column}` at row" in message


def _mend(number: int, message: str) -> str:
    if number in (ER.DUP_ENTRY, 1586):
        key = _KEY.search(message)
        return f"see the key {key[1] if key else ''} of the target: only this plan may write its rows"
    if number in _DATES:
        return "correct the zero, partial or out-of-range date on the source, or exclude the table"
    return "correct the value on the source, or widen the column on the target"
