"""Exactly once into the MySQL family, too, whatever is killed: the ledger's row and the tables' rows commit together."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from landbridge import apply, ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.model import TableMap, TableName
from landbridge.plan import EndpointRef
from tests.engines.applying import History, Stage, at, in_one_go
from tests.engines.test_apply import run_and_kill
from tests.support import mysql_connection, rows

TABLES = (
    "create table items (id int primary key, name text, note text)",
    "create table named (shop varchar(9), number int, name varchar(50) unique, primary key (number, shop))",
    "create table log (a int, b text)",
)


class Across(Stage):
    def __init__(self, server: postgres.Server, source: str, other: Any, database: str, folder: Path) -> None:
        super().__init__(server, source, source, folder)
        self.target.close()
        self.target = mysql_connection(other, database)
        self.refs[1] = EndpointRef(engine="mysql", host=other.host, port=other.port, user=other.user)
        self.engine = connect(self.refs[1]).get(Connects).engine()
        plan = self.source.plan

        def plan_across(*names: str) -> None:
            plan(*names)
            self.source.tables = [_into(table, database) for table in self.source.tables]

        self.source.plan = plan_across  # type: ignore[method-assign]

    def close(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(ledger.SCHEMA, if_exists=True))
        super().close()


def _into(table: TableMap, database: str) -> TableMap:
    name = TableName(schema=database, name=table.target.name.name)
    return replace(table, target=replace(table.target, name=name), plain=False)


def stage_of(target: str, request: pytest.FixtureRequest) -> Stage:
    """target: a server's fixture."""
    of_postgres, database = request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_database")
    folder = Path(tempfile.mkdtemp(dir=request.getfixturevalue("session_folder")))
    if target == "postgres_server":
        return Stage(of_postgres, database(), database(), folder)
    server = request.getfixturevalue(target)
    return Across(of_postgres, database(), server, request.getfixturevalue("mysql_database")(server), folder)


@pytest.fixture(params=["mariadb_server", "mariadb11_server", "mysql_server"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = stage_of(request.param, request)
    yield made
    made.close()


def test_exactly_once_whatever_is_killed(stage: Across, monkeypatch: pytest.MonkeyPatch) -> None:
    for made, table in zip(History.TABLES, TABLES, strict=True):
        stage.source.run(made)
        rows(stage.target, f"{table} character set utf8mb4")
    stage.begin("items", "named", "log")
    history, total, last = History(4), 0, 300
    for number in range(1, last + 1):
        changes, statements = history.transaction()
        total += len(changes)
        large = number % 50 == 0 and len(changes) > 1
        if large:
            stage.spool(number, *changes[:1], last=False)
        stage.spool(number, *(changes[1:] if large else changes))
        in_one_go(stage.source.connection, statements)
    monkeypatch.setattr(apply, "BATCH_BYTES", 4000)
    chance, kills = random.Random(4), 0
    while stage.row().position < at(last):
        run_and_kill(stage, chance)
        kills += 1
    assert kills > 4
    for table in ("items", "named", "log"):
        found, wanted = (
            sorted(rows(side, f"select * from {table}"), key=str) for side in (stage.target, stage.source.connection)
        )
        assert found == wanted, table
    assert stage.row().changes == total
