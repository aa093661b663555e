"""The SQL by which rows of one table are written from its staging table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.updates import Places
from landbridge.errors import Terminal
from landbridge.kinds import Int
from landbridge.model import Field, Relation, TableName

_COUNT = Field(name="i", kind=Int(bits=64), native="bigint")
_FOUND = """
select column_name, column_type, character_set_name, collation_name, extra, ifnull(character_octet_length, 0)
from information_schema.columns where table_schema = %s and table_name = %s"""


ROW = 60_000
"""Bytes of a staging table's row above which texts stand outside of it. It has the key twice; 65,535 is the most."""

_COMPRESSED = re.compile(r" /\*M!\d+ COMPRESSED\*/$")


@dataclass(frozen=True, kw_only=True)
class WrittenColumn:
    """native: the type in full, without what a column of a staging table has no use for. octets: a text's at most."""

    name: str
    native: str
    charset: str | None
    collation: str | None
    moves_by_itself: bool
    octets: int

    def typed(self, *, out_of_row: bool = False) -> str:
        native = self.native
        if out_of_row and native.startswith(("varchar", "varbinary")):
            native = "longtext" if self.charset else "longblob"
        charset = f" character set {self.charset} collate {self.collation}" if self.charset else ""
        return f"{native}{charset} null"

    @property
    def in_row(self) -> int:
        """Bytes that it takes of a row's limit."""
        return self.octets if self.native.startswith(("char", "varchar", "binary", "varbinary")) else 16

    def identity(self, value: str) -> str:
        """A text, without a comma, that is the same only for the same value: of texts their bytes, the sign of zero."""
        if self.native.startswith(("float", "double")):
            text = f"concat(cast({value} as char), '/', cast({value} + 0e0 as char))"
        elif self.native.startswith("bit"):
            text = f"{value} + 0"
        elif self.charset or not self.native.startswith(_EXACT) or self.native.startswith(_BYTES):
            text = f"sha2(cast({value} as binary), 256)"
        else:
            text = value
        return f"ifnull({text}, '~')"

    @property
    def loose(self) -> bool:
        """Whether values of it are equal that are not the same."""
        return self.collation is not None and not self.collation.endswith(("_bin", "binary"))


