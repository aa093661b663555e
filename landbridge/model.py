"""
What a database holds, in neutral words: tables and what belongs to them, and the pieces of work made of them.

All values are frozen and can be written to JSON and read back (`dump`, `load`): the ledger keeps the tables of a run,
because decoders must use the columns of the moment they decode, never today's catalog.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NewType, TypeVar

from pydantic import TypeAdapter

from landbridge.kinds import Kind

Position = NewType("Position", str)
"""A place in a source's log. Opaque but for this: positions of one source compare as plain strings in log order."""

Family = str
"""The name of an engine family. Neutral code only asks whether two are equal."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, order=True)
class TableName:
    """Also names sequences and types. `schema` is a database in engines that have no schemas."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, kw_only=True)
class Default:
    """
    native: the expression as its engine writes it. Where it has a neutral meaning, that too: `literal` in canonical
    text, `now` for the current time, `sequence` for the next value of a sequence.
    """

    native: str
    literal: str | None = None
    now: bool = False
    sequence: TableName | None = None


@dataclass(frozen=True, kw_only=True)
class Generated:
    expression: str
    stored: bool


@dataclass(frozen=True, kw_only=True)
class Column:
    """
    native: the type as its engine writes it in DDL. identity: 'always', 'default', or 'auto' (AUTO_INCREMENT).
    on_update_now: set to the current time by every update (a source default that a plain default does not say).
    inherited: not declared by the table itself but by one that it inherits from. odd_dates: how many of its values are
    no date of the calendar (zero, partial, in year 0), as far as is known. number: its engine's, for life, or 0. nul:
    whether texts keep that character.
    """

    name: str
    kind: Kind
    native: str
    nullable: bool = True
    default: Default | None = None
    generated: Generated | None = None
    identity: Literal["always", "default", "auto"] | None = None
    on_update_now: bool = False
    zero_dates: Literal["error", "null"] = "error"
    nul: Literal["error", "strip"] = "error"
    odd_dates: int = 0
    collation: str | None = None
    comment: str = ""
    inherited: bool = False
    number: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Key:
    name: str
    columns: tuple[str, ...]
    include: tuple[str, ...] = ()
    deferrable: bool = False
    deferred: bool = False


@dataclass(frozen=True, kw_only=True)
class IndexPart:
    """
    One of column and expression is set. native: the whole part with operator class and order as its engine writes it,
    for a copy within the family. prefix: leading characters only.
    """

    column: str | None = None
    expression: str | None = None
    descending: bool = False
    prefix: int | None = None
    native: str = ""


@dataclass(frozen=True, kw_only=True)
class Index:
    """
    constraint: a UNIQUE constraint, not a bare index. where: predicate as its engine writes it. nulls_distinct: False
    where a second NULL is a duplicate. settings: storage parameters as its engine writes them.
    """

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    constraint: bool = False
    method: str = "btree"
    include: tuple[str, ...] = ()
    where: str | None = None
    comment: str = ""
    deferrable: bool = False
    deferred: bool = False
    nulls_distinct: bool = True
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """
    Actions in upper case SQL words (NO ACTION, RESTRICT, CASCADE, SET NULL, SET DEFAULT). full: MATCH FULL, so that
    either all of its columns are NULL or none.
    """

    name: str
    columns: tuple[str, ...]
    target: TableName
    target_columns: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferrable: bool = False
    deferred: bool = False
    full: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    """alone: tables that inherit from its table do not have it."""

    name: str
    expression: str
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Partition:
    """
    A partition of a table: an ordinary table but for `bound`, which is native DDL text. by: its own partitioning.
    parent: the partition that it is a part of, None for the table itself; it comes before its parts. settings: as
    those of a table.
    """

    name: TableName
    bound: str
    by: str = ""
    parent: TableName | None = None
    settings: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Share:
    """
    One partition in neutral words. Of `range` it has the values from low up to, but without, high (None: open), of
    `list` these values (None: NULL), of `hash` neither says anything. rest: it has what no other one has. Values are
    texts that every engine reads as the column's kind.
    """

    name: str
    low: str | None = None
    high: str | None = None
    values: tuple[str | None, ...] = ()
    rest: bool = False


@dataclass(frozen=True, kw_only=True)
class Split:
    """Partitions that have a neutral meaning: by bare columns (one but for `hash`) and constants, on one level."""

    method: Literal["range", "list", "hash"]
    columns: tuple[str, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True)
class Partitioning:
    """
    by: native DDL text after PARTITION BY. split: its neutral meaning, where it has one. given: `by` is the target's
    own text, as the plan has it, partitions and all. referenced: a foreign key of another table points at the table.
    """

    by: str
    partitions: tuple[Partition, ...]
    split: Split | None = None
    given: bool = False
    referenced: bool = False


