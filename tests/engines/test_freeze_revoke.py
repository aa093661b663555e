"""Freezing the plan's tables alone, by rights (PostgreSQL), under real writers: others go on, and every right comes back."""

import contextlib
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.postgres.catalog import Describer as PostgresDescriber
from landbridge.endpoints.postgres.checks import Checker as PostgresChecker
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.freeze import Freezer as PostgresFreezer
from landbridge.errors import MigrationError, Terminal
from landbridge.model import TableMap, TableName
from landbridge.plan import EndpointRef
from tests.engines.checking import maps
from tests.engines.test_freeze import wait_until
from tests.support import postgres_connection, rows

RUN = "run-1"

ACLS = """
select c.relname::text, a.attname::text, x.grantor::regrole::text, x.grantee::regrole::text, x.privilege_type,
    x.is_grantable
from pg_class c
left join lateral (
    select null attname, coalesce(c.relacl, acldefault('r', c.relowner)) acl
    union all select attname, attacl from pg_attribute where attrelid = c.oid and attacl is not null
) a on true
cross join lateral aclexplode(a.acl) x
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"""


class Postgres:
    """A database with planned tables and others, and roles of all kinds, whose names begin with the database's."""

    def __init__(self, server: Any, database: str) -> None:
        self.server, self.database = server, database
        self.roles = [self.role(name) for name in ("owner", "app", "lead", "hand", "mover")]
        owner, app, lead, hand, mover = self.roles
        for role in self.roles:
            self.admin(f"create role {role} login")
        self.admin(f"grant create on database {database} to {mover}")
        self.admin(f"grant {owner}, {lead}, pg_signal_backend, pg_read_all_stats to {mover}")
        self.admin(f"grant create, usage on schema public to {owner}; alter role {mover} replication")
        self.run(
            owner,
            "create table t (id int generated always as identity primary key, n int, note text)",
            "create table other (n int)",
            "create table kept (n int)",
            "create table parted (id int primary key, n int) partition by range (id)",
            "create table parted_1 partition of parted for values from (0) to (10)",
            f"grant select, insert, update, delete on t, parted, kept to {app}",
            f"grant all on other to {app}",
            f"grant insert, update on t to {lead} with grant option",
            f"grant update (n), insert (id, n) on parted to {hand}",
            "grant insert on parted_1 to public",
            f"grant delete on kept to {lead} with grant option",
        )
        self.run(lead, f"grant insert on t to {hand} with grant option", f"grant update (note) on t to {app}, {hand}")
        self.run(lead, f"grant delete on kept to {hand}")

    def role(self, name: str) -> str:
        return f"{name}_{self.database}"

    def open(self, role: str, **settings: Any) -> Any:
        place = {"host": self.server.host, "port": self.server.port, "user": role, "dbname": self.database}
        connection = psycopg2.connect(**place, **settings)
        connection.autocommit = True
        return connection

    def run(self, role: str, *statements: str) -> None:
        with contextlib.closing(self.open(role)) as connection:
            for statement in statements:
                rows(connection, statement)

    def admin(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(postgres_connection(self.server, self.database)) as connection:
            return rows(connection, sql)

    def as_login(self, user: str) -> PostgresDatabase:
        place = {"host": self.server.host, "port": self.server.port, "database": self.database}
        return PostgresDatabase(EndpointRef(engine="postgres", user=user, **place))

    def freezer(self, user: str | None = None, patience: float = 10) -> PostgresFreezer:
        return PostgresFreezer(self.as_login(user or self.server.user), patience)

    def tables(self, *names: str) -> list[TableMap]:
        found = PostgresDescriber(self.as_login(self.server.user)).describe(["public"]).tables
        return maps([table for table in found if table.name.name in (names or ("t", "parted"))])

    def check(self, user: str | None = None) -> list[Finding]:
        checker = PostgresChecker(self.as_login(user or self.server.user))
        return [f for f in checker.check_source(self.tables(), "revoke") if "freeze" in f.name]

    def rights(self) -> set[tuple[Any, ...]]:
        return set(self.admin(ACLS))

    def clear(self) -> None:
        """What a failed test left prepared would hold the rest up for ever."""
        for (gid,) in self.admin("select gid from pg_prepared_xacts where database = current_database()"):
            self.admin(f"rollback prepared '{gid}'")
        for role in self.roles:
            self.admin(f"drop owned by {role} cascade")
        for role in self.roles:
            self.admin(f"drop role {role}")


@pytest.fixture(params=[15, 18])
def pg(request: pytest.FixtureRequest, postgres_database: Callable[..., str]) -> Iterator[Postgres]:
    if request.param == 18:
        server = request.getfixturevalue("postgres_server")
    else:
        server = request.getfixturevalue("postgres_version")(request.param)
    made = Postgres(server, postgres_database(server))
    yield made
    made.clear()


newest = pytest.mark.parametrize("pg", [18], indirect=True)


@contextlib.contextmanager
def writing(opened: Callable[[], Any], table: str) -> Iterator[set[int]]:
    """Threads that insert numbers, connecting anew when they are ended; the numbers that the server confirmed."""
    confirmed: set[int] = set()
    numbers = itertools.count(1)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with contextlib.suppress(Exception), contextlib.closing(opened()) as connection:
                while not stop.is_set():
                    number = next(numbers)
                    rows(connection, f"insert into {table} (n) values ({number})")
                    confirmed.add(number)
            time.sleep(0.005)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield confirmed
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("login", ["superuser", "mover"])
def test_writers_of_the_plans_tables_stop_and_others_go_on(pg: Postgres, login: str) -> None:
    user = pg.server.user if login == "superuser" else pg.role("mover")
    freezer, tables, before = pg.freezer(user), pg.tables(), pg.rights()
    app, owner = (lambda: pg.open(pg.role("app"))), (lambda: pg.open(pg.role("owner")))
    with writing(app, "t") as one, writing(owner, "t") as two, writing(app, "other") as free:
        assert wait_until(lambda: len(one) > 20 and len(two) > 20 and len(free) > 20)
        said = freezer.freeze(RUN, "revoke", tables)
        frozen = pg.admin("select count(*) from t")
        confirmed = len(free)
        first = freezer.mark(RUN)
        assert wait_until(lambda: len(free) > confirmed + 50), "a table that is not planned must stay writable"
        assert pg.admin("select count(*) from t") == frozen
        freezer.thaw(RUN, "revoke", tables)
        count = len(one), len(two)
        assert wait_until(lambda: len(one) > count[0] + 10 and len(two) > count[1] + 10)
    assert freezer.mark(RUN) > first
    assert pg.rights() == before
    assert any(user in line for line in said)


def test_nobody_but_our_own_login_may_write(pg: Postgres) -> None:
    before = pg.rights()
    freezer = pg.freezer(pg.role("mover"))
    freezer.freeze(RUN, "revoke", pg.tables())
    for role in ("owner", "app", "lead", "hand"):
        with contextlib.closing(pg.open(pg.role(role))) as connection:
            for sql in (
                "insert into t (n) values (1)", "update t set note = ''", "delete from t", "truncate t",
                "insert into parted (n, id) values (1, 1)", "update parted set n = 1", "insert into parted_1 values (1)",
            ):  # fmt: skip
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    rows(connection, sql)
    pg.run(pg.role("mover"), "insert into t (n) values (1)", "insert into parted values (1)", "delete from t")
    pg.run(pg.role("app"), "insert into kept values (1)")
    freezer.freeze(RUN, "revoke", pg.tables())
    pg.freezer().thaw("another-run", "revoke", ())
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        pg.run(pg.role("app"), "insert into t (n) values (1)")
    freezer.thaw(RUN, "revoke", ())
    freezer.thaw(RUN, "revoke", ())
    assert pg.rights() == before
    assert pg.admin("select count(*) from landbridge.freeze") == [(0,)]


@newest
def test_what_is_granted_while_frozen_is_taken_and_given_back_too(pg: Postgres) -> None:
    freezer = pg.freezer(pg.role("mover"))
    freezer.freeze(RUN, "revoke", pg.tables())
    pg.run(pg.role("owner"), f"grant delete on t to {pg.role('hand')}")
    expected = pg.rights()
    freezer.freeze(RUN, "revoke", pg.tables())
    assert pg.rights() < expected
    freezer.thaw(RUN, "revoke", ())
    pg.run(pg.role("owner"), f"revoke delete on t from {pg.role('hand')}")
    freezer.freeze("run-2", "revoke", pg.tables())
    assert pg.rights() < expected
    freezer.thaw("run-2", "revoke", ())


@newest
def test_the_freeze_of_another_run_or_of_another_kind_is_respected(pg: Postgres) -> None:
    pg.freezer().freeze(RUN, "revoke", pg.tables())
    held = pg.rights()
    for run, how in (("run-2", "revoke"), ("run-2", "read-only"), (RUN, "read-only")):
        with pytest.raises(Terminal, match=RUN) as error:
            pg.freezer().freeze(run, how, pg.tables())
    assert pg.rights() == held
    by_hand = error.value.mend.partition("prints: ")[2].partition(" reset role")[0]
    for (line,) in pg.admin(by_hand):
        pg.admin(line)
    pg.admin("delete from landbridge.freeze")
    pg.freezer().freeze(RUN, "read-only", ())
    with pytest.raises(Terminal, match="another way"):
        pg.freezer().freeze(RUN, "revoke", pg.tables())
    pg.freezer().thaw(RUN, "revoke", ())


@newest
def test_another_process_thaws(pg: Postgres) -> None:
    before = pg.rights()
    pg.freezer().freeze(RUN, "revoke", pg.tables())
    thawed_elsewhere("postgres", pg.as_login(pg.server.user).ref)
    assert pg.rights() == before


def thawed_elsewhere(engine: str, ref: EndpointRef) -> None:
    script = (
        "import sys; from landbridge.plan import EndpointRef; "
        f"from landbridge.endpoints.{engine}.connection import Database; "
        f"from landbridge.endpoints.{engine}.freeze import Freezer; "
        "Freezer(Database(EndpointRef.model_validate_json(sys.argv[1]))).thaw(sys.argv[2], 'revoke', ())"
    )
    command = [sys.executable, "-c", script, ref.model_dump_json(), RUN]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


def test_an_open_transaction_that_wrote_is_ended_and_readers_are_not(pg: Postgres) -> None:
    with (
        contextlib.closing(pg.open(pg.role("app"))) as older,
        contextlib.closing(pg.open(pg.role("app"))) as reader,
        contextlib.closing(pg.open(pg.role("app"))) as elsewhere,
    ):
        for connection, sql in (
            (older, "insert into t (n) values (1)"), (reader, "select * from t"), (elsewhere, "insert into other values (1)"),
        ):  # fmt: skip
            rows(connection, "begin")
            rows(connection, sql)
        said = pg.freezer(pg.role("mover")).freeze(RUN, "revoke", pg.tables())
        with pytest.raises(psycopg2.Error):
            rows(older, "commit")
        rows(elsewhere, "commit")
        rows(reader, "select * from t")
    assert pg.admin("select count(*) from t") == [(0,)]
    assert any(pg.role("app") in line for line in said)
    pg.freezer().thaw(RUN, "revoke", ())


@newest
def test_a_prepared_transaction_is_named_and_all_is_as_before(pg: Postgres) -> None:
    before = pg.rights()
    for table, gid in (("t", "g1"), ("other", "g2")):
        with contextlib.closing(pg.open(pg.role("app"))) as connection:
            rows(connection, "begin")
            rows(connection, f"insert into {table} (n) values (1)")
            rows(connection, f"prepare transaction '{gid}'")
    with pytest.raises(Terminal, match="g1") as error:
        pg.freezer(patience=0.5).freeze(RUN, "revoke", pg.tables())
    assert "g2" not in error.value.found
    assert pg.rights() == before
    pg.admin("rollback prepared 'g1'")
    pg.freezer().freeze(RUN, "revoke", pg.tables())
    pg.freezer().thaw(RUN, "revoke", ())
    assert pg.rights() == before


@newest
def test_what_reaches_a_planned_partition_through_its_root_is_stopped(pg: Postgres) -> None:
    before = pg.rights()
    (parted,) = pg.tables("parted")
    partition = replace(parted.source, name=TableName(schema="public", name="parted_1"), partitioning=None)
    pg.freezer().freeze(RUN, "revoke", [replace(parted, source=partition)])
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        pg.run(pg.role("app"), "insert into parted (id) values (1)")
    pg.freezer().thaw(RUN, "revoke", ())
    assert pg.rights() == before


@newest
def test_rights_that_could_not_be_given_back_are_not_taken(pg: Postgres) -> None:
    """lead grants in one column, then loses its right on the table: the column's grant stays, and hangs in the air."""
    owner, lead = pg.role("owner"), pg.role("lead")
    pg.run(owner, f"revoke insert on t from {lead} cascade", f"revoke update on t from {lead}")
    before = pg.rights()
    (finding,) = [f for f in pg.check() if f.level == "refuse"]
    assert lead in finding.found
    with pytest.raises(Terminal, match=lead):
        pg.freezer().freeze(RUN, "revoke", pg.tables())
    assert pg.rights() == before


@newest
def test_a_login_that_lacks_a_grantor_is_told_so(pg: Postgres) -> None:
    mover = pg.role("mover")
    assert [f for f in pg.check(mover) if f.level == "refuse"] == []
    pg.admin(f"revoke {pg.role('lead')}, pg_signal_backend from {mover}")
    before = pg.rights()
    refusals = [f for f in pg.check(mover) if f.level == "refuse"]
    assert len(refusals) == 2
    with pytest.raises(MigrationError):
        pg.freezer(mover).freeze(RUN, "revoke", pg.tables())
    assert pg.rights() == before
    for finding in refusals:
        pg.admin(finding.mend)
    assert [f for f in pg.check(mover) if f.level == "refuse"] == []


@newest
def test_who_writes_in_spite_of_it_is_named(pg: Postgres) -> None:
    hand = pg.role("hand")
    pg.admin(f"grant pg_write_all_data to {hand}")
    assert [f.level for f in pg.check() if hand in f.found] == ["warn"]
    with contextlib.closing(pg.open(hand)) as connection:
        rows(connection, "begin")
        rows(connection, "select 1")
        said = pg.freezer().freeze(RUN, "revoke", pg.tables())
        with pytest.raises(psycopg2.Error):
            rows(connection, "insert into t (n) values (1)")
    assert any(hand in line for line in said)
    pg.freezer().thaw(RUN, "revoke", ())
