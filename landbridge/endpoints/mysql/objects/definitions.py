"""
The texts of views, triggers, routines and events, as the server prints them, with the session each was written in and
what each needs. A text that this login may not read is left out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pymysql
from pymysql.constants import ER
from pymysql.cursors import DictCursor

from landbridge.endpoints.mysql.log.statements import Token, tokens
from landbridge.endpoints.mysql.names import qualified
from landbridge.model import SchemaObject, TableName

SETTINGS = ("sql_mode", "time_zone", "character_set_client", "collation_connection")
"""What an object keeps of the session that made it; later ones must be set after the earlier."""

DATABASE_COLLATION = "collation_database"
"""What texts without a character set of their own are in; of a database, not of a session, and kept all the same."""

PROGRAMS = ("function", "procedure", "package", "package body", "trigger", "event", "library")
INVALID_VIEW = "invalid view"

_EVENT_DOES_NOT_EXIST = 1539
_UNREADABLE = {
    ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, ER.PROCACCESS_DENIED_ERROR,
    ER.SPECIFIC_ACCESS_DENIED_ERROR, ER.SP_DOES_NOT_EXIST, ER.TRG_DOES_NOT_EXIST, _EVENT_DOES_NOT_EXIST,
}  # fmt: skip
_INVALID = {ER.VIEW_INVALID, ER.NO_SUCH_USER, ER.SP_DOES_NOT_EXIST, ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR}

_ORDER = """
select trigger_schema, event_object_table, action_timing, event_manipulation, trigger_name
from information_schema.triggers
where trigger_schema in %(schemas)s
order by trigger_schema, event_object_table, action_timing, event_manipulation, action_order
"""
_RELATIONS = "select table_schema, table_name from information_schema.tables where table_schema not in %(system)s"
_FUNCTIONS = """
select routine_schema, routine_name from information_schema.routines
where routine_type = 'FUNCTION' and routine_schema not in %(system)s
"""
_LIBRARIES = """
select library_schema, library_name from information_schema.libraries where library_schema in %(schemas)s
order by library_schema, library_name
"""
_SYSTEM = ("mysql", "sys", "performance_schema", "information_schema")


def complete(connection: Any, listed: Iterable[SchemaObject], schemas: Collection[str]) -> Iterator[SchemaObject]:
    """The objects with their texts, sessions and needs; those of other kinds as they are."""
    _rows(connection, "use information_schema")  # names of the current database would be printed without it
    earlier = _earlier_triggers(connection, schemas)
    relations = {TableName(schema=row[0], name=row[1]) for row in _rows(connection, _RELATIONS, system=_SYSTEM)}
    functions = {TableName(schema=row[0], name=row[1]) for row in _rows(connection, _FUNCTIONS, system=_SYSTEM)}
    for found in (*listed, *_libraries(connection, schemas)):
        if found.kind == "view":
            yield _view(connection, found, relations, functions)
        elif found.kind in PROGRAMS:
            needs = (*((found.parent,) if found.parent else ()), *earlier.get(found.name, ()))
            yield replace(_described(connection, found), needs=needs if found.kind == "trigger" else ())
        else:
            yield found


def _libraries(connection: Any, schemas: Collection[str]) -> Iterator[SchemaObject]:
    """Of MySQL 9.2 and newer; other servers have no such list."""
    try:
        rows = _rows(connection, _LIBRARIES, schemas=tuple(schemas))
    except pymysql.MySQLError as error:
        if error.args[0] == ER.UNKNOWN_TABLE:
            return
        raise
    for schema, name in rows:
        yield SchemaObject(kind="library", name=TableName(schema=schema, name=name))


def _rows(connection: Any, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall())


def _earlier_triggers(connection: Any, schemas: Collection[str]) -> Mapping[TableName, tuple[TableName, ...]]:
    """For each trigger the one that fires just before it."""
    before: dict[TableName, tuple[TableName, ...]] = {}
    last: dict[tuple[str, ...], TableName] = {}
    for schema, table, timing, event, name in _rows(connection, _ORDER, schemas=tuple(schemas)):
        trigger = TableName(schema=schema, name=name)
        if earlier := last.get((schema, table, timing, event)):
            before[trigger] = (earlier,)
        last[schema, table, timing, event] = trigger
    return before


def _described(connection: Any, found: SchemaObject) -> SchemaObject:
    """Without a text where the server shows none, or one that is no UTF-8 (a string of bytes in it, say)."""
    try:
        shown = _show_create(connection, found)
    except pymysql.MySQLError as error:
        if error.args[0] in _UNREADABLE:
            return found
        raise
    try:
        row = {name: value.decode() for name, value in shown.items() if isinstance(value, bytes)}
    except UnicodeDecodeError:
        return found
    text = [value for name, value in row.items() if name.startswith(("Create ", "SQL Original"))]
    settings = {name: row[name] for name in SETTINGS if name in row}
    if "Database Collation" in row:
        settings[DATABASE_COLLATION] = row["Database Collation"]
    session = tuple(f"set session {name} = '{value}'" for name, value in settings.items())
    return replace(found, definition=tuple(text), session=session) if text else found


def _show_create(connection: Any, found: SchemaObject) -> Mapping[str, Any]:
    """Texts as bytes: the driver would give up in the middle of a row that is no UTF-8."""
    connection.use_unicode = False
    try:
        with connection.cursor(DictCursor) as cursor:
            cursor.execute(f"show create {found.kind} {qualified(found.name)}")
            row: Mapping[str, Any] = cursor.fetchone()
            return row
    finally:
        connection.use_unicode = True


def _view(
    connection: Any, found: SchemaObject, relations: Collection[TableName], functions: Collection[TableName]
) -> SchemaObject:
    described = _described(connection, found)
    if _is_invalid(connection, found.name):
        return replace(found, kind=INVALID_VIEW)
    named = _named(list(tokens(" ".join(described.definition), 0)), found.name, relations, functions)
    return replace(described, needs=tuple(sorted(set(named) - {found.name})))


def _is_invalid(connection: Any, name: TableName) -> bool:
    """
    Whether what it names is gone; of a view that this login may not read that is not known. Preparing opens the view
    and runs nothing of it.
    """
    try:
        _rows(connection, "prepare landbridge_view from %(query)s", query=f"select 1 from {qualified(name)}")
        _rows(connection, "deallocate prepare landbridge_view")
    except pymysql.MySQLError as error:
        return error.args[0] in _INVALID
    return False


def _named(
    text: list[Token], view: TableName, relations: Collection[TableName], functions: Collection[TableName]
) -> Iterator[TableName]:
    """
    The relations and functions that a view's text names. The server prints every schema but that of functions called
    without one.
    """
    end = Token("other", "")
    padded = [end, *text, end, end, end]
    for place, token in enumerate(text, start=1):
        before, (dot, second, after) = padded[place - 1], padded[place + 1 : place + 4]
        if token.kind != "name" or before.text == ".":
            continue
        pair = TableName(schema=token.text, name=second.text)
        if dot.text == "." and (pair in relations or (pair in functions and after.text == "(")):
            yield pair
        elif dot.text == "(" and TableName(schema=view.schema, name=token.text) in functions:
            yield TableName(schema=view.schema, name=token.text)
