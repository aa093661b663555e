"""Row events, as recorded from servers and as written by other encoders than ours, decoded to canonical text."""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as Number
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysqlreplication.constants import BINLOG, FIELD_TYPE

from landbridge.change import Change
from landbridge.endpoints.mysql import texts
from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.endpoints.mysql.log import events, fields, jsonb
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.decode import TableDecoder
from landbridge.endpoints.mysql.log.events import WireColumn, WireTable
from landbridge.errors import MigrationError, SchemaDrift, Unsupported
from landbridge.model import Column, ColumnMap, Key, Table, TableMap, TableName

UTF8, BINARY = 255, 63
CHARSETS = Charsets(
    names={UTF8: "utf8mb4", BINARY: "binary", 8: "latin1"},
    widths={"utf8mb4": 4, "binary": 1, "latin1": 1},
    decoders={"utf8mb4": None, "latin1": lambda value: value.decode("cp1252").encode()},
)
NAME = TableName(schema="t", name="a")


def _plan(natives: dict[str, str], key: Sequence[str] = ("id",), collation: str = "utf8mb4_0900_ai_ci") -> TableMap:
    columns = tuple(
        Column(
            name=name,
            native=native,
            kind=kind_of(native),
            collation=collation if native.startswith(("varchar", "char", "enum")) else None,
        )
        for name, native in natives.items()
    )
    primary = Key(name="PRIMARY", columns=tuple(key)) if key else None
    table = Table(name=NAME, columns=columns, primary_key=primary)
    return TableMap(number=3, source=table, target=table, columns=tuple(ColumnMap(source=c, target=c) for c in columns))


# --- whole events -----------------------------------------------------------------------------------------------------

MARIADB_MAP = (
    b"\x19\x00\x00\x00\x00\x00\x01\x00\x01t\x00\x01a\x00\x02\x03\x0f\x02\n\x00\x02\x01\x01\x00\x02\x01\x08\x04\x05\x02id"
    b"\x01v\x08\x01\x00"
)
MARIADB_UPDATE = (
    b"\x19\x00\x00\x00\x00\x00\x01\x00\x02\x03\x03\xfc\x01\x00\x00\x00\x01x\xfce\x00\x00\x00\x01x"
    b"\xfe\x02\x00\x00\x00\xfef\x00\x00\x00"
)
MYSQL_MAP = (
    b"p\x00\x00\x00\x00\x00\x01\x00\x01t\x00\x01a\x00\x02\x03\x0f\x02(\x00\x02\x01\x01\x00\x02\x03\xfc\xff\x00\x04\x05\x02id"
    b"\x01v\x08\x01\x00\x0c\x01\xc0"
)
MYSQL_DELETE = (
    b"p\x00\x00\x00\x00\x00\x11\x00\x02\x00\x02\xff\x00\x03\x00\x00\x00\x01t\x00\x05\x00\x00\x00\x01x"
    b"\x02\x02\x00\x00\x00"
)


def _decoded(plan: TableMap, table: bytes, kind: int, body: bytes, *, mariadb: bool = False) -> list[Change]:
    changes: list[Change] = []
    TableDecoder(plan, events.table_map(table, mariadb=mariadb), CHARSETS).decode(kind, body, changes)
    return changes


def test_an_update_recorded_from_mariadb() -> None:
    plan = _plan({"id": "int(11)", "v": "varchar(10)"}, collation="latin1_swedish_ci")
    assert _decoded(plan, MARIADB_MAP, BINLOG.UPDATE_ROWS_EVENT_V1, MARIADB_UPDATE, mariadb=True) == [
        (1, 3, (b"1",), (b"101", b"x")),
        (1, 3, (b"2",), (b"102", None)),
    ]
    plan = _plan({"id": "int(11)", "v": "varchar(10)"}, key=(), collation="latin1_swedish_ci")
    assert _decoded(plan, MARIADB_MAP, BINLOG.UPDATE_ROWS_EVENT_V1, MARIADB_UPDATE, mariadb=True) == [
        (1, 3, (b"1", b"x"), (b"101", b"x")),
        (1, 3, (b"2", None), (b"102", None)),
    ]


def test_a_delete_recorded_from_mysql() -> None:
    plan = _plan({"id": "int", "v": "varchar(10)"})
    found = _decoded(plan, MYSQL_MAP, BINLOG.DELETE_ROWS_EVENT_V2, MYSQL_DELETE)
    assert found == [(2, 3, (b"3",), None), (2, 3, (b"5",), None), (2, 3, (b"2",), None)]


