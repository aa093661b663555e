"""The SQL by which rows of one table are written from its staging table."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from landbridge.endpoints.postgres import queries
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.updates import Places
from landbridge.errors import Terminal
from landbridge.model import Relation

NUMBERS = 10**7
"""The numbers of rows in a staging table are below this, and so seven digits at most (see packed)."""


@dataclass(frozen=True, kw_only=True)
class WrittenColumn:
    """
    type: the one under its domains. fixed: GENERATED ALWAYS AS IDENTITY, which no UPDATE may name. equal: the operator
    of the primary key's index (types of extensions have their own, and the search path is empty). exact: equal values
    of the type are always the same value, unlike 1.0 and 1.00.
    """

    name: str
    type: str
    fixed: bool
    equal: str
    exact: bool


_COLUMN = [field.name for field in fields(WrittenColumn)]


class WrittenTable:
    """
    Its staging table has a column i that counts the rows, o0, o1… for the key that a row has on the target and n0, n1…
    for its image, all with the types and collations of the table, so that keys compare as they do in its index.
    """

    def __init__(self, relation: Relation, columns: Sequence[WrittenColumn], place: str) -> None:
        """place: what stands after FROM for its own rows alone, without those of tables that inherit from it."""
        self.relation, self.columns, self.place = relation, columns, place
        self.name = qualified(relation.name)
        self.staging = staging_name(relation.number)
        self.key: Places = relation.key
        self.all: Places = tuple(range(len(columns)))
        self.names = [quote(column.name) for column in columns]

    def create_staging(self) -> str:
        old = (self._typed(place, f"o{part}") for part, place in enumerate(self.key))
        new = (self._typed(place, f"n{place}") for place in self.all)
        return (
            f"create temporary table if not exists {self.staging} on commit delete rows"
            f" as select {', '.join(['0::int8 as i', *old, *new])} from {self.name} t with no data"
        )

    def _typed(self, place: int, name: str) -> str:
        return f"t.{self.names[place]}::{self.columns[place].type} as {name}"

    def copy(self) -> str:
        return f"copy {self.name} ({', '.join(self.names)}) from stdin"

    def stage(self, places: Places, *, old: bool) -> str:
        columns = ["i", *(f"o{part}" for part in range(len(self.key)) if old), *(f"n{place}" for place in places)]
        return f"copy {self.staging} ({', '.join(columns)}) from stdin"

    def delete(self, staged: range, *, old: bool = True) -> str:
        """old: the keys are staged as such, else as parts of images."""
        return (
            f"delete from {self.place} t using {self.staging} s where {self._same_key(old=old)} and {_within(staged)}"
        )

    def update(self, staged: range, places: Places, *, moved: bool) -> str:
        """Sets what `places` has, the key only when it `moved`. With nothing to set it selects, for the row count."""
        named = [place for place in places if moved or place not in self.key]
        sets = [f"{self.names[place]} = s.n{place}" for place in named if not self.columns[place].fixed]
        where = [self._same_key(old=moved), _within(staged)]
        where += [f"t.{self.names[place]} = s.n{place}" for place in named if self.columns[place].fixed]
        if not sets:
            return f"select from {self.place} t join {self.staging} s on {' and '.join(where)}"
        return f"update {self.place} t set {', '.join(sets)} from {self.staging} s where {' and '.join(where)}"

    def insert_absent(self, staged: range) -> str:
        images = ", ".join(f"s.n{place}" for place in self.all)
        return (
            f"insert into {self.name} ({', '.join(self.names)}) overriding system value"
            f" select {images} from {self.staging} s where {_within(staged)} and {self._is_absent()}"
        )

    def absent(self, staged: range) -> str:
        return f"select s.i from {self.staging} s where {_within(staged)} and {self._is_absent()}"

    def _is_absent(self) -> str:
        return f"not exists (select from {self.place} t where {self._same_key(old=False)})"

    def _same_key(self, *, old: bool) -> str:
        return " and ".join(
            f"t.{self.names[place]} {self.columns[place].equal} s.{f'o{part}' if old else f'n{place}'}"
            for part, place in enumerate(self.key)
        )


def staging_name(number: int) -> str:
    return f'pg_temp."landbridge_{number}"'


def _within(staged: range) -> str:
    return f"s.i >= {staged.start} and s.i < {staged.stop}"


def look_up(cursor: Any, relations: Sequence[Relation]) -> dict[int, WrittenTable]:
    """By their numbers, as the catalog has them; without those that are not there, or lack a column."""
    found: dict[int, list[queries.Row]] = {}
    names = [qualified(relation.name) for relation in relations]
    for row in queries.rows(cursor, "written_columns", tables=names):
        found.setdefault(row["place"], []).append(row)
    return {
        relation.number: _made(relation, found[place])
        for place, relation in enumerate(relations, 1)
        if place in found and not _lacking(relation, found[place])
    }


def require(cursor: Any, relation: Relation) -> WrittenTable:
    """Raises Terminal where it is not there, or lacks a column."""
    rows = queries.rows(cursor, "written_columns", tables=[qualified(relation.name)])
    if lacking := _lacking(relation, rows):
        raise Terminal(
            f"the target's table {relation.name} has no column {', '.join(lacking)}",
            mend="put the table back as it was made (`landbridge status --json` lists it), then start again",
        )
    return _made(relation, rows)


def _lacking(relation: Relation, rows: Sequence[queries.Row]) -> list[str]:
    found = {row["name"] for row in rows}
    return [field.name for field in relation.fields if field.name not in found]


def _made(relation: Relation, rows: Sequence[queries.Row]) -> WrittenTable:
    columns = {row["name"]: WrittenColumn(**{field: row[field] for field in _COLUMN}) for row in rows}
    place = qualified(relation.name) if rows[0]["partitioned"] else f"only {qualified(relation.name)}"
    return WrittenTable(relation, [columns[field.name] for field in relation.fields], place)
