"""
A validator that cannot fail is worse than none: every kind of damage is done to a target that was equal, and each must
be found, by the ranges and by name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge import ledger
from landbridge.endpoints.abc import Connects
from tests.pair import Pair, plan, ref
from tests.support import mysql_connection, postgres_connection, rows
from validation.verify import Verdict, decide, measure

FILL = """
insert into orders select n, n % 7, concat('name ', n), n / 3.0, n * 1.25, n % 2 = 0, null from numbers where n <= 500;
insert into events select n % 50, concat('note ', n % 50) from numbers where n <= 200;
"""
POSTGRES = f"""
create table numbers as select generate_series(1, 500) n;
create table orders (id int primary key, customer int not null, name varchar(40), score double precision,
                     total numeric(12, 2), paid boolean, extra json);
create table events (kind int, note text);
{FILL}
drop table numbers
"""
MYSQL = f"""
create table numbers (n int primary key);
insert into numbers with recursive s (n) as (select 1 union all select n + 1 from s where n < 500) select n from s;
create table orders (id int primary key, customer int not null, name varchar(40), score double, total decimal(12, 2),
                     paid tinyint(1), extra json) engine = innodb default charset = utf8mb4;
create table events (kind int, note text) engine = innodb default charset = utf8mb4;
{FILL}
drop table numbers
"""

# what is done to the target; the table, what the report must call it, and the columns it must name
DAMAGE = [
    ("update orders set customer = customer + 1 where id = 250", "orders", "different", "customer"),
    ("update orders set name = name || ' ' where id = 1", "orders", "different", "name"),
    ("update orders set name = upper(name) where id = 500", "orders", "different", "name"),
    ("update orders set name = null where id = 3", "orders", "different", "name"),
    ("update orders set name = '' where id = 3", "orders", "different", "name"),
    ("update orders set score = score + 1e-9 where id = 7", "orders", "different", "score"),
    ("update orders set total = total + 0.01 where id = 7", "orders", "different", "total"),
    ("update orders set paid = not paid where id = 7", "orders", "different", "paid"),
    ("update orders set extra = '{}' where id = 7", "orders", "different", "extra"),
    ("update orders set id = 1000 where id = 9", "orders", "extra", ""),
    ("delete from orders where id = 499", "orders", "missing", ""),
    ("delete from orders where id = 1", "orders", "missing", ""),
    ("insert into orders (id, customer) values (-5, 1)", "orders", "extra", ""),
    ("insert into orders (id, customer) values (100000, 1)", "orders", "extra", ""),
    # four rows whose values change places: every sum over a column stays what it was
    ("update orders set name = 'name ' || ((id + 1) % 4 + 8) where id between 8 and 11", "orders", "different", "name"),
    ("insert into events values (1, 'note 1')", "events", "extra", ""),
    ("delete from events where ctid = (select min(ctid) from events)", "events", "missing", ""),
    ("update events set note = 'x' where ctid = (select min(ctid) from events)", "events", "missing", ""),
    ("truncate events", "events", "missing", ""),
]


@pytest.fixture(params=["postgres", "mariadb", "mysql"])
def pair(request: pytest.FixtureRequest, postgres_target_server: Any, postgres_database: Any) -> Iterator[Pair]:
    target = postgres_database(postgres_target_server)
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        database, schema = postgres_database(server), "public"
        script, connection = POSTGRES, postgres_connection(server, database)
    else:
        server = request.getfixturevalue(f"{request.param}_server")
        database = schema = request.getfixturevalue("mysql_database")(server)
        script, connection = MYSQL, mysql_connection(server, database)
    for statement in script.split(";\n"):
        if statement.strip():
            rows(connection, statement)
    connection.close()
    on_target = postgres_connection(postgres_target_server, target)
    rows(on_target, f'create schema if not exists "{schema}"')
    rows(on_target, f'set search_path to "{schema}"')
    described = plan(
        f"mutate-{request.param}",
        ref(request.param, server, database),
        ref("postgres", postgres_target_server, target),
        f"{schema}.*",
    )
    yield Pair(described, schema, lambda sql: rows(on_target, sql))
    on_target.close()


def test_all_damage_is_found_and_named(pair: Pair) -> None:
    assert pair.compare().equal
    missed = []
    for statement, table, what, columns in DAMAGE:
        pair.on_target("begin")
        pair.on_target(statement)
        pair.on_target("commit")
        found = pair.compare()
        named = {(d.what, d.columns) for d in found.differences}
        unequal = {result.table.source.name.name for result in found.ranges if not result.equal}
        if found.equal or unequal != {table} or (what, columns) not in named:
            missed.append((statement, found.equal, unequal, named))
        _restore(pair)
    assert missed == []
    assert pair.compare().equal


def _restore(pair: Pair) -> None:
    """Load the two tables again, which is surer than undoing the damage."""
    pair.on_target("truncate orders, events")
    with pair.target.get(Connects).engine().begin() as connection:
        tables = ledger.tables(connection, pair.run)
    from landbridge.endpoints.abc import Loads, Snapshots
    from landbridge.model import EVERYTHING
    from landbridge.pipe import copy

    for table in tables:
        with pair.target.get(Connects).engine().begin() as connection:
            copy(
                lambda sink, t=table: pair.source.get(Snapshots).read(t.source_side, EVERYTHING, sink),
                lambda blocks, t=table, c=connection: pair.target.get(Loads).load(c, t.target_side, blocks),
            )


def verify(pair: Pair, folder: Path) -> Verdict:
    return decide(pair.plan, pair.run, folder, measure(pair.plan, pair.run, lambda: None, still=True))


def test_the_verdict_and_the_report_say_what_was_found(pair: Pair, tmp_path: Path) -> None:
    assert verify(pair, tmp_path).passed
    pair.on_target("update orders set name = 'secret content' where id = 42")
    pair.on_target("alter table orders alter column customer drop not null")
    verdict = verify(pair, tmp_path)
    assert (verdict.passed, verdict.differing, verdict.round) == (False, 1, 2)
    page = Path(verdict.report).read_text()
    assert "not equal" in page
    assert "<code>42</code>" in page
    assert "secret content" not in page
    assert f"{pair.schema}.orders.customer" in page
    assert "http://" not in page
    assert "https://" not in page
    assert Path(verdict.docs).exists()
    with pair.target.get(Connects).engine().begin() as connection:
        assert [d.key for d in ledger.differences(connection, pair.run, 2)] == ["42"]
        latest = ledger.latest_round(connection, pair.run)
    assert latest is not None
    assert latest["passed"] is False


def test_a_refused_row_fails_the_verdict(pair: Pair, tmp_path: Path) -> None:
    with pair.target.get(Connects).engine().begin() as connection:
        ledger.reject(connection, pair.run, 0, "value too long")
    assert not verify(pair, tmp_path).passed