def test_an_event_that_is_cut_off_or_too_long_is_an_error() -> None:
    plan = _plan({"id": "int", "v": "varchar(10)"})
    for body in (MYSQL_DELETE[:-1], MYSQL_DELETE + b"\0", MYSQL_DELETE[:-6]):
        with pytest.raises(Unsupported, match="cannot be decoded"):
            _decoded(plan, MYSQL_MAP, BINLOG.DELETE_ROWS_EVENT_V2, body)


@pytest.mark.parametrize(
    ("natives", "error"),
    [
        ({"id": "int", "w": "varchar(10)"}, SchemaDrift),
        ({"id": "int"}, SchemaDrift),
        ({"v": "varchar(10)", "id": "int"}, SchemaDrift),
        ({"id": "int unsigned", "v": "varchar(10)"}, SchemaDrift),
        ({"id": "bigint", "v": "varchar(10)"}, SchemaDrift),
        ({"id": "int", "v": "varchar(11)"}, SchemaDrift),
        ({"id": "int", "v": "char(10)"}, SchemaDrift),
        ({"id": "int", "v": "unheard"}, Unsupported),
    ],
)
def test_a_table_of_another_shape_is_refused(natives: dict[str, str], error: type[MigrationError]) -> None:
    plan = _plan(natives, key=("id",))
    if error is Unsupported:
        body = MYSQL_MAP.replace(b"\x03\x0f\x02(\x00", b"\x03\x14\x00").replace(b"\x02\x03\xfc\xff\x00", b"")
        with pytest.raises(error, match="type"):
            _decoded(plan, body, BINLOG.DELETE_ROWS_EVENT_V2, MYSQL_DELETE)
    else:
        with pytest.raises(error, match="was recorded"):
            _decoded(plan, MYSQL_MAP, BINLOG.DELETE_ROWS_EVENT_V2, MYSQL_DELETE)


def test_a_table_described_without_names_is_the_recorded_one() -> None:
    bare = MYSQL_MAP[: MYSQL_MAP.index(b"\x04\x05\x02id")]
    plan = _plan({"id": "int", "v": "varchar(10)"})
    plan = replace(
        plan,
        source=replace(
            plan.source, columns=(replace(plan.source.columns[0], nullable=False), *plan.source.columns[1:])
        ),
    )
    assert _decoded(plan, bare, BINLOG.DELETE_ROWS_EVENT_V2, MYSQL_DELETE)[0] == (2, 3, (b"3",), None)
    with pytest.raises(SchemaDrift, match="2 columns in the log, but was recorded with 1"):
        _decoded(_plan({"id": "int"}), bare, BINLOG.DELETE_ROWS_EVENT_V2, MYSQL_DELETE)


def _row(nulls: Sequence[bool], values: Sequence[bytes]) -> bytes:
    bits = sum(null << place for place, null in enumerate(nulls))
    size = (len(nulls) + 7) // 8
    return bits.to_bytes(size, "little") + b"".join(
        value for value, null in zip(values, nulls, strict=True) if not null
    )


@given(st.lists(st.lists(st.none() | st.integers(0, 255), min_size=20, max_size=20), min_size=1, max_size=9))
def test_every_pattern_of_nulls(rows: list[list[int | None]]) -> None:
    """Fixed and variable widths by turns, more columns than one byte of bits holds, some of them never NULL."""
    plan = _plan({f"c{n}": "varchar(255)" if n % 3 == 0 else "tinyint unsigned" for n in range(20)}, key=("c4", "c2"))
    wire = WireTable(
        name=NAME,
        columns=tuple(
            WireColumn(name=f"c{n}", type=FIELD_TYPE.VARCHAR, size=1020, nullable=n not in (2, 4, 6), collation=UTF8)
            if n % 3 == 0
            else WireColumn(name=f"c{n}", type=FIELD_TYPE.TINY, size=0, nullable=n not in (2, 4, 6), unsigned=True)
            for n in range(20)
        ),
    )
    rows = [[value or 0 if n in (2, 4, 6) else value for n, value in enumerate(row)] for row in rows]
    body = b"".join(
        _row(
            [value is None for value in row],
            [(value or 0).to_bytes(1 if n % 3 else 2, "little") + b"x" * (0 if n % 3 else value or 0)
             for n, value in enumerate(row)],
        )
        for row in rows
    )  # fmt: skip
    changes: list[Change] = []
    head = bytes(8) + b"\x02\x00" + bytes((20,)) + b"\xff\xff\xff"
    TableDecoder(plan, wire, CHARSETS).decode(BINLOG.WRITE_ROWS_EVENT_V2, head + body, changes)
    assert [change[3] for change in changes] == [
        tuple(None if value is None else b"%d" % value if n % 3 else b"x" * value for n, value in enumerate(row))
        for row in rows
    ]
    deleted: list[Change] = []
    TableDecoder(plan, wire, CHARSETS).decode(BINLOG.DELETE_ROWS_EVENT_V2, head + body, deleted)
    assert [change[2] for change in deleted] == [(b"%d" % (row[4] or 0), b"%d" % (row[2] or 0)) for row in rows]


