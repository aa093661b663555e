"""Tables without a key: what sets leave in them is what the same changes leave one by one, duplicates counted."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from landbridge.change import DELETE, INSERT, UPDATE, Change
from landbridge.compaction import RowByRow, compact
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.applying import Applies, TableBatch
from landbridge.endpoints.postgres import server as postgres
from landbridge.kinds import Bytes, Float, Json, Kind, Text
from landbridge.model import Field, Relation, TableName
from landbridge.plan import EndpointRef
from tests.engines.mysql_target import batch
from tests.support import mysql_connection, postgres_connection, rows

Image = tuple[bytes | None, ...]

KINDS: tuple[Kind, ...] = (Text(), Text(), Float(bits=64), Json(), Bytes())
CREATE = {
    "postgres": "create table log (t text, n numeric(8,2), f float8, j json, b bytea)",
    "mysql": "create table log (t varchar(90), n decimal(8,2), f double, j json, b blob)"
    " character set utf8mb4 collate utf8mb4_general_ci",
}
READ = {
    "postgres": "select t, n::text, f::text, j::text, b::text from log",
    "mysql": "select t, cast(n as char), f, j, concat('\\\\x', lower(hex(b))) from log",
}
VALUES: tuple[tuple[bytes | None, ...], ...] = (
    (b"a", b"A", b"a ", "ä\t\\".encode(), b"", b"~", None),
    (b"1.00", b"-2.50", None),
    (b"0", b"0.1", b"1.5", None),
    (b'{"k": 1}', b'{"k": [2, "x"]}', None),
    (b"\\x", b"\\x00", b"\\x61", None),
)


class Place:
    def __init__(self, engine: str, server: Any, database: str, connection: Any) -> None:
        self.engine, self.plain = engine, connection
        one = {"database": database} if engine == "postgres" else {}
        ref = EndpointRef(engine=engine, host=server.host, port=server.port, user=server.user, **one)
        rows(connection, CREATE[engine])
        self.connection = connect(ref).get(Connects).engine().connect()
        schema = "public" if engine == "postgres" else database
        natives = ("text", "numeric", "double", "json", "blob")
        fields = tuple(Field(name=n, kind=k, native=v) for n, k, v in zip("tnfjb", KINDS, natives, strict=True))
        log = Relation(number=0, name=TableName(schema=schema, name="log"), fields=fields, key=())
        self.writer = connect(ref).get(Applies).writer(self.connection, [log])

    def found(self) -> Counter[Image]:
        return Counter(
            tuple(None if v is None else _text(v) for v in row) for row in rows(self.plain, READ[self.engine])
        )

    def write(self, wanted: TableBatch) -> bool:
        with self.connection.begin() as transaction:
            fits = self.writer.write(wanted, False)
            if not fits:
                transaction.rollback()
        return fits


def _text(value: Any) -> bytes:
    if isinstance(value, float):
        value = repr(value).removesuffix(".0")
    return str(value).encode()


@pytest.fixture(params=["postgres", "mariadb_server", "mariadb11_server", "mysql_server"])
def place(
    request: pytest.FixtureRequest,
    postgres_server: postgres.Server,
    postgres_database: Callable[[], str],
    mysql_database: Callable[..., str],
) -> Iterator[Place]:
    if request.param == "postgres":
        database = postgres_database()
        plain = postgres_connection(postgres_server, database)
        made = Place("postgres", postgres_server, database, plain)
    else:
        server = request.getfixturevalue(request.param)
        database = mysql_database(server)
        made = Place("mysql", server, database, mysql_connection(server, database))
    with closing(made.connection), closing(made.plain):
        yield made


def changes(chance: random.Random, there: Counter[Image], number: int) -> list[Change]:
    """Valid ones; `there` follows them."""

    def image() -> Image:
        return tuple(chance.choice(values) for values in VALUES)

    made: list[Change] = []
    for _ in range(number):
        step = chance.choice((INSERT, INSERT, UPDATE, DELETE))
        if step == INSERT or not there:
            new = image() if chance.random() < 0.7 or not there else chance.choice(list(there))
            there[new] += 1
            made.append((INSERT, 0, None, new))
            continue
        old = chance.choice(list(there))
        there -= Counter([old])
        if step == DELETE:
            made.append((DELETE, 0, old, None))
            continue
        new = tuple(chance.choice((value, other)) for value, other in zip(old, image(), strict=True))
        there += Counter([new])
        made.append((UPDATE, 0, old, tuple(... if a == b else b for a, b in zip(old, new, strict=True))))
    return made


def test_sets_leave_what_the_changes_leave(place: Place) -> None:
    chance, there, sets = random.Random(3), Counter[Image](), 0
    for number in (200, 60, 300, 4, 200):
        for step in compact(changes(chance, there, number), {0: ()}, converge=False):
            if isinstance(step, RowByRow):
                with place.connection.begin():
                    place.writer.replay(step.changes, converge=False)
            else:
                assert isinstance(step, TableBatch)
                sets += len(step.deletes) + len(step.updates)
                assert place.write(step)
        assert place.found() == there
    assert sets > 50


A, B, C = ((name, b"1.00", None, None, None) for name in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (batch(deletes=[A, A]), [A, B]),
        (batch(deletes=[A, A, A, B]), []),
        (batch(updates=[(A, B), (A, C), (B, A)]), [A, A, B, C]),
        (batch(deletes=[A], updates=[(A, A)], inserts=[C]), [A, A, B, C]),
        (batch(deletes=[A, A, A, A]), None),
        (batch(deletes=[B, B]), None),
        (batch(deletes=[A], updates=[(A, C), (B, C), (C, B)]), None),
        (batch(deletes=[(b"A", *A[1:])]), None),
    ],
)
def test_each_change_has_a_row_of_its_own(place: Place, wanted: TableBatch, left: list[Image] | None) -> None:
    assert place.write(batch(inserts=[A, A, A, B]))
    assert place.write(wanted) is (left is not None)
    assert place.found() == Counter([A, A, A, B] if left is None else left)


def test_a_large_table_is_read_once_for_many_changes(place: Place) -> None:
    images = [(b"row %d" % number, b"%d.00" % number, None, None, None) for number in range(20_000)]
    assert place.write(batch(inserts=images))
    changed = [(image, (image[0], b"-1.00", None, None, None)) for image in images[:4000]]
    assert place.write(batch(deletes=images[4000:8000], updates=changed))
    assert rows(place.plain, "select count(*), count(nullif(n, -1)) from log") == [(16_000, 12_000)]
