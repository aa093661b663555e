"""What a writer leaves in real tables of the MySQL family, read back through the plain driver."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge import kinds
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE
from landbridge.endpoints.applying import TableBatch
from landbridge.endpoints.mysql.apply import Writer
from landbridge.errors import RowRejected, Terminal
from landbridge.model import Field, Relation, TableName
from tests.engines.mysql_target import SERVERS, Place, batch


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Place]:
    server = request.getfixturevalue(request.param)
    made = Place(server, mysql_database(server))
    yield made
    made.connection.close()
    made.plain.close()


@pytest.fixture
def items(place: Place) -> Writer:
    place.sql("create table items (id int primary key, name varchar(50) character set utf8mb4, price decimal(8,2))")
    place.sql("insert into items values (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)")
    return place.writer(place.relation(0, "items", "id name price"))


def test_a_batch_deletes_updates_and_inserts(place: Place, items: Writer) -> None:
    with place.transaction():
        assert items.write(
            batch(
                deletes=[(b"1",)],
                updates=[((b"2",), (b"2", b"zwei", ...)), ((b"3",), (b"30", ..., None))],
                inserts=[(b"4", b"tab\tline\nback\\slash\\.\0'", None), (b"3", b"\\N", b"0.50"), (b"5", b"", b"-1")],
            ),
            converge=False,
        )
    assert place.sql("select id, name, cast(price as char) from items order by id") == [
        (2, "zwei", "2.00"),
        (3, "\\N", "0.50"),
        (4, "tab\tline\nback\\slash\\.\0'", None),
        (5, "", "-1.00"),
        (30, "three", None),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        batch(deletes=[(b"1",), (b"9",)]),
        batch(updates=[((b"9",), (b"9", b"x", b"1"))]),
        batch(updates=[((b"9",), (b"9", b"x", ...)), ((b"1",), (b"1", ..., b"1"))]),
        batch(updates=[((b"9",), (b"9", ..., ...))]),
        batch(updates=[((b"9",), (b"10", b"x", b"1"))]),
        batch(inserts=[(b"1", b"there already", b"1")]),
        batch(inserts=[(b"9", b"too long" * 10, b"1")]),
        batch(inserts=[(b"9", b"spaces" + b" " * 50, b"1")]),
        batch(inserts=[(b"9", b"too exact", b"1.001")]),
        batch(updates=[((b"1",), (b"1", b"too large", b"1e9"))]),
    ],
)
def test_what_does_not_fit_as_it_is_fails_the_batch(place: Place, items: Writer, wrong: TableBatch) -> None:
    """LOAD DATA LOCAL would skip it, cut it or round it, and say that all is well."""
    with place.transaction() as connection:
        assert not items.write(wrong, converge=False)
        connection.rollback()
    with place.transaction():
        assert items.write(batch(deletes=[(b"1",)]), converge=False), "the writer goes on after a rollback"
    assert place.sql("select id, name from items order by id") == [(2, "two"), (3, "three")]


def test_an_update_to_what_is_there_already_has_found_its_row(place: Place, items: Writer) -> None:
    with place.transaction():
        assert items.write(batch(updates=[((b"1",), (b"1", b"one", b"1.00"))]), converge=False)
        items.replay([(UPDATE, 0, None, (b"1", b"one", ...)), (UPDATE, 0, None, (b"1", ..., ...))], converge=False)


def test_a_row_without_all_columns_is_not_inserted(place: Place, items: Writer) -> None:
    with pytest.raises(Terminal, match="without all its columns"), place.transaction():
        items.write(batch(inserts=[(b"7", ..., b"1")]), converge=False)


def test_many_batches_in_one_transaction(place: Place, items: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large transaction comes in parts; a new staging table is made on the way, which must not commit."""
    monkeypatch.setattr("landbridge.endpoints.mysql.write.staging._CROWDED", 5)
    values = ", ".join(f"({number}, 'x', 0)" for number in range(4, 41))
    place.sql(f"insert into items values {values}")
    with place.transaction() as connection:
        for start in range(4, 40, 4):
            keys = [b"%d" % number for number in range(start, start + 4)]
            changed = [((key,), (key, b"new " + key, b"1")) for key in keys[:2]]
            assert items.write(batch(updates=changed, deletes=[(key,) for key in keys[2:]]), converge=False)
        assert place.sql("select count(*) from items where name like 'new %'") == [(0,)]
        table, where = f"{place.database}.items", "id between 4 and 39"
        found = connection.exec_driver_sql(
            f"select count(*), sum(name = concat('new ', id)) from {table} where {where}"
        )
        assert [tuple(map(int, row)) for row in found] == [(18, 18)]