# --- single values ----------------------------------------------------------------------------------------------------


def _text(native: str, value: bytes, **wire: Any) -> bytes | None:
    """One value of a column, through the whole decoder."""
    plan = _plan({"c": native}, key=())
    column = WireColumn(**({"name": "c", "nullable": False, "size": 0} | wire))
    changes: list[Change] = []
    decoder = TableDecoder(plan, WireTable(name=NAME, columns=(column,)), CHARSETS)
    decoder.decode(BINLOG.WRITE_ROWS_EVENT_V1, bytes(8) + b"\x01\x01\x00" + value, changes)
    text: bytes | None = changes[0][3][0] if changes[0][3] else None
    return text


def _packed_decimal(number: Number, precision: int, scale: int) -> bytes:
    """Digit groups as the manual's appendix has them, written down once more."""
    digits = f"{number.copy_abs():.{scale}f}".replace(".", "").lstrip("0").rjust(precision, "0")
    whole, part = digits[: precision - scale], digits[precision - scale :]
    groups = [whole[: len(whole) % 9], *(whole[at : at + 9] for at in range(len(whole) % 9, len(whole), 9))]
    groups += [part[at : at + 9] for at in range(0, len(part), 9)]
    sizes = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
    packed = bytearray(b"".join(int(group).to_bytes(sizes[len(group)], "big") for group in groups if group))
    packed[0] ^= 0x80
    return bytes(byte ^ 0xFF for byte in packed) if number < 0 else bytes(packed)


@st.composite
def _decimals(draw: st.DrawFn) -> tuple[int, int, Number]:
    precision = draw(st.integers(1, 65))
    scale = draw(st.integers(0, min(precision, 38)))
    digits = draw(st.integers(-(10**precision) + 1, 10**precision - 1))
    return precision, scale, Number(f"{digits}e-{scale}")


@given(_decimals())
def test_decimals(sample: tuple[int, int, Number]) -> None:
    precision, scale, number = sample
    packed = _packed_decimal(number, precision, scale)
    wanted = f"{number:.{scale}f}".encode()
    native = f"decimal({precision},{scale})"
    assert _text(native, packed, type=FIELD_TYPE.NEWDECIMAL, size=precision * 256 + scale) == wanted
    assert texts.decimal(precision, scale)(packed) == wanted


DATES = st.tuples(st.integers(0, 9999), st.integers(0, 12), st.integers(0, 31))
TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
FRACTIONS = st.tuples(st.integers(0, 6), st.integers(0, 999_999))


def _stored_fraction(fsp: int, microseconds: int) -> tuple[bytes, str]:
    """Its bytes, two digits each, and its text."""
    digits = f"{microseconds:06d}"[:fsp]
    size = (fsp + 1) // 2
    return int(digits.ljust(2 * size, "0") or 0).to_bytes(size, "big"), f".{digits}" if fsp else ""


@given(DATES)
def test_dates(day: tuple[int, int, int]) -> None:
    year, month, of_month = day
    value = (year << 9 | month << 5 | of_month).to_bytes(3, "little")
    assert _text("date", value, type=FIELD_TYPE.DATE) == b"%04d-%02d-%02d" % day


