"""Packed rows: what they unpack to, which of them a table's sets are made of, and the lines that COPY reads."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from landbridge.change import DELETE, INSERT, UPDATE, Change, lay, messages_of
from landbridge.endpoints.postgres.log.packed import Packer
from landbridge.endpoints.postgres.write import packed as packs
from landbridge.endpoints.postgres.write.written import WrittenColumn, WrittenTable
from landbridge.errors import Unsupported
from landbridge.model import Relation, TableName
from tests.packing import message, packed

INSERTED, UPDATED, DELETED = (b"I", b"N"), (b"U", b"N"), (b"D", b"K")
SPECIAL = b"\x00a\\\t\n\r\x01\x02\"'.,N\x7f"[1:]  # the server's text never holds a zero byte
text = st.one_of(st.binary(max_size=300).map(lambda b: b.replace(b"\0", b"")), st.lists(
    st.sampled_from([bytes([byte]) for byte in SPECIAL] + [b"\\.", b"\\N", b""]), max_size=6).map(b"".join))  # fmt: skip
field = st.one_of(st.none(), text)


def written(columns: int, key: tuple[int, ...]) -> WrittenTable:
    made = [WrittenColumn(name=f"c{n}", type="text", fixed=False, equal="=", exact=True) for n in range(columns)]
    relation = Relation(number=0, name=TableName(schema="public", name="t"), fields=(), key=key)
    return WrittenTable(relation, made, "t")


def made(kind: tuple[bytes, bytes], *fields: Any) -> bytes:
    return message(kind[0], (kind[1], fields))


def sets(key: tuple[int, ...], columns: int, messages: list[bytes]) -> packs.Sets | None:
    found, rest = packs.sets([lay(messages, {messages[0][1:5]: (0, key)})], {0: written(columns, key)})
    assert [list(messages_of(each)) for each in rest] == ([] if found else [messages])
    return found[0] if found else None


def read(block: bytes, options: str) -> list[list[bytes | None]]:
    """As the server does: manual, COPY, "File Formats"."""
    assert r"delimiter e'\x01'" in options
    assert "null ''" in options
    if "format text" in options:
        assert b"\\" not in block
        return [[value or None for value in line.split(b"\x01")] for line in block[:-1].split(b"\n")]
    assert r"quote e'\x02'" in options
    return list(map(list, _csv(block)))


def _csv(block: bytes) -> list[list[bytes | None]]:
    lines: list[list[bytes | None]] = [[]]
    value, quoted, inside, place = b"", False, False, 0
    while place < len(block):
        byte, place = block[place : place + 1], place + 1
        if inside and byte == b"\x02" and block[place : place + 1] == b"\x02":
            value, place = value + byte, place + 1
        elif byte == b"\x02":
            inside, quoted = not inside, True
        elif not inside and byte in b"\x01\n":
            lines[-1].append(value if value or quoted else None)
            value, quoted = b"", False
            if byte == b"\n":
                lines.append([])
        else:
            assert inside or byte != b"\r"
            value += byte
    assert lines.pop() == []
    return lines


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(field, min_size=n, max_size=n), min_size=1, max_size=20)))
def test_what_copy_reads_is_what_the_rows_hold(rows: list[list[bytes | None]]) -> None:
    columns = len(rows[0]) + 1
    messages = [made(INSERTED, b"%d" % number, *fields) for number, fields in enumerate(rows)]
    found = sets((0,), columns, messages)
    assert found is not None
    assert read(*packs.lines(found.rows, found.inserts)) == [
        [b"%d" % number, *fields] for number, fields in enumerate(rows)
    ]
    numbered = read(*packs.lines(found.rows, found.inserts, 1234567))
    assert numbered == [[b"1234567", b"%d" % number, *fields] for number, fields in enumerate(rows)]


@given(st.lists(text, min_size=1, max_size=20, unique=True))
def test_a_table_of_one_column(values: list[bytes]) -> None:
    found = sets((0,), 1, [made(INSERTED, value) for value in values])
    assert found is not None
    block, options = packs.lines(found.rows, found.inserts)
    assert read(block, options) == [[value] for value in values]
    assert block[:3] != b"\\.\n"  # which would end it


@given(
    st.lists(
        st.tuples(st.sampled_from([INSERTED, UPDATED, DELETED]), st.sampled_from(b"abc"), st.sampled_from(b"a\xff")),
        min_size=1,
        max_size=12,
    )
)
def test_sets_do_what_the_changes_do_one_by_one(changes: list[tuple[tuple[bytes, bytes], int, int]]) -> None:
    there: dict[Any, bytes] = {}
    before: dict[Any, bytes] = {}
    contradicts = False
    for number, (kind, *parts) in enumerate(changes):
        key = tuple(bytes([part]) for part in parts)
        if key not in there and key not in before and kind != INSERTED:
            before[key] = there[key] = b"before"
        before.setdefault(key, b"")
        contradicts |= (key in there) is (kind == INSERTED)
        if kind == DELETED:
            there.pop(key, None)
        else:
            there[key] = b"%d" % number
    messages = [
        made(kind, bytes([one]), b"%d" % number if kind != DELETED else None, bytes([other]))
        for number, (kind, one, other) in enumerate(changes)
    ]
    found = sets((0, 2), 3, messages)
    assert (found is None) is contradicts
    if found is None:
        return
    ours = {key: value for key, value in before.items() if value}
    for which, present in ((found.deletes, True), (found.updates, True), (found.inserts, False)):
        for one, value, other in read(*packs.lines(found.rows, which)) if len(which) else ():
            assert ((one, other) in ours) is present
            ours.pop((one, other), None)
            if value is not None:
                ours[one, other] = value
    assert ours == there
    kinds = [kind for kind, _, _ in changes]
    assert found.counts == {INSERT: kinds.count(INSERTED), UPDATE: kinds.count(UPDATED), DELETE: kinds.count(DELETED)}


@given(st.lists(st.lists(field, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from([(0,), (2, 1)]))
def test_they_unpack_to_the_changes_they_were_made_of(rows: list[list[bytes | None]], key: tuple[int, ...]) -> None:
    changes: list[Change] = []
    for number, fields in enumerate(rows):
        assume(all(fields[place] is not None for place in key))
        identity = tuple(fields[place] for place in key)
        image = tuple(fields)
        changes.append([(INSERT, 4, None, image), (UPDATE, 4, None, image), (DELETE, 4, identity, None)][number % 3])
    whole = packed(changes, {4: key}, {4: 3})
    assert whole is not None
    assert Packer().unpack(whole) == changes


@pytest.mark.parametrize(
    "row",
    [
        made(UPDATED, b"1", ...), made(INSERTED, b"1"), made(INSERTED, b"1", b"2", b"3"), made(INSERTED, None, b"2"),
        made(INSERTED, b"1", b"2")[:-1], made(INSERTED, b"1", b"2") + b"x", made(INSERTED, b"x" * 300, b"2"),
        made(INSERTED, b"1", b"2").replace(b"t", b"b"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_whole_or_plain_leaves_its_table_to_be_unpacked(row: bytes) -> None:
    assert sets((0,), 2, [made(INSERTED, b"8", b"9"), row, made(INSERTED, b"6", b"7")]) is None


def test_tables_that_are_not_known_are_left() -> None:
    one, other = made(INSERTED, b"1", b"2"), message(b"I", (b"N", [b"3", b"4"]), oid=7)
    tables = {one[1:5]: (0, (0,)), other[1:5]: (1, (0,))}
    found, rest = packs.sets([lay([one, other], tables)], {0: written(2, (0,))})
    assert [read(*packs.lines(each.rows, each.inserts)) for each in found] == [[[b"1", b"2"]]]
    assert [list(messages_of(each)) for each in rest] == [[other]]
    assert Packer().unpack(rest[0]) == [(INSERT, 1, None, (b"3", b"4"))]


def test_partitions_of_one_table_keep_their_order() -> None:
    """A row goes from one to the other and back, in the transaction in which something else came to the other first."""
    steps = [(16, DELETED, b"1"), (17, DELETED, b"2"), (16, INSERTED, b"2"), (16, DELETED, b"2"), (17, INSERTED, b"2")]
    messages = [message(kind[0], (kind[1], [key]), oid=oid) for oid, kind, key in steps]
    tables = {each[1:5]: (0, (0,)) for each in messages}
    (found,), rest = packs.sets([lay(messages, tables)], {0: written(1, (0,))})
    assert rest == []
    assert [len(which) for which in (found.deletes, found.updates, found.inserts)] == [1, 1, 0]
    other = message(b"I", (b"N", [b"3"]), oid=18)
    mixed = lay([*messages, other], tables | {other[1:5]: (1, (0,))})
    (found,), rest = packs.sets([mixed], {0: written(1, (0,))})
    assert [len(which) for which in (found.deletes, found.updates, found.inserts)] == [1, 1, 0]
    assert [list(messages_of(each)) for each in rest] == [[other]]
    _, rest = packs.sets([mixed], {1: written(1, (0,))})
    assert [list(messages_of(each)) for each in rest] == [messages]
    assert len(Packer().unpack(rest[0])) == 5


def test_an_update_that_does_not_say_which_row_is_refused() -> None:
    for row in (made(UPDATED, ..., b"2"), made(DELETED, None, b"2")):
        with pytest.raises(Unsupported, match="which row"):
            Packer().unpack(lay([row], {row[1:5]: (0, (0,))}))