def test_staging_outlives_commits_and_rollbacks(place: Place, items: Writer) -> None:
    for name in (b"a", b"b", b"c"):
        with place.transaction() as connection:
            assert items.write(batch(updates=[((b"1",), (b"1", name, ...))]), converge=False)
            if name == b"b":
                connection.rollback()
        assert place.sql("select name from items where id = 1") == [("c",) if name == b"c" else ("a",)]


def test_large_tables_are_reached_by_their_key(place: Place, items: Writer) -> None:
    place.sql("set max_recursive_iterations = 100000" if place.mariadb else "set cte_max_recursion_depth = 100000")
    numbers = "with recursive s(i) as (select 4 union all select i + 1 from s where i < 20000)"
    place.sql(f"insert into items {numbers} select i, 'x', 0 from s")
    changed = [((b"%d" % key,), (b"%d" % key, b"y", b"1")) for key in range(4, 1004)]
    for converge in (False, True):
        with place.transaction() as connection:
            connection.exec_driver_sql("flush status")
            more = [(b"%d" % key, b"z", b"1") for key in range(30000 + converge * 10000, 31000 + converge * 10000)]
            gone = [(b"%d" % key,) for key in range(6000 + converge * 5000, 7000 + converge * 5000)]
            assert items.write(batch(updates=changed, deletes=gone, inserts=more), converge=converge)
            scanned = connection.exec_driver_sql("show session status like 'handler_read_rnd_next'").one()[1]
            assert int(scanned) < 5000


def test_keys_of_several_columns_and_awkward_names(place: Place) -> None:
    place.sql(
        'create table `Or%der "x` (`Sel ect` varchar(20), `%s` int, `a``b` text, primary key (`%s`, `Sel ect`))'
        " character set utf8mb4"
    )
    place.sql("""insert into `Or%der "x` values ('x', 1, 'p'), ('y', 1, 'q'), ('x', 2, 'r')""")
    shop = Relation(
        number=5,
        name=TableName(schema=place.database, name='Or%der "x'),
        fields=tuple(Field(name=name, kind=kinds.Text(), native="") for name in ("Sel ect", "%s", "a`b")),
        key=(1, 0),
    )
    writer = place.writer(shop)
    with place.transaction():
        updates = [((b"1", b"y"), (b"Y", b"1", b"Q")), ((b"2", b"x"), (b"x", b"2", b"R"))]
        wanted = batch(5, deletes=[(b"1", b"x")], updates=updates, inserts=[(b"z", b"3", b"%s")])
        assert writer.write(wanted, converge=False)
        writer.replay([(UPDATE, 5, (b"3", b"z"), (b"zz", b"3", ...)), (INSERT, 5, None, (b"n", b"4", b"'"))], False)
    found = place.sql('select * from `Or%der "x` order by 2, 1')
    assert found == [("Y", 1, "Q"), ("x", 2, "R"), ("zz", 3, "%s"), ("n", 4, "'")]


