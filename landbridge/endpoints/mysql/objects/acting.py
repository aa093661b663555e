"""Triggers and events that are to be taken away for a while and made again: their texts, or why that would not do."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from landbridge.endpoints.abc import Carried
from landbridge.endpoints.acting import Acting
from landbridge.endpoints.mysql import FAMILY
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.objects.accepts import settings_of
from landbridge.endpoints.mysql.objects.carrier import Carrier
from landbridge.endpoints.mysql.objects.definitions import DATABASE_COLLATION, complete
from landbridge.model import SchemaObject, TableName

_BRIEFLY = "set session lock_wait_timeout = 5"
"""A transaction that only reads the table holds a lock that stands before the drop, and all others behind it."""

_TRIGGERS = """
select trigger_schema, trigger_name, event_object_schema, event_object_table from information_schema.triggers
where (event_object_schema, event_object_table) in %s"""
_EVENTS = "select event_schema, event_name from information_schema.events where event_schema in %s"


class Actor:
    """Implements acting.Acts: what the server has is asked as for another server of the family, under its own names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acting(self, tables: Collection[TableName]) -> Acting:
        schemas = {table.schema for table in tables}
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            found = list(_listed(connection, tables, schemas))
            described = [each for each in complete(connection, found, schemas) if each.kind in ("trigger", "event")]
        if not described:
            return Acting()
        carried = Carrier(self._database).carry(described, FAMILY, {table: table for table in tables})
        made = [one for each in carried for one in each.statements if one.undo]
        return Acting(
            statements=tuple(replace(one, session=(_BRIEFLY, *one.session)) for one in made),
            lasting=tuple(f"{each.source.kind} {each.name}: {why}" for each in carried if (why := _differs(each))),
        )


def _listed(connection: Any, tables: Collection[TableName], schemas: Collection[str]) -> Iterator[SchemaObject]:
    for schema, name, *parent in fetch(connection, _TRIGGERS, (tuple((t.schema, t.name) for t in tables),)):
        table = TableName(schema=parent[0], name=parent[1])
        yield SchemaObject(kind="trigger", name=TableName(schema=schema, name=name), parent=table)
    for schema, name in fetch(connection, _EVENTS, (tuple(schemas),)):
        yield SchemaObject(kind="event", name=TableName(schema=schema, name=name))


def _differs(made: Carried) -> str:
    """Why it would not be what it was."""
    reason = made.reason.replace("the target", "this server")
    if not made.statements:
        return reason
    statement, session = made.statements[-1], settings_of(made.source.session)
    kept = settings_of(statement.session)
    session.pop(DATABASE_COLLATION, None)
    if statement.sql != made.source.definition[-1] or session != kept:
        return reason or "its text or its session would be another one"
    return ""
