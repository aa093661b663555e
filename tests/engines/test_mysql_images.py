"""Row images without all columns: what the log leaves out, and what is made of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from landbridge.change import DELETE, INSERT, UPDATE
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.errors import Unsupported
from landbridge.model import Position, TableMap, TableName
from landbridge.plan import EndpointRef
from landbridge.spool import SpoolWriter
from tests.engines.applying import Stage
from tests.engines.binlog_source import SERVERS, Source, on_mariadb, on_mysql, opened
from tests.support import postgres_connection, rows


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        yield found


COLUMNS = (
    "i int default 5, b bigint unsigned default 18446744073709551615, o tinyint(1) default 1, d decimal(8,2) default 1.5,"
    "f float default 0.1, g double default 0.1, s datetime(3) default '2020-01-01 10:00:00.5', u date default '2020-02-02',"
    "t timestamp null default '2020-01-01 10:00:00', y year default 2001, m time(2) default '-10:00:00.5',"
    "e enum('x','Y') default 'y', w set('p','q','r') default 'r,p', k bit(5) default b'101', n int,"
    "l binary(4) default 'ab', v varbinary(8) default x'ff00fe', c char(5) default 'hi  ', q varchar(9) not null default"
    " 'q''\\\\', j varchar(9) character set latin1 default 'é', now1 timestamp not null default current_timestamp,"
    "now2 datetime(6) default current_timestamp(6) on update current_timestamp(6), x int default (1 + i),"
    "z varchar(40) default (uuid()), h blob default ('abc'), a text"
)


def test_columns_left_out_of_an_insert_have_their_defaults(source: Source) -> None:
    source.run("set session time_zone = '+05:00'")  # in which the default of a TIMESTAMP is given
    source.run(f"create table t (id int primary key, {COLUMNS}) character set utf8mb4", "set time_zone = '+00:00'")
    since, tables = source.log.here(), source.plan("t")
    for number, image in enumerate(("full", "minimal", "noblob")):
        source.run(f"set session binlog_row_image = {image}", f"insert into t (id) values ({number})")
    names = [column.source.name for column in tables[0].columns]
    full, *others = [dict(zip(names, change[3], strict=True)) for change in source.changes(since, tables)]
    same = [name for name in names if name not in ("id", "now1", "now2", "z")]
    assert {name: full[name] for name in ("f", "t", "v", "c", "e")} == {
        "f": full["f"], "t": b"2020-01-01 05:00:00+00", "v": b"\\xff00fe", "c": b"hi", "e": b"Y"
    }  # fmt: skip
    for other in others:
        assert {name: other[name] for name in same} == {name: full[name] for name in same}
        assert ... not in other.values()


@on_mysql
def test_updates_that_leave_out_what_they_keep(source: Source) -> None:
    source.run("create table p (id int primary key, a int, b text, c int default 5)")
    since, tables = source.log.here(), source.plan("p")
    source.run("set session binlog_row_image = minimal", "insert into p (id, a) values (1, 2)")
    source.run("update p set a = 3", "update p set id = 9", "replace into p (id) values (9)", "delete from p")
    source.run("set session binlog_row_image = noblob", "insert into p values (2, 2, 'x', 2)", "update p set a = 4")
    assert source.changes(since, tables) == [
        (INSERT, 0, None, (b"1", b"2", None, b"5")),
        (UPDATE, 0, None, (b"1", b"3", ..., ...)),
        (UPDATE, 0, (b"1",), (b"9", ..., ..., ...)),
        (UPDATE, 0, None, (b"9", None, None, b"5")),
        (DELETE, 0, (b"9",), None),
        (INSERT, 0, None, (b"2", b"2", b"x", b"2")),
        (UPDATE, 0, None, (b"2", b"4", ..., b"2")),
    ]


@on_mariadb
@pytest.mark.parametrize("image", ["minimal", "noblob"])
def test_a_replace_that_passes_for_an_update(source: Source, image: str) -> None:
    """MariaDB's own replicas keep 'old' here: its log does not say that the column was reset."""
    source.run("create table p (id int primary key)", "insert into p values (1)")
    source.run("create table t (id int primary key, p int, a text, foreign key (p) references p (id))")
    source.run("insert into t values (1, 1, 'old')", f"set session binlog_row_image = {image}")
    since, tables = source.log.here(), source.plan("t")
    source.run("insert into t (id) values (2)", "delete from t where id = 2")
    assert source.changes(since, tables) == [(INSERT, 0, None, (b"2", None, None)), (DELETE, 0, (b"2",), None)]
    begun = source.log.here()
    source.run("replace into t (id) values (1)")
    source.run("update t set id = 3 where id = 1")
    reset, moved, again = source.changes(begun, tables)
    assert (reset[:3], reset[3][0], reset[3][2]) == ((INSERT, 0, None), b"1", ...)  # to be read again
    assert (moved[:3], moved[3][0], moved[3][2]) == ((UPDATE, 0, (b"1",)), b"3", ...)
    assert again == (INSERT, 0, None, moved[3])


@pytest.mark.parametrize("source", ["mariadb11_server"], indirect=True)
def test_images_without_what_is_said_twice(source: Source) -> None:
    source.run("create table t (id int primary key, a int, b text)", "create table n (a int, b text)")
    source.run("insert into t values (1, 1, 'x')", "insert into n values (1, 'x')")
    since, tables = source.log.here(), source.plan("t", "n")
    source.run("set session binlog_row_image = full_nodup", "update t set a = 2", "update n set a = 2")
    source.run("replace into t (id) values (1)")
    assert source.changes(since, tables) == [
        (UPDATE, 0, None, (b"1", b"2", b"x")),
        (UPDATE, 1, (b"1", b"x"), (b"2", b"x")),
        (UPDATE, 0, None, (b"1", None, None)),
    ]