TYPES: dict[str, tuple[kinds.Kind, bytes, bytes, str]] = {
    "longblob": (kinds.Bytes(), b"\\x00ff5c", b"\\x", "concat('\\\\x', lower(hex({})))"),
    "binary(2)": (kinds.Bytes(length=2, fixed=True), b"\\x6100", b"\\x0000", "concat('\\\\x', lower(hex({})))"),
    "json": (kinds.Json(), b'{"a": 1, "b": "x\\ty"}', b"null", "{}"),
    "timestamp(3) null": (
        kinds.TimestampTz(fsp=3), b"2024-02-29 23:59:59.123+00", b"2001-01-01 00:00:00.000+00", "concat({}, '+00')",
    ),
    "datetime(6)": (kinds.Timestamp(fsp=6), b"9999-12-31 23:59:59.999999", b"0001-01-01 00:00:00.000000", "{}"),
    "time(2)": (kinds.Time(fsp=2), b"-838:59:59.00", b"23:59:59.99", "{}"),
    "decimal(65,30)": (kinds.Decimal(precision=65, scale=30), b"9" * 35 + b"." + b"9" * 30, b"0." + b"0" * 30, "{}"),
    "double": (kinds.Float(bits=64), b"-1e300", b"0.30000000000000004", "{}"),
    "float": (kinds.Float(bits=32), b"0.10000000149011612", b"-2", "{} + 0e0"),
    "bigint unsigned": (kinds.Int(bits=64, unsigned=True), b"18446744073709551615", b"0", "{}"),
    "bit(13)": (kinds.Bit(length=13), b"1000000000101", b"0000000000000", "lpad(bin({} + 0), 13, '0')"),
    "year": (kinds.Year(), b"0000", b"2155", "{}"),
    "tinyint(1)": (kinds.Bool(), b"1", b"0", "{}"),
    "char(4) character set latin1": (kinds.Text(length=4, fixed=True), "ü".encode(), b"", "{}"),
    "varchar(9) character set utf16": (kinds.Text(length=9), "a\\b☃😀".encode(), b"'  ", "{}"),
    "enum('very happy','2','','a\\\\b')": (kinds.Enum(labels=("very happy", "2", "")), b"2", b"", "{}"),
    "set('a','b c')": (kinds.Set(labels=("a", "b c")), b"a,b c", b"", "{}"),
    "geometry": (
        kinds.Geometry(), b"0101000020e6100000000000000000f03f0000000000000040",
        b"0101000000000000000000f03f0000000000000040",
        "hex({0})",
    ),
}  # fmt: skip
MARIADB_TYPES: dict[str, tuple[kinds.Kind, bytes, bytes, str]] = {
    "varchar(20) compressed": (kinds.Text(length=20), b"x" * 20, b"", "{}"),
    "uuid": (kinds.Uuid(), b"6ccd780c-baba-1026-9564-5b8c656024db", b"00000000-0000-0000-0000-000000000000", "{}"),
    "inet6": (kinds.Inet(), b"2001:0db8:0000:0000:0000:0000:0000:0001", b"::", "{}"),
}
SHOWN = {
    b"0101000020e6100000000000000000f03f0000000000000040": "E61000000101000000000000000000F03F0000000000000040",
    b"0101000000000000000000f03f0000000000000040": "000000000101000000000000000000F03F0000000000000040",
    b"2001:0db8:0000:0000:0000:0000:0000:0001": "2001:db8::1",
}


