"""System-versioned tables of MariaDB: what is now arrives, by load and log; the history stays behind, and is counted."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.endpoints import connect
from landbridge.mapping import Resolved
from landbridge.plan import parse_plan
from landbridge.precheck import look
from tests.engines.sweep import CASES, Sweep
from tests.engines.test_kinds_sweep import pair  # noqa: F401
from tests.pair import ref
from tests.support import mysql_connection, rows, statements

NOW = {
    "hidden": [(1, 78, "alone", 4), (2, 21, "x WITHOUT SYSTEM VERSIONING", 3), (7, 30, None, 3)],
    "named": [(1, 78, None), (2, 21, None), (7, 30, None)],
    "keyless": [(1, "x"), (7, "z")],
    "hashed": [(1, "c" * 3000), (3, "a" * 3000)],
}
COLUMNS = {
    "hidden": "id, a, b, c",
    "named": "id, a, note",
    "keyless": "a, b",
    "hashed": "id, long_one",
}


@pytest.fixture
def metadata(request: pytest.FixtureRequest, mariadb11_server: Any) -> Iterator[None]:
    """What the log says of columns: the hidden ones have names in it, or have not."""
    with contextlib.closing(mysql_connection(mariadb11_server)) as connection:
        rows(connection, f"set global binlog_row_metadata = {request.param}")
        yield
        rows(connection, "set global binlog_row_metadata = FULL")


@pytest.mark.parametrize(
    ("target", "metadata"),
    [("mariadb11_server", "NO_LOG"), ("mysql_server", "FULL"), ("postgres_server", "NO_LOG")],
    indirect=["metadata"],
)
def test_what_is_now_arrives(pair: Callable[..., Sweep], target: str, metadata: None) -> None:  # noqa: F811
    sweep = pair("mariadb11_server", target)
    sweep.carry("history.mariadb.sql")
    sweep.verify()
    for table, columns in COLUMNS.items():
        place = f"public.{table}" if target.startswith("postgres") else table
        assert sorted(sweep.ask(f"select {columns} from {place}"), key=repr) == NOW[table], table
    if target == "mariadb11_server":
        assert len(sweep.ask("select * from hidden for system_time all")) > len(NOW["hidden"])


def test_an_older_server_takes_part(pair: Callable[..., Sweep]) -> None:  # noqa: F811
    """Its end of time is another one."""
    sweep = pair("mariadb_server", "mariadb11_server")
    sweep.carry("history.mariadb.sql")
    sweep.verify()
    assert sweep.ask("select id, a, note from named order by id") == NOW["named"]


@pytest.fixture
def resolved(
    mariadb11_server: Any, mysql_database: Callable[..., str], request: pytest.FixtureRequest
) -> Callable[..., tuple[Resolved, str, str]]:
    """`resolved("mysql_server", history="leave")`"""

    def make(target: str, **rule: str) -> tuple[Resolved, str, str]:
        server = request.getfixturevalue(target)
        source, there = mysql_database(mariadb11_server), mysql_database(server)
        with contextlib.closing(mysql_connection(mariadb11_server, source)) as connection:
            for statement in statements((CASES / "history.mariadb.sql").read_text().partition("\n-- later\n")[0]):
                rows(connection, statement)
        plan = parse_plan(
            {
                "name": "history",
                "source": ref("mariadb", mariadb11_server, source),
                "target": ref("mysql", server, there),
                "tables": [{"include": f"{source}.*", "to": f"{there}.*"} | rule],
            }
        )
        return look(plan, connect(plan.source), connect(plan.target)), source, there

    return make


HISTORY = {"hashed": 0, "hidden": 3, "keyless": 1, "named": 3}


def test_history_that_would_be_lost_stops_the_plan(resolved: Callable[..., Any]) -> None:
    found, *_ = resolved("mariadb11_server")
    told = {each.table.name: each.loss for each in found.losses if "history" in each.loss.what}
    assert {name: loss.what.partition(" ")[0] for name, loss in told.items()} == {k: str(n) for k, n in HISTORY.items()}
    assert {name for name, loss in told.items() if loss.blocking} == set(HISTORY) - {"hashed"}
    assert "history: leave" in told["named"].choices[0]
    assert [each.loss.blocking for each in resolved("mariadb11_server", history="leave")[0].losses] == [False] * 4


def test_a_server_without_it_says_that_none_will_be_kept(resolved: Callable[..., Any]) -> None:
    found, *_ = resolved("mysql_server")
    assert {each.table.name for each in found.blocking if "will keep none" in each.loss.what} == set(HISTORY)
    left, *_ = resolved("mysql_server", history="leave")
    assert left.blocking == ()
    (index,) = [each for each in left.items if each.name.endswith("by_time")]
    assert (index.status, index.reason) == ("not carried", "it is of the time of its rows")
