"""Every kind of value from engine to engine, by load, change stream and checksums alike."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from landbridge.endpoints.abc import Views
from landbridge.errors import Terminal
from landbridge.model import EVERYTHING, Table
from tests.engines.sweep import Sweep, of_mysql, of_postgres


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, postgres_database: Callable[..., str], mysql_database: Callable[..., str]
) -> Iterator[Callable[..., Sweep]]:
    """`pair("mysql_server", "postgres_server")`, with statements for the target's database before."""
    with ExitStack() as opened:

        def end(name: str) -> Any:
            server = request.getfixturevalue(name)
            if name.startswith("post"):
                return opened.enter_context(of_postgres(server, postgres_database(server)))
            return opened.enter_context(of_mysql(server, mysql_database(server)))

        def make(source: str, target: str, *before: str, **more: Any) -> Sweep:
            (left, schema, run), (right, to, run_there) = end(source), end(target)
            for statement in before:
                run_there(statement)
            return Sweep(left, right, schema, to, run, **more)

        yield make


VECTORS = "create extension vector schema public"


def test_mysql_to_postgres(pair: Callable[..., Sweep]) -> None:
    sweep = pair("mysql_server", "postgres_server", VECTORS)
    sweep.carry("kinds.mysql.sql", "kinds.mysql.only.sql")
    sweep.verify()
    assert len(sweep.tables) == 10
    assert [loss.choices[0] for loss in sweep.losses["shapes"] if loss.blocking] == [
        "CREATE EXTENSION postgis in the target's database"
    ] * 4
    assert (b"4", b"[-0.5,3e+38,2e-38]") in sweep.found("vectors")
    assert (b"-838:59:58.998", b"838:59:58", b"-00:00:00.000001") in sweep.found("spans")


@pytest.mark.parametrize(
    ("source", "target", "kept"),
    [
        ("mysql_server", "mariadb_server", b"0"),
        ("mysql_server", "mariadb11_server", b"0"),
        ("postgres_server", "mariadb11_server", b"0"),
        ("postgres_server", "mysql_server", b"-0"),
        ("mysql_server", "postgres_server", b"-0"),
        ("postgres_server", "postgres_target_server", b"-0"),
    ],
)
def test_the_sign_of_a_zero_does_not_count(pair: Callable[..., Sweep], source: str, target: str, kept: bytes) -> None:
    """MariaDB cannot keep it."""
    sweep = pair(source, target)
    sweep.run("create table zeros (id int primary key, a double precision, b float(24))")
    sweep.run("insert into zeros values (1, '-0.0', '-0.0'), (2, 0, 0)")
    sweep.follow(
        lambda: sweep.run("insert into zeros values (3, '-0.0', '-0.0'); update zeros set a = '-0.0' where id = 2")
    )
    sweep.verify()
    assert sweep.found("zeros") == [(b"1", kept, kept), (b"2", kept, b"0"), (b"3", kept, kept)]


def test_mariadb_to_postgres(pair: Callable[..., Sweep]) -> None:
    sweep = pair("mariadb11_server", "postgres_server", VECTORS)
    sweep.carry("kinds.mysql.sql", "kinds.mariadb.only.sql")
    sweep.verify()
    assert len(sweep.tables) == 11


def test_postgres_to_postgres(pair: Callable[..., Sweep]) -> None:
    extensions = [f"create extension {name} schema public" for name in ("hstore", "vector", "citext", "ltree")]
    sweep = pair("postgres_server", "postgres_target_server", "create type public.pair as (a int, b text)", *extensions)
    sweep.carry("kinds.postgres.sql", "kinds.postgres.extensions.sql")
    sweep.verify()
    assert len(sweep.tables) == 9


@pytest.mark.parametrize("target", ["mysql_server", "mariadb11_server"])
def test_postgres_to_mysql(pair: Callable[..., Sweep], target: str) -> None:
    sweep = pair("postgres_server", target)
    sweep.carry("kinds.postgres.sql", "kinds.postgres.extensions.sql")
    sweep.verify()
    assert len(sweep.tables) == 8
    assert (b"4", b"[-0.5,1e+18,2e-38]") in [(row[0], row[2]) for row in sweep.found("extended")]
    assert [name for name, losses in sweep.losses.items() if any(each.blocking for each in losses)] == ["unlimited"]
    moments = sweep.found("moments")
    assert moments[0][:3] == (b"2024-01-02", b"01:02:03.000001", b"01:02:03")
    assert moments[0][5:] == (b"2024-01-02 01:04:05.000000+00", b"2024-01-02 00:00:00+00")


def test_mysql_to_mysql(pair: Callable[..., Sweep]) -> None:
    sweep = pair("mysql_server", "mysql_server")
    sweep.carry("kinds.mysql.sql", "kinds.mysql.only.sql")
    sweep.verify()
    assert len(sweep.tables) == 11


def test_mariadb_to_mysql(pair: Callable[..., Sweep]) -> None:
    sweep = pair("mariadb11_server", "mysql_server")
    sweep.carry("kinds.mysql.sql", "kinds.mariadb.only.sql")
    sweep.verify()
    assert len(sweep.tables) == 12


