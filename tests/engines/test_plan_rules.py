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


def test_rules_for_what_is_not_there_are_refused(shop: Callable[..., Plan]) -> None:
    plan = shop({"columns": {"Nothing": "drop"}})
    with pytest.raises(PlanError, match="Nothing"):
        look(plan, connect(plan.source), connect(plan.target))
