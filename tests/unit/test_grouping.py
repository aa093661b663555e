"""Small transactions are read in groups; whatever comes between and wherever reading breaks off, they stay what they are."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge import kinds
from landbridge.change import Transaction, divided
from landbridge.endpoints.postgres.log import grouping, stream
from landbridge.endpoints.postgres.log.decode import Decoder
from landbridge.endpoints.postgres.log.lsn import position
from landbridge.endpoints.postgres.log.stream import Stream
from landbridge.model import Column, ColumnMap, Key, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.packing import joined, message, unpacked

FIRST, SECOND = 16385, 16386
REF = EndpointRef(engine="postgres", host="nowhere", user="nobody", database="none")


def table(number: int, oid: int) -> TableMap:
    columns = tuple(Column(name=name, kind=kinds.Text(), native="text") for name in ("id", "v"))
    key = Key(name="key", columns=("id",))
    made = Table(name=TableName(schema="public", name=f"t{oid}"), columns=columns, primary_key=key)
    maps = tuple(ColumnMap(source=column, target=column) for column in columns)
    return TableMap(number=number, source=made, target=made, columns=maps, plain=True)


def relation(oid: int) -> bytes:
    columns = b"".join(flag + name + struct.pack(">Ii", 25, -1) for flag, name in ((b"\1", b"id\0"), (b"\0", b"v\0")))
    return b"R" + struct.pack(">I", oid) + b"public\0t%d\0d" % oid + struct.pack(">H", 2) + columns


class Ended(Exception):
    """Everything that the connection had was read."""


class Received:
    """Messages as they come, None where there is no more for now."""

    end, slow = 0, False

    def __init__(self, messages: list[bytes | None]) -> None:
        self._messages = iter(messages)

    def read(self) -> bytes | None:
        try:
            return next(self._messages)
        except StopIteration:
            raise Ended from None

    def wait(self) -> bool:
        return True

    def behind(self, lsn: int) -> bool:
        return False

    def confirm(self, lsn: int) -> None: ...


def begin(start: int) -> bytes:
    return b"B" + struct.pack(">QqI", start, start * 1_000_000, 700)


def commit(start: int) -> bytes:
    return b"C\0" + struct.pack(">QQq", start, start + 10, start * 1_000_000)


def told(messages: list[bytes | None], since: int = 0, *, packed: bool) -> list[Transaction]:
    tables = [table(0, FIRST), table(1, SECOND)]
    decoder = Decoder(tables, lambda relation, table: True)
    found: list[Transaction] = []
    with suppress(Ended):
        for each in Stream(Received(messages), None, decoder, since, lambda: None, REF, packed=packed)._transactions():
            found.append(each)  # noqa: PERF402 what came before the end counts
    return found


key = st.integers(0, 5).map(lambda number: b"%d" % number)
oid = st.sampled_from([FIRST, SECOND])
value = st.one_of(st.none(), st.just(...), st.binary(max_size=30))
row = st.one_of(
    st.builds(lambda o, k, v: message(b"I", (b"N", [k, v]), oid=o), oid, key, value.filter(lambda v: v is not ...)),
    st.builds(lambda o, k, v: message(b"U", (b"N", [k, v]), oid=o), oid, key, value),
    st.builds(lambda o, k: message(b"D", (b"K", [k, None]), oid=o), oid, key),
)
odd = st.one_of(
    st.builds(lambda o, k, n, v: message(b"U", (b"K", [k, None]), (b"N", [n, v]), oid=o), oid, key, key, value),
    st.builds(relation, oid),
    st.just(b"T" + struct.pack(">IBI", 1, 0, FIRST)),
    st.just(b"Y" + struct.pack(">I", 99) + b"public\0mood\0"),
    st.just(b"M\1" + struct.pack(">Q", 5) + b"other\0" + struct.pack(">I", 1) + b"x"),
)
one = st.lists(st.one_of(row, row, row, row, odd), max_size=5)
few = st.lists(row, min_size=1, max_size=2)
transactions = st.lists(st.one_of(few, few, few, one), max_size=15)


@settings(max_examples=150, deadline=None)
@given(transactions, st.sets(st.integers(0, 100)), st.integers(0, 16), st.integers(1, 2000), st.integers(1, 6))
def test_in_groups_they_are_what_they_are_one_by_one(
    made: list[list[bytes]], gaps: set[int], before: int, size: int, part: int
) -> None:
    """gaps: where nothing more has been received for now. before: so many were sent before."""
    described: list[bytes] = [relation(FIRST), relation(SECOND)]
    flat = [
        payload
        for number, rows in enumerate(made, 1)
        for payload in (begin(100 * number), *(described if number == 1 else []), *rows, commit(100 * number))
    ]
    broken = [each for place, payload in enumerate(flat) for each in ((None, payload) if place in gaps else (payload,))]
    since = 100 * before + 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_BYTES", size)
        patch.setattr(stream, "_PART_CHANGES", part)
        grouped = told([*broken, None], since, packed=True)
        wanted = told([*flat], since, packed=False)
    assert all(count for each in grouped for _, _, count in each.ends)
    found = joined(list(map(unpacked, divided(grouped))))
    assert found == joined(wanted)
    ends = [
        position(100 * n + 10) for n, rows in enumerate(made, 1) if n > before and any(r[:1] in b"IUDT" for r in rows)
    ]
    assert [each.position for each in found] == ends


def test_they_come_as_one_as_soon_as_no_more_has_been_received() -> None:
    rows = [message(b"I", (b"N", [b"%d" % number, b"x"]), oid=FIRST) for number in range(1, 7)]
    one, two, three, four, five = (
        [begin(100 * number), *own, commit(100 * number)]
        for number, own in enumerate([rows[:1], rows[1:3], rows[3:4], rows[4:5], rows[5:]], 1)
    )
    described = [begin(50), relation(FIRST), commit(50)]
    messages = [*described, *one, *two, *three, None, *four, *five[:2], None, *five[2:], None]
    found = [each for each in told(messages, packed=True) if each.count]
    epoch = 946_684_800
    assert [list(each.ends) for each in found] == [
        [(position(110), epoch + 100, 1), (position(210), epoch + 200, 2), (position(310), epoch + 300, 1)], [], [],
    ]  # fmt: skip
    assert [(each.position, each.committed, each.count) for each in found] == [
        (position(310), epoch + 300, 4), (position(410), epoch + 400, 1), (position(510), epoch + 500, 1),
    ]  # fmt: skip


def test_a_group_is_no_larger_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "_BYTES", 50)
    payload = message(b"I", (b"N", [b"1", b"x"]), oid=FIRST)
    messages = [begin(50), relation(FIRST), commit(50)]
    for number in range(1, 20):
        messages += [begin(100 * number), payload, commit(100 * number)]
    found = told([*messages, None], packed=True)
    assert sum(each.count for each in found) == 19
    assert max(each.count for each in found) == 50 // len(payload) + 1
