"""
Whatever is no table, as sql/objects_*.sql list it with the statements that make it. The same listings tell on the
target whether an object is there.
"""

from collections.abc import Collection, Mapping
from typing import Any

from landbridge.endpoints.postgres.names import literal, qualified
from landbridge.endpoints.postgres.queries import Row, text
from landbridge.model import TableName

_LISTINGS: Mapping[str, tuple[str, ...]] = {
    "objects_views": ("view", "materialized view", "index of a materialized view"),
    "objects_routines": ("function", "procedure", "aggregate"),
    "objects_triggers": ("trigger", "rule", "policy", "row level security"),
    "objects_types": (
        "composite type", "range type", "multirange type", "collation", "operator", "cast", "text search dictionary",
        "text search configuration",
    ),
    "objects_beside": ("extended statistics", "extension", "event trigger"),
    "objects_settings": ("storage parameters", "replica identity", "cluster mark"),
    "objects_rights": ("grant", "grant on columns", "owner", "default privileges"),
    "objects_comments": (),
}  # fmt: skip
_FILES = {kind: file for file, kinds in _LISTINGS.items() for kind in kinds}
_TOLD_TWICE = ("row level security", "multirange type")
_OF_ANOTHER = ("objects_settings", "objects_rights", "objects_comments")

_ELSEWHERE = "partition of a table elsewhere"

_READ = """
select
    o.kind, o.classid::oid::bigint as classid, o.oid::bigint as oid, o.schema, o.name,
    pn.nspname as parent_schema, pc.relname as parent_name,
    array(select e.statement from unnest(o.definition) e (statement) where e.statement is not null) as definition
from ({}) o
left join pg_class pc on pc.oid = o.parent
left join pg_namespace pn on pn.oid = pc.relnamespace
where (o.schema = any (%(schemas)s) or o.schema = '')
    and not exists (
        -- Neither what belongs to an extension nor what hangs on its tables.
        select from pg_depend d
        where d.deptype = 'e'
            and (d.classid = o.classid and d.objid = o.oid or d.classid = 'pg_class'::regclass and d.objid = o.parent)
    )
"""


def read(cursor: Any, schemas: Collection[str]) -> list[Row]:
    """
    Rows with kind, schema, name, parent_schema, parent_name, definition, classid and oid; the oids are 0 where the row
    only tells something about another object.
    """
    found: list[Row] = []
    for file in _LISTINGS:
        cursor.execute(_READ.format(text(file).replace("%", "%%")), {"schemas": list(schemas)})
        for row in cursor.fetchall():
            own = file not in _OF_ANOTHER and row["kind"] not in _TOLD_TWICE
            found.append(row if own else {**row, "classid": 0, "oid": 0})
    return [row for row in found if row["kind"] != _ELSEWHERE or row["parent_schema"] not in schemas]


def exists(kind: str, name: TableName, parent: TableName | None, statement: str | None = None) -> str:
    """A query for the object and, when given, for one of the statements that the server itself would make it with."""
    file = _FILES.get(kind, "objects_comments")
    conditions = [f"o.kind = {literal(kind)}", f"o.schema = {literal(name.schema)}", f"o.name = {literal(name.name)}"]
    if parent:
        conditions.append(f"o.parent = pg_catalog.to_regclass({literal(qualified(parent))})::pg_catalog.oid")
    if statement:
        conditions.append(f"{literal(statement)} = any (o.definition)")
    return f"select 1 from ({text(file)}) o where {' and '.join(conditions)}"


def settings(cursor: Any, relations: Collection[int]) -> list[Row]:
    """Rows of sql/settings.sql."""
    found = f'select * from ({text("settings")}) s where s."table" = any (%s) order by s."table", s.clause'
    cursor.execute(found, (list(relations),))
    return list(cursor.fetchall())


def has_setting(relation: TableName, clause: str) -> str:
    """A query for one setting of a table or partition."""
    return (
        f"select 1 from ({text('settings')}) s where s.schema = {literal(relation.schema)}"
        f" and s.name = {literal(relation.name)} and s.clause = {literal(clause)}"
    )
