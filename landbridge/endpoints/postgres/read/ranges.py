"""Ranges of primary keys: as a condition in SQL, and found for a table."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from landbridge.endpoints.postgres.expressions import canonical
from landbridge.endpoints.postgres.names import literal, qualified, quote
from landbridge.endpoints.postgres.read.sessions import query
from landbridge.model import EVERYTHING, Bounds, Field, Relation, TableName

_PAGES = 4
"""Pages looked at for each range. A page holds some tens of rows."""

_LEAST_PAGES = 2000
"""Tables of up to so many pages (16 MB) are looked at as a whole."""

_SCATTERED = 0.5
"""Below this correlation of key and place the rows of any range lie all over the table."""

_SCATTERED_RANGES = 8
"""Each range of such a table costs reading nearly all of it."""


def constant(field: Field, text: str) -> str:
    """A constant that compares with the column, from its text."""
    return f"{literal(text)}::{field.native}"


def within(relation: Relation, bounds: Bounds) -> str:
    """
    The condition that a row's key is above `low` and not above `high`. A bound may name only the first columns of the
    key; it stands for all rows that begin so.
    """
    parts = [_compared(relation, bounds.low, ">"), _compared(relation, bounds.high, "<=")]
    return " and ".join(part for part in parts if part) or "true"


def _compared(relation: Relation, bound: tuple[str, ...] | None, operator: str) -> str:
    if bound is None:
        return ""
    fields = relation.key_fields[: len(bound)]
    names = ", ".join(quote(field.name) for field in fields)
    values = ", ".join(constant(field, text) for field, text in zip(fields, bound, strict=True))
    return f"({names}) {operator} ({values})"


def source(connection: Any, relation: Relation) -> str:
    """What stands after FROM: the table without its heirs, but the root of partitions with them."""
    return place(connection, relation.name)


def place(connection: Any, table: TableName) -> str:
    name = qualified(table)
    found = query(connection, "select relkind = 'p' from pg_class where oid = to_regclass(%s)", (name,))
    return name if found and found[0][0] else f"only {name}"


@dataclass(frozen=True, kw_only=True)
class Cutter:
    """Cuts one table into ranges of about equal size, by the keys on some of its pages."""

    connection: Any
    relation: Relation

    def ranges(self, max_bytes: int) -> tuple[Bounds, ...]:
        size, pages = self._size()
        wanted = -(-size // max_bytes)
        if wanted > _SCATTERED_RANGES and self._correlation() < _SCATTERED:
            wanted = _SCATTERED_RANGES
        if wanted < 2:
            return (EVERYTHING,)
        cuts = self._cuts(wanted, max(1, pages))
        return tuple(Bounds(low=low, high=high) for low, high in pairwise([None, *cuts, None]))

    def _size(self) -> tuple[int, int]:
        """Bytes with what lies beside the table, and pages of the table itself, over all partitions."""
        name = qualified(self.relation.name)
        size, main = query(
            self.connection,
            "select sum(pg_table_size(relid))::int8, sum(pg_relation_size(relid))::int8 from "
            "(select to_regclass(%s) relid union select relid from pg_partition_tree(to_regclass(%s))) parts",
            (name, name),
        )[0]
        return size or 0, (main or 0) // 8192

    def _correlation(self) -> float:
        """How far rows lie in key order; 1 where the server has not looked yet."""
        found = query(
            self.connection,
            "select min(abs(correlation)) from pg_stats where schemaname = %s and tablename = %s and attname = %s",
            (self.relation.name.schema, self.relation.name.name, self.relation.key_fields[0].name),
        )
        return 1.0 if found[0][0] is None else float(found[0][0])

    def _cuts(self, ranges: int, pages: int) -> list[tuple[str, ...]]:
        percent = min(100.0, 100.0 * max(_LEAST_PAGES, ranges * _PAGES) / pages)
        fields = self.relation.key_fields
        names = ", ".join(quote(field.name) for field in fields)
        texts = ", ".join(f"{quote(f.name)}::text" if self.relation.plain else canonical(f) for f in fields)
        sample = f"{source(self.connection, self.relation)} tablesample system ({percent}) repeatable (0)"
        rows = query(
            self.connection,
            f"select {texts} from (select {names}, row_number() over (order by {names}) place, count(*) over () held "
            f"from {sample}) seen where place > 1 and (place - 1) % greatest(1, held / {ranges}) = 0 "
            f"order by place limit {ranges - 1}",
        )
        return [tuple(row) for row in rows]
