"""What a database holds, as its own catalog lists it, in the words of the inventory; no code of the product is used."""

from typing import Any

from tests.directions.compare import Side
from tests.support import rows

Object = tuple[str, str, str]
"""Kind, name, and the table it belongs to, or an empty text."""

_MYSQL = (
    (
        "SELECT 'table', CONCAT(table_schema, '.', table_name), '' FROM information_schema.tables"
        " WHERE table_schema = %s AND table_type = 'BASE TABLE'"
    ),
    "SELECT 'view', CONCAT(table_schema, '.', table_name), '' FROM information_schema.views WHERE table_schema = %s",
    (
        "SELECT 'column', c.column_name, CONCAT(table_schema, '.', c.table_name) FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name) WHERE table_schema = %s AND table_type = 'BASE TABLE'"
    ),
    (
        "SELECT DISTINCT IF(index_name = 'PRIMARY', 'primary key', IF(non_unique, 'index', 'unique')), index_name,"
        " CONCAT(table_schema, '.', table_name) FROM information_schema.statistics WHERE table_schema = %s"
    ),
    (
        "SELECT 'foreign key', constraint_name, CONCAT(constraint_schema, '.', table_name)"
        " FROM information_schema.referential_constraints WHERE constraint_schema = %s"
    ),
    (
        "SELECT 'trigger', CONCAT(trigger_schema, '.', trigger_name), CONCAT(event_object_schema, '.', event_object_table)"
        " FROM information_schema.triggers WHERE trigger_schema = %s"
    ),
    (
        "SELECT LOWER(routine_type), CONCAT(routine_schema, '.', routine_name), '' FROM information_schema.routines"
        " WHERE routine_schema = %s"
    ),
)
_POSTGRES = (
    (
        "SELECT CASE WHEN relispartition THEN 'partition' WHEN relkind IN ('r', 'p') THEN 'table' WHEN relkind = 'v' THEN 'view'"
        " WHEN relkind = 'm' THEN 'materialized view' ELSE 'sequence' END, nspname || '.' || relname,"
        " CASE WHEN relispartition THEN (SELECT nspname || '.' || relname FROM pg_class WHERE oid = inhparent) ELSE '' END"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_inherits ON inhrelid = c.oid"
        " WHERE nspname = %s AND relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS"
        " (SELECT FROM pg_depend d WHERE d.objid = c.oid AND relkind = 'S' AND deptype = 'i')"
    ),
    (
        "SELECT 'column', attname, nspname || '.' || relname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s AND relkind IN ('r', 'p') AND NOT relispartition"
        " AND attnum > 0 AND NOT attisdropped"
    ),
    (
        "SELECT CASE WHEN indisprimary THEN 'primary key' WHEN indisunique THEN 'unique' ELSE 'index' END, i.relname,"
        " nspname || '.' || c.relname FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_class c ON c.oid = indrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = %s AND c.relkind IN ('r', 'p')"
        " AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.oid)"
    ),
    (
        "SELECT CASE contype WHEN 'f' THEN 'foreign key' ELSE 'check' END, conname, nspname || '.' || relname"
        " FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = %s AND contype IN ('f', 'c') AND conparentid = 0"
    ),
    (
        "SELECT CASE typtype WHEN 'e' THEN 'enum' ELSE 'domain' END, nspname || '.' || typname, ''"
        " FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = %s AND typtype IN ('e', 'd')"
    ),
    (
        "SELECT CASE prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END,"
        " nspname || '.' || proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', ''"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = %s"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"
    ),
    (
        "SELECT 'trigger', nspname || '.' || tgname, nspname || '.' || relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
        " JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s AND NOT tgisinternal"
    ),
)


def objects(side: Side) -> set[Object]:
    found: set[Object] = set()
    if side.engine == "postgres":
        rows(side.connection, "SET search_path TO pg_catalog")
    for query in _MYSQL if side.engine == "mysql" else _POSTGRES:
        found |= {(kind, name, parent) for kind, name, parent in rows(side.connection, query, (side.schema,))}
    return found


def foreign_keys(side: Side) -> dict[str, tuple[Any, ...]]:
    """By the name of the table and the constraint: delete and update actions, as SQL says them; PostgreSQL: whether proven."""
    if side.engine == "mysql":
        sql = (
            "SELECT table_name, constraint_name, delete_rule, update_rule, 1 FROM information_schema.referential_constraints"
            " WHERE constraint_schema = %s"
        )
    else:
        words = " ".join(f"WHEN '{letter}' THEN '{word}'" for letter, word in _ACTIONS.items())
        sql = (
            f"SELECT relname, conname, CASE confdeltype {words} END, CASE confupdtype {words} END, convalidated::int"
            " FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_class c ON c.oid = conrelid"
            " WHERE contype = 'f' AND conparentid = 0 AND relnamespace ="
            " (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s)"
        )
    return {f"{table}.{name}": tuple(rest) for table, name, *rest in rows(side.connection, sql, (side.schema,))}


_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
