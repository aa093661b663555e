"""Foreign keys' actions on a target of the MySQL family: none of its own, and those of the source on request."""

from collections.abc import Callable, Iterator

import pytest

from landbridge import kinds
from landbridge.endpoints.mysql.apply import Writer
from tests.engines.mysql_target import SERVERS, Place, batch


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Place]:
    server = request.getfixturevalue(request.param)
    made = Place(server, mysql_database(server))
    yield made
    made.connection.close()
    made.plain.close()


@pytest.fixture
def family(place: Place) -> Writer:
    place.sql("create table parent (id int primary key)")
    place.sql(
        "create table child (id int, shop varchar(9), parent int, primary key (shop, id), foreign key (parent)"
        " references parent (id) on delete cascade on update cascade)"
    )
    place.sql("insert into parent values (1), (2)")
    place.sql("insert into child values (1, 'a', 1), (2, 'b', 1), (3, 'c', 2), (4, 'd', null)")
    int_ = kinds.Int(bits=32)
    parent = place.relation(0, "parent", "id", id=int_)
    return place.writer(parent, place.relation(1, "child", "id shop parent", (1, 0), id=int_, parent=int_))


def test_the_target_carries_out_no_cascade_of_its_own(place: Place, family: Writer) -> None:
    with place.transaction():
        assert family.write(batch(deletes=[(b"1",)], updates=[((b"2",), (b"5",))]), converge=False)
        found = family.astray(1, (2,), 0, (0,))
        assert sorted(found) == [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]
    assert place.sql("select count(*), sum(parent) from child") == [(4, 4)]


def test_cascades_are_followed_where_the_source_does_not_log_them(place: Place, family: Writer) -> None:
    with place.transaction():
        assert family.find(1, (2,), [(b"1",), (b"7",), (None,)]) == [(b"a", b"1"), (b"b", b"2")]
        moved = family.follow(1, (2,), (b"2",), (b"9",))
        assert moved == [((b"c", b"3"), (b"c", b"3"))]
        assert family.follow(1, (1, 0), (b"d", b"4"), (b"e", b"40")) == [((b"d", b"4"), (b"e", b"40"))]
        assert sorted(family.follow(1, (2,), (b"1",), None)) == [((b"a", b"1"), None), ((b"b", b"2"), None)]
        assert family.follow(1, (2,), (b"1",), None) == []
        assert family.follow(1, (2,), (b"9",), (None,)) == [((b"c", b"3"), (b"c", b"3"))]
    assert place.sql("select id, shop, parent from child order by id") == [(3, "c", None), (40, "e", None)]
