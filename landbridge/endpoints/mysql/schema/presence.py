"""
Queries that yield a row when an object is there. information_schema compares names without case on some servers, so
bytes are compared too, but where the server itself folds the names of tables.
"""

from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.model import TableName


def schema(name: str) -> str:
    return f"select 1 from information_schema.schemata where {_is('schema_name', name)}"


def relation(name: TableName, *kinds: str) -> str:
    """kinds: a table of either sort unless they say otherwise."""
    listed = ", ".join(map(literal, kinds or ("BASE TABLE", "SYSTEM VERSIONED")))
    return f"select 1 from information_schema.tables where {_in('table', name)} and table_type in ({listed})"


def index(table: TableName, name: str) -> str:
    return (
        f"select 1 from information_schema.statistics where {_in('table', table)}"
        f" and index_name = {literal(name)} and seq_in_index = 1"
    )


def hidden_index(table: TableName, name: str, *, ignored: bool) -> str:
    """ignored: in MariaDB's words, else in MySQL's."""
    hidden = "ignored = 'YES'" if ignored else "is_visible = 'NO'"
    return f"{index(table, name)} and {hidden}"


def unenforced_check(table: TableName, name: str) -> str:
    return (
        f"select 1 from information_schema.table_constraints where {_in('table', table)}"
        f" and constraint_name = {literal(name)} and constraint_type = 'CHECK' and enforced = 'NO'"
    )


def foreign_key(table: TableName, name: str) -> str:
    return (
        f"select 1 from information_schema.table_constraints where {_in('table', table)}"
        f" and constraint_name = {literal(name)} and constraint_type = 'FOREIGN KEY'"
    )


def _in(what: str, name: TableName) -> str:
    return f"{_is(f'{what}_schema', name.schema)} and {_is(f'{what}_name', name.name)}"


def _is(column: str, name: str) -> str:
    exact = f"(@@lower_case_table_names <> 0 or binary {column} = binary {literal(name)})"
    return f"{column} = {literal(name)} and {exact}"
