"""What a plan says of names, columns and objects left behind, seen on the target."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from landbridge.errors import PlanError
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look
from tests.pair import Pair, ref
from tests.support import mysql_connection, postgres_connection, rows

SOURCE = (
    "CREATE TABLE `Customer` (`CustomerId` INT AUTO_INCREMENT PRIMARY KEY, `FullName` VARCHAR(40) NOT NULL, UNIQUE KEY `ByName` (`FullName`))",
    (
        "CREATE TABLE `Order` (`OrderId` INT PRIMARY KEY, `CustomerId` INT NOT NULL, `Placed` DATE NOT NULL, `Legacy` TEXT,"
        " KEY `ByLegacy` (`Legacy`(10)), CONSTRAINT `ToCustomer` FOREIGN KEY (`CustomerId`) REFERENCES `Customer` (`CustomerId`))"
    ),
    "CREATE VIEW `Vips` AS SELECT `FullName`, CONNECTION_ID() AS `Token` FROM `Customer`",
    "SET SESSION sql_mode = ''",
    "INSERT INTO `Customer` VALUES (1, 'Ann'), (2, 'Bob')",
    "INSERT INTO `Order` VALUES (10, 1, '2024-02-29', 'old'), (11, 2, '0000-00-00', NULL), (12, 2, '2024-00-10', 'x')",
)


@pytest.fixture
def shop(
    mariadb_server: mysql.Server,
    postgres_target_server: postgres.Server,
    mysql_database: Callable[..., str],
    postgres_database: Callable[..., str],
) -> Callable[..., Plan]:
    source, target = mysql_database(mariadb_server), postgres_database(postgres_target_server)
    with contextlib.closing(mysql_connection(mariadb_server, source)) as connection:
        for statement in SOURCE:
            rows(connection, statement)

    def plan(rule: dict[str, Any], **more: Any) -> Plan:
        return parse_plan(
            {
                "name": "rules",
                "source": ref("mariadb", mariadb_server, source),
                "target": ref("postgres", postgres_target_server, target),
                "tables": [{"include": f"{source}.*", "to": "shop.*"} | rule],
            }
            | more
        )

    return plan


def on_target(plan: Plan, server: postgres.Server) -> Callable[[str], list[tuple[Any, ...]]]:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(postgres_connection(server, str(plan.target.database))) as connection:
            return rows(connection, sql)

    return ask


def test_rules_reach_the_target(shop: Callable[..., Plan], postgres_target_server: postgres.Server) -> None:
    source = shop({}).tables[0].include.partition(".")[0]
    orders = {"Legacy": "drop", "CustomerId": {"rename": "customer"}, "Placed": {"zero_dates": "null"}}
    plan = shop(
        {},
        names="lower",
        waive=[{"object": "view *", "by": "Ann", "reason": "nobody asks for it"}],
        tables=[
            {"include": f"{source}.*", "to": "shop.*"},
            {"include": f"{source}.Order", "to": "shop.purchase", "columns": orders},
        ],
    )
    ask = on_target(plan, postgres_target_server)
    pair = Pair(plan, source, ask)
    assert pair.compare().equal
    assert ask("SELECT orderid, customer, placed::text FROM shop.purchase ORDER BY 1") == [
        (10, 1, "2024-02-29"),
        (11, 2, None),
        (12, 2, None),
    ]
    assert ask("SELECT * FROM shop.customer ORDER BY 1") == [(1, "Ann"), (2, "Bob")]
    with connect(plan.target).get(Connects).engine().connect() as connection:
        found = {(item.kind, item.name): item for item in ledger.items(connection, pair.run)}
    left = found["view", f"{source}.Vips"]
    assert (left.status, left.reason) == ("waived", "by Ann: nobody asks for it")
    dropped = found["column", "Legacy"]
    assert (dropped.status, dropped.reason) == ("not carried", "the plan drops it")
    assert found["index", "ByLegacy"].status == "not carried"


def test_a_zero_date_without_a_rule_is_told_before_anything_moves(shop: Callable[..., Plan]) -> None:
    plan = shop({})
    resolved = look(plan, connect(plan.source), connect(plan.target))
    told = [found.loss for found in resolved.losses if found.loss.column == "Placed"]
    assert any("zero" in loss.what and "2" in loss.what for loss in told), told


def test_an_include_may_take_views_only(shop: Callable[..., Plan]) -> None:
    source = shop({}).tables[0].include.partition(".")[0]
    tables = [{"include": f"{source}.Customer", "to": "shop.*"}, {"include": f"{source}.Vip*", "to": "seen.*"}]
    plan = shop({}, tables=tables)
    resolved = look(plan, connect(plan.source), connect(plan.target))
    assert [str(each.name) for each in resolved.objects] == ["seen.Vips"]
    assert [table.target.name.name for table in resolved.tables] == ["Customer"]
    plan = shop({}, tables=[*tables, {"include": f"{source}.Vap*"}])
    with pytest.raises(PlanError, match=r"no table and nothing else of the source: .*Vap"):
        look(plan, connect(plan.source), connect(plan.target))


def test_rules_for_what_is_not_there_are_refused(shop: Callable[..., Plan]) -> None:
    plan = shop({"columns": {"Nothing": "drop"}})
    with pytest.raises(PlanError, match="Nothing"):
        look(plan, connect(plan.source), connect(plan.target))


TEXTS = {
    "mariadb_server": (
        "CREATE TABLE `odd` (`id` INT PRIMARY KEY, `place` POINT, `born` DATE, `wide` DOUBLE, KEY (`born`))",
        "SET SESSION sql_mode = ''",
        "INSERT INTO `odd` VALUES (1, ST_GeomFromText('POINT(1 2)'), '0000-00-00', 0.1), (2, NULL, NULL, NULL)",
    ),
    "postgres_server": (
        "CREATE SCHEMA odd",
        "CREATE TABLE odd.odd (id int PRIMARY KEY, place point, born timestamptz, wide numeric DEFAULT 7)",
        "INSERT INTO odd.odd VALUES (1, '(1,2)', 'infinity', 1e100), (2, NULL, NULL, 'NaN')",
    ),
}


def test_a_geometry_and_a_zero_date_are_kept_as_texts(
    mariadb_server: mysql.Server, postgres_target_server: postgres.Server,
    mysql_database: Callable[..., str], postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    source, target = mysql_database(mariadb_server), postgres_database(postgres_target_server)
    with contextlib.closing(mysql_connection(mariadb_server, source)) as connection:
        for statement in TEXTS["mariadb_server"]:
            rows(connection, statement)
    rule = {"include": f"{source}.*", "to": "odd.*", "columns": {"place": "text", "born": "text", "wide": "text"}}
    ends = {"source": ref("mariadb", mariadb_server, source), "target": ref("postgres", postgres_target_server, target)}
    plan = parse_plan({"name": "texts", "tables": [rule]} | ends)
    ask = on_target(plan, postgres_target_server)
    assert Pair(plan, source, ask).compare().equal
    point = "0101000000000000000000f03f0000000000000040"
    assert ask("SELECT * FROM odd.odd ORDER BY 1") == [(1, point, "0000-00-00", "0.1"), (2, None, None, None)]
    ask("UPDATE odd.odd SET place = replace(place, '40', '41') RETURNING 1")
    assert ask("SELECT pg_typeof(place)::text FROM odd.odd LIMIT 1") == [("text",)]


def test_numbers_without_limits_and_infinity_are_kept_as_texts(
    postgres_server: postgres.Server, mysql_target_server: mysql.Server,
    mysql_database: Callable[..., str], postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    source, target = postgres_database(postgres_server), mysql_database(mysql_target_server)
    with contextlib.closing(postgres_connection(postgres_server, source)) as connection:
        for statement in TEXTS["postgres_server"]:
            rows(connection, statement)
    rule = {"include": "odd.*", "to": f"{target}.*", "columns": {"born": "text", "wide": "text"}}
    ends = {"source": ref("postgres", postgres_server, source), "target": ref("mysql", mysql_target_server, target)}
    plan = parse_plan({"name": "texts", "tables": [rule]} | ends)
    with contextlib.closing(mysql_connection(mysql_target_server, target)) as connection:
        pair = Pair(plan, "odd", lambda sql: rows(connection, sql))
        assert pair.compare().equal
        rows(connection, "INSERT INTO odd (id) VALUES (3)")
        found = rows(connection, "SELECT id, place, born, wide FROM odd ORDER BY id")
        assert found[:2] == [(1, "(1,2)", "infinity", "1" + "0" * 100), (2, None, None, "NaN")]
        rows(connection, "UPDATE odd SET wide = '2' WHERE id = 2")
        assert not pair.compare().equal
