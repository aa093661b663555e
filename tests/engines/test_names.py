"""Names that break whoever forgets to quote, from engine to engine; what a target cannot call so stops the plan."""

from collections.abc import Callable
from typing import Any

import pytest

from landbridge.endpoints import connect
from landbridge.errors import PlanError
from landbridge.plan import parse_plan
from landbridge.precheck import look
from tests.engines.sweep import Sweep, of_postgres
from tests.engines.test_kinds_sweep import pair  # noqa: F401
from tests.pair import ref

WAYS = [
    ("postgres_server", "mysql_server"), ("postgres_server", "mariadb11_server"), ("postgres_server", "postgres_target_server"),
    ("mysql_server", "mariadb11_server"), ("mariadb11_server", "mysql_server"),
]  # fmt: skip
LONG = "234567890123456789012345678901234567890123456789012345678901234"


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_names_stay_as_they_are(pair: Callable[..., Sweep], source: str, target: str) -> None:  # noqa: F811
    sweep = pair(source, target)
    sweep.carry("names.postgres.sql" if source.startswith("postgres") else "names.mysql.sql")
    sweep.verify()
    assert len(sweep.tables) == 3
    for table in sweep.tables:
        assert table.target.name.name == table.source.name.name
        assert [column.target.name for column in table.columns] == [column.source.name for column in table.columns]
    assert {row[0] for row in sweep.found("Order")} >= {b"10", b"11"}


@pytest.mark.parametrize("source", ["mysql_server", "mariadb11_server"])
def test_a_name_of_64_bytes_stops_where_63_are_the_most(pair: Callable[..., Sweep], source: str) -> None:  # noqa: F811
    sweep = pair(source, "postgres_server")
    sweep.carry("names.mysql.sql")
    sweep.verify()
    assert [table.source.name.name for table in sweep.tables] == ["Order", "quo\"te's ` %s ☃"]
    blocking = [(loss.part, loss.column) for loss in sweep.losses[f"n{LONG}"] if loss.blocking]
    assert blocking == [("table", ""), ("column", f"c{LONG}")]


@pytest.mark.parametrize("target", ["mysql_server", "mariadb11_server"])
def test_letters_of_four_bytes_and_names_alike_stop_the_plan(pair: Callable[..., Sweep], target: str) -> None:  # noqa: F811
    sweep = pair("postgres_server", target)
    sweep.run(
        'create table "🚀" (id int primary key); create table columns (id int primary key, "🚀" int, a int, "A" int)'
    )
    sweep.plan()
    assert sweep.tables == []
    assert [loss.part for loss in sweep.losses["🚀"] if loss.blocking] == ["table"]
    assert [loss.column for loss in sweep.losses["columns"] if loss.blocking] == ["🚀", "A"]


def test_tables_that_differ_by_case_only_collide_in_lower_case(
    postgres_server: Any, postgres_target_server: Any, postgres_database: Callable[..., str]
) -> None:
    source, target = postgres_database(postgres_server), postgres_database(postgres_target_server)
    with of_postgres(postgres_server, source) as (_, _, run):
        run('create table "Order" ("Id" int primary key); create table "order" ("Id" int primary key)')
    words = {
        "name": "names", "source": ref("postgres", postgres_server, source), "target": ref("postgres", postgres_target_server, target),
        "tables": [{"include": "public.*"}],
    }  # fmt: skip
    kept = parse_plan(words)
    found = look(kept, connect(kept.source), connect(kept.target))
    assert [table.target.name.name for table in found.tables] == ["Order", "order"]
    lower = parse_plan(words | {"names": "lower"})
    with pytest.raises(
        PlanError, match=r"public\.Order and public\.order would both become public\.order|public\.order and"
    ):
        look(lower, connect(lower.source), connect(lower.target))
