"""A table of another family as the target will have it: types by kind, defaults by meaning, index names unique."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from landbridge import kinds
from landbridge.endpoints.abc import Adopted
from landbridge.endpoints.postgres.kinds import kind_of, labels_fit, render
from landbridge.endpoints.postgres.names import fits, literal, shorten
from landbridge.endpoints.postgres.schema import defaults
from landbridge.endpoints.postgres.schema.target import Target
from landbridge.kinds import Kind, Loss, Part
from landbridge.model import (
    Check,
    Column,
    Default,
    ForeignKey,
    Index,
    IndexPart,
    Key,
    NamedType,
    Table,
    TableName,
)

_INTEGERS = ("smallint", "integer", "bigint")
_METHODS = ("btree", "hash")
_EXACT = ("_bin", "binary", "_cs")
"""How the names of collations end that tell every two texts apart (in all families that name them so)."""


def adopt(
    table: Table, name: TableName, names: Mapping[TableName, TableName], taken: Container[TableName], target: Target
) -> Adopted:
    """
    Generated columns are not carried yet: the target's table has none. Everything left out is a loss. `taken`: the
    target names of all tables.
    """
    adoption = _Adoption(table, name, names, taken, target)
    columns = tuple(adoption.columns())
    adopted = Table(
        name=name,
        columns=columns,
        primary_key=adoption.primary_key(),
        indexes=tuple(sorted(adoption.indexes(), key=lambda index: index.name)),
        foreign_keys=tuple(sorted(adoption.foreign_keys(), key=lambda key: key.name)),
        checks=tuple(sorted(adoption.checks, key=lambda check: check.name)),
        comment=table.comment,
        old_image="key" if table.primary_key else "none",
    )
    adoption.note_what_is_left_out()
    return Adopted(table=adopted, types=tuple(adoption.types), losses=tuple(adoption.losses))


class _Adoption:
    """One table on its way; `types`, `checks` and `losses` grow."""

    def __init__(
        self,
        table: Table,
        name: TableName,
        names: Mapping[TableName, TableName],
        taken: Container[TableName],
        target: Target,
    ) -> None:
        self.types: list[NamedType] = []
        self.checks: list[Check] = []
        self.losses: list[Loss] = []
        self._table = table
        self._name = name
        self._names = names
        self._target = target
        self._taken = taken
        self._natives: dict[str, str] = {}
        for each in (name.schema, name.name):
            if not fits(each):
                what = f"the name {each} is longer than 63 bytes"
                self.losses.append(Loss(column="", part="table", what=what, blocking=True, choices=("a shorter `to`",)))

    def _lose(self, column: str, what: str, *, blocking: bool = False) -> None:
        """Of a column, or of the table when `column` is empty."""
        choices = ("exclude the table",) if blocking else ()
        part: Part = "column" if column else "table"
        self.losses.append(Loss(column=column, part=part, what=what, blocking=blocking, choices=choices))

    def _leave_out(self, part: Part, name: str, why: str) -> None:
        what = f"the {part} {name} is not carried: {why}"
        self.losses.append(Loss(column=name, part=part, what=what, blocking=False))

    def _own(self, suffix: str, reserved: bool = False) -> str:
        """
        table_suffix, with a hash behind where that is, or may be of, another table: index b_c of table a and index c of
        table a_b would be one name. reserved: a suffix of ours, which others have to leave free.
        """
        table = self._name.name
        name = f"{table}_{suffix}"
        beginnings = (name[:end] for end in range(len(table) + 1, len(name) + 1) if f"{name}_"[end] == "_")
        clashes = any(replace(self._name, name=beginning) in self._taken for beginning in beginnings)
        ours = not reserved and name.endswith(("_pkey", "_seq"))
        return shorten(name, told_by=f"{table}\0{suffix}" if clashes or ours else "")

    def columns(self) -> Iterator[Column]:
        for column in self._table.columns:
            if not fits(column.name):
                self._lose(column.name, "the column's name is longer than 63 bytes", blocking=True)
            if column.generated:
                self._lose(column.name, f"generated columns are not carried yet: {column.generated.expression}")
            else:
                yield self._column(column)

    def _column(self, column: Column) -> Column:
        kind = self._named(column)
        native, losses = render(kind, self._target.spell)
        self.losses += [replace(loss, column=column.name) for loss in losses]
        self._natives[column.name] = native
        if column.on_update_now:
            self._lose(column.name, "ON UPDATE to the current time is not carried yet: only writers set the column")
        numbered = column.identity is not None
        return Column(
            name=column.name,
            kind=kind if isinstance(kind, kinds.Enum) and kind.name else kind_of(native),
            native=native,
            nullable=column.nullable,
            default=self._sequence_default(column) if numbered else self._default(column, kind, native),
            identity="default" if numbered and native in _INTEGERS else None,
            comment=column.comment,
        )

    def _named(self, column: Column) -> Kind:
        """The column's kind; an enum gets a type of its own, a set and an enum that can have none a check."""
        kind = column.kind
        if isinstance(kind, kinds.Enum):
            if kind.labels and labels_fit(kind.labels):
                name = TableName(schema=self._name.schema, name=self._own(column.name))
                self.types.append(NamedType(name=name, labels=kind.labels))
                return replace(kind, schema=name.schema, name=name.name)
            self._check(column.name, f"({self._target.spell(column.name)} = ANY ({_labels(kind.labels)}))")
            return replace(kind, schema="", name="")
        if isinstance(kind, kinds.Set):
            split = f"string_to_array({self._target.spell(column.name)}, ','::text)"
            self._check(column.name, f"({split} <@ {_labels(kind.labels)})")
        return kind

    def _check(self, column: str, expression: str) -> None:
        self.checks.append(Check(name=self._own(f"{column}_check"), expression=expression))

    def _sequence_default(self, column: Column) -> Default | None:
        """An identity column must be an integer; any other number takes its default from a sequence of its own."""
        if self._natives[column.name] in _INTEGERS:
            return None
        name = TableName(schema=self._name.schema, name=self._own(f"{column.name}_seq", reserved=True))
        native = f"nextval({literal(self._target.spell_qualified(name))}::regclass)"
        return Default(native=native, sequence=name)

    def _default(self, column: Column, kind: Kind, native: str) -> Default | None:
        default = column.default
        if default is None:
            return None
        if default.sequence and default.sequence in self._names:
            name = self._names[default.sequence]
            return Default(native=f"nextval({literal(self._target.spell_qualified(name))}::regclass)", sequence=name)
        expression = defaults.render(default, kind, native)
        if expression is None:
            self._lose(column.name, f"the default {default.native} has no meaning here and is left out")
            return None
        return defaults.recognise(expression, kind if isinstance(kind, kinds.Enum) else kind_of(native))

    def primary_key(self) -> Key | None:
        key = self._table.primary_key
        if key is None:
            return None
        if missing := [column for column in key.columns if column not in self._natives]:
            self._lose(missing[0], "a generated column in the primary key is not carried yet", blocking=True)
        self._warn_of_collations(key.columns)
        return Key(name=self._own("pkey", reserved=True), columns=key.columns)

    def _warn_of_collations(self, columns: tuple[str, ...]) -> None:
        for name in columns:
            collation = self._table.column(name).collation
            warned = any(
                (loss.column, loss.part) == (name, "column") and "collation" in loss.what for loss in self.losses
            )
            if collation and not collation.endswith(_EXACT) and not warned:
                found = f"texts are unique by their bytes here and by collation {collation} in the source"
                self._lose(name, f"{found}: new ones that differ in case or accents only are no longer refused")

    def indexes(self) -> Iterator[Index]:
        for index in self._table.indexes:
            if why := self._obstacle(index):
                self._leave_out("index", index.name, why)
                continue
            if index.unique:
                self._warn_of_collations(tuple(part.column for part in index.parts if part.column))
            parts = tuple(map(self._part, index.parts))
            plain = all(part.column for part in parts)
            yield Index(
                name=self._own(index.name),
                parts=parts,
                unique=index.unique,
                constraint=index.unique and plain and not any(part.descending for part in parts),
                comment=index.comment,
            )

    def _obstacle(self, index: Index) -> str:
        natives = [self._natives.get(part.column or "") for part in index.parts]
        if index.method not in _METHODS:
            return f"there is no {index.method} index in this form here"
        if any(part.expression for part in index.parts) or index.where:
            return "expressions are not translated yet"
        if None in natives:
            return "it is on a generated column"
        return "json values have no order" if "json" in natives else ""

    def _part(self, part: IndexPart) -> IndexPart:
        column = self._target.spell(part.column or "")
        order = " DESC" if part.descending else ""
        if not part.prefix:
            return IndexPart(column=part.column, descending=part.descending, native=column + order)
        native = self._natives[part.column or ""]
        if native == "bytea":
            expression = f'"substring"({column}, 1, {part.prefix})'
        else:
            text = column if native == "text" else f"({column})::text"
            expression = f'"left"({text}, {part.prefix})'
        return IndexPart(expression=expression, descending=part.descending, native=expression + order)

    def foreign_keys(self) -> Iterator[ForeignKey]:
        for key in self._table.foreign_keys:
            if key.target not in self._names:
                self._leave_out("foreign key", key.name, f"its table {key.target} is not")
            elif not set(key.columns) <= set(self._natives):
                self._leave_out("foreign key", key.name, "it is on a generated column")
            else:
                yield replace(key, name=shorten(key.name), target=self._names[key.target])

    def note_what_is_left_out(self) -> None:
        for check in self._table.checks:
            self._leave_out("check", check.name, f"expressions are not translated yet: {check.expression}")
        if self._table.partitioning:
            self._lose("", "the table is not partitioned here; its rows are all in one table")


def _labels(labels: tuple[str, ...]) -> str:
    return f"ARRAY[{', '.join(f'{literal(label)}::text' for label in labels)}]" if labels else "ARRAY[]::text[]"
