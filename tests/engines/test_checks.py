"""Prechecks on real servers that are as wrong as they can be, and what their mends do."""

import ast
import contextlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.mysql.catalog import Describer as MysqlDescriber
from landbridge.endpoints.mysql.checks import Checker as MysqlChecker
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.freeze import Freezer as MysqlFreezer
from landbridge.endpoints.postgres.catalog import Describer as PostgresDescriber
from landbridge.endpoints.postgres.checks import Checker as PostgresChecker
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.freeze import Freezer as PostgresFreezer
from landbridge.model import ColumnMap, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.support import mysql_connection, postgres_connection, rows

ROOT = Path(__file__).parents[2]
MYSQLS = ["mariadb_server", "mariadb11_server", "mysql_server"]


def maps(tables: Collection[Table]) -> list[TableMap]:
    return [
        TableMap(
            number=number,
            source=table,
            target=table,
            columns=tuple(ColumnMap(source=column, target=column) for column in table.columns),
        )
        for number, table in enumerate(tables)
    ]


def levels(findings: Iterator[Finding]) -> dict[str, str]:
    found: dict[str, str] = {}
    for finding in findings:
        assert finding.found
        assert finding.wanted
        assert finding.mend
        found[finding.name] = "refuse" if "refuse" in (finding.level, found.get(finding.name)) else "warn"
    return found


# --- every key is documented ------------------------------------------------------------------------------------------