@pytest.mark.parametrize("converge", [False, True])
@pytest.mark.parametrize("key", [(0,), ()])
def test_every_type_takes_its_text(place: Place, key: tuple[int, ...], converge: bool) -> None:
    types = TYPES | (MARIADB_TYPES if place.mariadb else {})
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(types))
    place.sql(f"create table wide (id int {'primary key' if key else ''}, {columns})")
    names = ["id", *(f"c{number}" for number in range(len(types)))]
    known = {name: kind for name, (kind, *_) in zip(names[1:], types.values(), strict=True)}
    wide = place.relation(0, "wide", " ".join(names), key, **known)
    first, second = (tuple(values[place_] for values in types.values()) for place_ in (1, 2))
    writer = place.writer(wide)
    with place.transaction():
        assert writer.write(batch(inserts=[(b"1", *first), (b"2", *second), (b"3", *first)]), converge and bool(key))
        if key:
            changed = batch(updates=[((b"1",), (b"1", *second))], deletes=[(b"3",)])
            assert writer.write(changed, converge)
            writer.replay([(UPDATE, 0, None, (b"2", *first)), (INSERT, 0, None, (b"4", *second))], converge)
        else:
            writer.replay([(UPDATE, 0, (b"1", *first), (b"1", *second)), (DELETE, 0, (b"3", *first), None)], False)
            writer.replay([(UPDATE, 0, (b"2", *second), (b"2", *first)), (INSERT, 0, None, (b"4", *second))], False)
    place.sql("set time_zone = '+00:00'")
    for number, (type_, (_, one, other, shown)) in enumerate(types.items()):
        found = place.sql(f"select id, cast({shown.format(f'c{number}')} as char) from wide order by id")
        a, b = (SHOWN.get(value, value.decode()) for value in (one, other))
        assert found == [(1, b), (2, a), (4, b)], type_


def test_a_key_compares_as_its_index_does(place: Place) -> None:
    """Under a collation that takes two texts for one, a source of the same collation has one row of them, too."""
    loose = "character set utf8mb4 collate utf8mb4_general_ci"
    place.sql(f"create table words (a varchar(9) {loose}, b varchar(9), d varchar(9), primary key (a, b))")
    place.sql("insert into words values ('x', 'y', 'first'), ('X2', 'y', 'second')")
    writer = place.writer(place.relation(0, "words", "a b d", (0, 1)))
    with place.transaction():
        updates = [((b"X", b"y"), (b"X", b"y", b"changed"))]
        assert writer.write(batch(updates=updates, deletes=[(b"x2", b"y")]), converge=False)
        assert writer.write(batch(inserts=[(b"X", b"y", b"again"), (b"n", b"n", b"n")]), converge=True)
        writer.replay([(UPDATE, 0, None, (b"N", b"n", b"new")), (DELETE, 0, (b"n", b"n"), None)], False)
    assert place.sql("select a, b, d from words") == [("X", "y", "again")]


def test_binary_keys_are_their_bytes(place: Place) -> None:
    exact = "utf8mb4_nopad_bin" if place.mariadb else "utf8mb4_0900_bin"
    place.sql(f"create table words (a varchar(9) character set utf8mb4 collate {exact} primary key, d int)")
    writer = place.writer(place.relation(0, "words", "a d"))
    with place.transaction():
        inserts = [(b"x", b"1"), (b"X", b"2"), (b"x ", b"3"), (b"", b"4"), ("é".encode(), b"5"), (b"e", b"6")]
        assert writer.write(batch(inserts=inserts), converge=False)
        assert writer.write(batch(updates=[((b"X",), (b"X", b"20"))], deletes=[(b"x ",), (b"",)]), converge=False)
        writer.replay([(UPDATE, 0, None, (b"e", b"60")), (DELETE, 0, (b"x",), None)], False)
    assert sorted(place.sql("select a, d from words")) == [("X", 20), ("e", 60), ("é", 5)]


def test_a_table_whose_rows_are_as_wide_as_they_may_be(place: Place) -> None:
    """Its staging table has the key twice."""
    columns = "id varchar(700) primary key, a varchar(7000), b varbinary(32000)"
    place.sql(f"create table wide ({columns}) character set utf8mb4")
    writer = place.writer(place.relation(0, "wide", "id a b", b=kinds.Bytes(length=32000)))
    key, text = "ü".encode() * 700, "😀".encode() * 7000
    data, less = b"\\x" + b"ff" * 32000, b"\\x00"
    with place.transaction():
        assert writer.write(batch(inserts=[(key, text, data), (b"x", b"", less)]), converge=True)
        assert writer.write(batch(updates=[((b"x",), (b"y", text, data)), ((key,), (key, ..., less))]), converge=False)
        writer.replay([(UPDATE, 0, (b"y",), (b"z", b" ", ...))], converge=False)
    found = place.sql("select id, a, b from wide order by length(id)")
    assert found == [("z", " ", b"\xff" * 32000), (key.decode(), text.decode(), b"\0")]


