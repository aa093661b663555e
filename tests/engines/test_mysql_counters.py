"""AUTO_INCREMENT columns and MariaDB's sequences, moved on by real servers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.endpoints.abc import Counter
from landbridge.endpoints.mysql.counters import Counters
from landbridge.errors import Terminal
from landbridge.model import TableName
from tests.engines import every_kind
from tests.support import mysql_connection, rows


class Place:
    def __init__(self, server: Any, schema: str) -> None:
        self.schema = schema
        self.plain = mysql_connection(server, schema)
        self.mariadb = "MariaDB" in self.plain.get_server_info()
        self.counters = Counters(every_kind.mysql_endpoint(server))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows(self.plain, statement)

    def advance(self, *counters: tuple[str, str | None, int | None]) -> None:
        self.counters.advance(
            [Counter(name=TableName(schema=self.schema, name=n), column=c, last=last) for n, c, last in counters]
        )

    def next_of(self, table: str) -> int:
        with self.plain.cursor() as cursor:
            cursor.execute(f"insert into {table} (id) values (default)")
            return int(cursor.lastrowid)


@pytest.fixture(params=["mariadb_server", "mariadb11_server", "mysql_server"])
def place(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Place]:
    server = request.getfixturevalue(request.param)
    made = Place(server, mysql_database(server))
    yield made
    made.plain.close()


def test_the_next_number_comes_after_the_last_and_after_every_row(place: Place) -> None:
    place.sql("create table `t 1` (id int auto_increment primary key)")
    place.advance(("t 1", "id", None))
    assert place.next_of("`t 1`") == 1
    place.advance(("t 1", "id", 41))
    assert place.next_of("`t 1`") == 42
    place.advance(("t 1", "id", 7))
    assert place.next_of("`t 1`") == 43, "never back"
    place.sql("update `t 1` set id = 1000 where id = 42")
    place.advance(("t 1", "id", 50))
    assert place.next_of("`t 1`") == 1001
    place.advance(("t 1", "id", None))
    assert place.next_of("`t 1`") == 1002


def test_a_counter_that_is_used_up_stays_so(place: Place) -> None:
    place.sql("create table t (id tinyint auto_increment primary key)")
    place.advance(("t", "id", 126))
    assert place.next_of("t") == 127
    place.advance(("t", "id", 127))
    with pytest.raises(Exception, match=r"127|167|Out of range|1467"):
        place.next_of("t")


def test_what_is_no_counter_is_named(place: Place) -> None:
    place.sql("create table t (id int primary key)")
    with pytest.raises(Terminal, match=rf"{place.schema}\.t, {place.schema}\.absent"):
        place.advance(("t", "id", 5), ("absent", "id", 5))


def test_sequences_move_on(place: Place) -> None:
    if not place.mariadb:
        place.advance(("s", None, 5))  # there are none
        return
    place.sql("create sequence s start with 5 increment by 5 cache 10")
    place.sql("create sequence down increment by -1 maxvalue -1 minvalue -1000 start with -1 nocache")
    place.sql("create sequence used start with 1")
    place.sql("create table t (id int primary key default nextval(used))")
    place.sql("insert into t values (77)")
    place.advance(("s", None, None), ("down", None, -20), ("used", None, 3))
    assert place.sql("select nextval(s), nextval(down), nextval(used)") == [(5, -21, 78)]
    place.advance(("s", None, 100), ("down", None, -5), ("used", None, 3))
    ((s, down, used),) = place.sql("select nextval(s), nextval(down), nextval(used)")
    assert s > 100
    assert down == -22
    assert used >= 79
    with pytest.raises(Terminal, match="absent"):
        place.advance(("absent", None, 5))
