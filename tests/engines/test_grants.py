"""Rights by the plan's option: repeated for accounts that the target has, listed for others."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.mysql import server as mysql
from landbridge.plan import parse_plan
from landbridge.precheck import look
from landbridge.schema import build, statements
from tests.pair import ref
from tests.support import mysql_connection, rows

PAIRS = {
    "mariadb to mariadb": ("mariadb_server", "mariadb11_server"),
    "mysql to mysql": ("mysql_server", "mysql_server"),
    "mariadb to mysql": ("mariadb_server", "mysql_server"),
}
ACCOUNTS = ("'granted'@'%'", "'granted_ro'@'localhost'")
Pair = tuple[mysql.Server, str, mysql.Server, str]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Pair]:
    source, target = (request.getfixturevalue(name) for name in PAIRS[request.param])
    found = source, mysql_database(source), target, mysql_database(target)
    for server in (source, target):
        for account in ACCOUNTS:
            ask(server, f"CREATE USER IF NOT EXISTS {account}")
        ask(server, "CREATE ROLE IF NOT EXISTS granted_role")
    ask(source, "CREATE USER IF NOT EXISTS 'stranger'@'%'")
    yield found
    for server in (source, target):
        ask(server, f"DROP USER IF EXISTS {', '.join(ACCOUNTS)}, 'stranger'@'%'")
        ask(server, "DROP ROLE IF EXISTS granted_role")


def ask(server: mysql.Server, *sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(mysql_connection(server)) as connection:
        return [rows(connection, each) for each in sql][-1]


def held(server: mysql.Server, schema: str) -> list[tuple[str, ...]]:
    """All rights of the accounts here: a role as if it had no host, who may give them on said by the last."""
    found = []
    for view, columns in (
        ("schema", "''"),
        ("table", "table_name"),
        ("column", "concat(table_name, '.', column_name)"),
    ):
        listed = f"SELECT grantee, table_schema, {columns}, privilege_type, is_grantable FROM information_schema."
        for grantee, place, *rest in ask(server, f"{listed}{view}_privileges WHERE grantee LIKE '%granted%'"):
            if place.replace("\\", "") == schema:
                found.append((grantee.removesuffix("@''").replace("role'@'%'", "role'"), *rest))
    return sorted(found)


def test_rights_are_repeated_for_accounts_that_are_there(pair: Pair) -> None:
    source, name, target, database = pair
    ask(
        source,
        f"CREATE TABLE `{name}`.t (id INT PRIMARY KEY, v INT)",
        f"CREATE PROCEDURE `{name}`.p() SELECT 1",
        f"GRANT SELECT, CREATE VIEW ON `{name}`.* TO 'granted'@'%' WITH GRANT OPTION",
        f"GRANT INSERT, UPDATE (v), SELECT (id, v) ON `{name}`.t TO 'granted_ro'@'localhost'",
        f"GRANT EXECUTE ON PROCEDURE `{name}`.p TO 'granted_ro'@'localhost' WITH GRANT OPTION",
        f"GRANT DELETE ON `{name}`.t TO granted_role",
        f"GRANT DELETE ON `{name}`.t TO 'stranger'@'%'",
    )
    given = 5 if source is target else 4
    for option in (False, True):
        plan = parse_plan(
            {"name": "rights", "source": ref("mysql", source, name), "target": ref("mysql", target, database),
             "tables": [{"include": f"{name}.*", "to": f"{database}.*"}], "grants": option}
        )  # fmt: skip
        endpoint = connect(plan.target)
        resolved = look(plan, connect(plan.source), endpoint)
        grants = [each for each in resolved.objects if each.source.kind == "grant"]
        assert len(grants) == 5
        assert sum(bool(each.statements) for each in grants) == (given if option else 0)
    strange = [each.reason.startswith("the target has no account stranger@%") for each in grants]
    assert strange.count(True) == 5 - given
    blueprint = ledger.Blueprint(
        tables=resolved.tables, sequences=resolved.sequences, types=resolved.types, objects=resolved.objects
    )
    todo = statements(endpoint, blueprint)
    assert build(endpoint, "none", todo, ("tables",)) >= 1
    assert build(endpoint, "none", todo, ("objects",)) == given + 1
    assert held(target, database) == held(source, name)
    assert len(held(source, name)) == 7
    routine = (
        "SELECT user, host, routine_name, proc_priv FROM mysql.procs_priv WHERE db = '{}' AND user LIKE 'granted%'"
    )
    assert ask(target, routine.format(database)) == ask(source, routine.format(name)) != []
    assert build(endpoint, "none", todo, ("objects",)) == 0