def keys_used() -> set[str]:
    """The first argument of every call that makes a finding."""
    used = set()
    for path in (ROOT / "landbridge/endpoints").glob("*/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("refuse", "warn", "report", "_missing"):
                for part in ast.walk(node.args[1 if node.func.id == "_missing" else 0]):  # type: ignore[attr-defined]
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        used.add(part.value)
    return used


def test_every_check_is_documented() -> None:
    from landbridge.endpoints.mysql import checks, rights

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
    return maps(MysqlDescriber(MysqlDatabase(mysql_ref(server))).describe([name]).tables)


def mysql_run(server: Any, *statements: str, database: str | None = None) -> None:
    with contextlib.closing(mysql_connection(server, database)) as connection:
        for statement in statements:
            rows(connection, statement)


def mysql_check(server: Any, tables: list[TableMap], freeze: str = "read-only", user: str = "root") -> list[Finding]:
    return list(MysqlChecker(MysqlDatabase(mysql_ref(server, user))).check_source(tables, freeze))


@pytest.fixture(params=MYSQLS)
def mysql_source(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_a_server_as_it_should_be(mysql_source: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_source)
    mysql_run(mysql_source, "create table t (id int primary key, b longtext)", database=name)
    found = levels(iter(mysql_check(mysql_source, mysql_tables(mysql_source, name))))
    assert set(found) <= {"freeze-bypass"}  # root, by other addresses
    assert "refuse" not in found.values()


WRONG = {
    "mariadb": (
        "--binlog-format=MIXED",
        "--binlog-row-image=MINIMAL",
        "--binlog-row-metadata=MINIMAL",
        "--log-bin-compress=ON",
        "--binlog-expire-logs-seconds=3600",
        "--event-scheduler=ON",
    ),
    "mysql": (
        "--binlog-format=MIXED",
        "--binlog-row-image=MINIMAL",
        "--binlog-row-metadata=MINIMAL",
        "--binlog-transaction-compression=ON",
        "--binlog-row-value-options=PARTIAL_JSON",
        "--binlog-expire-logs-seconds=3600",
        "--gtid-mode=OFF",
        "--enforce-gtid-consistency=OFF",
    ),
}


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def wrong_server(request: pytest.FixtureRequest, start_mysql: Callable[..., Any]) -> Any:
    version = {"mariadb": "10.11", "mysql": "9.7"}[request.param]
    return start_mysql(version, "--binlog-ignore-db=silent", *WRONG[request.param])


def test_the_settings_of_the_log(wrong_server: Any) -> None:
    mysql_run(
        wrong_server,
        "create database if not exists silent",
        "create table if not exists silent.t (id int primary key)",
        "create event if not exists silent.ev on schedule every 1 day do delete from silent.t",
    )
    tables = mysql_tables(wrong_server, "silent")
    found = mysql_check(wrong_server, tables)
    named = levels(iter(found))
    with contextlib.closing(mysql_connection(wrong_server)) as connection:
        mariadb = "MariaDB" in rows(connection, "select version()")[0][0]
        expected = {"binlog-format", "binlog-row-image", "binlog-row-metadata", "binlog-compression", "binlog-filter"}
        if not mariadb:
            expected |= {"binlog-row-value-options", "gtid-mode"}
        assert {name for name, level in named.items() if level == "refuse"} == expected
        warned = {"binlog-retention"} | ({"freeze-bypass", "freeze-events"} if mariadb else set())
        assert {name for name, level in named.items() if level == "warn"} == warned
        for finding in found:  # the mends do mend
            for statement in re.findall(r"SET (?:GLOBAL|PERSIST) [^;]+", finding.mend):
                rows(connection, statement)
    left = levels(iter(mysql_check(wrong_server, tables)))
    assert set(left) <= {"binlog-filter", "freeze-bypass"}


def test_no_log_at_all(start_mysql: Callable[..., Any]) -> None:
    server = start_mysql("10.11", "--skip-log-bin", "--read-only=ON")
    named = levels(iter(mysql_check(server, [])))
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
            named = levels(iter(found))
            refused = {"right-replication", "right-log-position", "right-process", "right-select", "right-freeze"}
            refused |= set() if mariadb else {"right-xa", "right-lock"}
            assert {key for key, level in named.items() if level == "refuse"} == refused
            assert {key for key, level in named.items() if level == "warn"} == (
                {"right-inventory", "freeze-bypass"} if mariadb else {"right-inventory"}
            )
            assert [f.found for f in found if f.name == "right-select"][0].startswith(f"{name}.closed ")
            for finding in found:
                assert finding.mend.startswith("GRANT ")
                rows(connection, finding.mend)
        assert set(levels(iter(mysql_check(mysql_source, tables, user=user)))) <= {"freeze-bypass"}
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
        named = levels(iter(mysql_check(mysql_source, mysql_tables(mysql_source, name), "hook: true", user)))
        assert not {"right-replication", "right-process", "right-select", "right-freeze"} & set(named)
        assert "right-log-position" in named
    finally:
        mysql_run(mysql_source, f"drop user {account}", f"drop role {role}")


def test_a_pattern_in_a_grant_is_a_pattern() -> None:
    from landbridge.endpoints.mysql.rights import Grants

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
    assert levels(iter(mysql_check(mysql_source, tables, "hook: true"))) == {}
    mysql_run(mysql_source, "update t set c = concat(c, 'more')", database=name)
    assert levels(iter(mysql_check(mysql_source, tables, "hook: true"))) == {"row-size": "warn"}
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
            found = levels(iter(mysql_check(mysql_source, mysql_tables(mysql_source, name), "hook: true")))
        finally:
            rows(connection, "xa rollback 'g9'")
    assert found == {"transaction-prepared": "warn"}


def test_revoke_is_refused(mysql_source: Any, postgres_server: Any) -> None:
    assert levels(iter(mysql_check(mysql_source, [], "revoke"))) == {"freeze-mode": "refuse"}
    assert levels(PostgresChecker(postgres(postgres_server)).check_source([], "revoke")) == {"freeze-mode": "refuse"}


def test_a_source_that_this_project_froze_is_not_somebody_elses(
    mysql_server: Any, postgres_server: Any, postgres_database: Callable[..., str]
) -> None:
    freezer = MysqlFreezer(MysqlDatabase(mysql_ref(mysql_server)))
    freezer.freeze("run", "read-only", ())
    try:
        assert mysql_check(mysql_server, []) == []
    finally:
        freezer.thaw("run", "read-only", ())
        mysql_run(mysql_server, "drop database landbridge")
    database = postgres(postgres_server, postgres_database())
    PostgresFreezer(database).freeze("run", "read-only", ())
    assert list(PostgresChecker(database).check_source([], "read-only")) == []


def test_compressed_columns_are_refused(mariadb11_server: Any, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mariadb11_server)
    mysql_run(mariadb11_server, "create table t (id int primary key, z varchar(99) compressed)", database=name)
    (finding,) = mysql_check(mariadb11_server, mysql_tables(mariadb11_server, name), "hook: true")
    assert (finding.name, finding.level) == ("column-compressed", "refuse")
    assert f"`{name}`.`t` MODIFY `z` varchar(99) " in finding.mend


def test_mysql_cannot_be_a_target(mysql_server: Any) -> None:
    found = levels(MysqlChecker(MysqlDatabase(mysql_ref(mysql_server))).check_target([], []))
    assert found == {"target-engine": "refuse"}


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
            unreachable(MysqlChecker(MysqlDatabase(ref)), ref)
    finally:
        mysql_run(mysql_source, f"drop user {user}@'127.0.0.1'")
    assert MysqlChecker(MysqlDatabase(mysql_ref(mysql_source))).reach() is None


def unreachable(checker: Any, ref: EndpointRef) -> None:
    for findings in (checker.check_source([], "read-only"), [checker.reach()]):
        (finding,) = list(findings)
        assert (finding.name, finding.level) == ("reach", "refuse")
        for part in (ref.host, str(ref.port), ref.user):
            assert part in finding.found
        assert "not-the-password" not in finding.found + finding.mend
        assert "\n" not in finding.found
        assert finding.mend


@pytest.fixture(scope="module")
def guarded_server(start_postgres: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Asks for passwords, and is as wrong as a source can be."""
    return start_postgres(
        None,
        "wal_level=replica",
        "max_replication_slots=1",
        "max_wal_senders=1",
        "max_slot_wal_keep_size=1GB",
        "idle_replication_slot_timeout=60",
    )


def postgres(server: Any, database: str = "postgres", user: str = "postgres", **fields: Any) -> PostgresDatabase:
    ref = EndpointRef(engine="postgres", host=server.host, port=server.port, user=user, database=database, **fields)
    return PostgresDatabase(ref)


def test_postgres_out_of_reach(guarded_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "not-the-password")
    with contextlib.closing(postgres_connection(guarded_server)) as connection:
        rows(connection, "create role locked_out login password 'secret'")
        hba = Path(rows(connection, "show hba_file")[0][0])
        hba.write_text("host all locked_out all scram-sha-256\n" + hba.read_text(encoding="utf-8"), encoding="utf-8")
        rows(connection, "select pg_reload_conf()")
    right = postgres(guarded_server).ref
    databases = [
        postgres(guarded_server, user="locked_out", password="env:WRONG"),
        postgres(guarded_server, user="locked_out"),
        postgres(guarded_server, password="env:NOT_SET_ANYWHERE"),
        postgres(guarded_server, database="no_such_database"),
        postgres(guarded_server, user="nobody_at_all"),
        postgres(guarded_server, tls="verify-ca", ca="/no/such/file"),
        PostgresDatabase(right.model_copy(update={"port": 1})),
        PostgresDatabase(right.model_copy(update={"host": "no-such-host.invalid"})),
    ]
    for database in databases:
        unreachable(PostgresChecker(database), database.ref)
        assert [finding.name for finding in PostgresChecker(database).check_target([], [])] == ["reach"]
    assert PostgresChecker(postgres(guarded_server)).reach() is None


# --- PostgreSQL as source ---------------------------------------------------------------------------------------------


def pg_run(server: Any, database: str, *statements: str) -> None:
    with contextlib.closing(postgres_connection(server, database)) as connection:
        for statement in statements:
            rows(connection, statement)


def pg_tables(server: Any, database: str) -> list[TableMap]:
    return maps(PostgresDescriber(postgres(server, database)).describe(["public"]).tables)


def test_a_postgres_source_as_it_should_be(
    postgres_server: Any, postgres_version: Callable[[int], Any], postgres_database: Callable[..., str]
) -> None:
    for server in (postgres_server, postgres_version(15)):
        name = postgres_database(server)
        pg_run(server, name, "create table t (id int primary key)")
        assert list(PostgresChecker(postgres(server, name)).check_source(pg_tables(server, name), "read-only")) == []


def test_the_settings_of_a_postgres_source(guarded_server: Any) -> None:
    found = levels(PostgresChecker(postgres(guarded_server)).check_source([], "read-only"))
    assert found == {
        "wal-level": "refuse",
        "replication-slots": "refuse",
        "wal-senders": "refuse",
        "slot-limits": "warn",
    }


def test_a_postgres_login_without_rights(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    role = f"poor_{name}"
    pg_run(
        postgres_server,
        name,
        "create table t (id int primary key)",
        "create table secret (id int primary key)",
        f"create role {role} login",
        f"grant select on secret to {role}",
        "alter table secret enable row level security",
    )
    tables = pg_tables(postgres_server, name)
    checker = PostgresChecker(postgres(postgres_server, name, role))
    try:
        found = list(checker.check_source(tables, "read-only"))
        assert levels(iter(found)) == {
            "right-replication": "refuse",
            "right-create": "refuse",
            "right-owner": "refuse",
            "right-select": "refuse",
            "row-security": "refuse",
            "right-freeze": "refuse",
        }
        for finding in found:
            if "GRANT postgres" not in finding.mend.replace('"', ""):  # that would make it a superuser
                pg_run(postgres_server, name, *[part for part in finding.mend.split(";") if part.strip()])
        pg_run(
            postgres_server,
            name,
            f"alter table t owner to {role}",
            f"alter table secret owner to {role}",
            f'alter database "{name}" owner to {role}',
        )
        assert {f.name for f in checker.check_source(tables, "read-only")} <= {"freeze-superuser"}
    finally:
        pg_run(
            postgres_server,
            name,
            f'alter database "{name}" owner to postgres',
            f"drop owned by {role} cascade",
            f"drop role {role}",
        )


def test_superusers_that_cannot_be_ended_are_named(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    role = f"owner_{name}"
    pg_run(
        postgres_server,
        name,
        f"create role {role} login replication in role pg_signal_backend, pg_read_all_stats",
        f'alter database "{name}" owner to {role}',
    )
    checker = PostgresChecker(postgres(postgres_server, name, role))
    try:
        assert levels(checker.check_source([], "read-only")) == {}
        with contextlib.closing(postgres_connection(postgres_server, name)):
            assert levels(checker.check_source([], "read-only")) == {"freeze-superuser": "warn"}
            assert levels(checker.check_source([], "hook: true")) == {}
    finally:
        pg_run(postgres_server, name, f'alter database "{name}" owner to postgres', f"drop role {role}")


def test_replica_identity(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(
        postgres_server,
        name,
        "create table keyless (a int)",
        "create table whole (a int)",
        "alter table whole replica identity full",
        "create table nothing (id int primary key)",
        "alter table nothing replica identity nothing",
        "create table other (id int primary key, u int not null unique)",
        "alter table other replica identity using index other_u_key",
        "create table late (id int primary key deferrable)",
        "create table part (id int primary key) partition by range (id)",
        "create table part_1 partition of part for values from (0) to (9)",
        "alter table part_1 replica identity nothing",
    )
    checker = PostgresChecker(postgres(postgres_server, name))
    found = list(checker.check_source(pg_tables(postgres_server, name), "read-only"))
    named = {(f.name, f.level, re.findall(r"public\.(\w+)", f.found)[0]) for f in found}
    assert named == {
        ("replica-identity", "refuse", "keyless"),
        ("table-without-key", "warn", "whole"),
        ("replica-identity", "refuse", "nothing"),
        ("replica-identity", "refuse", "other"),
        ("replica-identity", "refuse", "late"),
        ("replica-identity", "refuse", "part"),
    }
    for finding in found:
        if finding.name == "replica-identity":
            pg_run(postgres_server, name, finding.mend)
    left = checker.check_source(pg_tables(postgres_server, name), "read-only")
    assert levels(left) == {"table-without-key": "warn"}


def test_what_a_postgres_migration_waits_for(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(postgres_server, name, "create table t (id int primary key)")
    with contextlib.closing(postgres_connection(postgres_server, name)) as connection:
        connection.autocommit = False
        rows(connection, "insert into t values (1)")
        rows(connection, f"prepare transaction 'p_{name}'")
        connection.autocommit = True
        checker = PostgresChecker(postgres(postgres_server, name))
        try:
            assert levels(checker.check_source([], "read-only")) == {"transaction-prepared": "warn"}
        finally:
            rows(connection, f"rollback prepared 'p_{name}'")


def test_what_stands_in_the_way_of_a_freeze(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    role = f"exempt_{name}"
    pg_run(
        postgres_server,
        name,
        f"create role {role}",
        f"alter role {role} set default_transaction_read_only = off",
        f'alter database "{name}" set default_transaction_read_only = on',
    )
    checker = PostgresChecker(postgres(postgres_server, name))
    try:
        found = list(checker.check_source([], "read-only"))
        assert levels(iter(found)) == {"freeze-already": "refuse", "freeze-bypass": "refuse"}
        for finding in found:
            with contextlib.closing(
                postgres_connection(postgres_server, name, options="-c default_transaction_read_only=off")
            ) as connection:
                rows(connection, finding.mend)
        assert levels(checker.check_source([], "read-only")) == {}
    finally:
        pg_run(postgres_server, name, f"drop role {role}")


def test_an_unknown_encoding(postgres_server: Any) -> None:
    pg_run(
        postgres_server,
        "postgres",
        "create database ascii_only template template0 encoding 'SQL_ASCII' locale 'C'",
        "create database latin template template0 encoding 'LATIN1' locale 'C'",
    )
    try:
        ascii_only, latin = (PostgresChecker(postgres(postgres_server, name)) for name in ("ascii_only", "latin"))
        assert levels(ascii_only.check_source([], "read-only")) == {"encoding": "refuse"}
        assert levels(latin.check_source([], "read-only")) == {}
        assert levels(latin.check_target([], [])) == {"encoding": "refuse"}
    finally:
        pg_run(postgres_server, "postgres", "drop database ascii_only", "drop database latin")


# --- PostgreSQL as target ---------------------------------------------------------------------------------------------


def test_what_is_on_the_target_already(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    statements = [
        f"create table {table} (id int primary key)" for table in ("ours", "filled", "empty", "viewed", "gone")
    ]
    pg_run(postgres_server, name, *statements, "insert into ours values (1)", "insert into filled values (1)")
    tables = pg_tables(postgres_server, name)
    pg_run(postgres_server, name, "drop table viewed", "create view viewed as select 1 as id", "drop table gone")
    checker = PostgresChecker(postgres(postgres_server, name))
    found = list(checker.check_target(tables, [TableName(schema="public", name="ours")]))
    named = {(f.name, f.level, re.findall(r"public\.(\w+)", f.found)[0]) for f in found}
    assert named == {
        ("target-not-empty", "refuse", "filled"),
        ("target-exists", "refuse", "empty"),
        ("target-exists", "refuse", "viewed"),
    }
    for finding in found:
        pg_run(postgres_server, name, finding.mend.partition(";")[0])
    assert list(checker.check_target(tables, [TableName(schema="public", name="ours")])) == []


def test_a_target_login_without_rights(
    postgres_server: Any, postgres_version: Callable[[int], Any], postgres_database: Callable[..., str]
) -> None:
    for server in (postgres_server, postgres_version(15)):
        name = postgres_database(server)
        role = f"poor_{name}"
        pg_run(server, name, "create table t (id int primary key)")
        tables = pg_tables(server, name)
        pg_run(server, name, "drop table t", f"create role {role} login")
        checker = PostgresChecker(postgres(server, name, role))
        try:
            found = list(checker.check_target(tables, []))
            assert levels(iter(found)) == {"right-create": "refuse", "right-replica-role": "warn"}
            assert len(found) == 3
            for finding in found:
                pg_run(server, name, finding.mend.partition(";")[0])
            assert list(checker.check_target(tables, [])) == []
        finally:
            pg_run(server, name, f"drop owned by {role}", f"drop role {role}")


def test_a_target_that_somebody_closed(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(postgres_server, name, f'alter database "{name}" set default_transaction_read_only = on')
    assert levels(PostgresChecker(postgres(postgres_server, name)).check_target([], [])) == {
        "target-read-only": "refuse"
    }


def test_a_check_writes_nothing(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(postgres_server, name, "create table t (id int primary key)")
    tables = pg_tables(postgres_server, name)
    counts = "select sum(xact_commit) >= 0, (select count(*) from pg_class), (select count(*) from pg_namespace)"
    with contextlib.closing(postgres_connection(postgres_server, name)) as connection:
        before = rows(connection, f"{counts} from pg_stat_database")
        list(PostgresChecker(postgres(postgres_server, name)).check_source(tables, "read-only"))
        list(PostgresChecker(postgres(postgres_server, name)).check_target(tables, []))
        assert rows(connection, f"{counts} from pg_stat_database") == before
