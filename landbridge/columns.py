"""The plan's rules about names and single columns, carried out on a table before the target's engine adopts it."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from landbridge.errors import PlanError
from landbridge.kinds import Loss, Text
from landbridge.model import Column, ForeignKey, Index, Key, Table, TableName
from landbridge.plan import ColumnRule, Names

Renames = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Shaped:
    """
    source: the table with what the rules say of its values. adopted: as it is to be made, under the names it will have;
    `renames` says which, of all its columns that travel.
    """

    source: Table
    adopted: Table
    renames: Renames
    losses: tuple[Loss, ...] = ()


def shape(tables: Iterable[tuple[Table, Mapping[str, ColumnRule]]], names: Names, *, plain: bool) -> list[Shaped]:
    """plain: both sides are of one family. Raises PlanError for a rule that cannot be carried out."""
    given = [(table, rules, _renames(table, rules, names)) for table, rules in tables]
    everywhere = {table.name: renames for table, _, renames in given}
    return [_shape(table, rules, everywhere, names, plain=plain) for table, rules, _ in given]


def _renames(table: Table, rules: Mapping[str, ColumnRule], names: Names) -> dict[str, str]:
    present = {column.name for column in table.columns}
    unknown = sorted(rules.keys() - present)
    if unknown:
        raise PlanError(
            f"the plan has rules for columns that {table.name} has not: {', '.join(unknown)}",
            mend=f"its columns are: {', '.join(sorted(present))}",
        )
    renames: dict[str, str] = {}
    for name in (column.name for column in table.columns):
        rule = rules.get(name, ColumnRule())
        if not rule.drop:
            renames[name] = rule.rename or (name.lower() if names == "lower" else name)
    taken: dict[str, str] = {}
    for old, new in renames.items():
        if taken.setdefault(new, old) != old:
            raise PlanError(
                f"the columns {taken[new]} and {old} of {table.name} would both become {new}",
                mend=f"rename one of them: columns: {{{old}: {{rename: ...}}}}",
            )
    return renames


def _shape(
    table: Table,
    rules: Mapping[str, ColumnRule],
    everywhere: Mapping[TableName, Renames],
    names: Names,
    *,
    plain: bool,
) -> Shaped:
    source = replace(table, columns=tuple(_valued(column, rules.get(column.name)) for column in table.columns))
    renames = everywhere[table.name]
    changed = {column.name for column in table.columns if renames.get(column.name) != column.name}
    texts = {name for name, rule in rules.items() if rule.text and not rule.drop}
    _refuse_texts(source, texts, plain=plain)
    _refuse_stripped(source, plain=plain)
    if not changed and not texts and names == "keep":
        return Shaped(source=source, adopted=source, renames=renames)
    dropped = {name for name in changed if name not in renames}
    _refuse(source, changed, dropped, plain=plain)
    left = [index for index in source.indexes if not _touches(index, dropped | texts)]
    keys = [key for key in source.foreign_keys if not dropped & set(key.columns)]
    adopted = replace(
        source,
        columns=tuple(_named_column(c, renames, c.name in texts) for c in source.columns if c.name in renames),
        primary_key=_key(source.primary_key, renames),
        indexes=tuple(_index(index, renames, names) for index in left),
        foreign_keys=tuple(_foreign_key(key, renames, everywhere.get(key.target, {}), names) for key in keys),
        definition=(),  # it has the old names
    )
    losses = [Loss(column=name, what="the plan drops it", blocking=False) for name in sorted(dropped)]
    losses += [Loss(column=name, what="the plan makes texts of its values", blocking=False) for name in sorted(texts)]
    why = "the plan drops a column of it, or makes texts of it"
    losses += [Loss(column=i.name, part="index", what=why, blocking=False) for i in source.indexes if i not in left]
    losses += [
        Loss(column=key.name, part="foreign key", what=why, blocking=False)
        for key in source.foreign_keys
        if key not in keys
    ]
    return Shaped(source=source, adopted=adopted, renames=renames, losses=tuple(losses))


def _valued(column: Column, rule: ColumnRule | None) -> Column:
    if rule is None:
        return column
    column = replace(column, nul=rule.nul)
    return column if rule.zero_dates == "error" else replace(column, zero_dates=rule.zero_dates, nullable=True)


def _named_column(column: Column, renames: Renames, as_text: bool) -> Column:
    if as_text:
        column = replace(column, kind=Text(), odd_dates=0, on_update_now=False, collation=None)
    return replace(column, name=renames[column.name])


def _refuse_texts(table: Table, texts: Collection[str], *, plain: bool) -> None:
    if texts and plain:
        raise PlanError(
            f"the plan makes texts of {', '.join(sorted(texts))} of {table.name}, but both sides know their types",
            mend="take `text` out of the column's rule: it is for what another engine cannot hold",
        )
    key = table.primary_key.columns if table.primary_key else ()
    bound = {name for foreign in table.foreign_keys for name in foreign.columns} | set(key)
    bound |= {column.name for column in table.columns if column.identity}
    if lost := sorted(set(texts) & bound):
        raise PlanError(
            f"the plan makes texts of {', '.join(lost)} of {table.name}, which are in a key or count by themselves",
            mend="take `text` out of the column's rule",
        )


def _refuse_stripped(table: Table, *, plain: bool) -> None:
    """A key without its NUL could be another row's, here or there."""
    stripped = {column.name for column in table.columns if column.nul == "strip"}
    key = table.primary_key.columns if table.primary_key else ()
    bound = {name for foreign in table.foreign_keys for name in foreign.columns} | set(key)
    others = {column.name for column in table.columns if not isinstance(column.kind, Text)}
    if wrong := sorted(stripped if plain else stripped & (bound | others)):
        why = "which both sides can hold" if plain else "which is no text, or in a key"
        raise PlanError(
            f"the plan strips NUL from {', '.join(wrong)} of {table.name}, {why}",
            mend="take `nul` out of the column's rule",
        )


