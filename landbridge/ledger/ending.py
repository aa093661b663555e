"""The end of a migration: what the ledger says of it as plain data, and its lines removed."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from landbridge.ledger import layout as t

_OF_RUNS = tuple(table for table in t.metadata.sorted_tables if "run" in table.c)


def runs_of_plan(connection: sa.Connection, plan_name: str) -> list[str]:
    """All there ever were, prepared ones too, the oldest first."""
    if not sa.inspect(connection).has_table("ledger", schema=t.SCHEMA):
        return []
    query = sa.select(t.runs.c.run).where(t.runs.c.plan_name == plan_name).order_by(t.runs.c.created)
    return list(connection.execute(query).scalars())


def everything(connection: sa.Connection, runs: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """By table: all that is known of these runs."""
    return {
        table.name: [dict(row._mapping) for row in connection.execute(sa.select(table).where(table.c.run.in_(runs)))]
        for table in _OF_RUNS
    }


def remove_runs(connection: sa.Connection, runs: Collection[str]) -> None:
    for table in reversed(_OF_RUNS):
        connection.execute(table.delete().where(table.c.run.in_(runs)))


def forget_runs(connection: sa.Connection, runs: Collection[str]) -> bool:
    """Whether nothing of other runs is left, so that the tables could be removed; the schema, too, if it is empty."""
    remove_runs(connection, runs)
    if connection.execute(sa.select(t.runs.c.run).limit(1)).first() is not None:
        return False
    t.metadata.drop_all(connection)
    if not sa.inspect(connection).get_table_names(schema=t.SCHEMA):
        connection.execute(sa.schema.DropSchema(t.SCHEMA))
    return True
