"""Sizes, use and statements of a database, from what its server counts."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from landbridge.endpoints.postgres.names import quote
from landbridge.endpoints.surveying import IndexUse, SeenStatement, Survey, TableUse
from landbridge.model import TableName

_MOST = 500
_CATALOG = (
    r"\mpg_(class|namespace|type|index|indexes|constraint|attribute|depend|description|proc|inherits|sequence|settings"
    r"|trigger|rewrite|enum|collation|extension|tables|roles|database|stat_\w+)\M|\minformation_schema\M"
)
"""Tables of the catalog: who asks there is a tool, not the application."""

_GAP = re.compile(r"\$\d+")

_SERVER = """
select 'PostgreSQL ' || current_setting('server_version') as server,
    pg_catalog.pg_database_size(current_database()) as bytes,
    extract(epoch from now() - coalesce(s.stats_reset, pg_catalog.pg_postmaster_start_time()))::float8 as since
from pg_catalog.pg_stat_database s where s.datname = current_database()"""

_TABLES = """
with recursive part as (
    select c.oid as root, c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where (n.nspname, c.relname) in %(names)s
    union all
    select part.root, h.inhrelid from part join pg_catalog.pg_inherits h on h.inhparent = part.oid
    join pg_catalog.pg_class p on p.oid = h.inhparent and p.relkind = 'p'
)
select n.nspname::text as schema, c.relname::text as name,
    coalesce(sum(pg_catalog.pg_table_size(part.oid)), 0)::bigint as bytes,
    coalesce(sum(pg_catalog.pg_indexes_size(part.oid)), 0)::bigint as index_bytes,
    sum(coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0))::bigint as reads,
    sum(s.n_tup_ins)::bigint as inserts, sum(s.n_tup_upd)::bigint as updates, sum(s.n_tup_del)::bigint as deletes
from part join pg_catalog.pg_class c on c.oid = part.root join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables s on s.relid = part.oid
group by 1, 2 order by 1, 2"""

_INDEXES = """
select s.schemaname::text as schema, s.relname::text as table, s.indexrelname::text as name,
    pg_catalog.pg_relation_size(s.indexrelid) as bytes, s.idx_scan as reads
from pg_catalog.pg_stat_user_indexes s join pg_catalog.pg_index i on i.indexrelid = s.indexrelid
where not i.indisunique and (s.schemaname, s.relname) in %(names)s order by 1, 2, 3"""

_EXTENSION = """
select n.nspname::text as schema, exists (
    select from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
    where c.relname = 'pg_stat_statements' and c.relnamespace = n.oid and a.attname = 'total_exec_time'
) as usable
from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname = 'pg_stat_statements'"""

_LOADED = "select from pg_catalog.pg_settings where name = 'pg_stat_statements.max'"

_STATEMENTS = """
select query, sum(calls)::bigint as calls, (sum(total_exec_time) / 1000)::float8 as seconds
from {place}.pg_stat_statements
where dbid = (select oid from pg_catalog.pg_database where datname = current_database())
    and query !~* %(own)s
group by query order by calls desc limit {most}"""


def take(cursor: Any, names: Sequence[TableName]) -> Survey:
    cursor.execute(_SERVER)
    about = cursor.fetchone()
    planned = {"names": tuple((name.schema, name.name) for name in names)}
    statements = _statements(cursor, names)
    return Survey(
        server=about["server"],
        bytes=about["bytes"],
        since=about["since"],
        tables=tuple(_use(row) for row in _rows(cursor, _TABLES, planned)) if names else (),
        indexes=tuple(_index(row) for row in _rows(cursor, _INDEXES, planned)) if names else (),
        statements=statements,
        unknown=tuple(_unknown(cursor, statements)),
    )


def _unknown(cursor: Any, statements: tuple[SeenStatement, ...] | None) -> Iterator[str]:
    if statements is None:
        yield "statements: pg_stat_statements is not there, or not loaded"
        return
    cursor.execute("select pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') as allowed")
    if not cursor.fetchone()["allowed"]:
        yield "statements of other logins: this one is no member of pg_read_all_stats"


def _rows(cursor: Any, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    cursor.execute(sql, parameters)
    return list(cursor.fetchall())


def _use(row: dict[str, Any]) -> TableUse:
    counted = {name: row[name] for name in ("bytes", "index_bytes", "reads", "inserts", "updates", "deletes")}
    return TableUse(name=TableName(schema=row["schema"], name=row["name"]), **counted)


def _index(row: dict[str, Any]) -> IndexUse:
    table = TableName(schema=row["schema"], name=row["table"])
    return IndexUse(table=table, name=row["name"], bytes=row["bytes"], reads=row["reads"])


def _statements(cursor: Any, names: Sequence[TableName]) -> tuple[SeenStatement, ...] | None:
    """The most frequent ones. None where the extension is missing or its library is not loaded."""
    cursor.execute(_EXTENSION)
    extension = cursor.fetchone()
    cursor.execute(_LOADED)
    if extension is None or not extension["usable"] or cursor.fetchone() is None:
        return None
    cursor.execute(_STATEMENTS.format(place=quote(extension["schema"]), most=_MOST), {"own": _CATALOG})
    schemas = tuple(sorted({name.schema for name in names}, key=lambda schema: (schema != "public", schema)))
    return tuple(
        SeenStatement(text=_GAP.sub("?", row["query"]), schemas=schemas, calls=row["calls"], seconds=row["seconds"])
        for row in cursor.fetchall()
        if row["query"] and row["query"] != "<insufficient privilege>"
    )