@given(DATES, TIMES, FRACTIONS)
def test_datetimes(day: tuple[int, int, int], clock: tuple[int, int, int], fraction: tuple[int, int]) -> None:
    (year, month, of_month), (hour, minute, second), (fsp, micro) = day, clock, fraction
    bits = f"1{year * 13 + month:017b}{of_month:05b}{hour:05b}{minute:06b}{second:06b}"
    stored, digits = _stored_fraction(fsp, micro)
    found = _text(f"datetime({fsp})", int(bits, 2).to_bytes(5, "big") + stored, type=FIELD_TYPE.DATETIME2, size=fsp)
    assert found == f"{year:04d}-{month:02d}-{of_month:02d} {hour:02d}:{minute:02d}:{second:02d}{digits}".encode()


@given(st.integers(1, 2**32 - 1), FRACTIONS)
def test_timestamps(seconds: int, fraction: tuple[int, int]) -> None:
    stored, digits = _stored_fraction(*fraction)
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001
    value = seconds.to_bytes(4, "big") + stored
    found = _text(f"timestamp({fraction[0]})", value, type=FIELD_TYPE.TIMESTAMP2, size=fraction[0])
    assert found == f"{moment:%Y-%m-%d %H:%M:%S}{digits}+00".encode()


@pytest.mark.parametrize(("fsp", "wanted"), [(0, b"0000-00-00 00:00:00+00"), (3, b"0000-00-00 00:00:00.000+00")])
def test_the_zero_timestamp(fsp: int, wanted: bytes) -> None:
    value = bytes(4 + (fsp + 1) // 2)
    assert _text(f"timestamp({fsp})", value, type=FIELD_TYPE.TIMESTAMP2, size=fsp) == wanted


@given(st.booleans(), st.integers(0, 838), TIMES, FRACTIONS)
def test_times(negative: bool, hours: int, clock: tuple[int, int, int], fraction: tuple[int, int]) -> None:
    """Kept as a number of which the fraction is the lower part, plus an offset that makes it positive."""
    fsp, micro = fraction
    stored, digits = _stored_fraction(fsp, micro)
    number = (hours << 12 | clock[1] << 6 | clock[2]) << 8 * len(stored) | int.from_bytes(stored, "big")
    value = (-number if negative else number) + (0x800000 << 8 * len(stored))
    found = _text(f"time({fsp})", value.to_bytes(3 + len(stored), "big"), type=FIELD_TYPE.TIME2, size=fsp)
    sign = "-" if negative and number else ""
    assert found == f"{sign}{hours:02d}:{clock[1]:02d}:{clock[2]:02d}{digits}".encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_read_back_to_the_same_bits(number: float) -> None:
    text = texts.real(number)
    assert struct.pack("<d", float(text)) == struct.pack("<d", number)
    assert re.fullmatch(rb"-?(\d+(\.\d*[1-9])?|[1-9](\.\d*[1-9])?e-?[1-9]\d*)", text)
    assert _text("double", struct.pack("<d", number), type=FIELD_TYPE.DOUBLE, size=8) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0"), (-0.0, b"-0"), (1.0, b"1"), (1e14, b"100000000000000"), (1e15, b"1e15"), (1e20, b"1e20"),
        (123456789012345678.0, b"1.2345678901234568e17"), (1e-5, b"0.00001"), (1e-15, b"0.000000000000001"),
        (1e-16, b"1e-16"), (-1.2345e-10, b"-0.00000000012345"), (2655521960935103.5, b"2655521960935103.5"),
        (0.1, b"0.1"), (5e-324, b"5e-324"), (1.7976931348623157e308, b"1.7976931348623157e308"),
    ],
)  # fmt: skip
def test_doubles_as_mariadb_prints_them(number: float, text: bytes) -> None:
    assert texts.real(number) == text


LABELLED = {"size": 1, "collation": UTF8, "labels": (b"x", b"y")}


