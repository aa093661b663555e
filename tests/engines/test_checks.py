"""Prechecks of MySQL and MariaDB, as wrong as servers can be, and what their mends do; and docs/checks.md."""

import ast
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.mysql import checks, rights
from landbridge.endpoints.mysql.catalog import Describer
from landbridge.endpoints.mysql.checks import Checker
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.freeze import Freezer
from landbridge.endpoints.mysql.rights import Facts, Grants
from landbridge.errors import Terminal
from landbridge.model import Key, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.engines.checking import assert_unreachable, levels, maps
from tests.support import mysql_connection, rows

ROOT = Path(__file__).parents[2]
MYSQLS = ["mariadb_server", "mariadb11_server", "mysql_server"]


# --- every key is documented ------------------------------------------------------------------------------------------


def keys_used() -> set[str]:
    """What is given as the name to every call that makes a finding."""
    used = set()
    for path in (ROOT / "landbridge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = getattr(node.func, "id", "")
            if function in ("refuse", "warn", "report", "_missing", "_refused"):
                used |= constants(node.args[1 if function == "_missing" else 0])
            if function == "Finding":
                used |= constants(next(word.value for word in node.keywords if word.arg == "name"))
    return used


def constants(node: ast.expr) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_every_check_is_documented() -> None:
    used = keys_used() | {key for group in rights._WORK.values() for key in group}
    used |= {name for group in checks._SETTINGS.values() for _, name, _, _ in group}
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert {key for key in used if re.fullmatch(r"[a-z]+(-[a-z]+)*", key)} == set(documented)


# --- MySQL and MariaDB ------------------------------------------------------------------------------------------------


def mysql_ref(server: Any, user: str = "root", **fields: Any) -> EndpointRef:
    return EndpointRef(engine="mysql", host=server.host, port=server.port, user=user, **fields)


def mysql_tables(server: Any, name: str) -> list[TableMap]:
    return maps(Describer(Database(mysql_ref(server))).describe([name]).tables)


def mysql_run(server: Any, *statements: str, database: str | None = None) -> None:
    with contextlib.closing(mysql_connection(server, database)) as connection:
        for statement in statements:
            rows(connection, statement)


def mysql_check(server: Any, tables: list[TableMap], freeze: str = "read-only", user: str = "root") -> list[Finding]:
    return list(Checker(Database(mysql_ref(server, user))).check_source(tables, freeze))


@pytest.fixture(params=MYSQLS)
def mysql_source(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_a_server_as_it_should_be(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    mysql_run(mysql_source, "create table t (id int primary key, b longtext)", database=name)
    found = levels(mysql_check(mysql_source, mysql_tables(mysql_source, name)))
    assert set(found) <= {"freeze-bypass"}  # root, by other addresses
    assert "refuse" not in found.values()


WRONG = {
    "mariadb": (
        "--binlog-format=MIXED",
        "--binlog-row-image=MINIMAL",
        "--binlog-row-metadata=MINIMAL",
        "--binlog-expire-logs-seconds=3600",
        "--event-scheduler=ON",
    ),
    "mysql": (
        "--binlog-format=MIXED",
        "--binlog-row-image=MINIMAL",
        "--binlog-row-metadata=MINIMAL",
        "--binlog-row-value-options=PARTIAL_JSON",
        "--binlog-expire-logs-seconds=3600",
        "--gtid-mode=OFF",
        "--enforce-gtid-consistency=OFF",
    ),
}


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def wrong_server(request: pytest.FixtureRequest, start_mysql: Callable[..., Any]) -> Any:
    version = {"mariadb": "10.11", "mysql": "9.7"}[request.param]
    return start_mysql(version, "--binlog-ignore-db=silent", "--server-id=0", *WRONG[request.param])


def test_the_settings_of_the_log(wrong_server: Any) -> None:
    mysql_run(
        wrong_server,
        "create database if not exists silent",
        "create table if not exists silent.t (id int primary key)",
        "create event if not exists silent.ev on schedule every 1 day do delete from silent.t",
    )
    tables = mysql_tables(wrong_server, "silent")
    found = mysql_check(wrong_server, tables)
    named = levels(found)
    with contextlib.closing(mysql_connection(wrong_server)) as connection:
        mariadb = "MariaDB" in rows(connection, "select version()")[0][0]
        expected = {"binlog-format", "binlog-filter"}
        expected |= set() if mariadb else {"server-id", "gtid-mode"}  # MariaDB takes 0 for 1
        assert {name for name, level in named.items() if level == "refuse"} == expected
        warned = {"binlog-retention", "binlog-row-metadata"} | (
            {"binlog-row-image", "freeze-bypass", "freeze-events"} if mariadb else set()
        )
        assert {name for name, level in named.items() if level == "warn"} == warned
        for finding in found:  # the mends do mend
            for statement in re.findall(r"SET (?:GLOBAL|PERSIST) [^;]+", finding.mend):
                rows(connection, statement)
    left = levels(mysql_check(wrong_server, tables))
    assert set(left) <= {"binlog-filter", "freeze-bypass"}


@pytest.mark.parametrize(
    ("image", "version", "key", "wanted"),
    [
        ("NOBLOB", "9.7.0", True, None),
        ("MINIMAL", "9.7.0", False, "binlog_row_image is MINIMAL: without a key: t.a"),
        (
            "MINIMAL",
            "11.8.2-MariaDB",
            True,
            "binlog_row_image is MINIMAL: a REPLACE passes for an update, so updated rows are read again",
        ),
        ("FULL_NODUP", "11.8.2-MariaDB", False, None),
    ],
)
def test_row_images(image: str, version: str, key: bool, wanted: str | None) -> None:
    table = Table(
        name=TableName(schema="t", name="a"), columns=(), primary_key=Key(name="k", columns=()) if key else None
    )
    asked = facts(version=version, binlog_row_image=image)
    asked = replace(asked, tables=[TableMap(number=0, source=table, target=table, columns=())])
    assert [finding.found for finding in checks._row_image(asked)] == ([wanted] if wanted else [])


def test_no_log_at_all(start_mysql: Callable[..., Any]) -> None:
    server = start_mysql("10.11", "--skip-log-bin", "--read-only=ON")
    named = levels(mysql_check(server, []))
    assert {name for name, level in named.items() if level == "refuse"} == {"log-bin", "freeze-already"}


def test_a_login_without_rights(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    user = f"poor_{name}"
    mysql_run(
        mysql_source,
        "create table open (id int primary key, a int)",
        "create table closed (id int primary key, b longtext)",
        f"create user {user}@'127.0.0.1'",
        f"grant select on `{name}`.open to {user}@'127.0.0.1'",
        database=name,
    )
    try:
        tables = mysql_tables(mysql_source, name)
        with contextlib.closing(mysql_connection(mysql_source)) as connection:
            mariadb = "MariaDB" in rows(connection, "select version()")[0][0]
            found = mysql_check(mysql_source, tables, user=user)
            named = levels(found)
            refused = {"right-replication", "right-log-position", "right-process", "right-select", "right-freeze"}
            refused |= set() if mariadb else {"right-xa", "right-lock"}
            assert {key for key, level in named.items() if level == "refuse"} == refused
            assert {key for key, level in named.items() if level == "warn"} == (
                {"right-inventory", "freeze-bypass"} if mariadb else {"right-inventory"}
            )
            assert next(f.found for f in found if f.name == "right-select").startswith(f"{name}.closed ")
            for finding in found:
                assert finding.mend.startswith("GRANT ")
                rows(connection, finding.mend)
        assert set(levels(mysql_check(mysql_source, tables, user=user))) <= {"freeze-bypass"}
    finally:
        mysql_run(mysql_source, f"drop user {user}@'127.0.0.1'")


def test_rights_by_role_count(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    user, role = f"member_{name}", f"role_{name}"
    account = f"{user}@'127.0.0.1'"
    mysql_run(
        mysql_source,
        "create table t (id int primary key)",
        f"create role {role}",
        f"create user {account}",
        f"grant {role} to {account}",
        f"grant replication slave, process on *.* to {role}",
        f"grant select on `{name}`.* to {role}",
        database=name,
    )
    try:
        with contextlib.closing(mysql_connection(mysql_source)) as connection:
            mariadb = "MariaDB" in rows(connection, "select version()")[0][0]
            rows(connection, f"set default role {role} {'for' if mariadb else 'to'} {account}")
        named = levels(mysql_check(mysql_source, mysql_tables(mysql_source, name), "hook: true", user))
        assert not {"right-replication", "right-process", "right-select", "right-freeze"} & set(named)
        assert "right-log-position" in named
    finally:
        mysql_run(mysql_source, f"drop user {account}", f"drop role {role}")


def test_a_pattern_in_a_grant_is_a_pattern() -> None:
    grants = Grants(
        [
            r"GRANT TRIGGER ON `shop\_%`.* TO `a`@`%`",
            "GRANT EVENT ON `a_b`.* TO `a`@`%`",
            "GRANT DROP ON `x`.`y` TO `a`@`%`",
        ]
    )
    assert grants.has("TRIGGER", "shop_1")
    assert not grants.has("TRIGGER", "shopx1")
    assert grants.has("EVENT", "axb")
    assert not grants.has("EVENT", "axxb")
    assert not grants.has("EVENT")
    assert not grants.has("DROP", "x")
    assert Grants(["GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"]).has("PROCESS")


def test_mysql_tables(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    mysql_run(
        mysql_source,
        "create table fine (id int primary key, b longblob)",
        "create table heap (a int)",
        "create table isam (id int primary key) engine=myisam",
        "create table loose (a int) engine=myisam",
        "create table wide (id int primary key, b longblob, j json)",
        "insert into wide values (1, repeat('x', 1000), '{}')",
        database=name,
    )
    found = mysql_check(mysql_source, mysql_tables(mysql_source, name), "hook: true")
    assert {(f.name, f.level, f.found.partition(" ")[0].removeprefix(f"{name}.")) for f in found} == {
        ("table-without-key", "warn", "heap"),
        ("table-not-transactional", "warn", "isam"),
        ("table-not-transactional", "refuse", "loose"),
    }


def test_rows_longer_than_the_server_sends(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    mysql_run(mysql_source, "create table t (id int primary key, b longblob, c longblob)", database=name)
    with contextlib.closing(mysql_connection(mysql_source, name)) as connection:
        (packet,) = rows(connection, "select @@global.max_allowed_packet")[0]
        rows(connection, f"insert into t values (1, repeat('x', {packet // 4}), repeat('y', {packet // 4}))")
    tables = mysql_tables(mysql_source, name)
    assert levels(mysql_check(mysql_source, tables, "hook: true")) == {}
    mysql_run(mysql_source, "update t set c = concat(c, 'more')", database=name)
    assert levels(mysql_check(mysql_source, tables, "hook: true")) == {"row-size": "warn"}
    large = [replace(tables[0], source=replace(tables[0].source, rows=10**7))]
    (finding,) = mysql_check(mysql_source, large, "hook: true")
    assert finding.found.startswith("not measured")


def test_what_a_running_migration_waits_for(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    mysql_run(mysql_source, "create table t (id int primary key)", database=name)
    with contextlib.closing(mysql_connection(mysql_source, name)) as connection:
        for statement in ("xa start 'g9'", "insert into t values (1)", "xa end 'g9'", "xa prepare 'g9'"):
            rows(connection, statement)
        try:
            found = levels(mysql_check(mysql_source, mysql_tables(mysql_source, name), "hook: true"))
        finally:
            rows(connection, "xa rollback 'g9'")
    assert found == {"transaction-prepared": "warn"}


def test_long_transactions(
    mysql_source: Any, mysql_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_LONG", 1)
    name = mysql_database(mysql_source)
    mysql_run(mysql_source, "create table t (id int primary key)", database=name)
    with contextlib.closing(mysql_connection(mysql_source, name, autocommit=False)) as connection:
        rows(connection, "insert into t values (1)")
        time.sleep(2.1)
        (finding,) = mysql_check(mysql_source, mysql_tables(mysql_source, name), "hook: true")
        assert finding.name == "transaction-long"
        assert finding.mend == f"KILL {connection.thread_id()};"


def test_a_replica_as_source(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    """Its applier runs though its own source is not there."""
    with contextlib.closing(mysql_connection(mysql_source)) as connection:
        mariadb = "MariaDB" in rows(connection, "select version()")[0][0]
        if mariadb:
            change, kind = "change master to master_host = '127.0.0.1', master_port = 1, master_user = 'x'", "slave"
        else:
            change = "change replication source to source_host = '127.0.0.1', source_port = 1, source_user = 'x'"
            kind = "replica"
        rows(connection, change)
        try:
            rows(connection, f"start {kind}")
            assert "freeze-replica" in levels(mysql_check(mysql_source, []))
            with pytest.raises(Terminal, match="replica"):
                Freezer(Database(mysql_ref(mysql_source))).freeze("run", "read-only", ())
            rows(connection, f"stop {kind}")
            assert "freeze-replica" not in levels(mysql_check(mysql_source, []))
        finally:
            rows(connection, f"stop {kind}")
            rows(connection, f"reset {kind} all")


def facts(**variables: str) -> Facts:
    named = {"version": "8.4.0", "read_only": "OFF"} | variables
    mariadb = "MariaDB" in named["version"]
    return Facts(
        connection=None,
        mariadb=mariadb,
        variables=named,
        grants=Grants([]),
        account="",
        tables=[],
        freeze="read-only",
    )


@pytest.mark.parametrize(
    ("version", "ok"),
    [("8.0.44", False), ("8.4.0", True), ("9.7.4-2", True), ("10.6.21-MariaDB-log", False), ("11.8.6-MariaDB", True)],
)
def test_versions(version: str, ok: bool) -> None:
    assert (levels(checks._version(facts(version=version))) == {}) is ok


@pytest.mark.parametrize("variables", [{"wsrep_on": "ON"}, {"group_replication_single_primary_mode": "OFF"}])
def test_clusters(variables: dict[str, str]) -> None:
    assert levels(checks._freeze(facts(**variables))) == {"freeze-cluster": "refuse"}
    assert levels(checks._freeze(facts())) == {}


def test_revoke_is_no_refusal(mysql_source: Any) -> None:
    assert "refuse" not in levels(mysql_check(mysql_source, [], "revoke")).values()


def test_a_source_that_this_project_froze_is_not_somebody_elses(mysql_server: Any) -> None:
    freezer = Freezer(Database(mysql_ref(mysql_server)))
    freezer.freeze("run", "read-only", ())
    try:
        assert mysql_check(mysql_server, []) == []
    finally:
        freezer.thaw("run", "read-only", ())
        mysql_run(mysql_server, "drop database landbridge")


# --- both: no connection ----------------------------------------------------------------------------------------------


def test_mysql_out_of_reach(mysql_source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "not-the-password")
    user = "locked_out"
    mysql_run(mysql_source, f"create user {user}@'127.0.0.1' identified by 'secret'")
    try:
        refs = [
            mysql_ref(mysql_source, user, password="env:WRONG"),
            mysql_ref(mysql_source, user),
            mysql_ref(mysql_source, user, password="env:NOT_SET_ANYWHERE"),
            mysql_ref(mysql_source).model_copy(update={"port": 1}),
            mysql_ref(mysql_source).model_copy(update={"host": "no-such-host.invalid"}),
            mysql_ref(mysql_source, tls="verify-ca", ca="/no/such/file"),
            mysql_ref(mysql_source, database="no_such_database"),
        ]
        for ref in refs:
            assert_unreachable(Checker(Database(ref)), ref, "not-the-password")
    finally:
        mysql_run(mysql_source, f"drop user {user}@'127.0.0.1'")
    assert Checker(Database(mysql_ref(mysql_source))).reach() is None
