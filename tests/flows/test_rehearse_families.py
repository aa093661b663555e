"""A rehearsal where a database is what a schema is elsewhere: from MariaDB to MySQL."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.plan import read_plan
from tests.conftest import MysqlDatabases
from tests.flows.conftest import Run
from tests.support import mysql_connection, rows

SHOP = (
    "create table customers (id int primary key, name varchar(40) not null unique)",
    "create table orders (id int auto_increment primary key, customer int not null, total decimal(12, 2))",
    "alter table orders add foreign key (customer) references customers (id)",
    "create trigger whole before insert on orders for each row set new.total = coalesce(new.total, 0)",
    "insert into customers select seq, concat('name ', seq) from seq_1_to_300",
    "insert into orders (customer, total) select seq % 300 + 1, seq / 7 from seq_1_to_2000",
)


@pytest.fixture
def source(mariadb_server: mysql.Server, mysql_database: MysqlDatabases) -> Iterator[str]:
    name = mysql_database(mariadb_server)
    with contextlib.closing(mysql_connection(mariadb_server, name)) as connection:
        for statement in SHOP:
            rows(connection, statement)
    return name


def reference(server: Any, engine: str, **more: Any) -> dict[str, Any]:
    return {"engine": engine, "host": server.host, "port": server.port, "user": server.user} | more


def test_into_a_database_beside_the_target_s_own(
    landbridge: Run, mariadb_server: mysql.Server, mysql_target_server: mysql.Server, source: str, tmp_path: Path
) -> None:
    file, scratch = tmp_path / "plan.yaml", f"{source}_try"
    plan = {
        "name": source.replace("_", "-"),
        "source": reference(mariadb_server, "mariadb"),
        "target": reference(mysql_target_server, "mysql"),
        "tables": [{"include": f"{source}.*", "to": f"{source}_new.*"}],
        "rehearsal": {"database": scratch},
    }
    file.write_text(yaml.safe_dump(plan))
    done = landbridge("rehearse", str(file), "--json")
    assert done.code == 0, done.err
    assert (done.data["equal"], done.data["rows"], done.data["number"]) == (True, 2300, 1)
    assert done.data["quantities"]["disk"] > 0
    assert "trigger" not in str(done.data["left_behind"])
    with contextlib.closing(mysql_connection(mysql_target_server)) as connection:
        there = {name for (name,) in rows(connection, "show databases")}
        assert not there & {scratch, f"{source}_new"}
    with connect(read_plan(file).target).get(Connects).engine().connect() as connection:
        assert ledger.runs_of(connection, f"{plan['name']}-rehearsal") == []
        assert len(ledger.rehearsals(connection, str(plan["name"]))) == 1
    with contextlib.closing(mysql_connection(mariadb_server)) as connection:
        assert rows(connection, "select @@global.read_only") == [(0,)]
        assert rows(connection, "show databases like 'landbridge'") == []
