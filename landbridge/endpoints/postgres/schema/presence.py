"""Queries that yield a row when an object is there. Exact: by the catalog, never by a name that a path may resolve."""

from landbridge.endpoints.postgres.names import literal
from landbridge.model import TableName

_CLASS = "pg_catalog.pg_class {0} join pg_catalog.pg_namespace {0}n on {0}n.oid = {0}.relnamespace"


def schema(name: str) -> str:
    return f"select 1 from pg_catalog.pg_namespace where nspname = {literal(name)}"


def relation(name: TableName, kinds: str) -> str:
    """kinds: the letters of pg_class.relkind that will do."""
    letters = ", ".join(map(literal, kinds))
    return f"select 1 from {_CLASS.format('c')} where {_named('c', name)} and c.relkind in ({letters})"


def type_(name: TableName) -> str:
    return (
        "select 1 from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace"
        f" where n.nspname = {literal(name.schema)} and t.typname = {literal(name.name)} and t.typtype in ('d', 'e')"
    )


def partition(root: TableName, name: TableName) -> str:
    return (
        f"select 1 from pg_catalog.pg_inherits i join {_CLASS.format('c')} on c.oid = i.inhrelid"
        f" join {_CLASS.format('r')} on r.oid = i.inhparent where {_named('c', name)} and {_named('r', root)}"
    )


def index(table: TableName, name: str) -> str:
    return (
        f"select 1 from pg_catalog.pg_index i join {_CLASS.format('c')} on c.oid = i.indrelid"
        f" join pg_catalog.pg_class x on x.oid = i.indexrelid"
        f" where {_named('c', table)} and x.relname = {literal(name)} and i.indisvalid"
    )


def constraint(table: TableName, name: str, *, proven: bool = False) -> str:
    return (
        f"select 1 from pg_catalog.pg_constraint k join {_CLASS.format('c')} on c.oid = k.conrelid"
        f" where {_named('c', table)} and k.conname = {literal(name)}" + (" and k.convalidated" if proven else "")
    )


def owner(sequence: TableName, table: TableName, column: str) -> str:
    return (
        f"select 1 from pg_catalog.pg_depend d join {_CLASS.format('s')} on s.oid = d.objid"
        f" join {_CLASS.format('c')} on c.oid = d.refobjid"
        " join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid"
        " where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype = 'a'"
        f" and {_named('s', sequence)} and {_named('c', table)} and a.attname = {literal(column)}"
    )


def comment(name: TableName, text: str | None) -> str:
    """On a table or an index; text None: any."""
    said = f"= {literal(text)}" if text is not None else "is not null"
    return (
        f"select 1 from {_CLASS.format('c')} where {_named('c', name)}"
        f" and pg_catalog.obj_description(c.oid, 'pg_class') {said}"
    )


def column_comment(table: TableName, column: str, text: str) -> str:
    return (
        f"select 1 from {_CLASS.format('c')} join pg_catalog.pg_attribute a on a.attrelid = c.oid"
        f" where {_named('c', table)} and a.attname = {literal(column)}"
        f" and pg_catalog.col_description(c.oid, a.attnum) = {literal(text)}"
    )


def constraint_comment(table: TableName, name: str, text: str) -> str:
    return f"{constraint(table, name)} and pg_catalog.obj_description(k.oid, 'pg_constraint') = {literal(text)}"


def type_comment(name: TableName, text: str) -> str:
    return f"{type_(name)} and pg_catalog.obj_description(t.oid, 'pg_type') = {literal(text)}"


def populated(view: TableName) -> str:
    return f"{relation(view, 'm')} and c.relispopulated"


def has_comment(name: TableName) -> str:
    """A type any comment."""
    return f"{type_(name)} and pg_catalog.obj_description(t.oid, 'pg_type') is not null"


def domain_constraint(domain: TableName, name: str) -> str:
    return (
        "select 1 from pg_catalog.pg_constraint k join pg_catalog.pg_type t on t.oid = k.contypid"
        " join pg_catalog.pg_namespace n on n.oid = t.typnamespace"
        f" where n.nspname = {literal(domain.schema)} and t.typname = {literal(domain.name)}"
        f" and k.conname = {literal(name)}"
    )


def column_change(table: TableName, column: str, change: str) -> str:
    """change: SET DEFAULT with its expression as the server prints it, DROP DEFAULT, SET NOT NULL or DROP NOT NULL."""
    expression = literal(change.removeprefix("SET DEFAULT ")) if change.startswith("SET DEFAULT ") else "null"
    states = {"SET NOT NULL": "a.attnotnull", "DROP NOT NULL": "not a.attnotnull"}
    printed = "pg_catalog.pg_get_expr(d.adbin, d.adrelid)"
    state = states.get(change, f"{printed} is not distinct from {expression}")
    return (
        f"select 1 from {_CLASS.format('c')} join pg_catalog.pg_attribute a on a.attrelid = c.oid"
        " left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum"
        f" where {_named('c', table)} and a.attname = {literal(column)} and {state}"
    )


def _named(alias: str, name: TableName) -> str:
    return f"{alias}n.nspname = {literal(name.schema)} and {alias}.relname = {literal(name.name)}"
