"""Every type that is made is found again: what is planned is what the server's catalog shows of it."""

import contextlib

import pytest

from landbridge.endpoints.mysql.kinds import render, shown
from landbridge.endpoints.mysql.server import Server
from landbridge.kinds import (
    Bit,
    Bool,
    Bytes,
    Date,
    Decimal,
    Enum,
    Float,
    Int,
    Json,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Year,
)  # fmt: skip
from tests.support import mysql_connection, rows

KINDS = (
    *(Int(bits=bits, unsigned=unsigned) for bits in (8, 16, 24, 32, 64) for unsigned in (False, True)),
    *(Decimal(precision=p, scale=s) for p, s in ((1, 0), (10, 0), (12, 2), (65, 30))),
    *(Float(bits=bits) for bits in (32, 64)), Bool(), Date(), Year(), Json(), Uuid(),
    *(kind(fsp=fsp) for kind in (Time, Timestamp, TimestampTz) for fsp in (0, 1, 3, 6)),
    *(Text(length=n) for n in (None, 1, 80, 20_000)), Text(length=3, fixed=True),
    *(Bytes(length=n) for n in (None, 1, 80)), Bytes(length=3, fixed=True),
    *(Bit(length=n) for n in (1, 8, 64)), Enum(labels=("a", "it's")), Set(labels=("a", "b")),
)  # fmt: skip


@pytest.mark.parametrize("name", ["mysql_server", "mariadb_server", "mariadb11_server"])
def test_what_is_planned_is_what_the_catalog_shows(name: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(name)
    mariadb = name != "mysql_server"
    planned = [render(kind, mariadb=mariadb)[0] for kind in KINDS]
    columns = ", ".join(f"c{number} {native}" for number, native in enumerate(planned))
    with contextlib.closing(mysql_connection(server)) as connection:
        rows(connection, "create database shown character set utf8mb4")
        try:
            rows(connection, f"create table shown.t ({columns})")
            found = rows(
                connection,
                "select column_type from information_schema.columns where table_schema = 'shown' order by ordinal_position",
            )
        finally:
            rows(connection, "drop database shown")
    assert [shown(native, mariadb=mariadb) for native in planned] == [str(native) for (native,) in found]
