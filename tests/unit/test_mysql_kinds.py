"""What native types and defaults mean, by hand-written values from MySQL 9.7 and MariaDB 11.8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.endpoints.mysql import kinds
from landbridge.kinds import (
    Bit,
    Bool,
    Bytes,
    Date,
    Decimal,
    Enum,
    Float,
    Geometry,
    Inet,
    Int,
    Json,
    Kind,
    Other,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Vector,
    Year,
)

NATIVE: dict[str, Kind] = {
    "tinyint": Int(bits=8),
    "tinyint(1)": Int(bits=8),
    "tinyint(3) unsigned": Int(bits=8, unsigned=True),
    "smallint(6)": Int(bits=16),
    "mediumint unsigned": Int(bits=24, unsigned=True),
    "int(10) unsigned zerofill": Int(bits=32, unsigned=True),
    "bigint(20)": Int(bits=64),
    "bigint unsigned": Int(bits=64, unsigned=True),
    "decimal(12,4)": Decimal(precision=12, scale=4),
    "decimal(5,0) unsigned zerofill": Decimal(precision=5, scale=0),
    "float": Float(bits=32),
    "float(7,3)": Float(bits=32),
    "double unsigned": Float(bits=64),
    "char(4)": Text(length=4, fixed=True),
    "char(0)": Text(length=0, fixed=True),
    "varchar(30)": Text(length=30),
    "varchar(10) /*M!100301 COMPRESSED*/": Text(length=10),
    "tinytext": Text(),
    "longtext": Text(),
    "binary(3)": Bytes(length=3, fixed=True),
    "varbinary(10)": Bytes(length=10),
    "mediumblob": Bytes(),
    "date": Date(),
    "datetime": Timestamp(fsp=0),
    "datetime(3)": Timestamp(fsp=3),
    "datetime /* mariadb-5.3 */": Timestamp(fsp=0),
    "timestamp(6)": TimestampTz(fsp=6),
    "time(2)": Time(fsp=2),
    "year(4)": Year(),
    "bit(9)": Bit(length=9),
    "json": Json(),
    "uuid": Uuid(),
    "inet4": Inet(),
    "inet6": Inet(),
    "point": Geometry(subtype="point"),
    "geomcollection": Geometry(subtype="geometrycollection"),
    "geometry": Geometry(),
    "vector(3)": Vector(dimension=3),
    "set('a','b')": Set(labels=("a", "b")),
    "enum('a','b''c','d,e','é','x\"y','')": Enum(labels=("a", "b'c", "d,e", "é", 'x"y', "")),
    r"enum('b\\s','n\nl','unsigned(1)')": Enum(labels=("b\\s", "n\nl", "unsigned(1)")),
}


@pytest.mark.parametrize("native", NATIVE)
def test_native_type(native: str) -> None:
    assert kinds.kind_of(native) == NATIVE[native]


def test_only_a_tinyint_of_width_one_may_be_bool() -> None:
    assert kinds.kind_of("tinyint(1)", boolean=True) == Bool()
    assert kinds.kind_of("tinyint(1) unsigned zerofill", boolean=True) == Bool()
    assert kinds.kind_of("tinyint(4)", boolean=True) == Int(bits=8)
    assert kinds.kind_of("int(1)", boolean=True) == Int(bits=32)


@given(st.text())
def test_a_quoted_text_is_read_back(text: str) -> None:
    assert kinds.unquote(kinds.quote(text)) == text


@given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1))
def test_labels_are_read_back(texts: list[str]) -> None:
    assert kinds.labels("enum(" + ",".join(map(kinds.quote, texts)) + ")") == tuple(texts)


LITERALS: list[tuple[Kind, str, str | None]] = [
    (Int(bits=32, unsigned=True), "0000000007", "7"),
    (Int(bits=8), "-3", "-3"),
    (Decimal(precision=12, scale=4), "1.5", "1.5000"),
    (Decimal(precision=5, scale=0), "00003", "3"),
    (Float(bits=64), "22500000000", "22500000000"),
    (Float(bits=64), "0.1", "0.1"),
    (Bool(), "1", "1"),
    (Date(), "2020-01-02", "2020-01-02"),
    (Date(), "0000-00-00", None),
    (Date(), "2024-00-10", None),
    (Timestamp(fsp=0), "2020-01-02 03:04:05", "2020-01-02 03:04:05"),
    (Timestamp(fsp=3), "2020-01-02 03:04:05.500", "2020-01-02 03:04:05.500"),
    (Timestamp(fsp=0), "0000-00-00 00:00:00", None),
    (TimestampTz(fsp=3), "2020-01-02 03:04:05.5", "2020-01-02 03:04:05.500+00"),
    (Time(fsp=2), "-10:11:12.50", "-10:11:12.50"),
    (Time(fsp=0), "838:59:59", "838:59:59"),
    (Year(), "0", "0000"),
    (Text(length=5), "it's", "it's"),
    (Text(length=5), "a\0b", None),
    (Bytes(length=4, fixed=True), "a", "\\x61000000"),
    (Bytes(length=4), "é", "\\xc3a9"),
    (Bit(length=5), "11", "00011"),
    (Enum(labels=("a", "b")), "b", "b"),
    (Set(labels=("x", "y", "z")), "z,x", "x,z"),
    (Json(), "{}", "{}"),
    (Other(native="point"), "x", None),
]


@pytest.mark.parametrize(("kind", "value", "expected"), LITERALS)
def test_literal(kind: Kind, value: str, expected: str | None) -> None:
    assert kinds.literal(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "expression", "literal"),
    [
        (Text(), "'it''s \\\\ \"q\"'", 'it\'s \\ "q"'),
        (Text(), r"_utf8mb4'a\'b'", "a'b"),
        (Text(), "'NULL'", "NULL"),
        (Bytes(length=3, fixed=True), "x'6100'", "\\x610000"),
        (Bytes(length=3), "0xC3A9", "\\xc3a9"),
        (Bit(length=9), "b'101'", "000000101"),
        (Decimal(precision=5, scale=2), "3.00", "3.00"),
        (Int(bits=32), "(1 + 2)", None),
        (Text(), "uuid()", None),
        (Text(), "concat('a','b')", None),
        (Text(), "current_timestamp()", None),
    ],
)
def test_an_expression_that_is_a_constant_has_its_value(kind: Kind, expression: str, literal: str | None) -> None:
    default = kinds.default_of_expression(kind, expression)
    assert (default.native, default.literal, default.now) == (expression, literal, False)


@pytest.mark.parametrize("expression", ["CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP(3)", "current_timestamp(6)", "now()"])
def test_now(expression: str) -> None:
    assert kinds.default_of_expression(Timestamp(fsp=3), expression).now
    assert not kinds.default_of_expression(Time(), expression).now


def test_a_value_is_not_an_expression() -> None:
    """MySQL shows the default 'NULL' or '0x61' of a varchar just so, without quotes."""
    for value in ("NULL", "now()", "0x61", "b'1'", "1 + 1"):
        default = kinds.default_of_value(Text(length=10), value)
        assert (default.literal, default.now) == (value, False)
        assert default.native == kinds.quote(value)
    assert kinds.default_of_value(Bit(length=3), "b'1'").literal == "001"
    assert kinds.default_of_value(Bytes(length=2), "0xC3A9").literal == "\\xc3a9"


def test_an_escaped_expression_is_shown_plain() -> None:
    assert kinds.plain(r"concat(`c`,_utf8mb4\'-\',_utf8mb4\'q\\\'\\n\')") == r"concat(`c`,_utf8mb4'-',_utf8mb4'q\'\n')"
