"""What real MySQL and MariaDB servers log as statements, and what of their logs is refused."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landbridge.change import INSERT, TRUNCATE
from landbridge.errors import SchemaDrift, Unsupported
from tests.engines.binlog_source import SERVERS, Source, on_mysql, opened
from tests.support import mysql_connection, rows


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        yield found


HARMLESS = (
    "create table `t2` (`t` int primary key, foreign key (`t`) references t (id))",
    "create table copied as select * from t",
    "create table alike like t",
    "create temporary table t (x int)",
    "insert into t values (5)",
    "drop temporary table t",
    "create index i on t (v)",
    "alter table t add index j (v), add unique key u (id, v), auto_increment = 50, comment = 'x; drop table t'",
    "alter table t rename index j to `t`",
    "drop index i on t",
    "alter table t engine = innodb",
    "analyze table t",
    "optimize table t",
    "create view w as select * from t",
    "create trigger g before insert on t for each row set new.v = 1",
    "drop trigger g",
    "drop view w",
    "create procedure q() begin delete from t; end",
    "drop procedure q",
    "alter table copied add column t int, rename to copied2",
    "rename table copied2 to copied3, alike to copied2",
    "truncate table copied2",
    "truncate table `copied3` -- t",
    "drop table if exists copied2, /* t, */ copied3",
    "create table if not exists t (other int)",
)


def test_ddl_that_leaves_the_planned_tables_as_they_are(source: Source) -> None:
    source.run("create table t (id int primary key auto_increment, v int)")
    since, tables = source.log.here(), source.plan("t")
    source.run(*HARMLESS)
    if source.mariadb:
        source.run("set session binlog_alter_two_phase = on", "alter table t2 add column t3 int")
    source.run("insert into t (id, v) values (1, 2)")
    assert source.changes(since, tables) == [(INSERT, 0, None, (b"1", b"2"))]


DRIFTING = {
    "alter table t add column w int": "ALTER TABLE",
    "alter table {db}.t modify v bigint, add index (v)": "ALTER TABLE",
    "/* c */ alter table `t` drop primary key, add primary key (id, v)": "ALTER TABLE",
    "alter table t add foreign key (v) references other (id) on delete cascade": "ALTER TABLE",
    "drop index `PRIMARY` on t": "DROP INDEX",
    "rename table other to x, t to y": "RENAME TABLE",
    "alter table t rename to y": "ALTER TABLE",
    "drop table if exists other, t": "DROP TABLE",
    "drop database {db}": "DROP DATABASE",
}


def test_ddl_that_changes_a_planned_table_is_a_stop(source: Source) -> None:
    replace = {"create or replace table t (id int primary key)": "CREATE TABLE"} if source.mariadb else {}
    for statement, what in (DRIFTING | replace).items():
        source.run(
            f"create database if not exists {source.name}", f"use {source.name}", "drop table if exists t, other, x, y"
        )
        source.run("create table other (id int primary key)", "create table t (id int primary key, v int not null)")
        since, tables = source.log.here(), source.plan("t")
        source.run("insert into t values (1, 1)", "delete from t", statement.format(db=source.name))
        with pytest.raises(SchemaDrift, match=what) as raised:
            source.changes(since, tables)
        assert f"{source.name}.t" in raised.value.found, statement
    source.run(f"create database if not exists {source.name}")


def test_a_table_renamed_into_a_planned_name_is_a_stop(source: Source) -> None:
    source.run("create table t (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    source.run("create table _t_new (id int primary key)", "rename table t to _t_old, _t_new to t")
    with pytest.raises(SchemaDrift, match="RENAME TABLE"):
        source.changes(since, tables)
    source.run("set session sql_log_bin = off", "drop table t", "set session sql_log_bin = on")
    since = source.log.here()
    source.run("alter table _t_old add column x int, rename to t")
    with pytest.raises(SchemaDrift, match="ALTER TABLE"):
        source.changes(since, tables)


def test_names_in_statements_of_other_character_sets(source: Source) -> None:
    source.run("create table käse (id int primary key)")
    since, tables = source.log.here(), source.plan("käse")
    for charset in ("utf8mb4", "latin1"):
        with contextlib.closing(mysql_connection(source.server, source.name, charset=charset)) as connection:
            rows(connection, "create table `öl` (`ä` int primary key comment 'käse')")
            rows(connection, "alter table `öl` add column `ü` varchar(9) character set utf8mb4 default 'ß'")
            rows(connection, "drop table `öl`")
            rows(connection, "truncate `käse`")
    source.run("set character_set_client = koi8r", "create table x (id int) comment 'x'")
    assert [change[:2] for change in source.changes(since, tables)] == [(TRUNCATE, 0)] * 2


def test_truncate_is_a_change(source: Source) -> None:
    source.run("create table t (id int primary key)", "create table u (id int primary key)")
    since, tables = source.log.here(), source.plan("u", "t")
    source.run(
        "insert into t values (1)", "truncate table t", "insert into t values (1)", f"truncate {source.name}.`t`"
    )
    found = [(operation, table) for operation, table, _, _ in source.changes(since, tables)]
    assert found == [(INSERT, 1), (TRUNCATE, 1), (INSERT, 1), (TRUNCATE, 1)]


UNLOGGED = (
    "alter table t add column x int first",
    "alter table t modify v int after w",
    "alter table t modify v int unsigned",
    "alter table t modify v bigint",
    "alter table t modify w varchar(9) character set latin1",
    "alter table t modify w varchar(10)",
    "alter table t modify e enum('b','a')",
    "alter table t modify e enum('a','b') character set koi8r",
    "alter table t modify d decimal(9,3)",
    "alter table t modify ts timestamp(3) null",
)


def test_a_table_altered_behind_the_logs_back_is_a_stop(source: Source) -> None:
    for statement in UNLOGGED:
        source.run(
            "drop table if exists t",
            "create table t (id int primary key, v int, w varchar(9), e enum('a','b'), d decimal(9,2),"
            " ts timestamp null) character set utf8mb4",
        )
        since, tables = source.log.here(), source.plan("t")
        source.run("set session sql_log_bin = off", statement, "set session sql_log_bin = on")
        source.run("insert into t (id) values (1)")
        with pytest.raises(SchemaDrift, match=f"{source.name}.t"):
            source.changes(since, tables)


def test_changes_logged_as_statements_are_refused(source: Source, tmp_path: Path) -> None:
    source.run("create table t (id int primary key)", "create database if not exists elsewhere_x")
    source.run("create table if not exists elsewhere_x.beat (id int)", "set session binlog_format = statement")
    since, tables = source.log.here(), source.plan("t")
    source.run("insert into elsewhere_x.beat values (1)", "drop database elsewhere_x")
    assert source.changes(since, tables) == []
    lines = tmp_path / "lines"
    lines.write_text("7\n")
    for statement in ("insert into t values (1)", f"load data local infile '{lines}' into table t"):
        since = source.log.here()
        source.run(statement)
        with pytest.raises(Unsupported, match="as a statement") as raised:
            source.changes(since, tables)
        assert "binlog_format" in raised.value.mend


def test_keys_changed_without_foreign_key_checks(source: Source) -> None:
    """Where children follow unlogged, capture could not say that here they did not."""
    source.run("create table p (id int primary key)", "create table c (id int primary key, p int)")
    source.run("alter table c add foreign key (p) references p (id) on delete cascade")
    since, tables = source.log.here(), source.plan("p", "c")
    source.run("set session foreign_key_checks = off", "insert into c values (1, 5)", "insert into p values (1), (2)")
    assert len(source.changes(since, tables)) == 3
    source.run("delete from p where id = 1")
    if tables[0].source.logs_cascades:
        assert len(source.changes(since, tables)) == 4
    else:
        with pytest.raises(Unsupported, match="foreign_key_checks"):
            source.changes(since, tables)


@on_mysql
def test_every_kind_of_gtid_begins_a_transaction(source: Source) -> None:
    source.run("create table t (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    try:
        source.run("set global gtid_mode = on_permissive", "set gtid_next = 'ANONYMOUS'", "insert into t values (1)")
        source.run("set gtid_next = 'AUTOMATIC:tagged'", "insert into t values (2)", "set gtid_next = 'AUTOMATIC'")
        source.run("insert into t values (3)")
        transactions = source.read(since, tables)
    finally:
        source.run("set gtid_next = 'AUTOMATIC'", "flush binary logs", "set global gtid_mode = on")
    assert [change[3] for each in transactions for change in each.changes] == [(b"1",), (b"2",), (b"3",)]
    assert all(abs(transaction.committed - time.time()) < 5 for transaction in transactions)
