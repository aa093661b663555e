"""
Ranges of primary keys: as a condition in SQL, and found for a table.

The condition is in OR form, for MariaDB scans the whole table for a comparison of tuples. A bound may name only the
first columns of the key; it stands for all rows that begin so.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from landbridge.endpoints.mysql.expressions import canonical
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.read.sessions import query
from landbridge.errors import Terminal
from landbridge.kinds import Bit, Bool, Bytes, Date, Decimal, Int, Text, Time, Timestamp, TimestampTz, Uuid, Year
from landbridge.model import EVERYTHING, Bounds, Field, Relation

Cut = tuple[str, ...]

_ORDERED = (Int, Decimal, Bool, Date, Time, Timestamp, TimestampTz, Text, Bytes, Uuid, Bit, Year)
"""Kinds whose constants compare in SQL as the index sorts them: an ENUM's index goes by number, constants by label."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def literal(field: Field, text: str) -> str:
    """A constant that compares with the column, from its canonical text."""
    kind = field.kind
    if isinstance(kind, Int | Decimal | Bool | Year):
        if _NUMBER.fullmatch(text) is None:
            raise Terminal(f"a bound of {field.name} is no number", mend="load the table again: its ranges are damaged")
        return text
    if isinstance(kind, Bit):
        return f"b'{int(text, 2):b}'"
    if isinstance(kind, Bytes):
        return f"x'{bytes.fromhex(text[2:]).hex()}'"
    if isinstance(kind, TimestampTz):
        text = text.removesuffix("+00")
    return f"_utf8mb4 x'{text.encode().hex()}'"


def within(relation: Relation, bounds: Bounds) -> str:
    """The condition that a row's key is above `low` and not above `high`."""
    parts = []
    if bounds.low is not None:
        parts.append(_beyond(relation, bounds.low, ">", ">"))
    if bounds.high is not None:
        parts.append(_beyond(relation, bounds.high, "<", "<="))
    return " and ".join(parts) or "true"


def _beyond(relation: Relation, bound: Cut, strict: str, last: str) -> str:
    pairs = [(quote(f.name), literal(f, text)) for f, text in zip(relation.key_fields, bound, strict=False)]
    column, value = pairs.pop()
    condition = f"{column} {last} {value}"
    for column, value in reversed(pairs):
        condition = f"({column} {strict} {value} or ({column} = {value} and {condition}))"
    return condition


def equal(fields: Sequence[Field], texts: Cut) -> str:
    pairs = zip(fields, texts, strict=True)
    return "(" + " and ".join(f"{quote(f.name)} = {literal(f, text)}" for f, text in pairs) + ")"


@dataclass(frozen=True, kw_only=True)
class Cutter:
    """Cuts one table into ranges, asking over a raw session."""

    connection: Any
    relation: Relation

    def ranges(self, max_bytes: int) -> tuple[Bounds, ...]:
        """
        Where the key begins with an integer, by halving its range until the server's own estimate of the rows in it is
        small enough: a few dives into the index for each, also in a table of terabytes. Else by walking the index.
        """
        rows, size = self._size()
        parts = self._parts() if size > max_bytes else []
        if not parts:
            return (EVERYTHING,)
        share = max(1, rows * max_bytes // size)
        integer = isinstance(parts[0].kind, Int)
        cuts = list(self._halves(parts, share) if integer else self._walk(parts, share, EVERYTHING))
        return tuple(Bounds(low=low, high=high) for low, high in pairwise([None, *cuts, None]))

    def _size(self) -> tuple[int, int]:
        """Rows and bytes, by the server's estimate."""
        rows, size = query(
            self.connection,
            "select ifnull(table_rows, 0), ifnull(data_length, 0) from information_schema.tables "
            "where table_schema = %s and table_name = %s",
            (self.relation.name.schema, self.relation.name.name),
        )[0]
        return max(1, int(rows)), int(size)

    def _parts(self) -> list[Field]:
        """The key's first columns up to one that the index holds in part or sorts in a way of its own."""
        held = query(
            self.connection,
            "select column_name from information_schema.statistics where table_schema = %s and table_name = %s "
            "and index_name = 'PRIMARY' and sub_part is null",
            (self.relation.name.schema, self.relation.name.name),
        )
        whole = {name.decode() for (name,) in held}
        parts = []
        for field in self.relation.key_fields:
            if field.name not in whole or not isinstance(field.kind, _ORDERED):
                break
            parts.append(field)
        return parts

    def _halves(self, parts: list[Field], share: int) -> Iterator[Cut]:
        column = quote(parts[0].name)
        low, high = query(self.connection, f"select min({column}), max({column}) from {qualified(self.relation.name)}")[
            0
        ]
        if low is None:
            return
        together = 0
        for start, end, rows in self._pieces(column, int(low) - 1, int(high), share):
            if together and together + rows > share:
                yield (str(start),)
                together = 0
            if rows > share and len(parts) > 1:
                yield from self._walk(parts, share, Bounds(low=(str(start),), high=(str(end),)))
            together += rows

    def _pieces(self, column: str, low: int, high: int, share: int) -> Iterator[tuple[int, int, int]]:
        """(above, up to, about how many rows), in order: ranges of single values where those are many rows each."""
        rows = self._estimate(column, low, high)
        if rows <= share or high - low <= 1:
            yield low, high, rows
            return
        middle = (low + high) // 2
        yield from self._pieces(column, low, middle, share)
        yield from self._pieces(column, middle, high, share)

    def _estimate(self, column: str, low: int, high: int) -> int:
        """The server looks at some pages of the index for it, however large the range; MySQL not with FORCE INDEX."""
        source = f"{qualified(self.relation.name)} use index (primary)"
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"explain format=traditional select 1 from {source} where {column} > {low} and {column} <= {high}"
            )
            names = [part[0] for part in cursor.description]
            return int(cursor.fetchone()[names.index("rows")] or 0)

    def _walk(self, parts: list[Field], share: int, bounds: Bounds) -> Iterator[Cut]:
        """Every key after `share` rows. It reads all of the key's index, but no row's text leaves the server."""
        columns = ", ".join(map(canonical, parts))
        order = ", ".join(quote(field.name) for field in parts)
        source = f"{qualified(self.relation.name)} force index (primary)"
        while True:
            found = query(
                self.connection,
                f"select {columns} from {source} where {within(self.relation, bounds)} "
                f"order by {order} limit 1 offset {share - 1}",
            )
            if not found:
                return
            cut = tuple(value.decode() for value in found[0])
            yield cut
            bounds = Bounds(low=cut, high=bounds.high)
