"""Views asked on both sides: equal ones pass, one that says something else is found, one that fails is told."""

from collections.abc import Callable, Iterator

import pytest

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carried, View, Views
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from landbridge.model import SchemaObject, TableName
from landbridge.plan import EndpointRef
from tests.pair import ref
from validation.views import ask

NAME = TableName(schema="shop", name="totals")
ROWS = "select 'a', 1 union all select 'b', null"


@pytest.fixture(scope="module")
def views(mariadb_server: mysql.Server, postgres_server: postgres.Server) -> Iterator[tuple[View, View]]:
    there = EndpointRef.model_validate(ref("mariadb", mariadb_server, "mysql"))
    here = EndpointRef.model_validate(ref("postgres", postgres_server, "postgres"))
    with connect(there).get(Views).view() as left, connect(here).get(Views).view() as right:
        yield left, right


@pytest.fixture
def why(views: tuple[View, View]) -> Callable[..., str]:
    """What is said of two queries; empty when their rows are the same."""

    def ask_both(there: str, here: str, *, translated: bool = False) -> str:
        source = SchemaObject(kind="view", name=NAME)
        carried = Carried(source=source, name=NAME, translated=translated, check=(there, here))
        (answer,) = ask([carried, Carried(source=source, name=NAME)], *views)
        assert not (answer.why and answer.note)
        return answer.why or answer.note

    return ask_both


def test_rows_in_any_order_are_equal(why: Callable[..., str]) -> None:
    assert not why(ROWS, "select 'b', null::int union all select 'a', 1")


@pytest.mark.parametrize(
    "other",
    [
        "select 'a', 1",
        "select 'a', 1 union all select 'a', 1 union all select 'b', null",
        "select 'a', '1' union all select 'b', ''",
        "select 'a1', '' union all select 'b', null",
        "select '1', 'a' union all select 'b', null",
    ],
)
def test_other_rows_are_found(why: Callable[..., str], other: str) -> None:
    assert "its rows differ" in why(ROWS, other)


def test_what_fails_is_told_and_the_next_one_is_asked_all_the_same(why: Callable[..., str]) -> None:
    assert "its rows cannot be had: the query failed" in why(ROWS, "select 1 / 0")
    assert "not compared, for on the source the query failed" in why("select nothing from nowhere", ROWS)
    assert not why(ROWS, ROWS)


def test_only_translated_values_may_be_written_in_another_way(why: Callable[..., str]) -> None:
    there, here = "select 1.5000, true, 2.000", "select 1.5, true, 2.0"
    assert not why(there, here, translated=True)
    assert why(there, here)
    assert why("select 1.5", "select 1.51", translated=True)
