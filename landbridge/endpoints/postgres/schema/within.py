"""A table of this family as the target will have it: as it is, but for names and for what the target lacks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from landbridge import kinds
from landbridge.endpoints.abc import Adopted
from landbridge.endpoints.postgres.names import fits, literal, rename, with_calls
from landbridge.endpoints.postgres.schema import partitions
from landbridge.endpoints.postgres.schema.target import Target
from landbridge.kinds import Kind, Loss, Part
from landbridge.model import (
    Check,
    Column,
    Default,
    ForeignKey,
    Generated,
    Index,
    Partition,
    Partitioning,
    Table,
    TableName,
)

VIRTUAL_COLUMNS = 180_000
NULLS_NOT_DISTINCT = 150_000


def adopt(table: Table, name: TableName, names: Mapping[TableName, TableName], target: Target) -> Adopted:
    adoption = _Adoption(table, name, names, target)
    partitioning = adoption.partitioning()
    inherits = adoption.inherits()
    adopted = replace(
        table,
        name=name,
        columns=tuple(
            replace(adoption.column(column), inherited=column.inherited and bool(inherits)) for column in table.columns
        ),
        indexes=tuple(adoption.indexes(table.indexes)),
        foreign_keys=tuple(adoption.foreign_keys(table.foreign_keys)),
        checks=tuple(adoption.checks()),
        partitioning=partitioning,
        inherits=inherits,
        settings=tuple(adoption.settings()),
        old_image="key" if table.primary_key else "none",
        rows=0,
        bytes=0,
    )
    if partitioning and partitioning.given:
        adopted, told = partitions.as_given(adopted)
        adoption.losses += told
    return Adopted(table=adopted, losses=tuple(adoption.losses))


class _Adoption:
    """One table on its way; `losses` grows."""

    def __init__(self, table: Table, name: TableName, names: Mapping[TableName, TableName], target: Target) -> None:
        self.losses: list[Loss] = []
        self._table = table
        self._name = name
        self._names = with_calls(names)
        self._target = target
        if not (fits(name.schema) and fits(name.name)):
            what = f"the name {name} is longer than 63 bytes"
            self.losses.append(Loss(column="", part="table", what=what, blocking=True, choices=("a shorter `to`",)))

    def _lose(self, column: str, what: str, *, blocking: bool = False) -> None:
        """Of a column, or of the table when `column` is empty."""
        choices = ("create it there first", "exclude the table") if blocking else ()
        part: Part = "column" if column else "table"
        self.losses.append(Loss(column=column, part=part, what=what, blocking=blocking, choices=choices))

    def _leave_out(self, part: Part, name: str, why: str) -> None:
        what = f"the {part} {name} is left out: {why}"
        self.losses.append(Loss(column=name, part=part, what=what, blocking=False))

    def _missing(self, *expressions: str | None) -> str:
        """What the target lacks for these expressions, as words."""
        missing = [each for text in expressions if text for each in self._target.missing(text, self._names)]
        return ", ".join(dict.fromkeys(missing))

    def _renamed(self, expression: str) -> str:
        return rename(expression, self._names, self._target.spell)

    def column(self, column: Column) -> Column:
        if missing := self._missing(column.native):
            found = f"the type {column.native} needs {missing}, which the target has not"
            self._lose(column.name, found, blocking=True)
        native = self._renamed(column.native)
        return replace(
            column,
            kind=self._kind(column.kind, native),
            native=native,
            default=self._default(column.name, column.default),
            generated=self._generated(column.name, column.generated),
            collation=self._collation(column),
        )

    def _kind(self, kind: Kind, native: str) -> Kind:
        if isinstance(kind, kinds.Other | kinds.Array | kinds.Composite):
            kind = replace(kind, native=native)
        if isinstance(kind, kinds.Array):
            return replace(kind, element=self._kind(kind.element, native.removesuffix("[]")))
        if isinstance(kind, kinds.Composite):
            members = ((name, self._kind(of, self._renamed(getattr(of, "native", "")))) for name, of in kind.fields)
            return replace(kind, fields=tuple(members))
        if isinstance(kind, kinds.Enum):
            old = TableName(schema=kind.schema, name=kind.name)
            new = self._names.get(old, old)
            return replace(kind, schema=new.schema, name=new.name)
        return kind

    def _default(self, column: str, default: Default | None) -> Default | None:
        if default is None:
            return None
        if missing := self._missing(default.native):
            self._lose(column, f"the default {default.native} is left out: it needs {missing}")
            return None
        if default.sequence is None:
            return replace(default, native=self._renamed(default.native))
        sequence = self._names.get(default.sequence, default.sequence)
        native = f"nextval({literal(self._target.spell_qualified(sequence))}::regclass)"
        return Default(native=native, sequence=sequence)

    def _generated(self, column: str, generated: Generated | None) -> Generated | None:
        if generated is None:
            return None
        if missing := self._missing(generated.expression):
            found = f"the column is generated by means of {missing}, which the target has not"
            self._lose(column, found, blocking=True)
        stored = generated.stored
        if not stored and self._target.version < VIRTUAL_COLUMNS:
            self._lose(column, "a virtual generated column becomes a stored one: the target has no virtual ones")
            stored = True
        return Generated(expression=self._renamed(generated.expression), stored=stored)

    def _collation(self, column: Column) -> str | None:
        if column.collation is None:
            return None
        if missing := self._missing(f"COLLATE {column.collation.removeprefix('pg_catalog.')}"):
            found = f"the target has no collation {missing}: the column sorts, and compares, by the database's own"
            self._lose(column.name, found)
            return None
        return self._renamed(column.collation)

    def indexes(self, indexes: Sequence[Index]) -> Iterator[Index]:
        for index in indexes:
            missing = self._missing(index.where, *(part.native for part in index.parts))
            if not index.nulls_distinct and self._target.version < NULLS_NOT_DISTINCT:
                missing = "NULLS NOT DISTINCT, a feature of version 15"
            if missing:
                self._leave_out("index", index.name, f"it needs {missing}")
            else:
                yield self._index(index)

    def _index(self, index: Index) -> Index:
        parts = tuple(
            replace(
                part,
                expression=self._renamed(part.expression) if part.expression else None,
                native=self._renamed(part.native),
            )
            for part in index.parts
        )
        return replace(index, parts=parts, where=self._renamed(index.where) if index.where else None)

    def foreign_keys(self, foreign_keys: Sequence[ForeignKey]) -> Iterator[ForeignKey]:
        for key in foreign_keys:
            if key.target in self._names:
                yield replace(key, target=self._names[key.target])
            else:
                self._leave_out("foreign key", key.name, f"its table {key.target} is not carried")

    def checks(self) -> Iterator[Check]:
        for check in self._table.checks:
            if missing := self._missing(check.expression):
                self._leave_out("check", check.name, f"it needs {missing}")
            else:
                yield replace(check, expression=self._renamed(check.expression))

    def settings(self) -> Iterator[str]:
        """Those of a column that the plan drops or renames are left out."""
        columns = {f"ALTER COLUMN {self._target.spell(column.name)} " for column in self._table.columns}
        for clause in self._table.settings:
            if not clause.startswith("ALTER COLUMN ") or any(map(clause.startswith, columns)):
                yield clause
            else:
                self._lose("", f"the setting {clause} is left out: the column is not carried by this name")

    def inherits(self) -> tuple[TableName, ...]:
        """All of its parents or none: what comes from one that is not carried must be its own."""
        missing = [parent for parent in self._table.inherits if parent not in self._names]
        if missing:
            what = f"it no longer inherits: {', '.join(map(str, missing))} is not carried"
            self._lose("", what)
            return ()
        return tuple(self._names[parent] for parent in self._table.inherits)

    def partitioning(self) -> Partitioning | None:
        partitioning = self._table.partitioning
        if partitioning is None or partitioning.given:
            return partitioning
        texts = [text for each in partitioning.partitions for text in (each.bound, each.by)]
        if missing := self._missing(partitioning.by, *texts):
            found = f"the partitioning needs {missing}, which the target has not"
            self._lose("", found, blocking=True)
        adopted = {each.name: self._partition(each) for each in partitioning.partitions}
        parents = {each.name: each.parent for each in adopted.values()}

        def depth(name: TableName | None) -> int:
            return 0 if name is None else 1 + depth(parents[name])

        ordered = sorted(adopted.values(), key=lambda each: (depth(each.parent), each.name))
        return replace(partitioning, by=self._renamed(partitioning.by), partitions=tuple(ordered))

    def _partition(self, partition: Partition) -> Partition:
        return replace(
            partition,
            name=self._place(partition.name),
            bound=self._renamed(partition.bound),
            by=self._renamed(partition.by),
            parent=self._place(partition.parent) if partition.parent else None,
            indexes=tuple(self.indexes(partition.indexes)),
            foreign_keys=tuple(self.foreign_keys(partition.foreign_keys)),
        )

    def _place(self, partition: TableName) -> TableName:
        """A partition beside its root stays beside it; one elsewhere goes where all else of its schema goes."""
        if partition in self._names:
            return self._names[partition]
        if partition.schema == self._table.name.schema:
            return replace(partition, schema=self._name.schema)
        there = {new.schema for old, new in self._names.items() if old.schema == partition.schema}
        return replace(partition, schema=there.pop()) if len(there) == 1 else partition
