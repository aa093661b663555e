"""Tables of this family made on another server of it, against what both servers print."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints.mysql.ddl import SchemaBuilder
from landbridge.endpoints.mysql.objects.carrier import Carrier
from landbridge.endpoints.mysql.server import Server
from landbridge.kinds import Loss
from landbridge.model import TableName
from tests.engines.mysql_schema import PARK, Made, database, described, differences, execute, fill, shown
from tests.support import load_sql_file, mysql_connection, rows

Databases = Callable[[Server], str]
Servers = Callable[[str], Server]
OWN = {"mysql_server": ".mysql.sql", "mariadb_server": ".mariadb.sql", "mariadb11_server": ".mariadb.sql"}


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Servers:
    def named(name: str) -> Server:
        found: Server = request.getfixturevalue(name)
        return found

    return named


def park(server: str) -> tuple[Path, Path]:
    return PARK, PARK.with_suffix(OWN[server])


def run(server: Server, schema: str, *statements: str) -> None:
    with contextlib.closing(mysql_connection(server, schema)) as connection:
        for statement in statements:
            rows(connection, statement)


def ask(server: Server, schema: str, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(mysql_connection(server, schema)) as connection:
        return rows(connection, query)


@pytest.mark.parametrize("server", list(OWN))
def test_a_copy_is_printed_as_its_source(server: str, servers: Servers, mysql_database: Databases) -> None:
    place = servers(server)
    name, copy = mysql_database(place), mysql_database(place)
    fill(place, name, *park(server))
    catalog = described(place, name)
    made = Made(place, catalog, copy)
    assert [loss.what for loss in made.all_losses] == []
    assert differences(shown(place, name), shown(place, copy)) == []
    assert len(catalog.tables) > 20
    assert execute(made.target, made.statements) == 0


def unquoted(texts: dict[str, str]) -> dict[str, str]:
    """As servers before 11.8.9 print the options of engines, which quote no value that was given without quotes."""
    return {name: re.sub(r"(?<=`)='(\w+)'", r"=\1", text) for name, text in texts.items()}


def test_an_older_server_prints_some_things_otherwise(servers: Servers, mysql_database: Databases) -> None:
    old, new = servers("mariadb_server"), servers("mariadb11_server")
    name, copy = mysql_database(old), mysql_database(new)
    fill(old, name, *park("mariadb_server"))
    made = Made(new, described(old, name), copy)
    assert made.all_losses == []
    assert differences(shown(old, name), unquoted(shown(new, copy))) == [
        "hidden: -   `b` int(11) INVISIBLE DEFAULT NULL,",
        "hidden: +   `b` int(11) DEFAULT NULL INVISIBLE,",
        "hidden: -   `c` varchar(5) INVISIBLE DEFAULT 'x' COMMENT 'c',",
        "hidden: +   `c` varchar(5) DEFAULT 'x' INVISIBLE COMMENT 'c',",
        "kinds: -   `vb` varbinary(9) DEFAULT 'x',",
        "kinds: +   `vb` varbinary(9) DEFAULT x'78',",
    ]


@pytest.mark.parametrize("server", ["mysql_server", "mariadb11_server"])
@pytest.mark.parametrize("sample", ["sakila/sakila-schema.sql", "chinook/chinook-mysql.sql"])
def test_samples_are_printed_as_their_sources(
    sample: str, server: str, servers: Servers, mysql_database: Databases, shared_data: Path, tmp_path: Path
) -> None:
    place = servers(server)
    name, copy = mysql_database(place), mysql_database(place)
    script = tmp_path / "schema.sql"
    text = (shared_data / sample).read_bytes().decode(errors="surrogateescape")
    script.write_bytes(text.partition("\nINSERT INTO")[0].encode(errors="surrogateescape"))
    with contextlib.closing(mysql_connection(place, name)) as connection:
        load_sql_file(connection, script, name)
    made = Made(place, described(place, name), copy)
    assert {loss.what for loss in made.all_losses} <= {
        "its engine MyISAM has no transactions, which the load needs to lose nothing: it becomes InnoDB"
    }
    engines = [line for line in differences(shown(place, name), shown(place, copy)) if "ENGINE=" not in line]
    assert engines == []
    assert len(made.adopted) > 10


def test_tables_of_mysql_on_mariadb(servers: Servers, mysql_database: Databases) -> None:
    source, target = servers("mysql_server"), servers("mariadb_server")
    name, copy = mysql_database(source), mysql_database(target)
    fill(source, name, *park("mysql_server"))
    made = Made(target, described(source, name), copy)
    texts = shown(target, copy)
    assert [loss for loss in made.all_losses if loss.blocking] == []
    assert lost(made.losses("indexes_of_its_own")) == {
        ("index", "expression"), ("index", "unique_expression"), ("index", "many"), ("table", ""), ("column", "j"),
    }  # fmt: skip
    assert "UNIQUE KEY `b` (`b`) IGNORED" in texts["indexes_of_its_own"]
    assert "FULLTEXT KEY `grams` (`c`)\n" in texts["indexes_of_its_own"]
    assert "CHECK (json_valid(`j`))" in texts["indexes_of_its_own"]
    assert lost(made.losses("not_enforced")) == {("check", "not_enforced_chk_1"), ("check", "other"), ("table", "")}
    assert texts["not_enforced"].count("CHECK") == 1
    told = {loss.column: loss.what for loss in made.losses("kinds_of_its_own") if loss.column}
    assert told == {
        "id": "the default (uuid_to_bin(uuid())) is left out: the target has no function uuid_to_bin",
        "v": "the target has no type vector(3): its values are kept as json",
        "p": "the target has no SRID for columns, it is left out",
        "vc": "the collation utf8mb4_0900_as_cs becomes utf8mb4_uca1400_nopad_as_cs: texts may sort or compare otherwise",
        "j": "json is a text here, checked to be JSON, which keeps it as it is written",
    }
    assert "concat(`b`,',','it\\'s')" in texts["made"]
    assert "COLLATE=utf8mb4_uca1400_nopad_ai_ci" in texts["made"]
    assert "`my_row_id` bigint(20) unsigned NOT NULL INVISIBLE AUTO_INCREMENT" in texts["without_key"]


def test_tables_of_mariadb_on_mysql(servers: Servers, mysql_database: Databases) -> None:
    source, target = servers("mariadb11_server"), servers("mysql_server")
    name, copy = mysql_database(source), mysql_database(target)
    fill(source, name, *park("mariadb11_server"))
    made = Made(target, described(source, name), copy)
    texts = shown(target, copy)
    assert [loss for loss in made.all_losses if loss.blocking] == []
    told = {loss.column: loss.what for loss in made.losses("kinds_of_its_own") if loss.column}
    assert told.keys() == {"u", "i4", "i6", "c", "n", "j", "jn"}
    assert told["u"] == "the target has no type uuid: its values are kept as char(36)"
    assert "`u` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (uuid())," in texts["kinds_of_its_own"]
    assert "`t` text DEFAULT (_utf8mb4'abc')," in texts["kinds_of_its_own"]
    assert "CHECK (json_valid(`jn`))" in texts["kinds_of_its_own"]
    assert lost(made.losses("drawing")) == {("column", "a"), ("table", "")}
    assert "`b` int DEFAULT ((`a` + 1))," in texts["arithmetic"]
    assert "CONSTRAINT `first_of_many_chk_1` CHECK" in texts["first_of_many"]
    assert "CONSTRAINT `second_of_many_chk_1` CHECK" in texts["second_of_many"]
    assert lost(made.losses("periods")) == {("index", "a"), ("table", "")}
    assert texts["versioned"].count("VERSIONING") == 2  # in a default and in a comment
    assert "PRIMARY KEY (`a`),\n  UNIQUE KEY `b` (`b`)\n" in texts["versioned_by_name"]
    assert "since" not in texts["versioned_by_name"]
    assert lost(made.losses("indexes_of_its_own")) == {("index", "whole"), ("table", "")}
    assert "KEY `b` (`b`) /*!80000 INVISIBLE */" in texts["indexes_of_its_own"]


def lost(losses: list[Loss]) -> set[tuple[str, str]]:
    return {(loss.part, loss.column) for loss in losses}


def test_hidden_objects_come_with_their_tables(servers: Servers, mysql_database: Databases) -> None:
    source = servers("mysql_server")
    name = mysql_database(source)
    fill(source, name, PARK.with_suffix(".mysql.sql"))
    catalog = described(source, name)
    hidden = {found.name.name for found in catalog.others if found.kind in ("invisible index", "unenforced check")}
    assert hidden == {"b", "not_enforced_chk_1", "other"}
    for target, carried in (("mysql_server", hidden), ("mariadb11_server", {"b"})):
        place = servers(target)
        made = Made(place, catalog, mysql_database(place))
        moved = {table.name: replace(table.name, schema=made.schema) for table in catalog.tables}
        objects = Carrier(made.target).carry(catalog.others, catalog.family, moved, made.maps)
        statements = [statement for each in objects for statement in each.statements]
        assert {statement.name.name for statement in statements} == carried
        assert {each.name.name for each in objects if each.reason} == hidden - carried
        assert execute(made.target, statements) == 0
        shown_again = "visible" if target == "mysql_server" else "not ignored"
        run(place, made.schema, f"alter table indexes_of_its_own alter index b {shown_again}")
        assert execute(made.target, statements) == 1


def test_an_engine_without_transactions_becomes_innodb(servers: Servers, mysql_database: Databases) -> None:
    source, target = servers("mariadb_server"), servers("mariadb11_server")
    name, copy = mysql_database(source), mysql_database(target)
    run(
        source,
        name,
        "create table t (a int not null, n int not null auto_increment, w text, primary key (a, n), fulltext key w (w))"
        " engine=MyISAM row_format=fixed pack_keys=1 comment='isam' default charset latin1",
    )
    made = Made(target, described(source, name), copy)
    assert [(loss.column, loss.blocking) for loss in made.losses("t")] == [("", False)] * 3 + [("n", False)]
    text = shown(target, copy)["t"]
    assert "KEY `n_counter` (`n`)" in text
    assert "ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci COMMENT='isam'" in text


def test_labels_and_defaults_that_the_catalog_shows_vaguely(servers: Servers, mysql_database: Databases) -> None:
    for server in OWN:
        place = servers(server)
        name, copy = mysql_database(place), mysql_database(place)
        run(
            place,
            name,
            "create table t (e enum('a😀','b?') default 'a😀', d varchar(9) default '😀é', b binary(3) default x'ff00fe',"
            " v varbinary(5) default x'0027', l varchar(9) character set latin1 default 'é', q varchar(9) default '?')",
            "insert into t () values ()",
        )
        Made(place, described(place, name), copy)
        run(place, copy, "insert into t () values ()")
        values = "select e, d, hex(b), hex(v), l, q from t"
        assert ask(place, copy, values) == ask(place, name, values) == [("a😀", "😀é", "FF00FE", "0027", "é", "?")]


def test_phases_come_in_order_and_orphans_do_not_stop_a_foreign_key(
    servers: Servers, mysql_database: Databases
) -> None:
    place = servers("mysql_server")
    name, copy = mysql_database(place), mysql_database(place)
    fill(place, name, PARK)
    made = Made(place, described(place, name), copy)
    order = ("tables", "indexes", "unique", "foreign keys")
    phases = [order.index(statement.phase) for statement in made.statements]
    assert phases == sorted(phases)
    assert set(phases) == {0, 1, 2, 3}
    orphan = "insert into child (id, parent_id, parent_code) values (1, 5, 'x')"
    run(place, copy, "alter table child drop foreign key both_parts", orphan)
    assert execute(made.target, made.statements) == 1


def test_a_foreign_key_to_what_is_not_unique(servers: Servers, mysql_database: Databases) -> None:
    """MariaDB allows it always, MySQL where a setting says so."""
    source, target = servers("mariadb_server"), servers("mysql_server")
    name, copy = mysql_database(source), mysql_database(target)
    run(
        source,
        name,
        "create table p (id int primary key, a int, key a (a))",
        "create table c (a int, constraint odd foreign key (a) references p (a))",
    )
    made = Made(target, described(source, name), copy)
    assert [(key.name, key.target_columns) for key in made.table("c").foreign_keys] == [("odd", ("a",))]
    assert "CONSTRAINT `odd` FOREIGN KEY (`a`) REFERENCES `p` (`a`)" in shown(target, copy)["c"]


def test_a_table_without_its_definition_is_made_of_neutral_words(servers: Servers, mysql_database: Databases) -> None:
    """As when the plan drops or renames columns."""
    place = servers("mysql_server")
    name, copy = mysql_database(place), mysql_database(place)
    run(
        place,
        name,
        "create table t (id int unsigned auto_increment primary key, a varchar(20) collate utf8mb4_bin default 'x',"
        " e enum('a','b') not null default 'b', j json default (json_array()), ts timestamp(3) null default now(3),"
        " g int as (id2 * 2) stored, id2 int, unique key u (a, e), key k (ts desc)) comment='it'",
    )
    catalog = described(place, name)
    Made(place, replace(catalog, tables=tuple(replace(t, definition=()) for t in catalog.tables)), copy)
    text = shown(place, copy)["t"]
    assert "UNIQUE KEY `u` (`a`,`e`)" in text
    assert "KEY `k` (`ts` DESC)" in text
    assert "`j` json DEFAULT (json_array())" in text
    assert "`ts` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3)" in text
    assert "`g` int GENERATED ALWAYS AS ((`id2` * 2)) STORED" in text


def test_names_that_do_not_fit(servers: Servers, mysql_database: Databases) -> None:
    place = servers("mysql_server")
    name = mysql_database(place)
    run(place, name, "create table t (a int)")
    [table] = described(place, name).tables
    builder = SchemaBuilder(database(place))
    for bad in ("n" * 65, "t ", "😀"):
        target = TableName(schema=name, name=bad)
        assert [loss.blocking for loss in builder.adopt(table, "mysql", target, {table.name: target}).losses] == [True]
    target = TableName(schema=name, name="ü" * 64)
    assert builder.adopt(table, "mysql", target, {table.name: target}).losses == ()


def test_names_of_constraints_are_unique_in_a_database(servers: Servers, mysql_database: Databases) -> None:
    """Two databases that become one may have used a name each."""
    place = servers("mysql_server")
    one, two, copy = mysql_database(place), mysql_database(place), mysql_database(place)
    for schema, suffix in ((one, "1"), (two, "2")):
        run(
            place,
            schema,
            f"create table p{suffix} (id int primary key)",
            f"create table c{suffix} (a int, constraint same foreign key (a) references p{suffix} (id),"
            " constraint also check (a > 0))",
        )
    catalog = described(place, one)
    other = described(place, two)
    Made(place, replace(catalog, tables=catalog.tables + other.tables), copy)
    names = ask(
        place,
        copy,
        "select table_name, constraint_name from information_schema.table_constraints"
        " where table_schema = database() and constraint_type <> 'PRIMARY KEY' order by 1, 2",
    )
    assert [(table, name[:7]) for table, name in names] == [
        ("c1", "also"), ("c1", "same"), ("c2", "c2_also"), ("c2", "c2_same"),
    ]  # fmt: skip
