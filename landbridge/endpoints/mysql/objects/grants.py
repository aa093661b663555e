"""Who may do what in a schema, as GRANT statements: listed, so that nobody forgets them."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

import pymysql

from landbridge.endpoints.mysql.names import quote
from landbridge.model import SchemaObject, TableName

_ON_SCHEMAS = """
select s.schema_name, p.table_schema, null, null, p.grantee, p.privilege_type, p.is_grantable
from information_schema.schema_privileges p
join information_schema.schemata s on s.schema_name like p.table_schema
where s.schema_name in %s
"""
_ON_TABLES = """
select table_schema, table_schema, table_name, null, grantee, privilege_type, is_grantable
from information_schema.table_privileges where table_schema in %s
"""
_ON_COLUMNS = """
select table_schema, table_schema, table_name, column_name, grantee, privilege_type, is_grantable
from information_schema.column_privileges where table_schema in %s
"""
_ON_ROUTINES = """
select db, lower(routine_type), routine_name, concat(quote(user), '@', quote(host)), cast(proc_priv as char)
from mysql.procs_priv where db in %s
"""


def grants(connection: Any, schemas: Collection[str]) -> Iterator[SchemaObject]:
    """One for each account and place; what a login without rights on others does not see is not among them."""
    held: dict[tuple[str, str, str | None, str], list[str]] = defaultdict(list)
    options: dict[tuple[str, str, str | None, str], str] = {}
    for query in (_ON_SCHEMAS, _ON_TABLES, _ON_COLUMNS):
        for schema, pattern, table, column, grantee, right, grantable in _rows(connection, query, schemas):
            held[schema, pattern, table, grantee].append(f"{right} ({quote(column)})" if column else right)
            if grantable == "YES":
                options[schema, pattern, table, grantee] = " WITH GRANT OPTION"
    for place, rights in held.items():
        schema, pattern, table, grantee = place
        on = f"{quote(pattern)}.{quote(table) if table else '*'}"
        text = f"GRANT {', '.join(sorted(rights))} ON {on} TO {grantee}{options.get(place, '')}"
        yield _grant(schema, table, grantee, text)
    with suppress(pymysql.MySQLError):  # nothing but the server's own table tells of these
        for schema, kind, routine, grantee, right in _rows(connection, _ON_ROUTINES, schemas):
            on = f"{kind.upper()} {quote(schema)}.{quote(routine)}"
            rights = [each for each in right.upper().split(",") if each != "GRANT"]
            option = " WITH GRANT OPTION" if "GRANT" in right.upper().split(",") else ""
            given = ", ".join(rights) or "USAGE"
            yield _grant(schema, routine, grantee, f"GRANT {given} ON {on} TO {grantee}{option}")


def _grant(schema: str, parent: str | None, grantee: str, text: str) -> SchemaObject:
    on = TableName(schema=schema, name=parent) if parent else None
    return SchemaObject(kind="grant", name=TableName(schema=schema, name=grantee), parent=on, definition=(text,))


def _rows(connection: Any, sql: str, schemas: Collection[str]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, (tuple(schemas),))
        return list(cursor.fetchall())