@dataclass(frozen=True, kw_only=True)
class Versioning:
    """
    Of a table that keeps what its rows were (system versioning). start, end: its columns, hidden or not, that say since
    and until when a row is so; a row that is so now has an end no clock reaches. rows: of history, as last counted.
    partitioned: its partitions divide it by time, history from what is.
    """

    start: str
    end: str
    rows: int = 0
    partitioned: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """
    transactional: False where the storage engine has no transactions. old_image: what a change carries of the row
    before it: 'full', 'key' or 'none'. logs_cascades: False where the server carries out foreign key actions on this
    table without a word in its log. rows and bytes are the server's estimates.
    inherits: tables whose columns it has too; its rows are its own. settings: clauses of ALTER TABLE as its engine
    writes them. definition: where the engine's own text says more than the neutral fields, that text, for a copy within
    the family: columns and keys one by one, options last.
    versioning: its keys are named without the end of a row's time, which is in all of them; its rows are those of now.
    """

    name: TableName
    columns: tuple[Column, ...]
    primary_key: Key | None = None
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    comment: str = ""
    partitioning: Partitioning | None = None
    transactional: bool = True
    old_image: Literal["full", "key", "none"] = "full"
    logs_cascades: bool = True
    inherits: tuple[TableName, ...] = ()
    settings: tuple[str, ...] = ()
    versioning: Versioning | None = None
    rows: int = 0
    bytes: int = 0
    definition: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """owned_by: table and column. last_value None: never used. Bounds as the server says them."""

    name: TableName
    type: str = "bigint"
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 2**63 - 1
    cache: int = 1
    cycle: bool = False
    last_value: int | None = None
    owned_by: tuple[TableName, str] | None = None
    identity: bool = False


@dataclass(frozen=True, kw_only=True)
class SequenceMap:
    source: Sequence
    target: Sequence


@dataclass(frozen=True, kw_only=True)
class NamedType:
    """An enum (labels) or a domain (definition: native text after AS)."""

    name: TableName
    labels: tuple[str, ...] = ()
    definition: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class SchemaObject:
    """
    Whatever is beside or on a table and has no class of its own: a view, routine, trigger, event, policy, grant.
    parent: its table. definition: the statements that make it, as its engine writes them, names qualified by the
    source's schemas; empty where it was only listed. session: statements that set the session they are to be read in.
    needs: other objects, tables and types that must be there first. early: tables rest on it, so it comes before them.
    """

    kind: str
    name: TableName
    parent: TableName | None = None
    definition: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    needs: tuple[TableName, ...] = ()
    early: bool = False


@dataclass(frozen=True, kw_only=True)
class Catalog:
    family: Family
    version: str
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...] = ()
    types: tuple[NamedType, ...] = ()
    others: tuple[SchemaObject, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ColumnMap:
    """kind: whose canonical text travels, where that is not the source's: on the way back it is the first source's."""

    source: Column
    target: Column
    kind: Kind | None = None

    @property
    def travels_as(self) -> Kind:
        return self.kind or self.source.kind


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column as it travels: `kind`, the same on both sides, decides the text; `native` is this side's type."""

    name: str
    kind: Kind
    native: str
    zero_dates: Literal["error", "null"] = "error"
    nul: Literal["error", "strip"] = "error"


@dataclass(frozen=True, kw_only=True)
class Relation:
    """
    One side of a TableMap: what a query or a statement needs. `key`: where the key's columns stand in `fields`, in key
    order. plain: both sides are of one family, so that the engine's own text travels instead of canonical text.
    """

    number: int
    name: TableName
    fields: tuple[Field, ...]
    key: tuple[int, ...]
    plain: bool = False

    @property
    def key_fields(self) -> tuple[Field, ...]:
        return tuple(self.fields[place] for place in self.key)


def _field(column: Column, kind: Kind, *, by_plan: bool = False) -> Field:
    """by_plan: the plan's rules for its values are carried out as they are read."""
    rules: Any = {"zero_dates": column.zero_dates, "nul": column.nul} if by_plan else {}
    return Field(name=column.name, kind=kind, native=column.native, **rules)


@dataclass(frozen=True, kw_only=True)
class TableMap:
    """
    One table of the run. `number` is its index in the run, the same for the run's whole life. `columns` are those that
    travel: generated ones do not. Rows in the load and images in the stream have their fields in this order.
    """

    number: int
    source: Table
    target: Table
    columns: tuple[ColumnMap, ...]
    plain: bool = False

    @property
    def source_side(self) -> Relation:
        return self._side(self.source.name, tuple(_field(c.source, c.travels_as, by_plan=True) for c in self.columns))

    @property
    def target_side(self) -> Relation:
        return self._side(self.target.name, tuple(_field(c.target, c.travels_as) for c in self.columns))

    def _side(self, name: TableName, fields: tuple[Field, ...]) -> Relation:
        return Relation(number=self.number, name=name, fields=fields, key=self.key, plain=self.plain)

    @property
    def key(self) -> tuple[int, ...]:
        """Where the primary key's columns stand in `columns`, in key order; empty without a key."""
        if self.source.primary_key is None:
            return ()
        names = [column.source.name for column in self.columns]
        return tuple(names.index(name) for name in self.source.primary_key.columns)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """
    A range of keys, above `low` up to and including `high`, compared as tuples; None: open. The values are canonical
    texts of the key columns, in key order. `token`, when set, is a range only its engine understands (of blocks, say).
    """

    low: tuple[str, ...] | None = None
    high: tuple[str, ...] | None = None
    token: str | None = None


EVERYTHING = Bounds()


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One piece of a table's load. `number` counts within the table."""

    table: int
    number: int
    bounds: Bounds = field(default=EVERYTHING)


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What a segment's copy moved. `position`: the log's end after the read, at or past every row seen."""

    rows: int
    bytes: int
    position: Position | None


@dataclass(frozen=True, kw_only=True)
class Sum:
    """Rows of a range and the sum of their hashes, modulo 2**64."""

    rows: int
    checksum: int


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def dump(value: object) -> Any:
    """The value as plain JSON data."""
    return _adapter(type(value)).dump_python(value, mode="json")


def load(cls: type[T], data: Any) -> T:
    """The value that `dump` wrote."""
    value: T = _adapter(cls).validate_python(data)
    return value
