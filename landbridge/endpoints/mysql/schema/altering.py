"""
Following the source's DDL on a target: the statements that make one shape of a table of another. The server commits
each by itself, so each says what there is afterwards; to be run again harms none of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from landbridge.endpoints.abc import Statement
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.kinds import shown
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.schema import clauses, definition, presence
from landbridge.model import Column, Table, TableName

_COLUMNS = """
select column_name, column_type, is_nullable, column_default is not null or extra like '%%auto_increment%%'
    or extra like '%%GENERATED%%'
from information_schema.columns where table_schema = %s and table_name = %s"""

_BRIEFLY = ("set session lock_wait_timeout = 5", "set session foreign_key_checks = 0")
"""Whoever waits for a lock on the table stands before everybody that comes later: give up, and try again."""

_NEVER = "select 1 from dual where 1 = 0"


class TableAlterer:
    """Implements altering.Alters."""

    transactional = False

    def __init__(self, database: Database) -> None:
        self._database = database

    def completed(self, old: Table, new: Table, adopted: Table) -> Table:
        """The definition: what the source altered in the adopted words, all else as it was."""
        if not old.definition or not adopted.definition:
            return replace(new, definition=())
        text, fresh = definition.parse(old.definition), definition.parse(adopted.definition)
        before = {column.name: column for column in old.columns}
        columns = {
            column.name: text.columns[column.name] if before.get(column.name) == column else fresh.columns[column.name]
            for column in new.columns
        }
        keys = {index.name: fresh.keys.get(index.name) or text.keys[index.name] for index in new.indexes}
        options = fresh.options if old.comment != new.comment else text.options
        key = text.primary_key if set(old.primary_key.columns if old.primary_key else ()) <= columns.keys() else ""
        made = replace(text, columns=columns, keys=keys, options=options, primary_key=key or fresh.primary_key)
        return replace(new, definition=made.elements)

    def alter(self, number: int, old: Table, new: Table, renamed: Mapping[str, str]) -> Iterator[Statement]:
        name, text = new.name, clauses.texts(new)
        before = {renamed.get(column.name, column.name): column for column in old.columns}
        after = {column.name: column for column in new.columns}
        for gone in {index.name for index in old.indexes} - {index.name for index in new.indexes}:
            yield _change(number, name, f"DROP INDEX {quote(gone)}", _absent(presence.index(name, gone)))
        for was, now in renamed.items():
            yield _change(number, name, f"RENAME COLUMN {quote(was)} TO {quote(now)}", _column(name, now))
        for gone in before.keys() - after.keys():
            yield _change(number, name, f"DROP COLUMN {quote(gone)}", _absent(_column(name, gone)))
        last = ""
        for column in new.columns:
            known = before.get(column.name)
            place = f" AFTER {quote(last)}" if last else " FIRST"
            if known is None:
                yield _change(
                    number, name, f"ADD COLUMN {text.columns[column.name]}{place}", _column(name, column.name)
                )
            elif replace(known, name=column.name) != column:
                yield _change(number, name, f"MODIFY COLUMN {text.columns[column.name]}", _NEVER)
            last = column.name
        if old.comment != new.comment:
            yield _change(number, name, f"COMMENT = {literal(new.comment)}", _NEVER)
        had = {index.name for index in old.indexes}
        for index in new.indexes:
            if index.name not in had:
                yield _statement(number, name, clauses.add_index(new, index), presence.index(name, index.name))

    def differences(self, table: Table) -> Sequence[str]:
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            mariadb = self._database.is_mariadb(connection)
            rows = fetch(connection, _COLUMNS, (table.name.schema, table.name.name))
        found = {name: rest for name, *rest in rows}
        told = [each for column in table.columns if (each := _differs(column, found.get(column.name), mariadb=mariadb))]
        wanted = {column.name for column in table.columns}
        told += [f"{name} is NOT NULL, and no row brings a value for it"
                 for name, (_, nullable, default) in found.items()
                 if name not in wanted and nullable == "NO" and not default]  # fmt: skip
        return told

    def altered(self, tables: Sequence[Table]) -> Sequence[TableName]:  # noqa: ARG002
        """The log tells of every one."""
        return ()


def _differs(column: Column, found: Sequence[object] | None, *, mariadb: bool) -> str:
    if found is None:
        return f"it has no column {column.name} {column.native}"
    if shown(str(found[0]), mariadb=mariadb) != shown(column.native, mariadb=mariadb):
        return f"{column.name} is {found[0]}, not {column.native}"
    return f"{column.name} is NOT NULL" if found[1] == "NO" and column.nullable else ""


def _change(number: int, table: TableName, clause: str, exists: str) -> Statement:
    return _statement(number, table, f"ALTER TABLE {qualified(table)} {clause}", exists)


def _statement(number: int, table: TableName, sql: str, exists: str) -> Statement:
    return Statement(
        phase="tables", kind="alteration", name=table, sql=sql, exists=exists, table=number, session=_BRIEFLY
    )


def _column(table: TableName, column: str) -> str:
    return (
        "select 1 from information_schema.columns where"
        f" table_schema = {literal(table.schema)} and table_name = {literal(table.name)}"
        f" and column_name = {literal(column)}"
    )


def _absent(query: str) -> str:
    return f"select 1 from dual where not exists ({query})"
