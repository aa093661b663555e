"""Triggers and events taken away from a side that follows, and made again word for word."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from landbridge import schema
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.acting import Acts
from landbridge.endpoints.mysql.server import Server
from landbridge.errors import Transient
from landbridge.model import TableName
from tests.engines.carrying import ref, run, shown
from tests.support import mysql_connection, rows

ACTING = [("trigger", "a_last"), ("trigger", "z_first"), ("trigger", 'the "quoted"'), ("event", "nightly")]


@pytest.fixture(params=["mysql_server", "mariadb_server"])
def place(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> tuple[Server, str]:
    server = request.getfixturevalue(request.param)
    name = mysql_database(server)
    run(
        server, name,
        "create table t (id int primary key, s varchar(40))",
        "create table other (id int primary key)",
        "create table journal (n int auto_increment primary key, what varchar(40))",
        "create trigger z_first before insert on t for each row set new.s = concat(new.s, ' 100%')",
        "create trigger a_last before insert on t for each row follows z_first set new.s = upper(new.s)",
        "create trigger elsewhere after insert on other for each row insert into journal (what) values ('other')",
        "set sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT', time_zone = '+05:30'",
        'create trigger "the ""quoted""" after insert on t for each row insert into journal (what) values (\'t:\' || new.s)',
        "create event nightly on schedule every 1 day starts '2030-01-01 03:00:00' disable do delete from t",
    )  # fmt: skip
    return server, name


def all_shown(server: Server, name: str) -> list[Any]:
    return [shown(server, name, kind, each) for kind, each in ACTING]


def test_they_are_as_they_were(place: tuple[Server, str]) -> None:
    server, name = place
    before = all_shown(server, name)
    end = connect(ref(server))
    found = end.get(Acts).acting([TableName(schema=name, name="t")])
    assert found.lasting == ()
    assert [one.name.name for one in found.statements if one.kind == "trigger"].index("z_first") == 0
    with end.get(Connects).engine().connect() as connection:
        assert [schema.unmake(connection, one) for one in reversed(found.statements)] == [True] * 4
        run(server, name, "insert into t values (1, 'quiet')", "insert into other values (1)")
        assert run(server, name, "select s from t") == [("quiet",)]
        assert run(server, name, "select what from journal") == [("other",)]
        assert [schema.unmake(connection, one) for one in found.statements] == [False] * 4
        assert [schema.make(connection, one) for one in found.statements] == [True] * 4
        assert [schema.make(connection, one) for one in found.statements] == [False] * 4
    assert all_shown(server, name) == before
    run(server, name, "insert into t values (2, 'loud')")
    assert run(server, name, "select what from journal where n > 1") == [("t:LOUD 100%",)]


@pytest.mark.parametrize("place", ["mariadb_server"], indirect=True)
def test_a_reader_holds_nobody_up_for_long(place: tuple[Server, str]) -> None:
    server, name = place
    end = connect(ref(server))
    found = end.get(Acts).acting([TableName(schema=name, name="t")]).statements
    with contextlib.closing(mysql_connection(server, name)) as reader:
        rows(reader, "start transaction")
        rows(reader, "select * from t")
        with pytest.raises(Transient), end.get(Connects).engine().connect() as connection:
            schema.unmake(connection, found[0])
    with end.get(Connects).engine().connect() as connection:
        assert schema.unmake(connection, found[0])


def test_what_our_login_could_not_make_again_is_named(place: tuple[Server, str]) -> None:
    server, name = place
    run(server, name, "create user low@'127.0.0.1'", f"grant all on `{name}`.* to low@'127.0.0.1'")
    try:
        found = connect(ref(server, "low")).get(Acts).acting([TableName(schema=name, name="t")])
    finally:
        run(server, name, "drop user low@'127.0.0.1'")
    assert sorted(each.partition(": ")[0] for each in found.lasting) == sorted(
        f"{kind} {name}.{each}" for kind, each in ACTING
    )
    assert not any("the target" in each for each in found.lasting)
    assert all("definer" in each or "log_bin_trust_function_creators" in each for each in found.lasting)