def test_columns_that_move_by_themselves_stay(place: Place) -> None:
    """ON UPDATE CURRENT_TIMESTAMP acts unless a statement names the column."""
    old = "2001-01-01 00:00:00"
    place.sql(
        f"create table t (id int primary key, a int, seen datetime default '{old}' on update current_timestamp,"
        f" other timestamp default '{old}' on update current_timestamp)"
    )
    place.sql("insert into t (id, a) values (1, 1), (2, 2), (3, 3), (4, 4)")
    writer = place.writer(place.relation(0, "t", "id a seen"), place.relation(1, "t", "id a seen", ()))
    with place.transaction():
        updates = [((b"1",), (b"1", b"10", ...)), ((b"2",), (b"20", b"2", ...))]
        assert writer.write(batch(updates=updates), converge=False)
        writer.replay([(UPDATE, 0, None, (b"3", b"30", ...))], False)
        writer.replay([(UPDATE, 1, (b"4", b"4", old.encode()), (b"4", b"40", old.encode()))], False)
    assert place.sql("select id, a from t order by id") == [(1, 10), (3, 30), (4, 40), (20, 2)]
    assert place.sql(f"select count(*) from t where seen = '{old}' and other = '{old}'") == [(4,)]


def test_converging_meets_a_target_that_is_ahead(place: Place, items: Writer) -> None:
    with place.transaction():
        wanted = batch(
            deletes=[(b"8",), (b"1",)],
            updates=[
                ((b"2",), (b"2", b"zwei", ...)),
                ((b"9",), (b"9", b"nine", ...)),
                ((b"3",), (b"33", b"moved", ...)),
                ((b"10",), (b"11", b"whole", b"11")),
            ],
            inserts=[(b"12", b"new", None)],
        )
        assert items.write(wanted, converge=True)
        assert sorted(wanted.missing) == [(b"33",), (b"9",)]
        again = batch(inserts=[(b"12", b"newer", b"12"), (b"2", b"again", b"2")])
        assert items.write(again, converge=True)
        assert again.missing == []
    assert place.sql("select id, name from items order by id") == [(2, "again"), (11, "whole"), (12, "newer")]


def test_converging_row_by_row_does_the_same(place: Place, items: Writer) -> None:
    with place.transaction():
        missing = items.replay(
            [
                (DELETE, 0, (b"8",), None),
                (DELETE, 0, (b"1",), None),
                (UPDATE, 0, None, (b"2", b"zwei", ...)),
                (UPDATE, 0, None, (b"9", b"nine", ...)),
                (UPDATE, 0, (b"3",), (b"33", b"moved", ...)),
                (UPDATE, 0, (b"10",), (b"11", b"whole", b"11")),
                (INSERT, 0, None, (b"12", b"new", None)),
                (INSERT, 0, None, (b"12", b"newer", b"12")),
                (INSERT, 0, None, (b"2", b"again", b"2")),
            ],
            converge=True,
        )
    assert sorted(missing) == [(0, (b"33",)), (0, (b"9",))]
    assert place.sql("select id, name from items order by id") == [(2, "again"), (11, "whole"), (12, "newer")]


def test_converging_does_not_take_another_row_for_this_one(place: Place) -> None:
    """ON DUPLICATE KEY UPDATE would: row 2 is equal to row 1 in the unique name."""
    place.sql("create table named (id int primary key, name varchar(9) unique)")
    place.sql("insert into named values (1, 'a')")
    writer = place.writer(place.relation(0, "named", "id name"))
    with pytest.raises(Terminal, match="1062"), place.transaction():
        writer.write(batch(inserts=[(b"2", b"a")]), converge=True)
    assert place.sql("select * from named") == [(1, "a")]


