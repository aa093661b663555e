"""Following the source's DDL on a target: the statements that make one shape of a table of another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from landbridge.endpoints.abc import Statement
from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.names import literal, qualified, quote
from landbridge.endpoints.postgres.schema import clauses, presence
from landbridge.model import Column, Index, Table, TableName

_COLUMNS = """
select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), not a.attnotnull, a.atthasdef or a.attidentity <> ''
from pg_catalog.pg_attribute a where a.attrelid = pg_catalog.to_regclass(%s) and a.attnum > 0 and not a.attisdropped"""

_ALL = """
select n.nspname, c.relname, array(
    select a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any (
    select pg_catalog.to_regclass(name)::pg_catalog.oid from unnest(%s::pg_catalog.text[]) as t (name)
)"""

_BRIEFLY = "set local lock_timeout = '5s'"
"""Whoever waits for a lock on the table stands before everybody that comes later: give up, and try again."""


class TableAlterer:
    """Implements altering.Alters."""

    transactional = True

    def __init__(self, database: Database) -> None:
        self._database = database

    def completed(self, old: Table, new: Table, adopted: Table) -> Table:  # noqa: ARG002
        return new

    def alter(self, number: int, old: Table, new: Table, renamed: Mapping[str, str]) -> Iterator[Statement]:
        name = new.name
        before = {renamed.get(column.name, column.name): column for column in old.columns}
        after = {column.name: column for column in new.columns}
        dropped = {index.name for index in old.indexes} - {index.name for index in new.indexes}
        for index in old.indexes:
            if index.name in dropped:
                yield _statement(number, name, index.name, _drop_index(name, index), _no_index(name, index.name))
        for was, now in renamed.items():
            sql = f"RENAME COLUMN {quote(was)} TO {quote(now)}"
            yield _change(number, name, now, sql, _column(name, now))
        for gone in before.keys() - after.keys():
            yield _change(number, name, gone, f"DROP COLUMN {quote(gone)}", _no_column(name, gone))
        for column in new.columns:
            if column.name not in before:
                sql = f"ADD COLUMN {clauses.define(name, column, {})}"
                yield _change(number, name, column.name, sql, _column(name, column.name))
                yield from _comments(number, name, replace(column, comment=""), column)
            else:
                yield from _changes(number, name, before[column.name], column)
        if old.comment != new.comment:
            sql = clauses.comment(f"TABLE {qualified(name)}", new.comment)
            yield _statement(number, name, name.name, sql, presence.comment(name, new.comment))
        known = {index.name for index in old.indexes}
        for index in new.indexes:
            if index.name not in known:
                sql = clauses.create_index(name, index)
                yield _statement(number, name, index.name, sql, presence.index(name, index.name))

    def differences(self, table: Table) -> Sequence[str]:
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_COLUMNS, (qualified(table.name),))
            found = {name: rest for name, *rest in cursor.fetchall()}
        told = []
        for column in table.columns:
            native, nullable, _ = found.get(column.name, ("", True, False))
            if not native:
                told.append(f"it has no column {column.name} {column.native}")
            elif native != column.native:
                told.append(f"{column.name} is {native}, not {column.native}")
            elif nullable < column.nullable:
                told.append(f"{column.name} is NOT NULL")
        wanted = {column.name for column in table.columns}
        told += [f"{name} is NOT NULL, and no row brings a value for it"
                 for name, (_, nullable, default) in found.items()
                 if name not in wanted and not nullable and not default]  # fmt: skip
        return told

    def altered(self, tables: Sequence[Table]) -> Sequence[TableName]:
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_ALL, ([qualified(table.name) for table in tables],))
            found = {TableName(schema=schema, name=name): columns for schema, name, columns in cursor.fetchall()}
        return [t.name for t in tables if found.get(t.name) != [f"{c.name} {c.native}" for c in t.columns]]


def _changes(number: int, table: TableName, old: Column, new: Column) -> Iterator[Statement]:
    at = f"ALTER COLUMN {quote(new.name)}"
    if old.native != new.native:
        sql = f"{at} TYPE {new.native} USING {quote(new.name)}::{new.native}"
        yield _change(number, table, new.name, sql, _typed(table, new))
    if old.nullable != new.nullable:
        sql = "DROP NOT NULL" if new.nullable else "SET NOT NULL"
        yield _change(number, table, new.name, f"{at} {sql}", presence.column_change(table, new.name, sql))
    if old.default != new.default and not new.identity and not new.generated:
        sql = f"SET DEFAULT {new.default.native}" if new.default else "DROP DEFAULT"
        yield _change(number, table, new.name, f"{at} {sql}", presence.column_change(table, new.name, sql))
    yield from _comments(number, table, old, new)


def _comments(number: int, table: TableName, old: Column, new: Column) -> Iterator[Statement]:
    if old.comment != new.comment:
        sql = clauses.comment(f"COLUMN {qualified(table)}.{quote(new.name)}", new.comment)
        exists = presence.column_comment(table, new.name, new.comment)
        yield _statement(number, table, new.name, sql, exists)


def _change(number: int, table: TableName, what: str, clause: str, exists: str) -> Statement:
    return _statement(number, table, what, clauses.change_table(table, clause), exists)


def _statement(number: int, table: TableName, what: str, sql: str, exists: str) -> Statement:
    return Statement(
        phase="tables", kind="alteration", name=replace(table, name=what), sql=sql, exists=exists, table=number,
        session=(_BRIEFLY,),
    )  # fmt: skip


def _drop_index(table: TableName, index: Index) -> str:
    if index.constraint:
        return clauses.change_table(table, f"DROP CONSTRAINT IF EXISTS {quote(index.name)}")
    return f"DROP INDEX IF EXISTS {qualified(replace(table, name=index.name))}"


def _no_index(table: TableName, index: str) -> str:
    return f"select 1 where not exists ({presence.index(table, index)})"


def _column(table: TableName, column: str) -> str:
    return (
        "select 1 from pg_catalog.pg_attribute where attrelid = pg_catalog.to_regclass("
        f"{literal(qualified(table))}) and attname = {literal(column)} and not attisdropped"
    )


def _no_column(table: TableName, column: str) -> str:
    return f"select 1 where not exists ({_column(table, column)})"


def _typed(table: TableName, column: Column) -> str:
    return f"{_column(table, column.name)} and pg_catalog.format_type(atttypid, atttypmod) = {literal(column.native)}"
