"""Tables that the log describes without names, signs, labels or character sets (binlog_row_metadata below FULL)."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from landbridge.errors import SchemaDrift
from tests.engines.binlog_source import SERVERS, Source, on_mariadb, opened
from tests.engines.test_mysql_images import COLUMNS


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        yield found


@contextlib.contextmanager
def metadata(source: Source, level: str) -> Iterator[None]:
    source.run(f"set global binlog_row_metadata = {level}", "flush tables")
    try:
        yield
    finally:
        source.run("set global binlog_row_metadata = full", "flush tables")


def levels(source: Source) -> tuple[str, ...]:
    return ("minimal", "no_log") if source.mariadb else ("minimal",)


SIGNS = ", ".join(
    f"{kind[:3]}_{n} {kind} {sign}"
    for kind in ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal(5)", "float", "double")
    for n, sign in enumerate(("", "unsigned", "unsigned zerofill"))
)
LETTERS = (
    "l1 varchar(9) character set latin1, l2 text character set gbk, l3 char(3) character set utf16,"
    " l4 enum('é', 'ü') character set latin1, l5 set('ä', 'ö') character set utf16, l6 tinyblob, l7 longtext,"
    " l8 varchar(300) character set ascii, js json, pt point, vb varbinary(3), rb binary(4)"
)


def test_what_the_log_leaves_out_is_as_recorded(source: Source) -> None:
    source.run(f"create table t (id int primary key, {COLUMNS}, {SIGNS}, {LETTERS}) character set utf8mb4")
    since, tables = source.log.here(), source.plan("t")
    source.run("set timestamp = 1700000000")  # what `on update` takes
    insert = (
        "insert into t (id, now1, now2, z, tin_1, big_1, int_0, dec_0, dec_1, flo_0, l1, l2, l3, l4, l5, l6, l7, l8,"
        " js, pt, vb, rb) values (1, '2020-01-01', '2020-01-01', 'z', 255, 18446744073709551615, -1, -5, 5, -1.5, 'é', '中',"
        " 'ß', 'ü', 'ä,ö', x'ff', 'long', 'asc', '{\"a\": 1}', point(1, 2), x'0102', x'01')"
    )
    source.run(insert, "update t set id = 2, l1 = 'ü'", "delete from t")
    wanted = source.changes(since, tables)
    assert len(wanted) == 3
    for level in levels(source):
        with metadata(source, level):
            since = source.log.here()
            source.run(insert, "update t set id = 2, l1 = 'ü'", "delete from t")
            assert source.changes(since, tables) == wanted


def test_images_and_metadata_may_both_be_minimal(source: Source) -> None:
    source.run(
        "create table t (id bigint unsigned primary key, e enum('a', 'b') default 'b', u int unsigned default 7)"
    )
    tables = source.plan("t")
    for level in levels(source):
        with metadata(source, level):
            since = source.log.here()
            source.run("set session binlog_row_image = minimal")
            source.run("insert into t (id) values (18446744073709551615)", "delete from t")
            assert source.changes(since, tables) == [
                (0, 0, None, (b"18446744073709551615", b"b", b"7")),
                (2, 0, (b"18446744073709551615",), None),
            ]


@on_mariadb
def test_hidden_columns_have_no_name_either(source: Source) -> None:
    source.run("create table h (id int primary key, t text, u blob, unique (t), unique (u))")
    tables = source.plan("h")
    with metadata(source, "no_log"):
        since = source.log.here()
        source.run("insert into h values (1, 'x', 'y')")
        assert source.changes(since, tables) == [(0, 0, None, (b"1", b"x", b"\\x79"))]


ALTERED = (
    "add x int",
    "drop e",
    "drop v, drop w",
    "modify v bigint",
    "modify w varchar(10)",
    "modify w char(9)",
    "modify d decimal(9,3)",
    "modify d decimal(10,2)",
    "modify ts timestamp(3) null",
    "modify v int after w",
    "modify v int not null",
    "modify e enum('a') not null",
    "add unique (w), modify ts datetime null",
)


def test_a_table_of_another_shape_is_found_without_names(source: Source) -> None:
    """Unlogged, or the statement itself would be found."""
    with metadata(source, "no_log" if source.mariadb else "minimal"):
        for change in ALTERED:
            source.run("drop table if exists t")
            source.run(
                "create table t (id int primary key, v int, w varchar(9), e enum('a','b'), d decimal(9,2),"
                " ts timestamp null) character set utf8mb4"
            )
            since, tables = source.log.here(), source.plan("t")
            source.run("set session sql_log_bin = off", f"alter table t {change}", "set session sql_log_bin = on")
            source.run("set session sql_mode = ''", "insert into t (id) values (1)")
            with pytest.raises(SchemaDrift, match=f"{source.name}.t"):
                source.changes(since, tables)


def test_a_logged_change_of_a_table_stops(source: Source) -> None:
    """Two columns of one type change places: only the statement tells."""
    source.run("create table t (id int primary key, a int, b int)")
    with metadata(source, "minimal"):
        since, tables = source.log.here(), source.plan("t")
        source.run(
            "insert into t values (1, 2, 3)", "alter table t modify b int after id", "insert into t values (2, 3, 2)"
        )
        with pytest.raises(SchemaDrift, match="ALTER TABLE"):
            source.changes(since, tables)


def test_a_table_altered_before_the_capture_begins(source: Source) -> None:
    """No log that is read tells of it."""
    source.run(f"create table t (id int primary key, {COLUMNS}, {SIGNS}, {LETTERS}, y2 int as (n + 1) stored)")
    tables = source.plan("t")
    source.log.prepare("test", tables)
    source.run("alter table t modify n int after id")
    with pytest.raises(SchemaDrift, match=r"\.t was altered"):
        source.log.prepare("test", tables)