def test_unique_values_change_places_row_by_row(place: Place) -> None:
    place.sql("create table named (id int primary key, name varchar(9) unique)")
    place.sql("insert into named values (1, 'a'), (2, 'b')")
    writer = place.writer(place.relation(0, "named", "id name"))
    with pytest.raises(Terminal, match="1062"), place.transaction():
        writer.write(batch(updates=[((b"1",), (b"1", b"b")), ((b"2",), (b"2", b"a"))]), converge=False)
    with place.transaction():
        changes = [(UPDATE, 0, None, (b"1", b"?")), (UPDATE, 0, None, (b"2", b"a")), (UPDATE, 0, None, (b"1", b"b"))]
        assert writer.replay(changes, converge=False) == []
    assert place.sql("select * from named order by id") == [(1, "b"), (2, "a")]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((INSERT, 0, None, (b"1", b"secret", b"1")), "error 1062, dup entry"),
        ((INSERT, 0, None, (b"9", b"secret", b"1e9")), "column price: error 1264"),
        ((INSERT, 0, None, (b"9", b"secret" * 10, b"1")), "column name: error 1406, data too long"),
        ((INSERT, 0, None, (b"9", b"secret" + b" " * 50, b"1")), "column name: error 1265"),
        ((INSERT, 0, None, (b"9", b"sec\xffret", b"1")), "column name: error 1366"),
        ((INSERT, 0, None, (b"9", ..., b"1")), "without all its columns"),
        ((DELETE, 0, (b"9",), None), "no rows have its key"),
        ((UPDATE, 0, None, (b"9", b"secret", ...)), "no rows have its key"),
        ((UPDATE, 0, None, (b"9", ..., ...)), "no rows have its key"),
        ((UPDATE, 0, None, (b"1", b"secret" * 10, ...)), "error 1406"),
        ((UPDATE, 0, (b"9",), (b"10", b"secret", ...)), "no rows have its key"),
        ((UPDATE, 0, (b"1",), (b"2", b"secret", ...)), "error 1062, dup entry"),
    ],
)
def test_a_refused_row_names_its_table_but_no_data(place: Place, items: Writer, change: Any, fault: str) -> None:
    with pytest.raises(RowRejected) as refused, place.transaction():
        items.replay([(DELETE, 0, (b"3",), None), change], converge=False)
    assert f"{place.database}.items" in str(refused.value)
    assert fault in str(refused.value)
    assert "secret" not in str(refused.value)
    assert place.sql("select count(*) from items") == [(3,)]


@pytest.mark.parametrize("partitioned", [False, True])
def test_without_a_key_one_row_of_those_equal(place: Place, partitioned: bool) -> None:
    by = "partition by list (n) (partition one values in (1), partition two values in (2, null))" if partitioned else ""
    place.sql(f"create table log (a varchar(9), b json, n int) {by}")
    writer = place.writer(place.relation(0, "log", "a b n", (), b=kinds.Json()))
    same, other, empty = (b"x", b'{"k": 1}', b"1"), (b"X", b'{"k": 2}', b"2"), (None, None, None)
    with place.transaction():
        assert writer.write(batch(inserts=[same, same, same, other, empty, empty]), converge=False)
        changes = [(DELETE, 0, same, None), (UPDATE, 0, same, (b"y", ..., b"2")), (DELETE, 0, empty, None)]
        writer.replay(changes, converge=False)
    found = place.sql("select a, b, n from log order by a")
    wanted = [("x", '{"k": 1}', 1), ("X", '{"k": 2}', 2), ("y", '{"k": 1}', 2), (None, None, None)]
    assert sorted(map(str, found)) == sorted(map(str, wanted))
    for absent in ((b"x", b'{"k": 2}', b"1"), (b"q", None, None)):
        with pytest.raises(RowRejected, match="no row is equal"), place.transaction():
            writer.replay([(DELETE, 0, absent, None)], converge=False)


