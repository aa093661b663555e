"""The plugin's messages, made by hand after the manual, as positions, rows and changes."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import kinds
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE
from landbridge.endpoints.postgres.log import lsn, pgoutput
from landbridge.endpoints.postgres.log.decode import Decoder
from landbridge.errors import SchemaDrift, Unsupported
from landbridge.model import Column, ColumnMap, Key, Position, Table, TableMap, TableName
from tests.packing import OID, encoded, message

RELATION = (
    b"R" + struct.pack(">I", OID) + b"public\0" + b"t\0" + b"d" + struct.pack(">H", 3)
    + b"\1" + b"id\0" + struct.pack(">Ii", 23, -1)
    + b"\0" + b"name\0" + struct.pack(">Ii", 1043, 24)
    + b"\0" + "größe\0".encode() + struct.pack(">Ii", 20, -1)
)  # fmt: skip

field = st.one_of(st.none(), st.just(...), st.binary(max_size=40), st.just(b"x" * 70_000))


def table(columns: list[str], key: tuple[str, ...], number: int = 4) -> TableMap:
    made = tuple(Column(name=name, kind=kinds.Text(), native="text") for name in columns)
    named = Key(name="key", columns=key) if key else None
    source = Table(name=TableName(schema="public", name="t"), columns=made, primary_key=named)
    maps = tuple(ColumnMap(source=column, target=column) for column in made)
    return TableMap(number=number, source=source, target=source, columns=maps, plain=True)


def decoder(*tables: TableMap, identified: bool = True) -> Decoder:
    made = Decoder(tables, lambda relation, table: identified)
    made.relation(RELATION)
    return made


KEYED = table(["id", "name", "größe"], ("id",))


def decode(payload: bytes, using: TableMap = KEYED) -> Any:
    return decoder(using).rows[payload[:5]](payload)


@given(st.lists(field, max_size=30), st.binary(max_size=9), st.binary(max_size=9))
def test_a_row_reads_back_wherever_it_stands(fields: list[Any], before: bytes, after: bytes) -> None:
    payload = before + encoded(fields) + after
    for read in (pgoutput.row, pgoutput.row_reader(len(fields)), pgoutput.row_reader(len(fields) + 1)):
        assert read(payload, len(before)) == (tuple(fields), len(payload) - len(after))


@given(st.lists(field, min_size=1, max_size=10), st.integers(1, 200))
def test_a_row_that_is_cut_off_is_refused(fields: list[Any], missing: int) -> None:
    payload = encoded(fields)[: max(2, len(encoded(fields)) - missing)]
    for read in (pgoutput.row, pgoutput.row_reader(len(fields))):
        with pytest.raises((Unsupported, IndexError)):
            read(payload, 0)


def test_a_value_in_another_format_is_refused() -> None:
    for read in (pgoutput.row, pgoutput.row_reader(1)):
        with pytest.raises(Unsupported, match="'b'"):
            read(b"\0\1b\0\0\0\4\0\0\0\1", 0)


def test_begin_and_commit() -> None:
    # 2024-02-29 12:00:00.25 UTC is 1709208000.25 in seconds since 1970
    at = (1709208000 - 946684800) * 1_000_000 + 250_000
    assert pgoutput.begin(b"B" + struct.pack(">QqI", 0x16B3748, at, 700)) == (0x16B3748, 1709208000.25)
    assert pgoutput.commit(b"C\0" + struct.pack(">QQq", 0x16B3748, 0x16B3778, at)) == 0x16B3778


def test_positions_sort_as_the_log_does() -> None:
    assert lsn.position(0x16B3748) == "00000000016B3748"
    assert lsn.number(Position("00000002FFFFFFFF")) == 0x2FFFFFFFF
    lsns = [0, 9, 10, 0xFFFFFFFF, 0x100000000, 0xFFFFFFFFFFFFFFFF]
    assert sorted(map(lsn.position, lsns)) == [lsn.position(number) for number in lsns]


def test_a_message_that_somebody_emitted() -> None:
    payload = b"M\1" + struct.pack(">Q", 77) + b"landbridge\0" + struct.pack(">I", 3) + b"x\0y"
    assert pgoutput.message(payload) == (True, 77, b"landbridge", b"x\0y")
    assert pgoutput.message(b"M\0" + payload[2:]) == (False, 77, b"landbridge", b"x\0y")


def test_a_relation() -> None:
    found = pgoutput.relation(RELATION)
    assert (found.oid, found.name, found.identity) == (OID, TableName(schema="public", name="t"), "d")
    assert [(c.name, c.identity, c.type, c.modifier) for c in found.columns] == [
        ("id", True, 23, -1),
        ("name", False, 1043, 24),
        ("größe", False, 20, -1),
    ]


NEW = [b"1", None, b"9"]


@pytest.mark.parametrize(
    ("payload", "change"),
    [
        (message(b"I", (b"N", NEW)), (INSERT, 4, None, (b"1", None, b"9"))),
        (message(b"U", (b"N", NEW)), (UPDATE, 4, None, (b"1", None, b"9"))),
        (message(b"U", (b"N", [b"1", ..., b"9"])), (UPDATE, 4, None, (b"1", ..., b"9"))),
        (message(b"U", (b"K", [b"0", None, None]), (b"N", NEW)), (UPDATE, 4, (b"0",), (b"1", None, b"9"))),
        (message(b"U", (b"K", [b"0", None, None]), (b"N", [b"1", ..., b"9"])), (UPDATE, 4, (b"0",), (b"1", ..., b"9"))),
        (message(b"U", (b"K", [b"1", None, None]), (b"N", [..., ..., b"9"])), (UPDATE, 4, None, (b"1", ..., b"9"))),
        (message(b"U", (b"O", [b"1", b"n", None]), (b"N", [b"1", ..., b"9"])), (UPDATE, 4, None, (b"1", b"n", b"9"))),
        (message(b"U", (b"O", [b"0", b"n", None]), (b"N", NEW)), (UPDATE, 4, (b"0",), (b"1", None, b"9"))),
        (message(b"D", (b"K", [b"1", None, None])), (DELETE, 4, (b"1",), None)),
        (message(b"D", (b"O", [b"1", b"n", b"9"])), (DELETE, 4, (b"1",), None)),
    ],
)
def test_changes_of_a_table_with_a_key(payload: bytes, change: Any) -> None:
    assert decode(payload) == change


def test_fields_come_in_the_order_of_the_plan_and_the_key_in_its_own() -> None:
    using = table(["größe", "id", "name"], ("name", "id"))
    update = message(b"U", (b"K", [b"0", b"n", None]), (b"N", [b"1", b"n", b"9"]))
    assert decode(update, using) == (UPDATE, 4, (b"n", b"0"), (b"9", b"1", b"n"))
    assert decode(message(b"D", (b"K", [b"0", b"n", None])), using) == (DELETE, 4, (b"n", b"0"), None)
    assert decode(message(b"I", (b"N", [b"1", b"n", b"9"])), table(["name"], ())) == (INSERT, 4, None, (b"n",))


KEYLESS = table(["id", "name", "größe"], ())


def test_changes_of_a_table_without_a_key() -> None:
    old = [None, b"n", b"8"]
    update = message(b"U", (b"O", old), (b"N", [b"1", ..., b"9"]))
    assert decode(update, KEYLESS) == (UPDATE, 4, (None, b"n", b"8"), (b"1", b"n", b"9"))
    assert decode(message(b"D", (b"O", old)), KEYLESS) == (DELETE, 4, (None, b"n", b"8"), None)


@pytest.mark.parametrize(
    ("payload", "using"),
    [
        (message(b"U", (b"N", NEW)), KEYLESS),
        (message(b"U", (b"K", [b"1", None, None]), (b"N", NEW)), KEYLESS),
        (message(b"D", (b"K", [b"1", None, None])), KEYLESS),
        (message(b"U", (b"O", [b"1", ..., b"2"]), (b"N", NEW)), KEYLESS),
        (message(b"U", (b"N", [..., None, b"9"])), KEYED),
        (message(b"U", (b"K", [None, b"n", None]), (b"N", NEW)), KEYED),
        (message(b"D", (b"K", [None, b"n", None])), KEYED),
    ],
)
def test_a_change_that_does_not_name_its_row_is_refused(payload: bytes, using: TableMap) -> None:
    with pytest.raises(Unsupported, match=r"public\.t .*replica identity") as caught:
        decode(payload, using)
    assert f"REPLICA IDENTITY {'DEFAULT' if using.key else 'FULL'}" in caught.value.mend


def test_without_a_fitting_identity_only_inserts_are_taken() -> None:
    rows = decoder(KEYED, identified=False).rows
    insert = message(b"I", (b"N", NEW))
    assert rows[insert[:5]](insert) == (INSERT, 4, None, tuple(NEW))
    for payload in (message(b"U", (b"N", NEW)), message(b"D", (b"K", NEW))):
        with pytest.raises(Unsupported):
            rows[payload[:5]](payload)


def test_truncate_names_several_tables_and_none_that_is_not_ours() -> None:
    made = decoder(KEYED)
    assert made.truncate(b"T" + struct.pack(">IBI", 1, 3, OID)) == [(TRUNCATE, 4, None, None)]
    with pytest.raises(SchemaDrift):
        made.truncate(b"T" + struct.pack(">IBII", 2, 0, OID, OID + 1))


def test_a_table_that_took_another_name_is_ours_no_more() -> None:
    made = decoder(KEYED)
    made.relation(RELATION.replace(b"t\0d", b"t_old\0d"))
    assert made.rows == {}
    assert "public.t_old" in made.stranger(struct.pack(">I", OID)).found
