"""The catalog of a source of this family, against what the DDL below says."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from landbridge.endpoints.abc import Counter
from landbridge.endpoints.mysql.catalog import Describer
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.counters import Counters
from landbridge.endpoints.mysql.server import Server
from landbridge.kinds import (
    Bool,
    Bytes,
    Enum,
    Inet,
    Int,
    Json,
    Set,
    Text,
    Timestamp,
    TimestampTz,
    Uuid,
    Vector,
)
from landbridge.model import (
    Catalog,
    Check,
    Column,
    Default,
    ForeignKey,
    Generated,
    Index,
    IndexPart,
    Key,
    SchemaObject,
    Table,
    TableName,
    Versioning,
)
from landbridge.plan import EndpointRef
from tests.support import load_sql_file, mysql_connection, rows

SERVERS = ["mariadb_server", "mariadb11_server", "mysql_server"]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def name(server: Server, mysql_database: Callable[..., str]) -> str:
    return mysql_database(server)


def database(server: Server, user: str = "root") -> Database:
    return Database(EndpointRef(engine="mysql", host=server.host, port=server.port, user=user))


def run(server: Server, name: str, *statements: str) -> None:
    with contextlib.closing(mysql_connection(server, name)) as connection:
        for statement in statements:
            rows(connection, statement)


def described(server: Server, name: str, *statements: str) -> Catalog:
    run(server, name, *statements)
    return Describer(database(server)).describe([name])


def table(catalog: Catalog, name: str) -> Table:
    return next(table for table in catalog.tables if table.name.name == name)


def columns(table: Table) -> dict[str, Column]:
    return {column.name: column for column in table.columns}


def is_mariadb(server: Server) -> bool:
    with contextlib.closing(mysql_connection(server)) as connection:
        return "MariaDB" in rows(connection, "select version()")[0][0]


COLUMNS = """
create table everything (
  id bigint unsigned not null auto_increment primary key,
  n0 int not null,
  nd int,
  i int default 7 comment 'it''s seven',
  d decimal(12,4) not null default 1.5,
  b bit(9) default b'101',
  f float default 1.1,
  v varchar(30) not null default 'it''s \\\\ "q"',
  vn varchar(10) default 'NULL',
  ve varchar(10) default '',
  vo varchar(10) not null default '😀?',
  l1 varchar(10) character set latin1 default 'é',
  bi binary(4) not null default 'a\\0b',
  vb varbinary(4) default x'00ff',
  dt datetime(3) not null default current_timestamp(3) on update current_timestamp(3),
  dl datetime default '2020-01-02 03:04:05',
  ts timestamp not null default '2020-01-02 03:04:05',
  e enum('a','b''c','d,e','😀','?','') default 'b''c',
  s set('x','😀','y','?') default '😀,x',
  gv int generated always as (i + 1) virtual,
  gs varchar(60) generated always as (concat(v, '-')) stored,
  x int default (1 + 2)
) comment 'all of them'"""


def test_columns(server: Server, name: str) -> None:
    run(server, name, "set names utf8mb4")
    with contextlib.closing(mysql_connection(server, name)) as connection:
        rows(connection, "set time_zone = '+05:00'")  # in which MySQL keeps the text of the TIMESTAMP's default
        rows(connection, COLUMNS)
    catalog = Describer(database(server)).describe([name])
    found = table(catalog, "everything")
    assert (found.comment, found.transactional, found.old_image) == ("all of them", True, "full")
    assert found.primary_key == Key(name="PRIMARY", columns=("id",))
    by_name = columns(found)
    assert " ".join(by_name) == "id n0 nd i d b f v vn ve vo l1 bi vb dt dl ts e s gv gs x"
    assert by_name["id"].kind == Int(bits=64, unsigned=True)
    assert (by_name["id"].identity, by_name["id"].nullable, by_name["id"].default) == ("auto", False, None)
    assert {c.name for c in found.columns if not c.nullable} == {"id", "n0", "d", "v", "vo", "bi", "dt", "ts"}
    assert by_name["i"].comment == "it's seven"
    assert by_name["e"].kind == Enum(labels=("a", "b'c", "d,e", "😀", "?", ""))
    assert by_name["s"].kind == Set(labels=("x", "😀", "y", "?"))
    assert by_name["bi"].kind == Bytes(length=4, fixed=True)
    assert by_name["dt"].kind == Timestamp(fsp=3)
    assert by_name["ts"].kind == TimestampTz(fsp=0)
    assert {c.name for c in found.columns if c.on_update_now} == {"dt"}
    assert by_name["l1"].collation == "latin1_swedish_ci"
    assert by_name["l1"].native == "varchar(10)"


def test_defaults(server: Server, name: str) -> None:
    with contextlib.closing(mysql_connection(server, name)) as connection:
        rows(connection, "set time_zone = '+05:00'")
        rows(connection, COLUMNS)
    found = table(Describer(database(server)).describe([name]), "everything")
    literals = {column.name: column.default.literal for column in found.columns if column.default}
    assert literals == {
        "i": "7",
        "d": "1.5000",
        "b": "000000101",
        "f": "1.1",
        "v": 'it\'s \\ "q"',
        "vn": "NULL",
        "ve": "",
        "vo": "😀?",
        "l1": "é",
        "bi": "\\x61006200",
        "vb": "\\x00ff",
        "dt": None,
        "dl": "2020-01-02 03:04:05",
        "ts": "2020-01-01 22:04:05+00",
        "e": "b'c",
        "s": "x,😀",
        "x": None,
    }
    by_name = columns(found)
    assert by_name["dt"].default is not None
    assert by_name["dt"].default.now
    assert by_name["x"].default == Default(native="(1 + 2)")
    assert by_name["gv"].default is None
    generated = {column.name: column.generated.stored for column in found.columns if column.generated}
    assert generated == {"gv": False, "gs": True}
    expression = "concat(`v`,'-')" if is_mariadb(server) else "concat(`v`,_utf8mb4'-')"
    assert by_name["gs"].generated == Generated(expression=expression, stored=True)


def test_reading_leaves_nothing_in_the_log(server: Server, name: str) -> None:
    """Labels are read through a temporary table: neither a dump nor a replica may see one."""
    run(server, name, "create table t (e enum('😀','?') not null default '?')")
    with contextlib.closing(mysql_connection(server, name)) as connection:
        before = rows(connection, "show binary logs")
        assert columns(table(Describer(database(server)).describe([name]), "t"))["e"].kind == Enum(labels=("😀", "?"))
        assert rows(connection, "show binary logs") == before


def test_tinyint_is_bool_only_if_its_data_says_so(server: Server, name: str) -> None:
    catalog = described(
        server,
        name,
        "create table nothing (a tinyint(1) not null, b tinyint(4), primary key (a))",
        "create table filled (id int primary key, yes tinyint(1), no tinyint(1), nulls tinyint(1), neg tinyint(1), "
        "five tinyint(1) default 5, gen tinyint(1) as (id > 1) virtual)",
        "insert into filled (id, yes, no, nulls, neg) "
        "values (1, 0, 2, null, 0), (2, 1, 0, null, -1), (3, null, 1, null, 1)",
        "create table parent (id tinyint(1) primary key)",
        "create table child (id int primary key, p tinyint(1), foreign key (p) references parent (id))",
        "create table counter (id tinyint(1) auto_increment primary key)",
    )
    kinds = {(t.name.name, c.name): c.kind for t in catalog.tables for c in t.columns if c.native.startswith("tinyint")}
    assert kinds == {
        ("nothing", "a"): Bool(),
        ("nothing", "b"): Int(bits=8),
        ("filled", "yes"): Bool(),
        ("filled", "no"): Int(bits=8),
        ("filled", "nulls"): Bool(),
        ("filled", "neg"): Int(bits=8),
        ("filled", "five"): Int(bits=8),
        ("filled", "gen"): Bool(),
        ("parent", "id"): Int(bits=8),
        ("child", "p"): Int(bits=8),
        ("counter", "id"): Int(bits=8),
    }


def test_indexes_and_constraints(server: Server, name: str) -> None:
    catalog = described(
        server,
        name,
        "create table parent (a int, b varchar(20), primary key (b, a))",
        "create table t (id int primary key, a int, b varchar(20), txt text, n int, w varchar(5), "
        "unique key u (b, a), unique key up (txt(10)), key d (n desc, a), fulltext key ft (txt) comment 'words', "
        "constraint fk foreign key (b, a) references parent (b, a) on delete cascade on update set null, "
        "constraint fk2 foreign key (n) references t (id) on delete restrict, "
        "constraint small check (n < 100 and w <> 'x'))",
    )
    found = table(catalog, "t")
    by_name = {index.name: index for index in found.indexes}
    assert set(by_name) == {"u", "up", "d", "ft"} | ({"fk2"} & set(by_name))  # MySQL makes one, for d is descending
    assert by_name["u"] == Index(
        name="u",
        parts=(IndexPart(column="b", native="`b`"), IndexPart(column="a", native="`a`")),
        unique=True,
        constraint=True,
    )
    assert by_name["up"] == Index(
        name="up", parts=(IndexPart(column="txt", prefix=10, native="`txt`(10)"),), unique=True, constraint=False
    )
    down = IndexPart(column="n", descending=True, native="`n` DESC")
    assert by_name["d"].parts == (down, IndexPart(column="a", native="`a`"))
    assert (by_name["ft"].method, by_name["ft"].comment) == ("fulltext", "words")
    keys = {key.name: key for key in found.foreign_keys}
    parent, own = TableName(schema=name, name="parent"), TableName(schema=name, name="t")
    assert keys["fk"] == ForeignKey(
        name="fk",
        columns=("b", "a"),
        target=parent,
        target_columns=("b", "a"),
        on_delete="CASCADE",
        on_update="SET NULL",
    )
    assert (keys["fk2"].target, keys["fk2"].on_delete) == (own, "RESTRICT")
    expression = "`n` < 100 and `w` <> 'x'" if is_mariadb(server) else "((`n` < 100) and (`w` <> _utf8mb4'x'))"
    assert found.checks == (Check(name="small", expression=expression),)
    assert table(Describer(database(server)).describe([name]), "parent").primary_key == Key(
        name="PRIMARY", columns=("b", "a")
    )


def test_a_login_that_may_only_select_sees_the_foreign_keys(server: Server, name: str) -> None:
    """MariaDB hides their rules from it."""
    run(
        server,
        name,
        "create table p (id int primary key)",
        "create table c (id int primary key, p int, q int, constraint f foreign key (p) references p (id) on delete "
        "cascade on update set null, constraint g foreign key (q) references p (id))",
        f"create user reader_{name}@'127.0.0.1'",
        f"grant select on `{name}`.* to reader_{name}@'127.0.0.1'",
    )
    try:
        reader = Describer(database(server, f"reader_{name}"))
        assert reader.schemas() == (name,)
        seen = table(reader.describe([name]), "c").foreign_keys
    finally:
        run(server, name, f"drop user reader_{name}@'127.0.0.1'")
    first, second = seen
    assert (first.name, first.on_delete, first.on_update) == ("f", "CASCADE", "SET NULL")
    assert second.name == "g"
    assert second.on_delete in ("RESTRICT", "NO ACTION")


def test_tables_that_are_not_ordinary(server: Server, name: str) -> None:
    catalog = described(
        server,
        name,
        "create table isam (a int primary key) engine=myisam",
        "create table mem (a int) engine=memory",
        "create table `pa``rt` (id int primary key) partition by range (id) (partition p0 values less than (10), "
        "partition p1 values less than maxvalue)",
        "create view v as select 1 as one",
        "create trigger tr before insert on mem for each row set new.a = 1",
        "create procedure p() select 1",
        "create function fn() returns int deterministic return 1",
        "create event ev on schedule every 1 day do select 1",
    )
    assert {t.name.name: t.transactional for t in catalog.tables} == {"isam": False, "mem": False, "pa`rt": True}
    partitioning = table(catalog, "pa`rt").partitioning
    assert partitioning
    assert partitioning.by.startswith("RANGE (`id`)")
    listed = {(other.kind, other.name.name, other.parent) for other in catalog.others}
    assert listed == {
        ("view", "v", None),
        ("trigger", "tr", TableName(schema=name, name="mem")),
        ("procedure", "p", None),
        ("function", "fn", None),
        ("event", "ev", None),
    }


def test_mysql_only(mysql_server: Server, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_server)
    catalog = described(
        mysql_server,
        name,
        "create table t (a int primary key invisible, b varchar(30), j json default (json_object()), n int not null, "
        "key low ((lower(b)), a), key hidden (n) invisible, unique key up ((n + 1) desc), "
        "g point not null srid 4326, spatial key sp (g), v vector(3), constraint loose check (n > 0) not enforced)",
        "set session sql_generate_invisible_primary_key = on",
    )
    found = table(catalog, "t")
    by_name = {index.name: index for index in found.indexes}
    lower = IndexPart(expression="lower(`b`)", native="(lower(`b`))")
    assert by_name["low"].parts == (lower, IndexPart(column="a", native="`a`"))
    assert by_name["up"].parts[0].descending
    assert (by_name["up"].unique, by_name["up"].constraint) == (True, False)
    assert by_name["sp"] == Index(name="sp", parts=(IndexPart(column="g", native="`g`"),), method="spatial")
    assert found.column("a").kind == Int(bits=32)
    assert found.column("j").default == Default(native="json_object()")
    assert found.column("v").kind == Vector(dimension=3)
    assert found.checks == ()
    parent = TableName(schema=name, name="t")
    assert catalog.others == (
        SchemaObject(kind="invisible index", name=TableName(schema=name, name="hidden"), parent=parent),
        SchemaObject(kind="unenforced check", name=TableName(schema=name, name="loose"), parent=parent),
    )


def test_a_generated_primary_key_is_seen(mysql_server: Server, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mysql_server)
    with contextlib.closing(mysql_connection(mysql_server, name)) as connection:
        rows(connection, "set session sql_generate_invisible_primary_key = on")
        rows(connection, "create table t (a int)")
    found = table(Describer(database(mysql_server)).describe([name]), "t")
    assert [column.name for column in found.columns] == ["my_row_id", "a"]
    assert found.primary_key == Key(name="PRIMARY", columns=("my_row_id",))


def test_mariadb_only(mariadb11_server: Server, mysql_database: Callable[..., str]) -> None:
    name = mysql_database(mariadb11_server)
    catalog = described(
        mariadb11_server,
        name,
        "create table t (id int primary key, j json, l longtext check (json_valid(l)), "
        "c longtext check (json_valid(c) and length(c) < 10), u uuid default uuid(), i inet6 default '::1', "
        "h int invisible default 3, z varchar(10) compressed, key unused (h) ignored)",
        "create table versioned (id int primary key) with system versioning",
        "create table by_number (id int, s bigint unsigned generated always as row start,"
        " e bigint unsigned generated always as row end, period for system_time (s, e)) with system versioning",
        "create sequence fresh start with 5 increment by 3",
        "create sequence used start with 5 increment by 3 maxvalue 1000 cache 10 cycle",
        "do next value for used, next value for used",
    )
    kinds: dict[str, Any] = {column.name: column.kind for column in table(catalog, "t").columns}
    assert kinds == {
        "id": Int(bits=32),
        "j": Json(exact=True),
        "l": Json(exact=True),
        "c": Text(),
        "u": Uuid(),
        "i": Inet(),
        "h": Int(bits=32),
        "z": Text(length=10),
    }
    assert table(catalog, "t").column("u").default == Default(native="uuid()")
    assert [check.name for check in table(catalog, "t").checks] == ["c"]
    assert [(other.kind, other.name.name) for other in catalog.others] == [
        ("invisible index", "unused"),
        ("table versioned by transactions", "by_number"),
    ]
    assert table(catalog, "versioned").versioning == Versioning(start="row_start", end="row_end")
    fresh, used = catalog.sequences
    assert (fresh.name.name, fresh.start, fresh.increment, fresh.last_value) == ("fresh", 5, 3, None)
    assert (used.name.name, used.minimum, used.maximum, used.cache, used.cycle) == ("used", 1, 1000, 10, True)
    assert used.last_value is not None
    assert used.last_value >= 8


def test_counters(server: Server, name: str) -> None:
    run(
        server,
        name,
        "create table fresh (id int primary key auto_increment)",
        "create table begun (id int primary key auto_increment) auto_increment = 50",
        "create table used (a int, id bigint unsigned auto_increment, key (id))",
    )
    catalog = Describer(database(server)).describe([name])
    counters = Counters(database(server))
    counters.counters(catalog.tables, catalog.sequences)
    run(server, name, "insert into used (a) values (1), (2), (3)", "delete from used")
    places = {table: TableName(schema=name, name=table) for table in ("begun", "fresh", "used")}
    found = counters.counters(catalog.tables, catalog.sequences)
    assert found == (
        Counter(name=places["begun"], column="id", last=49),
        Counter(name=places["fresh"], column="id", last=None),
        Counter(name=places["used"], column="id", last=3),
    )


def test_schemas_leaves_the_systems_own_out(server: Server, name: str) -> None:
    run(server, name, "create database if not exists landbridge")
    schemas = Describer(database(server)).schemas()
    assert name in schemas
    assert not {"mysql", "sys", "performance_schema", "information_schema", "landbridge"} & set(schemas)
    run(server, name, "drop database landbridge")


def test_sakila(server: Server, name: str, shared_data: Any) -> None:
    with contextlib.closing(mysql_connection(server)) as connection:
        load_sql_file(connection, shared_data / "sakila" / "sakila-schema.sql", name)
    catalog = Describer(database(server)).describe([name])
    assert len(catalog.tables) == 16
    film = table(catalog, "film")
    assert film.column("rating").kind == Enum(labels=("G", "PG", "PG-13", "R", "NC-17"))
    assert film.column("rating").default == Default(native="'G'", literal="G")
    assert film.column("release_year").native.startswith("year")
    assert [key.name for key in film.foreign_keys] == ["fk_film_language", "fk_film_language_original"]
    assert table(catalog, "film_text").transactional is not is_mariadb(server)
    assert {other.kind for other in catalog.others} == {"function", "procedure", "trigger", "view"}
    assert columns(table(catalog, "customer"))["active"].kind == Bool()