def _refuse(table: Table, changed: Collection[str], dropped: Collection[str], *, plain: bool) -> None:
    """What is written in SQL keeps its old names, so a column that it mentions must keep its own."""
    key = table.primary_key.columns if table.primary_key else ()
    if lost := sorted(set(dropped) & set(key)):
        raise PlanError(
            f"the plan drops {', '.join(lost)} of {table.name}, which is in its primary key",
            mend="keep the column: rows are told apart by it",
        )
    texts = [check.expression for check in table.checks]
    texts += [column.generated.expression for column in table.columns if column.generated]
    texts += [part.expression for index in table.indexes for part in index.parts if part.expression]
    texts += [index.where for index in table.indexes if index.where]
    texts += [table.partitioning.by] if table.partitioning else []
    if plain:
        texts += [part.native for index in table.indexes for part in index.parts]
    mentioned = sorted(name for name in changed if any(_mentions(text, name) for text in texts))
    if mentioned:
        raise PlanError(
            f"{', '.join(mentioned)} of {table.name} cannot be renamed or dropped: an index, check, generated column"
            " or the partitioning is written with it",
            mend="keep the column's name (`names: keep`), and rename it on the target after the migration",
        )


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _touches(index: Index, columns: Collection[str]) -> bool:
    return any(part.column in columns for part in index.parts) or any(name in columns for name in index.include)


def _key(key: Key | None, renames: Renames) -> Key | None:
    return replace(key, columns=tuple(renames[name] for name in key.columns)) if key else None


def _index(index: Index, renames: Renames, names: Names) -> Index:
    parts = tuple(replace(part, column=renames[part.column]) if part.column else part for part in index.parts)
    include = tuple(renames[name] for name in index.include)
    return replace(index, name=_named(index.name, names), parts=parts, include=include)


def _foreign_key(key: ForeignKey, renames: Renames, theirs: Renames, names: Names) -> ForeignKey:
    return replace(
        key,
        name=_named(key.name, names),
        columns=tuple(renames[name] for name in key.columns),
        target_columns=tuple(theirs.get(name, name) for name in key.target_columns),
    )


def _named(name: str, names: Names) -> str:
    return name.lower() if names == "lower" else name
