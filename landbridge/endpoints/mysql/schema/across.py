"""A table of another family as the target will have it: types by kind, defaults by meaning, keys that fit."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from landbridge import kinds
from landbridge.endpoints.abc import Adopted
from landbridge.endpoints.mysql import FAMILY
from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.endpoints.mysql.names import qualified, quote, shorten
from landbridge.endpoints.mysql.schema import defaults, definition, fitting, indexes, lengths, partitions
from landbridge.endpoints.mysql.schema.constraints import ConstraintNames
from landbridge.endpoints.mysql.schema.target import Target
from landbridge.kinds import Kind, Loss, Part
from landbridge.model import Check, Column, Default, ForeignKey, Generated, Index, Key, Table, TableName
from landbridge.translation import Untranslatable, translate_expression

_COLLATED = ("char", "varchar", "longtext", "enum", "set")
_ASCII = "ascii_bin"
_ACTIONS = {"CASCADE", "SET NULL", "SET DEFAULT"}


def adopt(
    table: Table,
    family: str,
    name: TableName,
    names: Mapping[TableName, TableName],
    target: Target,
    constraints: ConstraintNames,
) -> Adopted:
    adoption = _Adoption(table, family, name, names, target, constraints)
    columns = tuple(adoption.columns())
    found = tuple(adoption.indexes())
    adopted = Table(
        name=name,
        columns=adoption.numbered(columns),
        primary_key=adoption.primary_key(),
        indexes=tuple(indexes.renamed(adoption.counted(found))),
        foreign_keys=tuple(adoption.foreign_keys()),
        checks=tuple(adoption.checks()),
        comment=table.comment,
        old_image="key" if table.primary_key else "none",
        logs_cascades=target.logs_cascades,
    )
    adoption.note_what_is_left_out()
    adopted, told = partitions.across(adopted, table, mariadb=target.mariadb)
    adoption.losses += told
    return Adopted(table=adopted, losses=tuple(adoption.losses))


class _Adoption:
    """One table on its way; `losses` grows."""

    def __init__(
        self,
        table: Table,
        family: str,
        name: TableName,
        names: Mapping[TableName, TableName],
        target: Target,
        constraints: ConstraintNames,
    ) -> None:
        self.losses: list[Loss] = []
        self._table = table
        self._family = family
        self._name = name
        self._names = names
        self._target = target
        self._constraints = constraints
        self.losses += fitting.refused(table, name)
        self._natives, told = fitting.types(table, target)
        self.losses += told
        self._columns = {column.name: column for column in table.columns}
        acting = [key for key in table.foreign_keys if _ACTIONS & {key.on_delete, key.on_update}]
        writing = [key for key in acting if key.on_update in _ACTIONS or self._action(key, key.on_delete) == "SET NULL"]
        self._acted = {column for key in acting for column in key.columns}
        self._written = {column for key in writing for column in key.columns}
        counting = [column.name for column in table.columns if self._identity(column)]
        key = table.primary_key.columns if table.primary_key else ()
        self._counter = next((name for name in key[:1] if name in counting), next(iter(counting), None))

    def lose(self, column: str, what: str, *, blocking: bool = False) -> None:
        """Of a column, or of the table when `column` is empty."""
        choices = ("exclude the table",) if blocking else ()
        part: Part = "column" if column else "table"
        self.losses.append(Loss(column=column, part=part, what=what, blocking=blocking, choices=choices))

    def leave_out(self, part: Part, name: str, why: str) -> None:
        what = f"the {part} {name} is not carried: {why}"
        self.losses.append(Loss(column=name, part=part, what=what, blocking=False))

    def translated(self, text: str, into: Kind | None, *, fixed: bool = False) -> tuple[str, str]:
        """The expression here, or nothing and why. fixed: it may depend on nothing but the row."""
        try:
            made = translate_expression(text, self._family, FAMILY, self._columns, into=into)
        except Untranslatable as error:
            return "", str(error)
        if fixed and made.stable:
            return "", "its value depends on more than the row"
        return made.text, ""

    def columns(self) -> Iterator[Column]:
        for column in self._table.columns:
            native = self._natives[column.name]
            generated = self._generated(column) if column.generated else None
            if column.generated and generated is None:
                del self._natives[column.name]
                continue
            yield Column(
                name=column.name,
                kind=kind_of(native),
                native=native,
                nullable=column.nullable,
                default=None if generated else self._default(column, native),
                generated=generated,
                identity=self._identity(column),
                collation=self._collation(column.kind, native),
                comment=column.comment,
            )

    def _collation(self, kind: Kind, native: str) -> str | None:
        if isinstance(kind, kinds.Uuid) and native == "char(36)":
            return _ASCII
        return self._target.exact_collation if native.partition("(")[0] in _COLLATED else None

    def _generated(self, column: Column) -> Generated | None:
        assert column.generated
        text, why = self.translated(column.generated.expression, column.kind, fixed=True)
        why = why or self._of_counter(text)
        if why:
            self.lose(column.name, f"the generated column is not carried, {why}: {column.generated.expression}")
            return None
        return Generated(expression=text, stored=column.generated.stored and not self._mentions(text, self._acted))

    def _of_counter(self, text: str) -> str:
        return "it is made of a column with AUTO_INCREMENT" if self._mentions(text, {self._counter}) else ""

    @staticmethod
    def _mentions(text: str, names: Collection[str | None]) -> bool:
        return any(name is not None and quote(name) in text for name in names)

    def _identity(self, column: Column) -> Literal["auto"] | None:
        sequence = column.default.sequence if column.default else None
        own = sequence is not None and sequence.name == f"{self._table.name.name}_{column.name}_seq"
        counts = column.identity is not None or own or (sequence is not None and not self._target.mariadb)
        return "auto" if counts and isinstance(column.kind, kinds.Int) else None

    def _default(self, column: Column, native: str) -> Default | None:
        default = column.default
        if default is None or self._identity(column):
            return None
        if default.sequence:
            return self._next(column.name, default.sequence)
        text = defaults.render(default, column.kind, native)
        if text is not None:
            return replace(default, native=text)
        text, why = self.translated(default.native, column.kind)
        if why:
            self.lose(column.name, f"the default {default.native} is left out, {why}")
            return None
        return Default(native=f"({text})")

    def _next(self, column: str, sequence: TableName) -> Default | None:
        if self._target.mariadb and sequence in self._names:
            return Default(native=f"nextval({qualified(self._names[sequence])})", sequence=self._names[sequence])
        self.lose(column, f"the default, a number of the sequence {sequence}, is left out: the target cannot have that")
        return None

    def counted(self, found: tuple[Index, ...]) -> tuple[Index, ...]:
        """AUTO_INCREMENT needs a key or an index that begins with its column."""
        firsts = {index.parts[0].column for index in found}
        if self._table.primary_key:
            firsts.add(self._table.primary_key.columns[0])
        if self._counter is None or self._counter in firsts:
            return found
        self.lose(self._counter, "it gets an index of its own, which AUTO_INCREMENT needs here")
        return (*found, Index(name=shorten(f"{self._counter}_counter"), parts=(definition.part(self._counter),)))

    def numbered(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """One column only can count by itself."""
        made = []
        for column in columns:
            if column.identity and column.name != self._counter:
                self.lose(column.name, "it does not count by itself here, which one column of a table can only")
                made.append(replace(column, identity=None))
                continue
            if column.identity:
                self._warn_of_sequence(column.name)
            made.append(column)
        return tuple(made)

    def _warn_of_sequence(self, column: str) -> None:
        default = self._columns[column].default
        name = default.sequence.name if default and default.sequence else ""
        if name and name != f"{self._table.name.name}_{column}_seq":
            what = f"its numbers come from the sequence {name}, which others may draw from: here it counts by itself"
            self.lose(column, what)

    def primary_key(self) -> Key | None:
        key = self._table.primary_key
        if key is None:
            return None
        if missing := [column for column in key.columns if column not in self._natives]:
            self.lose(missing[0], "a generated column in the primary key is not carried", blocking=True)
        elif lengths.share(key.columns, self._natives) is None:
            found = ", ".join(self._natives[column] for column in key.columns)
            self.lose(key.columns[0], f"the primary key cannot be one here: its columns become {found}", blocking=True)
        return Key(name="PRIMARY", columns=key.columns)

    def indexes(self) -> Iterator[Index]:
        maker = indexes.Maker(self._natives, self.translated, expressions=not self._target.mariadb)
        for index in self._table.indexes:
            made, why = maker.make(index)
            if made is None:
                self.leave_out("index", index.name, why)
                continue
            for what in maker.told(index):
                self.lose("", what)
            yield made
        yield from indexes.of_foreign_keys(self._table, self._natives)

    def foreign_keys(self) -> Iterator[ForeignKey]:
        for key in self._table.foreign_keys:
            if why := self._no_foreign_key(key):
                self.leave_out("foreign key", key.name, why)
                continue
            if key.full:
                self.lose("", f"the foreign key {key.name} passes rows here of which some columns are NULL")
            if key.deferrable:
                self.lose("", f"the foreign key {key.name} is not deferrable here: it is looked at row by row")
            name = self._constraints.name("foreign key", self._name, key.name)
            made = replace(key, name=name, target=self._names[key.target], deferrable=False, deferred=False, full=False)
            yield replace(made, on_delete=self._action(key, key.on_delete), on_update=self._action(key, key.on_update))

    def note_what_is_left_out(self) -> None:
        table, key = self._table, self._table.primary_key
        for parent in table.inherits:
            self.lose("", f"it does not inherit from {parent} here, which shows its own rows only")
        for setting in table.settings:
            self.lose("", f"what is set for the table is left out: {setting}")
        if key and key.deferrable:
            self.lose("", "its primary key is not deferrable here")

    def _action(self, key: ForeignKey, action: str) -> str:
        """Where NULL is no value, SET NULL refuses what it should act on, as NO ACTION does. Here it cannot be said."""
        refusing = action == "SET NULL" and any(not self._columns[name].nullable for name in key.columns)
        return "NO ACTION" if refusing else action

    def _no_foreign_key(self, key: ForeignKey) -> str:
        if key.target not in self._names:
            return f"its table {key.target} is not"
        if not set(key.columns) <= set(self._natives):
            return "it is on a generated column that is not"
        if "SET DEFAULT" in (key.on_delete, key.on_update):
            return "there is no SET DEFAULT here"
        return ""

    def checks(self) -> Iterator[Check]:
        for column in self._table.columns:
            if isinstance(column.kind, kinds.Json) and self._natives.get(column.name) == "longtext":
                name = self._constraints.name("check", self._name, shorten(f"{self._table.name.name}_{column.name}"))
                yield Check(name=name, expression=f"json_valid({quote(column.name)})")
        for check in self._table.checks:
            text, why = self.translated(check.expression, kinds.Bool(), fixed=True)
            why = why or self._of_counter(text)
            if self._mentions(text, self._written):
                why = "it is on a column that a foreign key's action writes"
            if why:
                self.leave_out("check", check.name, f"{why}: {check.expression}")
            else:
                yield Check(name=self._constraints.name("check", self._name, shorten(check.name)), expression=text)
