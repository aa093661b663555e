"""Making the schema on the target: what a source's table becomes, and the statements that make everything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from landbridge.endpoints.abc import Adopted, Phase, Statement
from landbridge.endpoints.postgres import FAMILY
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.names import qualified, quote, references, rename
from landbridge.endpoints.postgres.schema import across, clauses, listing, on_update, presence, target, within
from landbridge.model import ForeignKey, Index, NamedType, Partition, Table, TableMap, TableName
from landbridge.model import Sequence as NumberSequence

NOT_VALID_ON_PARTITIONED = 180_000
"""Before version 18 a foreign key of a partitioned table cannot be added unproven."""


class SchemaBuilder:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: Mapping[TableName, TableName] = {}
        self._taken: frozenset[TableName] = frozenset()
        self._target_read: target.Target | None = None
        self._extensions: Sequence[str] = ()

    @property
    def _target(self) -> target.Target:
        if self._target_read is None:
            self._target_read = target.read(self._database, self._extensions)
        return self._target_read

    def adopt(self, table: Table, family: str, name: TableName, names: Mapping[TableName, TableName]) -> Adopted:
        """Reads what the target already has (extensions, collations), once for the life of this object."""
        if names is not self._names:
            self._names, self._taken = names, frozenset(names.values())
            of_database = [name.name for name in names if not name.schema]
            self._extensions = of_database if family == FAMILY else ()
        if family == FAMILY:
            return within.adopt(table, name, names, self._target)
        return across.adopt(table, family, name, names, self._taken, self._target)

    def fitted(self, tables: Sequence[TableMap]) -> Sequence[TableMap]:
        return tables

    def shown(self, native: str) -> str:
        return native

    def statements(
        self, tables: Sequence[TableMap], sequences: Sequence[NumberSequence], types: Sequence[NamedType]
    ) -> Iterator[Statement]:
        """
        On a target before version 18 the foreign keys of a partitioned table are proven at once, in 'foreign keys'.
        """
        definitions = _definitions(types, tables)
        for part in (
            _schemas(tables, sequences, types),
            _types(types, definitions),
            _sequences(tables, sequences),
            _tables(tables, sequences),
            _indexes(tables, unique=False),
            _indexes(tables, unique=True),
            self._foreign_keys(tables),
            on_update.statements(tables),
            self._validations(tables),
        ):
            yield from part

    def _foreign_keys(self, tables: Sequence[TableMap]) -> Iterator[Statement]:
        for number, name, key, proven in self._all_foreign_keys(tables):
            yield Statement(
                phase="foreign keys",
                kind="foreign key",
                name=replace(name, name=key.name),
                sql=clauses.add_foreign_key(name, key, proven=proven),
                exists=presence.constraint(name, key.name),
                table=number,
            )

    def _validations(self, tables: Sequence[TableMap]) -> Iterator[Statement]:
        for number, name, key, proven in self._all_foreign_keys(tables):
            if not proven:
                yield Statement(
                    phase="validate",
                    kind="foreign key",
                    name=replace(name, name=key.name),
                    sql=clauses.validate(name, key.name),
                    exists=presence.constraint(name, key.name, proven=True),
                    table=number,
                )

    def _all_foreign_keys(self, tables: Sequence[TableMap]) -> Iterator[tuple[int, TableName, ForeignKey, bool]]:
        """Table number, table or partition, the key, and whether it can be added only as proven."""
        for each in tables:
            table = each.target
            partitioned = bool(table.partitioning) and self._target.version < NOT_VALID_ON_PARTITIONED
            for key in table.foreign_keys:
                yield each.number, table.name, key, partitioned
            for partition in _partitions(table):
                for key in partition.foreign_keys:
                    yield each.number, partition.name, key, False


def _partitions(table: Table) -> tuple[Partition, ...]:
    return table.partitioning.partitions if table.partitioning else ()


def _schemas(
    tables: Sequence[TableMap], sequences: Sequence[NumberSequence], types: Sequence[NamedType]
) -> Iterator[Statement]:
    names = [named.name for named in types] + [sequence.name for sequence in sequences]
    for each in tables:
        names += [each.target.name, *(partition.name for partition in _partitions(each.target))]
    for schema in dict.fromkeys(name.schema for name in names):
        yield Statement(
            phase="tables",
            kind="schema",
            name=TableName(schema=schema, name=schema),
            sql=f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}",
            exists=presence.schema(schema),
        )


def _definitions(types: Sequence[NamedType], tables: Sequence[TableMap]) -> dict[TableName, str]:
    """
    The domains' definitions by name, in an order that works. They refer to other types by their source names: a schema
    that the tables moved has moved for the types too.
    """
    moved = {each.source.name.schema: each.target.name.schema for each in tables}
    here = {named.name for named in types}
    names = {
        replace(name, schema=old): name
        for old, new in moved.items()
        for name in here
        if name.schema == new and replace(name, schema=old) not in here
    }
    waiting = {named.name: rename(named.definition, names) for named in types if named.definition}
    ordered: dict[TableName, str] = {}
    while waiting:
        ready = [name for name, text in waiting.items() if not {it for _, it in references(text)} & waiting.keys()]
        ordered |= {name: waiting.pop(name) for name in ready or list(waiting)}
    return ordered


def _types(types: Sequence[NamedType], definitions: Mapping[TableName, str]) -> Iterator[Statement]:
    by_name = {named.name: named for named in types}
    enums = [named.name for named in by_name.values() if not named.definition]
    for name in (*enums, *definitions):
        named = by_name[name]
        yield Statement(
            phase="tables",
            kind="domain" if named.definition else "enum",
            name=name,
            sql=clauses.create_type(named, definitions.get(name, "")),
            exists=presence.type_(name),
        )
        if named.comment:
            on = f"{'DOMAIN' if named.definition else 'TYPE'} {qualified(name)}"
            yield _comment("tables", name, on, named.comment, presence.type_comment(name, named.comment))


def _sequences(tables: Sequence[TableMap], sequences: Sequence[NumberSequence]) -> Iterator[Statement]:
    given = [sequence for sequence in sequences if not sequence.identity]
    implied = [NumberSequence(name=name) for _, _, name in _implied(tables, sequences)]
    for sequence in (*given, *implied):
        yield Statement(
            phase="tables",
            kind="sequence",
            name=sequence.name,
            sql=clauses.create_sequence(sequence),
            exists=presence.relation(sequence.name, "S"),
        )


def _implied(
    tables: Sequence[TableMap], sequences: Sequence[NumberSequence]
) -> Iterator[tuple[TableMap, str, TableName]]:
    """Sequences that no source has: those of numbered columns that cannot be identities here."""
    given = {sequence.name for sequence in sequences}
    for each in tables:
        for column in each.target.columns:
            sequence = column.default.sequence if column.default else None
            if sequence and sequence not in given and not each.plain:
                yield each, column.name, sequence


def _tables(tables: Sequence[TableMap], sequences: Sequence[NumberSequence]) -> Iterator[Statement]:
    owners = list(_owners(tables, sequences))
    identities = {(each.target.name, column): it for each, column, it in owners if it.identity}
    by_name = {each.target.name: each.target for each in tables}
    for each in _parents_first(tables):
        yield from _table(each, clauses.declared(each.target, by_name), identities)
    for each, column, sequence in owners:
        if not sequence.identity and sequence.name.schema == each.target.name.schema:
            yield _owned(each, column, sequence.name)
    for each, column, name in _implied(tables, sequences):
        yield _owned(each, column, name)
    for each in tables:
        yield from _settings(each)  # after the owners: a table that becomes unlogged takes its sequences along


def _owners(
    tables: Sequence[TableMap], sequences: Sequence[NumberSequence]
) -> Iterator[tuple[TableMap, str, NumberSequence]]:
    """Sequences that belong to a column; the owner is named as on the source or as on the target."""
    by_name = {each.source.name: each for each in tables} | {each.target.name: each for each in tables}
    for sequence in sequences:
        if sequence.owned_by and sequence.owned_by[0] in by_name:
            yield by_name[sequence.owned_by[0]], sequence.owned_by[1], sequence


def _owned(each: TableMap, column: str, sequence: TableName) -> Statement:
    table = each.target.name
    return Statement(
        phase="tables",
        kind="sequence owner",
        name=sequence,
        sql=clauses.own_sequence(sequence, table, column),
        exists=presence.owner(sequence, table, column),
        table=each.number,
    )


def _table(each: TableMap, declared: Table, identities: clauses.Identities) -> Iterator[Statement]:
    table = each.target
    yield Statement(
        phase="tables",
        kind="table",
        name=table.name,
        sql=clauses.create_table(declared, identities),
        exists=presence.relation(table.name, "rp"),
        table=each.number,
    )
    for partition in _partitions(table):
        yield Statement(
            phase="tables",
            kind="partition",
            name=partition.name,
            sql=clauses.create_partition(table.name, partition),
            exists=presence.partition(partition.parent or table.name, partition.name),
            table=each.number,
        )
    if table.comment:
        exists = presence.comment(table.name, table.comment)
        yield _comment("tables", table.name, f"TABLE {qualified(table.name)}", table.comment, exists, each.number)
    for column in table.columns:
        if column.comment:
            name = replace(table.name, name=f"{table.name.name}.{column.name}")
            on = f"COLUMN {qualified(table.name)}.{quote(column.name)}"
            exists = presence.column_comment(table.name, column.name, column.comment)
            yield _comment("tables", name, on, column.comment, exists, each.number)


def _settings(each: TableMap) -> Iterator[Statement]:
    parts = [(part.name, part.settings) for part in _partitions(each.target)]
    for name, settings in ((each.target.name, each.target.settings), *parts):
        for clause in settings:
            yield Statement(
                phase="tables",
                kind="table setting",
                name=name,
                sql=clauses.change_table(name, clause),
                exists=listing.has_setting(name, clause),
                table=each.number,
            )


def _parents_first(tables: Sequence[TableMap]) -> list[TableMap]:
    by_name = {each.target.name: each for each in tables}
    ordered: dict[TableName, TableMap] = {}

    def add(name: TableName) -> None:
        if name in by_name and name not in ordered:
            for parent in by_name[name].target.inherits:
                add(parent)
            ordered[name] = by_name[name]

    for name in by_name:
        add(name)
    return list(ordered.values())


def _indexes(tables: Sequence[TableMap], *, unique: bool) -> Iterator[Statement]:
    for each in tables:
        table = each.target
        for index in table.indexes:
            if index.unique == unique:
                yield from _index(each.number, table.name, index)
        for partition in _partitions(table):
            for index in partition.indexes:
                if index.unique == unique:
                    yield from _index(each.number, partition.name, index)


def _index(number: int, table: TableName, index: Index) -> Iterator[Statement]:
    phase: Phase = "unique" if index.unique else "indexes"
    name = replace(table, name=index.name)
    yield Statement(
        phase=phase,
        kind="unique" if index.unique else "index",
        name=name,
        sql=clauses.create_index(table, index),
        exists=presence.constraint(table, index.name) if index.constraint else presence.index(table, index.name),
        table=number,
    )
    if index.comment and index.constraint:
        on = f"CONSTRAINT {quote(index.name)} ON {qualified(table)}"
        exists = presence.constraint_comment(table, index.name, index.comment)
        yield _comment(phase, name, on, index.comment, exists, number)
    elif index.comment:
        exists = presence.comment(name, index.comment)
        yield _comment(phase, name, f"INDEX {qualified(name)}", index.comment, exists, number)


def _comment(phase: Phase, name: TableName, on: str, text: str, exists: str, table: int | None = None) -> Statement:
    return Statement(phase=phase, kind="comment", name=name, sql=clauses.comment(on, text), exists=exists, table=table)