def test_rows_that_cannot_be_told_from_others(source: Source) -> None:
    source.run("create table n (a int not null unique, b text)", "create table k (id int default 3 primary key)")
    source.run("set session sql_mode = ''", "insert into n values (1, 'x')")
    for statement, name in (
        ("update n set a = 2", "n"),
        ("insert into n (b) values ('y')", "n"),
        ("insert k () values ()", "k"),
    ):
        since, tables = source.log.here(), source.plan("n", "k")
        source.run("set session binlog_row_image = minimal", statement)
        if statement.startswith("insert k") and not source.mariadb:
            continue  # MySQL logs the key
        with pytest.raises(Unsupported, match=rf"{source.name}\.{name} does not carry the whole row"):
            source.changes(since, tables)


# --- through apply ----------------------------------------------------------------------------------------------------


class Planned:
    """What Stage wants of its source."""

    def __init__(self, source: Source) -> None:
        self.source, self.tables = source, list[TableMap]()

    def plan(self, *names: str) -> None:
        self.tables = [
            replace(each, target=replace(each.target, name=TableName(schema="public", name=each.target.name.name)))
            for each in self.source.plan(*names)
        ]


class FromBinlog(Stage):
    """From the binlog into PostgreSQL."""

    def __init__(self, source: Source, server: postgres.Server, database: str, folder: Path) -> None:
        self.source, self.folder = Planned(source), folder  # type: ignore[assignment]
        self.log = source
        self.target = postgres_connection(server, database)
        self.refs = [
            source.database.ref,
            EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=database),
        ]
        self.engine = connect(self.refs[1]).get(Connects).engine()
        self.writer: SpoolWriter | None = None

    def follow(self, since: Position) -> None:
        assert self.writer is not None
        found = self.log.read(since, self.source.tables)
        for transaction in found:
            self.writer.append(transaction)
        self.writer.flush()
        with self.running() as running:
            self.wait(lambda: not running.alive or self.row().position >= found[-1].position)
        if running.error is not None:
            raise running.error


@pytest.fixture
def stage(
    source: Source, postgres_server: postgres.Server, postgres_database: Callable[[], str], tmp_path: Path
) -> Iterator[FromBinlog]:
    made = FromBinlog(source, postgres_server, postgres_database(), tmp_path)
    yield made
    made.target.close()


@on_mariadb
@pytest.mark.parametrize("image", ["minimal", "noblob"])
def test_what_a_replace_resets_arrives(stage: FromBinlog, image: str) -> None:
    source = stage.log
    for run in (source.run, lambda sql: rows(stage.target, sql)):
        run("create table p (id int primary key)")
        run("create table t (id int primary key, p int, a text, b int default 4, foreign key (p) references p (id))")
    source.run(
        "insert into p values (1)", "insert into t values (1, 1, 'one', 1), (2, 1, 'two', 2), (3, 1, 'three', 3)"
    )
    rows(stage.target, "insert into p values (1)")
    rows(stage.target, "insert into t select i, 1, n, i from (values (1, 'one'), (2, 'two'), (3, 'three')) v (i, n)")
    stage.begin("p", "t")
    since = source.log.here()
    source.run(f"set session binlog_row_image = {image}", "replace into t (id) values (1)")
    source.run(
        "update t set b = 9 where id = 2", "update t set id = 30 where id = 3", "replace into t (id) values (30)"
    )
    source.run(
        "insert into t (id, a) values (5, 'five')", "update t set a = null where id = 5", "delete from t where id = 2"
    )
    source.run("insert into t (id, a) values (2, 'again')", "replace into t (id, b) values (2, 7)")
    stage.follow(since)
    wanted = sorted(source.ask("select * from t"))
    assert wanted == [(1, None, None, 4), (2, None, None, 7), (5, None, None, 4), (30, None, None, 4)]
    assert sorted(rows(stage.target, "select * from t")) == wanted


@on_mysql
def test_partial_images_arrive(stage: FromBinlog) -> None:
    """A NOT NULL column without default is not in the image either: the row is read again, then all goes on exactly."""
    source = stage.log
    source.run("create table t (id int primary key, a int not null, b text, c varchar(9) not null, d int default 4)")
    rows(stage.target, "create table t (id int primary key, a int not null, b text, c varchar(9) not null, d int)")
    stage.begin("t")
    since = source.log.here()
    source.run("set session sql_mode = ''", "set session binlog_row_image = minimal")
    source.run("insert into t (id, b) values (1, 'x'), (2, 'y'), (3, 'z')", "update t set a = 7 where id = 2")
    source.run("insert into t (id, a, c) values (4, 4, 'c')", "update t set id = 30 where id = 3")
    source.run("delete from t where id = 1", "insert into t (id) values (1)", "update t set d = null where id = 4")
    stage.follow(since)
    wanted = sorted(source.ask("select * from t"))
    assert sorted(rows(stage.target, "select * from t")) == wanted
    assert wanted[0] == (1, 0, None, "", 4)
    middle = stage.row()
    assert middle.consistent is not None
    later = source.log.here()
    source.run("update t set b = 'late' where id = 30", "update t set c = 'q' where id = 2")
    stage.follow(later)
    assert sorted(rows(stage.target, "select * from t")) == sorted(source.ask("select * from t"))
    assert stage.row().consistent == middle.consistent
