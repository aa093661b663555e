"""A table of another family as the target will have it: types by kind, defaults by meaning, index names unique."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from landbridge import kinds
from landbridge.endpoints.abc import Adopted
from landbridge.endpoints.postgres.kinds import kind_of, labels_fit, render
from landbridge.endpoints.postgres.names import fits, literal, shorten
from landbridge.endpoints.postgres.schema import defaults, partitions
from landbridge.endpoints.postgres.schema.foreign import Foreign
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
from landbridge.translation import Untranslatable

_INTEGERS = ("smallint", "integer", "bigint")
_METHODS = ("btree", "hash")
_SPECIAL = ("fulltext", "spatial")
_EXACT = ("_bin", "binary", "_cs")
"""How the names of collations end that tell every two texts apart (in all families that name them so)."""


def adopt(
    table: Table,
    family: str,
    name: TableName,
    names: Mapping[TableName, TableName],
    taken: Container[TableName],
    target: Target,
) -> Adopted:
    """Everything left out is a loss. `taken`: the target names of all tables."""
    adoption = _Adoption(table, family, name, names, taken, target)
    columns = tuple(adoption.columns())
    adopted = Table(
        name=name,
        columns=columns,
        primary_key=adoption.primary_key(),
        indexes=tuple(sorted(adoption.indexes(), key=lambda index: index.name)),
        foreign_keys=tuple(sorted(adoption.foreign_keys(), key=lambda key: key.name)),
        checks=tuple(sorted(adoption.all_checks(), key=lambda check: check.name)),
        comment=table.comment,
        old_image="key" if table.primary_key else "none",
    )
    adoption.note_what_is_left_out()
    adopted, told = partitions.across(adopted, table, adoption.own)
    adoption.losses += told
    return Adopted(table=adopted, types=tuple(adoption.types), losses=tuple(adoption.losses))


class _Adoption:
    """One table on its way; `types`, `checks` and `losses` grow."""

    def __init__(
        self,
        table: Table,
        family: str,
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
        self._foreign = Foreign(table, family, target)
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

    def own(self, suffix: str, reserved: bool = False) -> str:
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
                yield from self._generated(column)
            else:
                yield self._column(column)

    def _generated(self, column: Column) -> Iterator[Column]:
        """Without its expression nothing would keep its value, so it is left out where that cannot be translated."""
        assert column.generated
        try:
            generated = self._foreign.generated(column)
        except Untranslatable as why:
            self._lose(column.name, f"the generated column is not carried: {why}: {column.generated.expression}")
            return
        if generated.stored and not column.generated.stored:
            self._lose(column.name, "the virtual generated column becomes a stored one")
        yield replace(self._column(column), default=None, generated=generated)

    def _column(self, column: Column) -> Column:
        kind = self._named(column)
        native, losses = render(kind, self._target.spell, self._target.extensions("geometry", "vector"))
        self.losses += [_by_policy(replace(loss, column=column.name), column) for loss in losses]
        self._natives[column.name] = native
        self._tell_of_odd_dates(column)
        if column.on_update_now:
            self._lose(column.name, "a trigger keeps ON UPDATE: to set the column to what it was is no update here")
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

    def _tell_of_odd_dates(self, column: Column) -> None:
        found = f"{column.odd_dates} values are zero or partial dates, or of year 0"
        key = self._table.primary_key.columns if self._table.primary_key else ()
        if column.zero_dates == "null" and column.name in key:
            self._lose(column.name, "zero dates cannot become NULL in the primary key", blocking=True)
        elif column.zero_dates == "null":
            self._lose(column.name, f"{found}: they become NULL, so the column may be NULL")
        elif column.odd_dates:
            choices = (
                'let them become NULL: `columns: {NAME: {zero_dates: "null"}}`',
                "keep all its values as texts: `columns: {NAME: text}`",
                "correct them on the source",
            )
            what = f"{found}, which no date type here holds"
            lost = Loss(column=column.name, what=what, blocking=True, choices=choices, rows=column.odd_dates)
            self.losses.append(lost)

    def _named(self, column: Column) -> Kind:
        """The column's kind; an enum gets a type of its own, a set and an enum that can have none a check."""
        kind = column.kind
        if isinstance(kind, kinds.Enum):
            if kind.labels and labels_fit(kind.labels):
                name = TableName(schema=self._name.schema, name=self.own(column.name))
                self.types.append(NamedType(name=name, labels=kind.labels))
                return replace(kind, schema=name.schema, name=name.name)
            self._check(column.name, f"({self._target.spell(column.name)} = ANY ({_labels(kind.labels)}))")
            return replace(kind, schema="", name="")
        if isinstance(kind, kinds.Set):
            split = f"string_to_array({self._target.spell(column.name)}, ','::text)"
            self._check(column.name, f"({split} <@ {_labels(kind.labels)})")
        return kind

    def _check(self, column: str, expression: str) -> None:
        self.checks.append(Check(name=self.own(f"{column}_check"), expression=expression))

    def _sequence_default(self, column: Column) -> Default | None:
        """An identity column must be an integer; any other number takes its default from a sequence of its own."""
        if self._natives[column.name] in _INTEGERS:
            return None
        name = TableName(schema=self._name.schema, name=self.own(f"{column.name}_seq", reserved=True))
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
            try:
                expression = self._foreign.default(default, column.kind)
            except Untranslatable as why:
                self._lose(column.name, f"the default {default.native} is left out: {why}")
                return None
        return defaults.recognise(expression, kind if isinstance(kind, kinds.Enum) else kind_of(native))

    def primary_key(self) -> Key | None:
        key = self._table.primary_key
        if key is None:
            return None
        if made := [column for column in key.columns if self._table.column(column).generated]:
            self._lose(
                made[0], "a generated column in the primary key cannot tell rows apart as they move", blocking=True
            )
        self._warn_of_collations(key.columns)
        return Key(name=self.own("pkey", reserved=True), columns=key.columns)

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
            try:
                made = self._special(index) if index.method in _SPECIAL else self._plain(index)
            except Untranslatable as why:
                self._leave_out("index", index.name, str(why))
            else:
                yield made

    def _special(self, index: Index) -> Index:
        """Full-text and spatial ones, which other methods do here."""
        name = self.own(index.name)
        if index.method == "fulltext":
            part = self._foreign.words(index, self._natives)
            found = (
                f"the full-text index {index.name} serves queries for {part.native} @@ …: MATCH … AGAINST is unknown"
            )
            self._lose(index.parts[0].column or "", found)
            return Index(name=name, parts=(part,), method="gin", comment=index.comment)
        parts = tuple(map(self._part, index.parts))
        if not all("geometry" in self._natives.get(part.column or "", "") for part in parts):
            raise Untranslatable("the target has no PostGIS")
        return Index(name=name, parts=parts, method="gist", comment=index.comment)

    def _plain(self, index: Index) -> Index:
        if index.method not in _METHODS or index.where:
            raise Untranslatable(f"there is no {index.method} index in this form here")
        parts = tuple(map(self._part, index.parts))
        if index.unique:
            self._warn_of_collations(tuple(part.column for part in index.parts if part.column))
        plain = all(part.column for part in parts)
        return Index(
            name=self.own(index.name),
            parts=parts,
            unique=index.unique,
            constraint=index.unique and plain and not any(part.descending for part in parts),
            comment=index.comment,
        )

    def _part(self, part: IndexPart) -> IndexPart:
        order = " DESC" if part.descending else ""
        if part.expression:
            expression = self._foreign.indexed(part.expression)
            return IndexPart(expression=expression, descending=part.descending, native=expression + order)
        if (native := self._natives.get(part.column or "")) in (None, "json"):
            raise Untranslatable("json values have no order" if native else f"its column {part.column} is not carried")
        column = self._target.spell(part.column or "")
        if not part.prefix:
            return IndexPart(column=part.column, descending=part.descending, native=column + order)
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
                self._leave_out("foreign key", key.name, "its column is not carried")
            else:
                yield replace(key, name=shorten(key.name), target=self._names[key.target])

    def all_checks(self) -> Iterator[Check]:
        """Those that stand for types, and the table's own."""
        taken = {check.name for check in self.checks}
        yield from self.checks
        for check in self._table.checks:
            try:
                expression = self._foreign.check(check.expression)
            except Untranslatable as why:
                self._leave_out("check", check.name, f"{why}: {check.expression}")
                continue
            name = shorten(check.name)
            yield Check(name=self.own(f"{name}_source") if name in taken else name, expression=expression)

    def note_what_is_left_out(self) -> None:
        lax = {c.collation for c in self._table.columns if isinstance(c.kind, kinds.Text) and c.collation}
        if lax := {name for name in lax if not name.endswith(_EXACT)}:
            told = ", ".join(sorted(lax))
            self._lose("", f"texts are equal here only when all their letters are; the source compares by {told}")


def _labels(labels: tuple[str, ...]) -> str:
    return f"ARRAY[{', '.join(f'{literal(label)}::text' for label in labels)}]" if labels else "ARRAY[]::text[]"


def _by_policy(loss: Loss, column: Column) -> Loss:
    """What the plan says of NUL in a text makes it a loss to be told."""
    if column.nul != "strip" or loss.unfit is None or loss.unfit.what != "nul":
        return loss
    what = "texts lose the character NUL, as the plan says"
    return replace(loss, what=what, unfit=replace(loss.unfit, keeps=True), choices=())
