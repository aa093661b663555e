"""Whether what acts by itself, a trigger and its function, is already there, and what takes it away."""

from landbridge.endpoints.postgres.names import literal, qualified, quote
from landbridge.model import TableName


def function(name: TableName) -> str:
    return (
        "select 1 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace"
        f" where n.nspname = {literal(name.schema)} and p.proname = {literal(name.name)}"
    )


def trigger(table: TableName, name: str) -> str:
    return (
        "select 1 from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid"
        " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        f" where n.nspname = {literal(table.schema)} and c.relname = {literal(table.name)}"
        f" and t.tgname = {literal(name)}"
    )


def drop_trigger(table: TableName, name: str) -> str:
    return f"DROP TRIGGER {quote(name)} ON {qualified(table)}"
