"""Making the schema on the target: what a source's table becomes, and the statements that make everything."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from landbridge.endpoints.abc import Adopted, Phase, Statement
from landbridge.endpoints.mysql import FAMILY
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.kinds import shown
from landbridge.endpoints.mysql.schema import across, alike, clauses, presence, target, within
from landbridge.endpoints.mysql.schema.constraints import ConstraintNames
from landbridge.model import NamedType, Table, TableMap, TableName
from landbridge.model import Sequence as NumberSequence

UNPROVEN = ("set session foreign_key_checks = 0",)
"""Adds a foreign key without a look at the rows; the comparison of the data proves it."""


class SchemaBuilder:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._constraints = ConstraintNames()

    @cached_property
    def _target(self) -> target.Target:
        return target.read(self._database)

    def adopt(self, table: Table, family: str, name: TableName, names: Mapping[TableName, TableName]) -> Adopted:
        """Reads what the target is and has (types, collations), once for the life of this object."""
        if family == FAMILY:
            return within.adopt(table, name, names, self._target, self._constraints)
        return across.adopt(table, family, name, names, self._target, self._constraints)

    def fitted(self, tables: Sequence[TableMap]) -> Sequence[TableMap]:
        return alike.widened(tables)

    def shown(self, native: str) -> str:
        return shown(native, mariadb=self._target.mariadb)

    def statements(
        self, tables: Sequence[TableMap], sequences: Sequence[NumberSequence], types: Sequence[NamedType]
    ) -> Iterator[Statement]:
        """'validate' has nothing to do here."""
        del types  # columns have them written out
        tables = alike.widened(tables)
        made = list(self._sequences(tables, sequences))
        yield from _schemas(tables, made)
        for sequence in made:
            yield Statement(
                phase="tables",
                kind="sequence",
                name=sequence.name,
                sql=clauses.create_sequence(sequence),
                exists=presence.relation(sequence.name, "SEQUENCE"),
            )
        for each in tables:
            yield Statement(
                phase="tables",
                kind="table",
                name=each.target.name,
                sql=clauses.create_table(each.target),
                exists=presence.relation(each.target.name),
                table=each.number,
                session=self._target.session,
            )
        yield from _indexes(tables, unique=False)
        yield from _indexes(tables, unique=True)
        yield from self._foreign_keys(tables)

    def _sequences(self, tables: Sequence[TableMap], sequences: Sequence[NumberSequence]) -> Iterator[NumberSequence]:
        """Those that no AUTO_INCREMENT stands for; MySQL has none at all."""
        replaced = {name for each in tables for name in _replaced(each)}
        for sequence in sequences:
            if self._target.mariadb and not sequence.identity and sequence.name not in replaced:
                yield sequence

    def _foreign_keys(self, tables: Sequence[TableMap]) -> Iterator[Statement]:
        for each in tables:
            table = each.target.name
            for key in each.target.foreign_keys:
                yield Statement(
                    phase="foreign keys",
                    kind="foreign key",
                    name=replace(table, name=key.name),
                    sql=clauses.add_foreign_key(table, key, mariadb=self._target.mariadb),
                    exists=presence.foreign_key(table, key.name),
                    table=each.number,
                    session=(*UNPROVEN, *self._target.session),
                )


def _replaced(each: TableMap) -> Iterator[TableName]:
    """Sequences that numbered a column which counts by itself here."""
    counter = clauses.counting(each.target)
    for column in each.source.columns:
        if column.name == counter and column.default and column.default.sequence:
            yield TableName(schema=each.target.name.schema, name=column.default.sequence.name)


def _schemas(tables: Sequence[TableMap], sequences: Sequence[NumberSequence]) -> Iterator[Statement]:
    names = [each.target.name for each in tables] + [sequence.name for sequence in sequences]
    for schema in dict.fromkeys(name.schema for name in names):
        options = [dict(clauses.texts(e.target).options) for e in tables if e.target.name.schema == schema]
        usual = Counter((o.get("CHARSET", "utf8mb4"), o.get("COLLATE")) for o in options).most_common(1)
        charset, collation = usual[0][0] if usual else ("utf8mb4", None)
        yield Statement(
            phase="tables",
            kind="schema",
            name=TableName(schema=schema, name=schema),
            sql=clauses.create_schema(schema, f"{charset} COLLATE {collation}" if collation else charset),
            exists=presence.schema(schema),
        )


def _indexes(tables: Sequence[TableMap], *, unique: bool) -> Iterator[Statement]:
    phase: Phase = "unique" if unique else "indexes"
    for each in tables:
        for index in each.target.indexes:
            if index.unique == unique:
                yield Statement(
                    phase=phase,
                    kind="unique" if unique else "index",
                    name=replace(each.target.name, name=index.name),
                    sql=clauses.add_index(each.target, index),
                    exists=presence.index(each.target.name, index.name),
                    table=each.number,
                )
