"""Sizes, use and statements of a server, from what it counts: performance_schema, where that is on."""

from collections.abc import Sequence
from typing import Any

import pymysql

from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.surveying import IndexUse, SeenStatement, Survey, TableUse
from landbridge.model import TableName

_MOST = 500

_TABLES = """
select table_schema, table_name, coalesce(data_length, 0), coalesce(index_length, 0)
from information_schema.tables where (table_schema, table_name) in %s order by 1, 2"""

_USE = """
select object_schema, object_name, count_read, count_insert, count_update, count_delete
from performance_schema.table_io_waits_summary_by_table
where object_type = 'TABLE' and (object_schema, object_name) in %s"""

_INDEXES = """
select i.object_schema, i.object_name, i.index_name, i.count_read
from performance_schema.table_io_waits_summary_by_index_usage i
where i.index_name is not null and i.index_name <> 'PRIMARY' and (i.object_schema, i.object_name) in %s
    and exists (select 1 from information_schema.statistics s where s.table_schema = i.object_schema
        and s.table_name = i.object_name and s.index_name = i.index_name and s.non_unique = 1)
order by 1, 2, 3"""

_STATEMENTS = """
select digest_text, schema_name, count_star, sum_timer_wait / 1e12
from performance_schema.events_statements_summary_by_digest
where schema_name in %s and digest_text is not null order by count_star desc limit {most}"""

_LISTS = ("( ... )", "(...)")
_REPEATED = "/* , ... */"
"""How a digest writes a list of values, and rows of them after the first."""

_Names = tuple[tuple[str, str], ...]


def take(connection: Any, names: Sequence[TableName]) -> Survey:
    variables: dict[str, str] = dict(fetch(connection, "show global variables"))
    since = float(fetch(connection, "show global status like 'Uptime'")[0][1])
    flavour = "" if "MariaDB" in variables["version"] else "MySQL "
    planned = tuple((name.schema, name.name) for name in names)
    sizes = fetch(connection, _TABLES, (planned,)) if planned else []
    unknown: list[str] = []
    counts, indexes, statements = None, None, None
    if variables.get("performance_schema") != "ON":
        unknown.append("statements, and what is unused: performance_schema is OFF")
    elif planned:
        try:
            counts, indexes = _counts(connection, planned), _indexes(connection, planned)
            statements = _statements(connection, sorted({name.schema for name in names}))
        except pymysql.err.OperationalError:
            unknown.append("statements, and what is unused: this login may not read performance_schema")
    return Survey(
        server=flavour + variables["version"],
        bytes=sum(int(row[2]) + int(row[3]) for row in sizes),
        since=since,
        tables=tuple(_use(row, (counts or {}).get((row[0], row[1])), counted=counts is not None) for row in sizes),
        indexes=indexes,
        statements=statements,
        unknown=tuple(unknown),
    )


def _counts(connection: Any, planned: _Names) -> dict[tuple[str, str], tuple[int, ...]]:
    return {(row[0], row[1]): tuple(map(int, row[2:])) for row in fetch(connection, _USE, (planned,))}


def _use(row: tuple[Any, ...], counts: tuple[int, ...] | None, *, counted: bool) -> TableUse:
    """A table that nobody has touched since the start has no row among the counts."""
    reads, inserts, updates, deletes = counts or ((0, 0, 0, 0) if counted else (None, None, None, None))
    return TableUse(
        name=TableName(schema=row[0], name=row[1]),
        bytes=int(row[2]),
        index_bytes=int(row[3]),
        reads=reads,
        inserts=inserts,
        updates=updates,
        deletes=deletes,
    )


def _indexes(connection: Any, planned: _Names) -> tuple[IndexUse, ...]:
    """Sizes of single indexes are known to administrators only."""
    return tuple(
        IndexUse(table=TableName(schema=row[0], name=row[1]), name=row[2], bytes=0, reads=int(row[3]))
        for row in fetch(connection, _INDEXES, (planned,))
    )


def _statements(connection: Any, schemas: Sequence[str]) -> tuple[SeenStatement, ...]:
    return tuple(
        SeenStatement(text=_written_out(row[0]), schemas=(row[1],), calls=int(row[2]), seconds=float(row[3]))
        for row in fetch(connection, _STATEMENTS.format(most=_MOST), (tuple(schemas),))
    )


def _written_out(digest: str) -> str:
    """As it could have been sent: a digest has words of its own for lists and for the units of intervals."""
    for form in _LISTS:
        digest = digest.replace(form, "(?, ?)")
    return digest.replace(_REPEATED, "").replace(", ...", ", ?").replace("SQL_TSI_", "")
