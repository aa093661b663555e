"""One of each object, in every direction, before anything moves: what the source's own catalog lists is in the inventory."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints import connect
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look
from tests.directions import catalog
from tests.directions.compare import Side
from tests.pair import ref
from tests.support import mysql_connection, postgres_connection, psql, rows, statements

HERE = Path(__file__).parent
BESIDE = {
    "mysql": (
        "SELECT 'event', CONCAT(event_schema, '.', event_name), '' FROM information_schema.events WHERE event_schema = %s",
        (
            "SELECT 'check', t.constraint_name, CONCAT(t.table_schema, '.', t.table_name) FROM information_schema.table_constraints t"
            " JOIN information_schema.check_constraints c USING (constraint_schema, constraint_name)"
            " WHERE t.table_schema = %s AND constraint_type = 'CHECK' AND check_clause NOT LIKE '%%json_valid%%' {enforced}"
        ),
    ),
    "postgres": (
        "SELECT 'policy', %s || '.' || polname, 'public.' || relname FROM pg_policy JOIN pg_class c ON c.oid = polrelid",
        "SELECT 'rule', schemaname || '.' || rulename, schemaname || '.' || tablename FROM pg_rules WHERE schemaname = %s",
        (
            "SELECT 'statistics', nspname || '.' || stxname, nspname || '.' || relname FROM pg_statistic_ext JOIN pg_class c"
            " ON c.oid = stxrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s"
        ),
        "SELECT 'collation', %s || '.' || collname, '' FROM pg_collation WHERE collnamespace = 'public'::regnamespace",
        (
            "SELECT 'event trigger', evtname, '' FROM pg_event_trigger WHERE %s <> ''"
            " UNION SELECT 'extension', extname, '' FROM pg_extension WHERE extname <> 'plpgsql'"
        ),
    ),
}
"""What tests/directions/catalog.py leaves out."""
_EXACT = ("table", "column", "view", "unique", "enum", "domain", "sequence", "procedure", "aggregate", "event")
"""Kinds that the inventory calls the same. What is unproven, of a partition or inherited has a kind or place of its own."""

DIRECTIONS = [
    ("mariadb11_server", "postgres_server"), ("mysql_server", "mariadb11_server"), ("postgres_server", "mysql_server"),
    ("postgres_server", "postgres_target_server"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_each_object_has_a_row(
    source: str,
    target: str,
    request: pytest.FixtureRequest,
    mysql_database: Callable[..., str],
    postgres_database: Callable[..., str],
) -> None:
    def end(name: str) -> tuple[str, Any, str]:
        server = request.getfixturevalue(name)
        if name.startswith("postgres"):
            return "postgres", server, postgres_database(server)
        return "mysql", server, mysql_database(server)

    (engine, server, database), there = end(source), end(target)
    connection = postgres_connection(server, database) if engine == "postgres" else mysql_connection(server, database)
    with closing(connection):
        if engine == "postgres":
            psql(server, database, (HERE / "every_object.sql").read_text(encoding="utf-8"))
            schemas = ["public", "other"]
        else:
            _fill(connection, source)
            schemas = [database]
        wanted = {
            each for schema in schemas for each in _listed(engine, connection, schema, mysql=source == "mysql_server")
        }
    resolved = look(
        _plan(schemas, (engine, server, database), there), *map(connect, _refs(engine, server, database, there))
    )
    found = {(item.kind, item.name, item.parent): item for item in resolved.items}
    named = {_bare(name) for kind, name, _ in found if kind != "column"}
    silent = {each for each in wanted - found.keys() if each[0] in _EXACT or _bare(each[1]) not in named}
    assert sorted(each for each in silent if _bare(each[1]) not in ("span", "spans")) == []  # come with their type
    assert [key for key, item in found.items() if item.status == "not carried" and not item.reason] == []
    counts = Counter(kind for kind, *_ in wanted)
    assert len(wanted) > 100, counts
    assert len(counts) > 8, counts


def _bare(name: str) -> str:
    return name.partition("(")[0].rpartition(".")[2]


def _fill(connection: Any, source: str) -> None:
    own = "table_park.mysql.sql" if source == "mysql_server" else "table_park.mariadb.sql"
    rows(connection, "set sql_mode = 'NO_ENGINE_SUBSTITUTION'")
    for script in ("table_park.sql", own, "every_object.mysql.sql"):
        for statement in statements((HERE / script).read_text(encoding="utf-8")):
            rows(connection, statement)


def _listed(engine: Any, connection: Any, schema: str, *, mysql: bool) -> set[catalog.Object]:
    wanted = catalog.objects(Side(engine=engine, connection=connection, schema=schema))
    for query in BESIDE[engine]:
        asked = query.replace("{enforced}", "AND enforced = 'YES'" if mysql else "")
        wanted |= {(kind, name, parent) for kind, name, parent in rows(connection, asked, (schema,))}
    return {("invalid view" if name.endswith(".broken") else kind, name, parent) for kind, name, parent in wanted}


def _refs(engine: str, server: Any, database: str, there: tuple[str, Any, str]) -> Any:
    plan = _plan([database], (engine, server, database), there)
    return plan.source, plan.target


def _plan(schemas: list[str], here: tuple[str, Any, str], there: tuple[str, Any, str]) -> Plan:
    to = {} if there[0] == here[0] == "postgres" else {"to": "public.*" if there[0] == "postgres" else f"{there[2]}.*"}
    return parse_plan(
        {
            "name": "census",
            "source": ref(*here),
            "target": ref(*there),
            "tables": [{"include": f"{schema}.*"} | to for schema in schemas],
        }
    )
