"""What the stream says of TRUNCATE, partitions and replica identities, and what stops it because it says nothing."""

import re
from collections.abc import Callable

import pytest

from landbridge.change import DELETE, INSERT, TRUNCATE
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import beats, stream
from landbridge.errors import SchemaDrift
from tests.engines.capture import RUN, Source
from tests.engines.conftest import MakeSource

MEASURES = """
create table m (id int, region text, primary key (region, id)) partition by list (region);
create table m_a partition of m for values in ('a');
create table m_b partition of m for values in ('b') partition by range (id);
create table m_b1 partition of m_b for values from (0) to (10);
create table m_b2 partition of m_b for values from (10) to (20);
insert into m values (1, 'a'), (2, 'b'), (12, 'b')"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture(params=["14", "18"])
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    return make_source(postgres_version(request.param))


def test_a_truncate_of_the_whole_is_one(each: Source) -> None:
    each.run(MEASURES)
    since = each.prepare("m")
    each.run("truncate m")
    each.run("truncate m_a, m_b")
    found = each.follow(since)
    assert [change for one in found for change in one.changes] == [(TRUNCATE, 0, None, None)] * 2
    each.run("create table m_c partition of m for values in ('c'); insert into m values (3, 'c'); truncate m")
    assert each.changes(found[-1].position) == [(INSERT, 0, None, (b"3", b"c")), (TRUNCATE, 0, None, None)]


@pytest.mark.parametrize(("one", "left"), [("m_a", "m_b1"), ("m_b", "m_a"), ("m_b2", "m_b1"), ("m_a, m_b1", "m_b2")])
def test_a_truncate_of_a_single_partition_stops_the_stream(each: Source, one: str, left: str) -> None:
    each.run(MEASURES)
    since = each.prepare("m")
    each.run(f"truncate {one}")
    with pytest.raises(SchemaDrift, match=rf"single partitions of public\.m .* emptied, .*public\.{left}.* not"):
        each.follow(since)


def test_it_stops_in_a_transaction_that_was_sent_before_its_end_too(each: Source) -> None:
    each.run(MEASURES)
    since = each.prepare("m")
    each.transaction("insert into m select i, 'a' from generate_series(10, 3000) i", "truncate m_b1")
    with pytest.raises(SchemaDrift, match="single partitions"):
        each.follow(since)


def test_one_that_was_rolled_back_stops_nothing(each: Source) -> None:
    each.run(MEASURES)
    since = each.prepare("m")
    each.transaction("savepoint s", "truncate m_b1", "rollback to s", "insert into m values (7, 'a')")
    assert each.changes(since) == [(INSERT, 0, None, (b"7", b"a"))]


def test_a_truncate_that_cascades_names_every_table_of_the_run(each: Source) -> None:
    each.run("create table a (id int generated always as identity primary key)")
    each.run("create table b (id int primary key references a); create table outside (id int references a)")
    each.run("insert into a default values; insert into b values (1)")
    since = each.prepare("a", "b")
    each.run("truncate a restart identity cascade")
    each.run("insert into a default values")
    found = each.changes(since)
    assert sorted(found[:2]) == [(TRUNCATE, 0, None, None), (TRUNCATE, 1, None, None)]
    assert found[2:] == [(INSERT, 0, None, (b"1",))]


MOVED = {
    "drop table m_a": r"no longer there: oid \d+$",
    "alter table m detach partition m_a": r"no longer there: oid \d+$",
    "create table m_c (id int not null, region text not null); insert into m_c values (5, 'c');"
    "alter table m attach partition m_c for values in ('c')": r"attached: public\.m_c",
}


@pytest.mark.parametrize("moved", MOVED)
def test_a_partition_that_comes_or_goes_with_its_rows_stops_the_stream(each: Source, moved: str) -> None:
    each.run(MEASURES)
    since = each.prepare("m")
    each.run(moved)
    with pytest.raises(SchemaDrift) as caught:
        each.follow(since)
    assert re.search(MOVED[moved], caught.value.found)


def test_a_partition_that_is_attached_later_on_stops_the_stream(each: Source) -> None:
    each.run(MEASURES)
    since = each.prepare("m")
    each.run("create table m_c (id int not null, region text not null)")
    each.run("insert into m_c values (5, 'c')")
    each.run("alter table m attach partition m_c for values in ('c')")
    with pytest.raises(SchemaDrift, match=r"attached: public\.m_c"):
        each.follow(since)


def test_a_partition_that_goes_while_the_stream_runs_stops_it(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_WATCH", 0.1)
    each.run(MEASURES)
    since = each.prepare("m")
    with each.log.stream(RUN, since, each.tables) as opened:
        follow = iter(opened)
        next(follow)
        each.run("drop table m_a")
        with pytest.raises(SchemaDrift, match=r"no longer there: public\.m_a"):
            list(follow)


def test_partitions_that_are_made_or_were_attached_before_are_followed(each: Source) -> None:
    each.run(MEASURES)
    each.run("create table m_d (region text not null, more int, id int not null); alter table m_d drop column more")
    each.run("alter table m attach partition m_d for values in ('d')")
    since = each.prepare("m")
    each.run("create table m_c partition of m for values in ('c') partition by hash (id)")
    each.run("create table m_c1 partition of m_c for values with (modulus 1, remainder 0)")
    each.run("vacuum full m_c1")
    each.run("analyze m; alter table m_a rename to m_first; create index on m (id)")
    each.run("insert into m values (4, 'c'), (5, 'd')")
    each.run("update m set id = 6, region = 'd' where id = 1")
    assert each.changes(since) == [
        (INSERT, 0, None, (b"4", b"c")),
        (INSERT, 0, None, (b"5", b"d")),
        (DELETE, 0, (b"a", b"1"), None),
        (INSERT, 0, None, (b"6", b"d")),
    ]
