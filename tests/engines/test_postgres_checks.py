"""Prechecks of PostgreSQL as source and as target, and what their mends do."""

import contextlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from landbridge.endpoints.postgres import checks
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.checks import Checker
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.freeze import Freezer
from landbridge.model import TableMap, TableName
from landbridge.plan import EndpointRef
from tests.engines.checking import assert_unreachable, levels, maps
from tests.support import postgres_connection, rows


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
        "output_plugin_libraries=test_decoding",
        "max_connections=12",
    )


def postgres(server: Any, database: str = "postgres", user: str = "postgres", **fields: Any) -> Database:
    ref = EndpointRef(engine="postgres", host=server.host, port=server.port, user=user, database=database, **fields)
    return Database(ref)


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
        Database(right.model_copy(update={"port": 1})),
        Database(right.model_copy(update={"host": "no-such-host.invalid"})),
    ]
    for database in databases:
        assert_unreachable(Checker(database), database.ref, "not-the-password")
        assert [finding.name for finding in Checker(database).check_target([], [])] == ["reach"]
    assert Checker(postgres(guarded_server)).reach() is None


# --- PostgreSQL as source ---------------------------------------------------------------------------------------------


def pg_run(server: Any, database: str, *statements: str) -> None:
    with contextlib.closing(postgres_connection(server, database)) as connection:
        for statement in statements:
            rows(connection, statement)


def pg_tables(server: Any, database: str) -> list[TableMap]:
    return maps(Describer(postgres(server, database)).describe(["public"]).tables)


def test_a_postgres_source_as_it_should_be(
    postgres_server: Any, postgres_version: Callable[[int], Any], postgres_database: Callable[..., str]
) -> None:
    for server in (postgres_server, postgres_version(15)):
        name = postgres_database(server)
        pg_run(server, name, "create table t (id int primary key)")
        assert list(Checker(postgres(server, name)).check_source(pg_tables(server, name), "read-only")) == []


def test_the_settings_of_a_postgres_source(guarded_server: Any) -> None:
    found = levels(Checker(postgres(guarded_server)).check_source([], "read-only"))
    assert found == {
        "wal-level": "refuse",
        "replication-slots": "refuse",
        "wal-senders": "refuse",
        "slot-limits": "warn",
        "output-plugin": "refuse",
    }
    assert levels(Checker(postgres(guarded_server)).check_target([], [])) == {"connections": "warn"}


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
    checker = Checker(postgres(postgres_server, name, role))
    try:
        found = list(checker.check_source(tables, "read-only"))
        assert levels(found) == {
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
    checker = Checker(postgres(postgres_server, name, role))
    try:
        assert levels(checker.check_source([], "read-only")) == {}
        with contextlib.closing(postgres_connection(postgres_server, name)):
            assert levels(checker.check_source([], "read-only")) == {"freeze-superuser": "warn"}
            assert levels(checker.check_source([], "hook: true")) == {}
    finally:
        pg_run(postgres_server, name, f'alter database "{name}" owner to postgres', f"drop role {role}")


def test_unlogged_tables_are_refused(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(
        postgres_server,
        name,
        "create unlogged table fleeting (id int primary key)",
        "create table logged (id int primary key)",
        "create table half (id int primary key) partition by list (id)",
        'create unlogged table "half 1" partition of half for values in (1)',
    )
    checker = Checker(postgres(postgres_server, name))
    found = list(checker.check_source(pg_tables(postgres_server, name), "read-only"))
    assert [(f.name, f.level) for f in found] == [("unlogged-table", "refuse")]
    assert 'log: "half 1", fleeting' in found[0].found.replace("public.", "")
    pg_run(postgres_server, name, *found[0].mend.rstrip(";").split("; "))
    assert levels(checker.check_source(pg_tables(postgres_server, name), "read-only")) == {}


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
    checker = Checker(postgres(postgres_server, name))
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
        connection.rollback()
        connection.autocommit = True
        checker = Checker(postgres(postgres_server, name))
        try:
            assert levels(checker.check_source([], "read-only")) == {"transaction-prepared": "warn"}
        finally:
            rows(connection, f"rollback prepared 'p_{name}'")


def test_long_postgres_transactions(
    postgres_server: Any, postgres_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = checks._LONG_RUNNING.replace("60 seconds", "1 second")
    monkeypatch.setattr(checks, "_LONG_RUNNING", query)
    name = postgres_database()
    with contextlib.closing(postgres_connection(postgres_server, name)) as connection:
        connection.autocommit = False
        rows(connection, "select 1")
        time.sleep(1.5)
        (finding,) = Checker(postgres(postgres_server, name)).check_source([], "hook: true")
        assert finding.name == "transaction-long"
        pg_run(postgres_server, name, finding.mend)
        with pytest.raises(psycopg2.Error):
            rows(connection, "select 1")


def test_how_to_freeze(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    database = postgres(postgres_server, postgres_database())
    checker = Checker(database)
    assert "refuse" not in levels(checker.check_source([], "revoke")).values()
    Freezer(database).freeze("run", "read-only", ())
    assert list(checker.check_source([], "read-only")) == []


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
    checker = Checker(postgres(postgres_server, name))
    try:
        found = list(checker.check_source([], "read-only"))
        assert levels(found) == {"freeze-already": "refuse", "freeze-bypass": "refuse"}
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
        ascii_only, latin = (Checker(postgres(postgres_server, name)) for name in ("ascii_only", "latin"))
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
    checker = Checker(postgres(postgres_server, name))
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
        checker = Checker(postgres(server, name, role))
        try:
            found = list(checker.check_target(tables, []))
            assert levels(found) == {"right-create": "refuse", "right-replica-role": "warn"}
            assert len(found) == 3
            for finding in found:
                pg_run(server, name, finding.mend.partition(";")[0])
            assert list(checker.check_target(tables, [])) == []
        finally:
            pg_run(server, name, f"drop owned by {role}", f"drop role {role}")


def test_a_target_that_somebody_closed(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(postgres_server, name, f'alter database "{name}" set default_transaction_read_only = on')
    assert levels(Checker(postgres(postgres_server, name)).check_target([], [])) == {"target-read-only": "refuse"}


def test_a_check_writes_nothing(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    pg_run(postgres_server, name, "create table t (id int primary key)")
    tables = pg_tables(postgres_server, name)
    counts = "select sum(xact_commit) >= 0, (select count(*) from pg_class), (select count(*) from pg_namespace)"
    with contextlib.closing(postgres_connection(postgres_server, name)) as connection:
        before = rows(connection, f"{counts} from pg_stat_database")
        list(Checker(postgres(postgres_server, name)).check_source(tables, "read-only"))
        list(Checker(postgres(postgres_server, name)).check_target(tables, []))
        assert rows(connection, f"{counts} from pg_stat_database") == before


def test_a_target_login_without_temporary_tables(postgres_server: Any, postgres_database: Callable[..., str]) -> None:
    name = postgres_database()
    role = f"templess_{name}"
    grants = f"create role {role} login; grant create on database {name} to {role}"
    pg_run(postgres_server, name, grants, f"revoke temp on database {name} from public")
    checker = Checker(postgres(postgres_server, name, role))
    try:
        found = {finding.name: finding for finding in checker.check_target([], [])}
        assert found["right-temp"].level == "refuse"
        pg_run(postgres_server, name, found["right-temp"].mend)
        assert "right-temp" not in levels(checker.check_target([], []))
    finally:
        pg_run(postgres_server, name, f"drop owned by {role}", f"drop role {role}")