LOOSE = "set sql_mode = 'ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'"


def without_odd_dates(table: Table) -> Table:
    columns = (replace(each, zero_dates="null", nullable=True) if each.odd_dates else each for each in table.columns)
    return replace(table, columns=tuple(columns))


@pytest.mark.parametrize("source", ["mysql_server", "mariadb11_server"])
def test_dates_that_are_none_become_null_where_the_plan_says_so(pair: Callable[..., Sweep], source: str) -> None:
    sweep = pair(source, "postgres_server", shape=without_odd_dates)
    sweep.run(LOOSE)
    sweep.carry("zero_dates.mysql.sql")
    sweep.verify()
    assert {each.name: each.odd_dates for each in sweep.tables[0].source.columns} == {
        "id": 0, "d": 4, "dt": 3, "ts": 1, "own": 0,
    }  # fmt: skip
    assert sweep.found("days") == [
        (b"1", b"2000-01-01", None, None, b"2024-02-29"),
        (b"3", None, None, None, b"0001-01-01"),
        (b"4", None, None, None, b"9999-12-31"),
        (b"5", None, b"2024-02-29 01:02:03.500", None, b"2024-01-02"),
        (b"6", None, None, None, b"2000-02-29"),
    ]


def test_dates_that_are_none_stop_the_plan_otherwise(pair: Callable[..., Sweep]) -> None:
    sweep = pair("mysql_server", "postgres_server")
    sweep.run(LOOSE)
    sweep.carry("zero_dates.mysql.sql")
    blocking = [each for each in sweep.losses["days"] if each.blocking]
    assert [each.column for each in blocking] == ["d", "dt", "ts"]
    assert ["4 values" in blocking[0].what, "3 values" in blocking[1].what, "1 value" in blocking[2].what] == [True] * 3
    assert "zero_dates" in blocking[0].choices[0]
    assert sweep.tables == []


@pytest.mark.parametrize(("source", "target"), [("mysql_server", "mysql_server"), ("mariadb11_server", "mysql_server")])
def test_dates_that_are_none_stay_what_they_are_within_the_family(
    pair: Callable[..., Sweep], source: str, target: str
) -> None:
    sweep = pair(source, target)
    sweep.run(LOOSE)
    sweep.carry("zero_dates.mysql.sql")
    sweep.verify()
    days = {row[0]: row[1:] for row in sweep.found("days")}
    assert days[b"3"] == (b"2024-02-30", b"2023-02-29 00:00:00.000", None, b"0001-01-01")
    assert days[b"5"][::2] == (b"0000-00-00", b"0000-00-00 00:00:00+00")


def without_nul(table: Table) -> Table:
    columns = (replace(each, nul="strip" if each.name in "vutc" else "error") for each in table.columns)
    return replace(table, columns=tuple(columns))


@pytest.mark.parametrize("source", ["mysql_server", "mariadb11_server"])
def test_texts_lose_nul_where_the_plan_says_so(pair: Callable[..., Sweep], source: str) -> None:
    """By the load, by the log and as compared alike."""
    sweep = pair(source, "postgres_server", shape=without_nul)
    sweep.carry("nul.mysql.sql")
    sweep.verify()
    assert sweep.found("notes") == [
        (b"2", b"xy", "Ā".encode(), b"\nend", b"bc", b""),
        (b"3", None, None, None, None, None),
        (b"4", b"xy", "Ā".encode(), b"plainend", b"bc", b"plain"),
        (b"6", b"new", "☃".encode(), "é".encode(), b"", b"y"),
        (b"7", b"ab\\\t", "é".encode(), "é".encode() + b"x" * 3000, b"a", b"z"),
    ]
    assert sorted(sweep.found("loose")) == [(b"a", b"1"), (b"a", b"2")]
    told = {loss.column: loss.what for loss in sweep.losses["notes"] if loss.unfit}
    assert told["v"] == "texts lose the character NUL, as the plan says"
    assert "refused" in told["kept"]


def test_json_that_the_server_hands_out_empty_is_no_value(pair: Callable[..., Sweep]) -> None:
    """As MySQL does above max_allowed_packet: neither the load nor a comparison may take that for the document."""
    sweep = pair("mysql_server", "postgres_server")
    sweep.run("create table big (id int primary key, doc json); insert into big values (1, '[]')")
    sweep.plan()
    (table,) = sweep.tables
    sweep.run("insert into big values (2, json_array(repeat('x', 1500000)))", ())
    sweep.run("set @packet = @@global.max_allowed_packet; set global max_allowed_packet = 1048576")
    try:
        with pytest.raises(Terminal, match="max_allowed_packet"):
            sweep.load(table)
        with sweep.source.get(Views).view() as view, pytest.raises(Terminal, match="max_allowed_packet"):
            view.sum(table.source_side, EVERYTHING)
        assert [row[0] for row in sweep.ask("select count(*) from public.big")] == [0]
    finally:
        sweep.run("set global max_allowed_packet = @packet", ())