@pytest.mark.parametrize(
    ("native", "value", "wire", "text"),
    [
        ("tinyint", b"\x80", {"type": FIELD_TYPE.TINY}, b"-128"),
        ("tinyint unsigned", b"\x80", {"type": FIELD_TYPE.TINY, "unsigned": True}, b"128"),
        ("mediumint", b"\xff\xff\xff", {"type": FIELD_TYPE.INT24}, b"-1"),
        ("mediumint unsigned", b"\xff\xff\xff", {"type": FIELD_TYPE.INT24, "unsigned": True}, b"16777215"),
        ("bigint unsigned", b"\xff" * 8, {"type": FIELD_TYPE.LONGLONG, "unsigned": True}, b"18446744073709551615"),
        ("year", b"\x00", {"type": FIELD_TYPE.YEAR}, b"0000"),
        ("year", b"\xff", {"type": FIELD_TYPE.YEAR}, b"2155"),
        ("bit(13)", b"\x10\x01", {"type": FIELD_TYPE.BIT, "size": 13}, b"1000000000001"),
        ("float", b"\xcd\xcc\xcc=", {"type": FIELD_TYPE.FLOAT, "size": 4}, b"0.10000000149011612"),
        ("binary(4)", b"\x01\x41", {"type": FIELD_TYPE.STRING, "size": 4, "collation": BINARY}, rb"\x41000000"),
        ("varbinary(4)", b"\x01\x41", {"type": FIELD_TYPE.VARCHAR, "size": 4, "collation": BINARY}, rb"\x41"),
        ("mediumblob", b"\x02\x00\x00\x00\xff", {"type": FIELD_TYPE.BLOB, "size": 3, "collation": BINARY}, rb"\x00ff"),
        ("inet6", b"\x10" + bytes(15) + b"\x01", {"type": FIELD_TYPE.STRING, "size": 16, "collation": BINARY},
         b"0000:0000:0000:0000:0000:0000:0000:0001"),
        ("inet4", b"\x04\x01\x02\x03\x04", {"type": FIELD_TYPE.STRING, "size": 4, "collation": BINARY}, b"1.2.3.4"),
        ("uuid", b"\x10" + bytes(range(16)), {"type": FIELD_TYPE.STRING, "size": 16, "collation": BINARY},
         b"00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ("enum('x','y')", b"\x02", {"type": FIELD_TYPE.ENUM} | LABELLED, b"y"),
        ("enum('x','y')", b"\x00", {"type": FIELD_TYPE.ENUM} | LABELLED, b""),
        ("set('x','y')", b"\x03", {"type": FIELD_TYPE.SET} | LABELLED, b"x,y"),
    ],
)  # fmt: skip
def test_single_values(native: str, value: bytes, wire: dict[str, Any], text: bytes) -> None:
    assert _text(native, value, **wire) == text


@pytest.mark.parametrize("name", [UTF8, 8])
def test_text_is_utf8_whatever_the_column_has(name: int) -> None:
    value = "é".encode() if name == UTF8 else b"\xe9"
    wire = {"type": FIELD_TYPE.BLOB, "size": 2, "collation": name}
    assert _text("text", len(value).to_bytes(2, "little") + value, **wire) == "é".encode()


def test_compressed_columns() -> None:
    squeezed = zlib.compress(b"abc" * 100)
    assert fields.inflate(b"\x82\x2c\x01" + squeezed) == b"abc" * 100
    assert fields.inflate(b"\x8a\x2c\x01" + squeezed[2:-4]) == b"abc" * 100
    assert fields.inflate(b"\x00abc") == b"abc"
    assert fields.inflate(b"") == b""


JSON = {
    "0002005c0012000100130002000215000058006162620a00430005010005feff0722000926000a2e000b36000c3e000400000401000402007011"
    "010000a22f4dffffffffffffffffffffffff000000000000044004c3a90a0100000400":
    r'{"a": [1, -2, 70000, -3000000000, 18446744073709551615, 2.5, "é\n\u0001", null, true, false], "bb": {}}',
    "02070052000f19000f22000f2c000f36000f40000b44000f4c00f6070b027ffffff3cd0a080000000000bab2190c08060000053144b2190b08e0"
    "5ef87cefffffff0f0200ff0080e03779c34143f60402018100":
    '[-12.50, "2024-02-29", "2024-01-02 03:04:05.000006", "-01:02:03.500000", "base64:type15:AP8=", 1e16, 1.0]',
    "0c0178": '"x"',
    "020100d1000c0700c801" + "79" * 200: '["' + "y" * 200 + '"]',
    "": "null",
}  # fmt: skip


@pytest.mark.parametrize("recorded", JSON, ids=range(len(JSON)))
def test_json_recorded_from_mysql(recorded: str) -> None:
    assert jsonb.text(bytes.fromhex(recorded)).decode() == JSON[recorded]


def test_json_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(Unsupported, match="unknown type 13"):
        jsonb.text(b"\x0d\x00")


def test_days_are_kept_only_so_many() -> None:
    kept = texts.PackedDate()
    for day in range(150_000):
        kept[day.to_bytes(3, "little")]
    assert len(kept) <= 100_001
    assert kept[(2024 << 9 | 2 << 5 | 29).to_bytes(3, "little")] == b"2024-02-29"
