"""Freezing the plan's databases alone, by rights, under real writers: others go on, and every right comes back."""

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pymysql
import pytest

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.mysql import freeze as mysql_freeze
from landbridge.endpoints.mysql.catalog import Describer as MysqlDescriber
from landbridge.endpoints.mysql.checks import Checker as MysqlChecker
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.freeze import Freezer as MysqlFreezer
from landbridge.errors import Terminal
from landbridge.model import TableMap
from landbridge.plan import EndpointRef
from tests.engines.checking import maps
from tests.engines.test_freeze import wait_until
from tests.engines.test_freeze_revoke import thawed_elsewhere, writing
from tests.support import mysql_connection, rows

RUN = "run-1"


class Mysql:
    """A planned database, another one, and accounts whose names begin with the planned one's."""

    def __init__(self, server: Any, database: str, other: str) -> None:
        self.server, self.database, self.other = server, database, other
        self.mariadb = "MariaDB" in self.admin("select version()")[0][0]
        self.app, self.member, self.narrow, self.mover = self.users = [
            f"{name}_{database.removeprefix('test_')}"[:32] for name in ("app", "member", "narrow", "mover")
        ]
        self.role = f"role_{database}"
        for user in self.users:
            self.admin(f"create user '{user}'@'%'")
        self.admin(f"create role {self.role}")
        self.admin("create table t (id int auto_increment primary key, n int, note text)")
        self.admin(f"create table {other}.u (id int auto_increment primary key, n int)")
        literal = database.replace("_", r"\_")
        self.admin(f"grant all on `{literal}`.* to '{self.app}'@'%' with grant option")
        self.admin(f"grant all on {other}.* to '{self.app}'@'%'")
        self.admin(f"grant select, insert, update on `{database}`.* to {self.role}")
        self.admin(f"grant {self.role} to '{self.member}'@'%'")
        self.admin(f"set default role {self.role} for '{self.member}'@'%'" if self.mariadb
                   else f"set default role {self.role} to '{self.member}'@'%'")  # fmt: skip
        self.admin(f"grant select, delete, trigger on t to '{self.narrow}'@'%' with grant option")
        self.admin(f"grant insert (n, note), update (note), select (n) on t to '{self.narrow}'@'%'")
        self.admin(f"grant show databases on *.* to '{self.narrow}'@'%'")

    def open(self, user: str, **settings: Any) -> Any:
        place = {"host": self.server.host, "port": self.server.port, "user": user, "database": self.database}
        return pymysql.connect(**place, autocommit=True, **settings)

    def run(self, user: str, *statements: str) -> None:
        with contextlib.closing(self.open(user)) as connection:
            for statement in statements:
                rows(connection, statement)

    def admin(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(mysql_connection(self.server, self.database)) as connection:
            return rows(connection, sql)

    def as_login(self, user: str) -> MysqlDatabase:
        place = {"host": self.server.host, "port": self.server.port}
        return MysqlDatabase(EndpointRef(engine="mysql", user=user, **place))

    def freezer(self, user: str | None = None, patience: float = 10) -> MysqlFreezer:
        return MysqlFreezer(self.as_login(user or self.server.user), patience)

    def tables(self) -> list[TableMap]:
        return maps(MysqlDescriber(self.as_login(self.server.user)).describe([self.database]).tables)

    def check(self, user: str | None = None) -> list[Finding]:
        checker = MysqlChecker(self.as_login(user or self.server.user))
        return [f for f in checker.check_source(self.tables(), "revoke") if "freeze" in f.name]

    def rights(self) -> list[Any]:
        """What SHOW GRANTS says, but for the order of columns, which is none on MariaDB, and the server's own tables."""
        accounts = [*(f"'{user}'@'%'" for user in self.users), self.role]
        said = [sorted(re.split(r"[ (),]+", line)) for a in accounts for (line,) in self.admin(f"show grants for {a}")]
        databases = self.admin("select * from mysql.db order by user, host, db")
        tables = self.admin("select user, host, db, table_name, table_priv, column_priv from mysql.tables_priv "
                            "order by 1, 2, 3, 4")  # fmt: skip
        columns = self.admin("select user, host, db, table_name, column_name, column_priv from mysql.columns_priv "
                             "order by 1, 2, 3, 4, 5")  # fmt: skip
        return [said, databases, tables, columns]

    def clear(self) -> None:
        self.admin("set global read_only = off")
        for (gid,) in [(row[3],) for row in self.admin("xa recover")]:
            self.admin(f"xa rollback '{gid}'")
        for user in self.users:
            self.admin(f"drop user '{user}'@'%'")
        self.admin(f"drop role {self.role}")
        self.admin("drop database if exists landbridge")


@pytest.fixture(params=["mariadb_server", "mysql_server"])
def my(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Mysql]:
    server = request.getfixturevalue(request.param)
    made = Mysql(server, mysql_database(server), mysql_database(server))
    yield made
    made.clear()


def test_writers_of_the_plans_databases_stop_and_others_go_on(my: Mysql) -> None:
    freezer, tables, before = my.freezer(), my.tables(), my.rights()
    app, member = (lambda: my.open(my.app)), (lambda: my.open(my.member))
    with writing(app, "t") as one, writing(member, "t") as two, writing(app, f"{my.other}.u") as free:
        assert wait_until(lambda: len(one) > 20 and len(two) > 20 and len(free) > 20)
        said = freezer.freeze(RUN, "revoke", tables)
        frozen = my.admin("select count(*) from t")
        confirmed = len(free)
        first = freezer.mark(RUN)
        assert wait_until(lambda: len(free) > confirmed + 50), "a database that is not planned must stay writable"
        assert my.admin("select count(*) from t") == frozen
        while_frozen = my.open(my.app)
        freezer.thaw(RUN, "revoke", tables)
        count = len(one), len(two)
        assert wait_until(lambda: len(one) > count[0] + 10 and len(two) > count[1] + 10)
    with contextlib.closing(while_frozen), pytest.raises(pymysql.Error):
        rows(while_frozen, "select 1")  # it would know the rights of then, and never write again
    assert freezer.mark(RUN) > first
    assert my.rights() == before
    assert any(my.role in line for line in said)


def test_nobody_with_rights_on_the_database_may_write(my: Mysql) -> None:
    before = my.rights()
    my.freezer().freeze(RUN, "revoke", my.tables())
    for user in (my.app, my.member, my.narrow):
        with contextlib.closing(my.open(user)) as connection:
            for sql in (
                "insert into t (n) values (1)", "update t set note = ''", "delete from t", "truncate t",
                "alter table t add x int", "create index i on t (n)", "drop table t", "create table v (n int)",
            ):  # fmt: skip
                with pytest.raises(pymysql.err.OperationalError, match="denied"):
                    rows(connection, sql)
            rows(connection, "select n from t")
    my.freezer().freeze(RUN, "revoke", my.tables())
    my.freezer().thaw("another-run", "revoke", ())
    with pytest.raises(pymysql.Error, match="denied"):
        my.run(my.app, "insert into t (n) values (1)")
    thawed_elsewhere("mysql", my.as_login(my.server.user).ref)
    my.freezer().thaw(RUN, "revoke", ())
    assert my.rights() == before
    assert my.admin("select * from landbridge.freeze") == []


@pytest.mark.parametrize("after", [0, 2])
def test_killed_half_way_it_is_frozen_and_thawed_all_the_same(
    my: Mysql, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = my.rights()
    real = mysql_freeze.fetch
    revoked = itertools.count()

    def dying(connection: Any, sql: str, *parameters: Any) -> Any:
        if sql.startswith("revoke") and next(revoked) == after:
            raise KeyboardInterrupt
        return real(connection, sql, *parameters)

    with monkeypatch.context() as patch:
        patch.setattr(mysql_freeze, "fetch", dying)
        with pytest.raises(KeyboardInterrupt):
            my.freezer().freeze(RUN, "revoke", my.tables())
    assert (my.rights() == before) == (after == 0)
    my.freezer().freeze(RUN, "revoke", my.tables())
    with pytest.raises(pymysql.Error, match="denied"):
        my.run(my.narrow, "delete from t")
    my.freezer().thaw(RUN, "revoke", ())
    assert my.rights() == before


def test_the_freeze_of_another_run_or_kind_is_respected(my: Mysql) -> None:
    my.freezer().freeze(RUN, "revoke", my.tables())
    held = my.rights()
    for run, how in (("run-2", "revoke"), ("run-2", "read-only"), (RUN, "read-only")):
        with pytest.raises(Terminal, match=RUN):
            my.freezer().freeze(run, how, my.tables())
    assert my.rights() == held
    my.freezer().thaw(RUN, "revoke", ())
    my.freezer().freeze(RUN, "read-only", ())
    with pytest.raises(Terminal, match="another way"):
        my.freezer().freeze(RUN, "revoke", my.tables())
    my.freezer().thaw(RUN, "revoke", ())
    assert my.admin("select @@global.read_only") == [(0,)]


def test_a_prepared_transaction_is_named_and_every_right_given_back(my: Mysql) -> None:
    before = my.rights()
    with contextlib.closing(my.open(my.app)) as connection:
        for statement in ("xa start 'g3'", "insert into t (n) values (1)", "xa end 'g3'", "xa prepare 'g3'"):
            rows(connection, statement)
    with pytest.raises(Terminal, match="g3"):
        my.freezer(patience=1).freeze(RUN, "revoke", my.tables())
    assert my.rights() == before
    my.admin("xa rollback 'g3'")


def test_an_administrators_open_transaction_is_ended(my: Mysql) -> None:
    my.admin(f"grant all on *.* to '{my.narrow}'@'%'")
    assert [f.level for f in my.check() if my.narrow in f.found] == ["warn"]
    with contextlib.closing(my.open(my.narrow)) as connection:
        rows(connection, "begin")
        rows(connection, "insert into t (n) values (1)")
        said = my.freezer().freeze(RUN, "revoke", my.tables())
        with pytest.raises(pymysql.Error):
            rows(connection, "commit")
    assert my.admin("select count(*) from t") == [(0,)]
    assert any("not stopped" in line and my.narrow in line for line in said)
    my.freezer().thaw(RUN, "revoke", ())


def test_rights_that_cannot_be_narrowed_are_refused(my: Mysql) -> None:
    assert [f for f in my.check() if f.level == "refuse"] == []
    my.admin(f"grant insert on *.* to '{my.narrow}'@'%'")
    my.admin(f"grant insert on `te%`.* to '{my.member}'@'%'")
    before = my.rights()
    refusals = [f.found for f in my.check() if f.level == "refuse"]
    assert [any(user in found for found in refusals) for user in (my.narrow, my.member)] == [True, True]
    with pytest.raises(Terminal, match=my.member):
        my.freezer().freeze(RUN, "revoke", my.tables())
    assert my.rights() == before


def test_a_login_with_the_rights_that_precheck_asks_for(my: Mysql) -> None:
    my.admin(f"grant select on `{my.database}`.* to '{my.mover}'@'%'")
    for _ in range(5):
        lacking = [f for f in my.check(my.mover) if f.level == "refuse"]
        for finding in lacking:
            my.admin(finding.mend)
    assert lacking == []
    my.admin(f"grant process on *.* to '{my.mover}'@'%'")
    if not my.mariadb:
        my.admin(f"grant xa_recover_admin on *.* to '{my.mover}'@'%'")
    before = my.rights()
    with writing(lambda: my.open(my.app), "t") as written:
        assert wait_until(lambda: len(written) > 20)
        my.freezer(my.mover).freeze(RUN, "revoke", my.tables())
        frozen = my.admin("select count(*) from t")
        time.sleep(0.3)
        assert my.admin("select count(*) from t") == frozen
        my.freezer(my.mover).thaw(RUN, "revoke", ())
    assert my.rights() == before