class WrittenTable:
    """
    Its staging table has a column i that counts the rows, o0, o1… for the key that a row has on the target and n0, n1…
    for its image, all with the types and collations of the table, so that keys compare as they do in its index.
    """

    def __init__(self, relation: Relation, columns: Sequence[WrittenColumn], restless: Sequence[str]) -> None:
        """restless: columns, of the plan or not, that any update sets to the time unless it names them."""
        self.relation, self.columns = relation, columns
        self.name = qualified(relation.name)
        self._staging_name = TableName(schema=relation.name.schema, name=f"landbridge_{relation.number}")
        self.staging = qualified(self._staging_name)
        self.key: Places = relation.key
        self.all: Places = tuple(range(len(columns)))
        self.names = [quote(column.name) for column in columns]
        self._restless = [quote(name) for name in restless]
        self._loose = any(columns[place].loose for place in self.key)

    @property
    def target(self) -> Relation:
        """The table, its types as they are there."""
        fields = tuple(self.field(place, self.columns[place].name) for place in self.all)
        return Relation(number=self.relation.number, name=self.relation.name, fields=fields, key=self.key)

    def staged(self, places: Places, *, old: bool) -> Relation:
        """The part of the staging table that takes these columns."""
        fields = [_COUNT]
        fields += [self.field(place, f"o{part}") for part, place in enumerate(self.key) if old]
        fields += [self.field(place, f"n{place}") for place in places]
        return Relation(number=self.relation.number, name=self._staging_name, fields=tuple(fields), key=())

    def field(self, place: int, name: str) -> Field:
        return Field(name=name, kind=self.relation.fields[place].kind, native=self.columns[place].native)

    # A temporary table made or dropped does not commit, one that is truncated or altered does.

    def create_staging(self) -> str:
        wide = sum(self.columns[place].in_row for place in (*self.all, *self.key)) > ROW
        old = (f"o{part} {self.columns[place].typed()}" for part, place in enumerate(self.key))
        new = (f"n{p} {self.columns[p].typed(out_of_row=wide and p not in self.key)}" for p in self.all)
        columns = ", ".join(["i bigint not null primary key", *old, *new])
        return f"create temporary table {self.staging} ({columns}) engine=InnoDB"

    def drop_staging(self) -> str:
        return f"drop temporary table if exists {self.staging}"

    def delete(self, rows: range) -> str:
        return f"delete {self.name} from {self._joined(old=True)} where {_within(rows)}"

    def update(self, rows: range, places: Places, *, moved: bool) -> str | None:
        """Sets what `places` has, the key only when it `moved` or may differ though it is equal. None: nothing."""
        set_key = moved or (self._loose and places == self.all)
        sets = self.sets([place for place in places if set_key or place not in self.key])
        return f"update {self._joined(old=moved)} set {sets} where {_within(rows)}" if sets else None

    def count(self, rows: range, *, moved: bool) -> str:
        return f"select count(*) from {self._joined(old=moved)} where {_within(rows)}"

    def insert_absent(self, rows: range) -> str:
        images = ", ".join(f"s.n{place}" for place in self.all)
        return f"insert into {self.name} ({', '.join(self.names)}) select {images} from {self._absent(rows)}"

    def absent(self, rows: range) -> str:
        return f"select s.i from {self._absent(rows)}"

    def delete_one(self, row: int) -> str:
        """One of the rows that are equal to the staged one in all columns."""
        return f"delete from {self.name} where {self._is_row(row)} limit 1"

    def update_one(self, row: int, places: Places, values: Sequence[bytes]) -> bytes:
        sets = b", ".join(b"%b = %b" % (self.names[p].encode(), v) for p, v in zip(places, values, strict=True))
        still = "".join(f", {name} = {name}" for name in self.still(places))
        tail = f"{still} where {self._is_row(row)} limit 1"
        return b"update %b set %b%b" % (self.name.encode(), sets, tail.encode())

    def sets(self, places: Sequence[int]) -> str:
        sets = [f"{self._column(place)} = s.n{place}" for place in places]
        still = [f"{self.name}.{name} = {self.name}.{name}" for name in self.still(places)]
        return ", ".join(sets + still if sets else [])

    def still(self, places: Sequence[int]) -> list[str]:
        """Columns that an update of these must set to what they are, or they move."""
        named = {self.names[place] for place in places}
        return [name for name in self._restless if name not in named]

    def _joined(self, *, old: bool) -> str:
        """The staged rows first, each looked up by the key's index: there are no statistics to find that out from."""
        return f"{self.staging} s straight_join {self.name} force index (primary) on {self._same_key(old=old)}"

    def _absent(self, rows: range) -> str:
        joined = f"{self.staging} s left join {self.name} force index (primary) on {self._same_key(old=False)}"
        return f"{joined} where {_within(rows)} and {self._column(self.key[0])} is null"

    def _same_key(self, *, old: bool) -> str:
        return " and ".join(
            f"{self._column(place)} = s.{f'o{part}' if old else f'n{place}'}" for part, place in enumerate(self.key)
        )

    def _column(self, place: int) -> str:
        """In full, for without a current database no alias can be deleted from."""
        return f"{self.name}.{self.names[place]}"

    def _is_row(self, row: int) -> str:
        """In one comparison, for a temporary table cannot be named twice in a statement."""
        own = ", ".join(self._identity(place, self.names[place]) for place in self.all)
        staged = ", ".join(self._identity(place, f"n{place}") for place in self.all)
        return f"({own}) <=> (select {staged} from {self.staging} where i = {row})"

    def _identity(self, place: int, column: str) -> str:
        """What is the same only for the same value: texts by their bytes, numbers with the sign of zero."""
        native = self.columns[place].native
        if native.startswith(("float", "double")):
            return f"{column}, cast({column} as char)"
        return f"cast({column} as binary)" if self.columns[place].charset or not native.startswith(_EXACT) else column


_EXACT = (
    "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "date", "time", "year", "bit",
    "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "uuid", "inet",
)  # fmt: skip
"""Types whose equal values are always the same value, texts apart."""

_BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")


def _within(rows: range) -> str:
    return f"s.i >= {rows.start} and s.i < {rows.stop}"


def look_up(connection: Any, relation: Relation) -> WrittenTable:
    """The table as the catalog has it. Raises Terminal when it lacks a column that the relation has."""
    rows = fetch(connection, _FOUND, (relation.name.schema, relation.name.name))
    found = {
        name: WrittenColumn(
            name=name, native=_COMPRESSED.sub("", native), charset=charset, collation=collation,
            moves_by_itself="on update" in extra.lower(), octets=octets,
        )
        for name, native, charset, collation, extra, octets in rows
    }  # fmt: skip
    lacking = [field.name for field in relation.fields if field.name not in found]
    if lacking:
        raise Terminal(
            f"the target's table {relation.name} has no column {', '.join(lacking)}",
            mend="put the table back as it was made (`landbridge status --json` lists it), then start again",
        )
    restless = [column.name for column in found.values() if column.moves_by_itself]
    return WrittenTable(relation, [found[field.name] for field in relation.fields], restless)
