"""What is asked of a server of the MySQL family before it may be a target, and that the mends do mend."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from landbridge import ledger
from landbridge.change import DELETE
from landbridge.endpoints.abc import Finding
from landbridge.endpoints.applying import TableBatch
from landbridge.endpoints.mysql.apply import Applier
from landbridge.endpoints.mysql.catalog import Describer
from landbridge.endpoints.mysql.checks import Checker
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.counters import Counters
from landbridge.endpoints.mysql.load import Loader
from landbridge.model import TableMap, TableName
from landbridge.plan import EndpointRef
from tests.engines.checking import levels, maps
from tests.support import mysql_connection, rows


class Place:
    def __init__(self, server: Any, database: str) -> None:
        self.server, self.database = server, database
        self.plain = mysql_connection(server, database)
        self.mariadb = "MariaDB" in self.plain.get_server_info()

    def sql(self, *statements: str) -> None:
        for statement in statements:
            rows(self.plain, statement)

    def tables(self) -> list[TableMap]:
        return maps(Describer(self.endpoint("root")).describe([self.database]).tables)

    def check(self, tables: list[TableMap], *owned: str, user: str = "root") -> list[Finding]:
        names = [TableName(schema=self.database, name=name) for name in owned]
        return list(Checker(self.endpoint(user)).check_target(tables, names))

    def endpoint(self, user: str) -> Database:
        return Database(EndpointRef(engine="mysql", host=self.server.host, port=self.server.port, user=user))


@pytest.fixture(params=["mariadb_server", "mariadb11_server", "mysql_server"])
def place(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Place]:
    server = request.getfixturevalue(request.param)
    made = Place(server, mysql_database(server))
    yield made
    made.plain.close()


def test_a_server_as_it_should_be(place: Place) -> None:
    place.sql("create table t (id int primary key)")
    assert place.check(place.tables(), "t") == []


def test_what_is_on_the_target_already(place: Place) -> None:
    names = ("ours", "filled", "hollow", "viewed", "gone")
    place.sql(*(f"create table {name} (id int primary key)" for name in names))
    place.sql("insert into ours values (1)", "insert into filled values (1)")
    tables = place.tables()
    place.sql("drop table viewed", "create view viewed as select 1 as id", "drop table gone")
    found = place.check(tables, "ours")
    named = {(f.name, f.level, re.findall(rf"{place.database}\.(\w+)", f.found)[0]) for f in found}
    assert named == {
        ("target-not-empty", "refuse", "filled"),
        ("target-exists", "refuse", "hollow"),
        ("target-exists", "refuse", "viewed"),
    }
    for finding in found:
        place.sql(finding.mend.partition(";")[0])
    assert place.check(tables, "ours") == []


def test_a_login_without_rights(place: Place) -> None:
    place.sql("create table t (id int primary key)")
    tables = place.tables()
    place.sql("drop table t")
    # The host part is what the server makes of a connection by TCP.
    place.sql("create user poor@'127.0.0.1'", "create user poor@localhost")
    try:
        found = place.check(tables, user="poor")
        assert levels(found) == {"right-target": "refuse", "right-ledger": "refuse"}
        for finding in found:
            place.sql(finding.mend.rstrip(";"))
        assert place.check(tables, user="poor") == []
        _migrate(place.endpoint("poor"), tables[0])
    finally:
        place.sql("drop database if exists landbridge")
        place.sql("drop user poor@'127.0.0.1'", "drop user poor@localhost")


def _migrate(database: Database, table: TableMap) -> None:
    """All that a run writes, by a login that has what was asked for and nothing else."""
    with database.engine().begin() as connection:
        ledger.open_ledger(connection)
        connection.exec_driver_sql(f"create table {table.target.name} (id int primary key)")
    with database.engine().connect() as connection:
        with connection.begin():
            assert Loader(database).load(connection, table.target_side, [b"1\n2\n"]) == 2
        writer = Applier(database).writer(connection, [table.target_side])
        batch = TableBatch(table=0, deletes=[(b"1",)], updates=[((b"2",), (b"3",))], inserts=[(b"4",)], missing=[])
        with connection.begin():
            assert writer.write(batch, converge=False)
            writer.replay([(DELETE, 0, (b"3",), None)], converge=False)
            assert connection.exec_driver_sql(f"select id from {table.target.name}").scalars().all() == [4]
    Counters(database).advance([])


def test_settings(place: Place) -> None:
    place.sql("create table t (id int)")
    tables = place.tables()
    wrong = {"local_infile": ("0", "1"), "read_only": ("1", "0")}
    wrong |= {} if place.mariadb else {"sql_require_primary_key": ("1", "0")}
    place.sql(*(f"set global {name} = {bad}" for name, (bad, _) in wrong.items()))
    try:
        found = place.check(tables, "t")
        expected = {"local-infile": "warn", "target-read-only": "refuse"}
        expected |= {} if place.mariadb else {"target-primary-key": "refuse"}
        assert levels(found) == expected
        for finding in found:
            for statement in filter(None, map(str.strip, finding.mend.split(";"))):
                place.sql(statement)
        assert place.check(tables, "t") == []
    finally:
        place.sql(*(f"set global {name} = {good}" for name, (_, good) in wrong.items()))


def test_what_only_a_configuration_can_have_wrong(start_mysql: Callable[..., Any]) -> None:
    options = ("--lower-case-table-names=1", "--binlog-format=STATEMENT", "--explicit-defaults-for-timestamp=OFF")
    server = start_mysql("10.11", "--log-bin", "--max-connections=10", *options)
    place = Place(server, "mysql")
    place.sql("create database wanted", "create table wanted.t (id int primary key)")
    place.database = "wanted"
    (table,) = place.tables()
    place.sql("drop table wanted.t")
    named = [replace(table.target, name=TableName(schema="wanted", name=name)) for name in ("A", "a", "B")]
    found = place.check([replace(table, target=target) for target in named])
    assert levels(found) == {
        "target-names": "refuse",
        "target-binlog-format": "refuse",
        "target-timestamps": "refuse",
        "connections": "warn",
    }
    assert {f.level for f in found if f.name == "target-names"} == {"refuse", "warn"}
    place.plain.close()
