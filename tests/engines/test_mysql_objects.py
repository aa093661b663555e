"""Views, routines, triggers and events from one server of the MySQL family to another: the same there, word by word."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carried, Carries, Describes
from landbridge.endpoints.mysql.server import Server
from landbridge.model import ColumnMap, TableMap, TableName
from tests.engines.carrying import carried, copy_tables, like_database, make, names, ref, run, shown
from tests.support import load_sql_file, mysql_connection

PAIRS = {"mysql": ("mysql_server", "mysql_server"), "mariadb": ("mariadb_server", "mariadb11_server")}

RENAMED = (("id", "id"), ("amt", "amount"))
Pair = tuple[Server, str, Server, str]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Pair:
    """Source and target, a new database on each, of different names."""
    source, target = (request.getfixturevalue(name) for name in PAIRS[request.param])
    name, database = mysql_database(source), mysql_database(target)
    like_database(source, name, target, database)
    return source, name, target, database


def assert_same(pair: Pair, found: dict[tuple[str, str], Carried]) -> None:
    source, name, target, database = pair
    for (kind, object_name), each in found.items():
        assert each.statements, (kind, object_name, each.reason)
        assert shown(target, database, kind, object_name) == shown(source, name, kind, object_name)


def test_sakila_complete(pair: Pair, shared_data: Any) -> None:
    source, name, target, database = pair
    with contextlib.closing(mysql_connection(source)) as connection:
        load_sql_file(connection, shared_data / "sakila" / "sakila-schema.sql", name)
    copy_tables(source, name, target, database)
    found = carried(source, name, target, database)
    kinds = [kind for kind, _ in found]
    assert {kind: kinds.count(kind) for kind in kinds} == {"function": 3, "procedure": 3, "view": 7, "trigger": 3}
    assert {each.reason for each in found.values()} == {""}
    queries = {key[1]: each.check[1].split(" from ")[0] for key, each in found.items() if each.check}
    assert queries == {
        "actor_info": "select `actor_id`",
        "customer_list": "select `ID`, `name`, `address`, `zip code`, `phone`, `city`, `country`, `notes`, `SID`",
        "film_list": "select `FID`",
        "nicer_but_slower_film_list": "select `FID`",
        "sales_by_film_category": "select `total_sales`",
        "sales_by_store": "select `total_sales`",
        "staff_list": "select `ID`, `name`, `address`, `zip code`, `phone`, `city`, `country`, `SID`",
    }
    assert make(target, found) == 16
    assert_same(pair, found)
    run(target, database, "set foreign_key_checks = 0", "insert into film (title, language_id) values ('ACE', 1)")
    assert run(target, database, "select film_id, title from film_text") == [(1, "ACE")]


PARK = [
    "create table t (id int primary key, s varchar(40), log varchar(100) not null default '')",
    "create table `we``ird %s` (`a.b` int primary key, `c d` int)",
    # a view of a view of a view, the last one first in the alphabet, with a function in the middle
    "create function `half of`(n int) returns int deterministic no sql return n div 2",
    "create sql security invoker view z as select id, s from t where id > 0",
    "create algorithm = merge view m (num, txt) as select id, concat(s, '%d%') from z where id < 100",
    "create algorithm = temptable view a as select num, `half of`(num) h, 'it''s \\\\ \"%s\"' q from m",
    "create view checked as select id, s from t where id < 10 with local check option",
    "create view checked2 as select id, s from checked where id > 1 with cascaded check option",
    "create view `odd ``view` as select `a.b`, `c d` as `e``f` from `we``ird %s`",
    "create view today as select current_date() d from t",
    # order: first, second, third
    "create trigger b_third before insert on t for each row set new.log = concat(new.log, '3')",
    "create trigger c_first before insert on t for each row precedes b_third set new.log = concat(new.log, '1')",
    "create trigger a_second before insert on t for each row follows c_first set new.log = concat(new.log, '2')",
    (
        "create trigger after_t after update on t for each row begin\n  -- a comment; with 'quotes'\n"
        "  insert into `we``ird %s` values (new.id, old.id) on duplicate key update `c d` = `c d` + 1;\nend"
    ),
    (
        "create event later on schedule every '1:30' minute_second starts '2031-01-01 00:00:00' on completion preserve "
        "disable comment 'it''s % later' do delete from t where id < 0"
    ),
    (
        "create procedure p(in a int, out b int, inout c varchar(10) charset latin1) reads sql data comment 'x\\'y' "
        "begin declare exit handler for sqlexception set b = -1; select max(id) into b from t; call q(c); end"
    ),
    "create procedure q(inout c varchar(10)) set c = upper(c)",
]


def test_a_park_of_nasty_objects(pair: Pair) -> None:
    source, name, target, database = pair
    run(source, name, "set time_zone = '+05:30'", *PARK)
    copy_tables(source, name, target, database)
    found = carried(source, name, target, database)
    assert {each.reason for each in found.values()} <= {
        "",
        "the target's event_scheduler is off, so that no event runs there",
    }
    assert found["view", "today"].check is None
    assert found["view", "a"].check is None  # a function says what it likes
    query = "select `num`, `txt` from `{}`.`m`"
    assert found["view", "m"].check == (query.format(name), query.format(database))
    make(target, found)
    assert_same(pair, found)
    assert shown(target, database, "event", "later")["time_zone"] == "+05:30"
    run(target, database, "insert into t (id, s) values (4, 'four')", "update t set id = 5")
    assert run(target, database, "select * from a, t") == [(5, 2, 'it\'s \\ "%s"', 5, "four", "123")]
    assert run(target, database, "select * from `odd ``view`") == [(5, 4)]
    called = run(target, database, "set @c = 'x'", "call p(1, @b, @c)", "select @b, @c")
    assert called == [(5, "X")]


def test_each_object_keeps_the_session_that_made_it(pair: Pair) -> None:
    source, name, target, database = pair
    run(
        source,
        name,
        "create table t (id int primary key, s varchar(20))",
        "set sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
        """create function joined() returns varchar(40) deterministic return 'a\\' || 'b"'""",
        """create procedure quoted() select "id" from "t" """,
        """create trigger "the trigger" before insert on "t" for each row set new."s" = 'x' || new."s" """,
        "set sql_mode = '', names latin1 collate latin1_german1_ci",
        "create view old as select 'a' = 'A' as equal",
        "create function session_is() returns varchar(80) deterministic return concat_ws(' ', "
        "@@character_set_client, @@collation_connection, collation('a'), @@sql_mode)",
    )
    copy_tables(source, name, target, database)
    found = carried(source, name, target, database)
    assert {each.reason for each in found.values()} == {""}
    make(target, found)
    assert_same(pair, found)
    assert run(target, database, "select joined()") == [('a\\b"',)]
    assert run(target, database, "select session_is()") == [("latin1 latin1_german1_ci latin1_german1_ci ",)]
    run(target, database, "insert into t values (1, 'y')")
    assert run(target, database, "call quoted()", "select s from t") == [("xy",)]


def test_letters_of_an_old_character_set(pair: Pair) -> None:
    source, name, target, database = pair
    run(
        source,
        name,
        "create function accent() returns varchar(9) charset utf8mb4 deterministic return 'déjà'",
        "create function bytes() returns varchar(9) charset utf8mb4 deterministic return _latin1'é'",
        charset="latin1",
    )
    run(source, name, "create function wide() returns varchar(9) charset utf8mb4 deterministic return _utf8mb4'😀é'")
    found = carried(source, name, target, database)
    make(target, found)
    assert "character_set_client latin1 is utf8mb4 now" in found["function", "accent"].reason
    assert run(target, database, "select accent(), wide()") == [("déjà", "😀é")]
    assert not found["function", "bytes"].statements
    assert "_latin1 string" in found["function", "bytes"].reason


def test_a_renamed_database_inside_of_texts(pair: Pair) -> None:
    source, name, target, database = pair
    run(
        source,
        name,
        f"create table {name}.t (id int primary key)",
        f"create table `{name}`.`{name}` (id int)",
        f"create view v as select {name}.t.id as {name} from {name}.t",
        f"create view w as select {name}.id from t as {name}",
        f"create procedure p() select {name}.t.id, @{name} from `{name}` . t where {name}.t.id > 0 /* {name}.t */",
        f"create procedure s() select count(*) from information_schema.tables where table_schema = '{name}'",
        f"create procedure u() select {name}.id from {name}.{name}",
        f"create trigger {name}.r before insert on {name}.t for each row set new.id = (select count(*) from {name}.t)",
    )
    copy_tables(source, name, target, database)
    found = carried(source, name, target, database)
    refused = {key for key, each in found.items() if not each.statements}
    assert refused == {("view", "v"), ("view", "w"), ("procedure", "u")}
    assert all("renamed database" in found[key].reason and found[key].effort == "small" for key in refused)
    assert f"holds {name}" in found["procedure", "s"].reason
    make(target, found)
    body = shown(target, database, "procedure", "p")["Create Procedure"]
    assert body.endswith(
        f"select `{database}`.t.id, @{name} from `{database}` . t where `{database}`.t.id > 0 /* {name}.t */"
    )
    assert run(target, database, "insert into t values (9), (9)", "select id from t") == [(0,), (1,)]


def test_a_text_that_is_no_text(pair: Pair) -> None:
    source, name, target, database = pair
    with contextlib.closing(mysql_connection(source, name)) as connection, connection.cursor() as cursor:
        cursor.execute(b"create procedure raw() select hex(_binary'\xff\xfe')")
    run(source, name, "create procedure tidy() select 1")
    found = carried(source, name, target, database)
    assert found["procedure", "tidy"].statements
    raw = found["procedure", "raw"]
    if raw.statements:  # MySQL shows the bytes in hex
        make(target, found)
        assert run(target, database, "call raw()") == [("FFFE",)]
    else:
        assert "no UTF-8" in raw.reason


def test_what_the_sources_login_may_see_but_not_read(pair: Pair) -> None:
    source, name, target, database = pair
    run(
        source,
        name,
        "create table t (id int primary key)",
        "create view v as select id from t",
        "create procedure p() select 1",
        "create event ev on schedule every 1 day do select 1",
        "create trigger tr before insert on t for each row set new.id = 1",
        "create user if not exists reader@'%'",
        f"grant select, execute, trigger, event on `{name}`.* to reader@'%'",
    )
    try:
        catalog = connect(ref(source, "reader")).get(Describes).describe([name])
    finally:
        run(source, name, "drop user reader@'%'")
    described = {each.kind: bool(each.definition) for each in catalog.others if each.kind != "grant"}
    assert described == {"view": False, "procedure": False, "event": True, "trigger": True}
    found = connect(ref(target)).get(Carries).carry(catalog.others, "mysql", names(catalog, database))
    reasons = {each.source.kind: each.reason for each in found if not each.statements and each.source.kind != "grant"}
    assert reasons.keys() == {"view", "procedure"}
    assert all("may not read it" in reason for reason in reasons.values())


def test_what_cannot_come_along_says_why(pair: Pair) -> None:
    source, name, target, database = pair
    run(
        source,
        name,
        "create table t (id int primary key)",
        "create table gone (id int primary key)",
        "create table left_out (id int primary key)",
        "create view broken as select * from gone",
        "create view over_broken as select * from broken",
        "drop table gone",
        "create view dependent as select id from left_out",
        "create view twice as select id from dependent",
        "create trigger on_left_out before insert on left_out for each row set new.id = 1",
        "create procedure calls() select t.id, no_such_function(1) from t",
    )
    found = carried(source, name, target, database, without=["left_out"])
    reasons = {each.source.name.name: each.reason for each in found.values() if not each.statements}
    assert set(reasons) == {"broken", "over_broken", "dependent", "twice", "on_left_out"}
    assert "the source cannot open it" in reasons["broken"]
    assert reasons["dependent"] == f"it needs {name}.left_out, which is not carried"
    assert reasons["twice"] == f"it needs {name}.dependent, which is not carried"
    assert found["procedure", "calls"].reason == "the target has no function no_such_function"


def test_objects_of_a_renamed_table_and_of_a_database_left_out(mysql_server: Server, mysql_database: Any) -> None:
    name = mysql_database(mysql_server)
    run(mysql_server, name, "create table t (id int primary key)", "create view v as select id from t")
    end = connect(ref(mysql_server))
    objects = end.get(Describes).describe([name]).others
    renamed = {TableName(schema=name, name="t"): TableName(schema=name, name="t2")}
    (found,) = end.get(Carries).carry(objects, "mysql", renamed)
    assert (found.statements, found.reason) == ((), "it names t, which is t2 on the target")
    (found,) = end.get(Carries).carry(objects, "mysql", {})
    assert found.reason == "the plan leaves its database out"


def test_objects_over_changed_columns(mysql_server: Server, mysql_database: Any) -> None:
    name = mysql_database(mysql_server)
    run(
        mysql_server,
        name,
        "create table t (id int primary key, gone int, amt int, twice int as (amt * 2))",
        "create view of_gone as select id, gone g from t",
        "create view of_amount as select id, amt a from t",
        "create view of_rest as select id, twice from t",
        "create view above as select a from of_amount",
        "create trigger tr before insert on t for each row set new.amt = 1",
        "create procedure p() select gone from t",
    )
    end = connect(ref(mysql_server))
    catalog = end.get(Describes).describe([name])
    (table,) = catalog.tables
    columns = (table.column("id"), replace(table.column("amt"), name="amount"), table.column("twice"))
    target = replace(table, columns=columns)
    pairs = tuple(ColumnMap(source=table.column(old), target=target.column(new)) for old, new in RENAMED)
    maps = [TableMap(number=0, source=table, target=target, columns=pairs)]
    found = {
        each.source.name.name: each
        for each in end.get(Carries).carry(catalog.others, "mysql", names(catalog, name), maps)
    }
    assert {key for key, each in found.items() if each.statements} == {"of_rest", "p"}
    assert found["of_gone"].reason == "it names gone, which is left out"
    assert found["of_amount"].reason == found["tr"].reason == "it names amt, which is amount on the target"
    assert found["above"].reason == f"it needs {name}.of_amount, which is not carried"
    assert found["p"].reason == f"it may mean gone of {name}.t, which the plan leaves out or renames"


def test_texts_in_the_collation_of_their_database(pair: Pair) -> None:
    source, name, target, database = pair
    run(source, name, f"alter database `{name}` character set latin1 collate latin1_german2_ci")
    run(target, database, f"alter database `{database}` character set utf8mb4 collate utf8mb4_bin")
    run(
        source,
        name,
        "create function plain(a varchar(9)) returns int deterministic return a = 'X'",
        "create function number(a int) returns int deterministic return a",
    )
    found = carried(source, name, target, database)
    wanted = "its texts without a character set of their own are in latin1_german2_ci, and in utf8mb4_bin on the target"
    assert [each.reason for each in found.values()] == ["", wanted]
    assert all(each.statements for each in found.values())


def test_definers(mysql_server: Server, mariadb_server: Server, mysql_database: Any) -> None:
    for server in (mysql_server, mariadb_server):
        name, database = mysql_database(server), mysql_database(server)
        run(
            server,
            name,
            "create user if not exists 'keep`er'@'10.%', 'goes'@'localhost', 'mover'@'%'",
            "grant all on *.* to 'mover'@'%'",
            "create definer = 'keep`er'@'10.%' procedure kept() select 1",
            "create definer = 'goes'@'localhost' sql security invoker view lost as select 1 as one",
            "drop user 'goes'@'localhost'",
        )
        found = carried(server, name, server, database, user="mover")
        assert found["procedure", "kept"].reason == ""
        assert (
            found["view", "lost"].reason == "its definer goes@localhost does not exist on the target: it is mover@% now"
        )
        make(server, found, user="mover")
        assert "DEFINER=`keep``er`@`10.%`" in shown(server, database, "procedure", "kept")["Create Procedure"]
        assert "DEFINER=`mover`@`%`" in shown(server, database, "view", "lost")["Create View"]
        run(server, name, "revoke all on *.* from 'mover'@'%'", f"grant all on `{database}`.* to 'mover'@'%'")
        found = carried(server, name, server, database, user="mover")
        assert "could not be looked up" in found["procedure", "kept"].reason
        run(server, name, "drop user 'mover'@'%', 'keep`er'@'10.%'")