def test_without_a_key_equal_is_identical(place: Place) -> None:
    place.sql("create table log (f float, t varchar(9) collate utf8mb4_general_ci, b blob) character set utf8mb4")
    writer = place.writer(place.relation(0, "log", "f t b", (), f=kinds.Float(bits=32), b=kinds.Bytes()))
    images = [(b"0.5", b"a", b"\\x00"), (b"0.5", b"A", b"\\x00"), (b"0.5", b"a ", b"\\x00"), (b"0.5", b"a", b"\\x")]
    images += [(b"0.5000000596046448", b"a", b"\\x00")]
    for gone in images[1:]:
        with place.transaction():
            writer.truncate(0)
            assert writer.write(batch(inserts=images), converge=False)
            writer.replay([(DELETE, 0, gone, None)], converge=False)
        found = place.sql("select f + 0e0, t, concat('\\\\x', lower(hex(b))) from log")
        left = {(repr(f).encode(), t.encode(), b.encode()) for f, t, b in found}
        assert left == set(images) - {gone}


def test_truncate_spares_readers(place: Place, items: Writer) -> None:
    place.sql("set session transaction isolation level repeatable read")
    place.plain.begin()
    assert place.sql("select count(*) from items") == [(3,)]
    with place.transaction():
        items.truncate(0)
        items.replay([(INSERT, 0, None, (b"7", b"x", b"1")), (TRUNCATE, 0, None, None)], converge=False)
        assert items.write(batch(inserts=[(b"5", b"five", b"5")]), converge=False)
    assert place.sql("select count(*) from items") == [(3,)]
    place.plain.rollback()
    assert place.sql("select id from items") == [(5,)]


def test_a_table_with_triggers_is_not_written_to(place: Place, items: Writer) -> None:
    """It may be looked at: the next leg stands ready before the triggers of its target are taken away."""
    assert items
    place.sql("create trigger quiet before insert on items for each row set new.price = 7")
    writer = place.writer(place.relation(0, "items", "id name price"))
    with pytest.raises(Terminal, match="quiet"), place.transaction():
        writer.write(batch(inserts=[(b"9", b"nine", b"9")]), converge=False)


def test_a_trigger_that_comes_later_stops_the_next_change(place: Place, items: Writer) -> None:
    """One that the switch made, say, before it was undone."""
    with place.transaction():
        assert items.write(batch(deletes=[(b"1",)]), converge=False)
    place.sql("create trigger late before update on items for each row set new.price = 7")
    image = (b"2", b"new", b"2")
    with pytest.raises(Terminal, match="late"), place.transaction():
        items.write(batch(updates=[((b"2",), image)]), converge=False)
    with pytest.raises(Terminal, match="late"), place.transaction():
        items.replay([(UPDATE, 0, None, image)], converge=False)
    assert place.sql("select name, price from items where id = 2") == [("two", 2)]
    place.sql("drop trigger late")
    with place.transaction():
        assert items.write(batch(updates=[((b"2",), image)]), converge=False)


def test_without_local_infile_all_goes_by_insert(place: Place, items: Writer) -> None:
    assert items
    place.sql("set global local_infile = 0")
    try:
        writer = place.writer(place.relation(0, "items", "id name price"))
        with place.transaction():
            updates = [((b"2",), (b"2", b"zwei", ...)), ((b"3",), (b"30", ..., None))]
            good = batch(deletes=[(b"1",)], updates=updates, inserts=[(b"4", b"\t'\\\0", b"1")])
            assert writer.write(good, converge=False)
        for name in (b"x" * 51, b"x" + b" " * 50):
            with place.transaction() as connection:
                assert not writer.write(batch(inserts=[(b"5", name, b"1")]), converge=False)
                connection.rollback()
    finally:
        place.sql("set global local_infile = 1")
    assert place.sql("select id, name from items order by id") == [(2, "zwei"), (4, "\t'\\\0"), (30, "three")]
