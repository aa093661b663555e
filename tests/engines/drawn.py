"""Columns of every kind with the values that Hypothesis draws for them, as texts that the source's own types take."""

import datetime as dt
import json
import math
import uuid
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Texts = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Drawn:
    """native: with what stands behind the type in CREATE TABLE."""

    native: str
    values: Texts


def _integers(bits: int, *, unsigned: bool = False) -> Texts:
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return st.one_of(st.sampled_from((low, high, 0)), st.integers(low, high)).map(str)


def _decimals(digits: int, scale: int) -> Texts:
    most = 10**digits - 1
    drawn = st.one_of(st.sampled_from((-most, most, 0, 1, -1)), st.integers(-most, most))
    return drawn.map(lambda number: _fixed(number, scale))


def _fixed(number: int, scale: int) -> str:
    digits = f"{abs(number):0{scale + 1}d}"
    return f"{'-' * (number < 0)}{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}"


def _floats(bits: int, *, finite: bool = True) -> Texts:
    def shown(value: float) -> str:
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN" if math.isnan(value) else repr(value))

    return st.floats(width=64 if bits == 64 else 32, allow_nan=not finite, allow_infinity=not finite).map(shown)


_ANY = st.one_of(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), st.sampled_from("\\\t\n\r'\"% N;☃😀é")
)


def _text(size: int, alphabet: Texts | None = None) -> Texts:
    return st.text(_ANY if alphabet is None else alphabet, max_size=size)


def _trimmed(size: int, alphabet: Texts | None = None) -> Texts:
    """CHAR(n)'s blanks at the end are no data."""
    return _text(size, alphabet).map(lambda text: text.rstrip(" "))


def _moments(low: str, high: str, digits: int) -> Texts:
    def shown(value: dt.datetime) -> str:
        text = f"{value.year:04d}-{value:%m-%d %H:%M:%S}"
        return text + (f".{value.microsecond:06d}"[: digits + 1] if digits else "")

    return st.datetimes(*map(dt.datetime.fromisoformat, (low, high))).map(shown)


_DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)).map(lambda day: f"{day.year:04d}-{day:%m-%d}")
_EVER = "0001-01-01", "9999-12-31T23:59:59.999999"
_LATIN = st.characters(codec="cp1252", exclude_characters="\0")
_CHINESE = st.one_of(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), st.sampled_from("ab\\'\t\n "))
_TWO_BYTES = st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=("Cs",))


def _spans() -> Texts:
    def shown(micros: int) -> str:
        seconds, rest = divmod(abs(micros), 10**6)
        return f"{'-' * (micros < 0)}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:06d}"

    most = (838 * 3600 + 59 * 60 + 58) * 10**6
    return st.one_of(st.sampled_from((-most, most, -1)), st.integers(-most, most)).map(shown)


def _documents(integers: Texts) -> Texts:
    words = _text(12)
    numbers = st.one_of(integers, st.floats(allow_nan=False, allow_infinity=False, width=32))
    leaves = st.one_of(st.none(), st.booleans(), numbers, words)
    trees = st.recursive(
        leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4))
    )
    return st.builds(lambda tree, escaped: json.dumps(tree, ensure_ascii=escaped), trees, st.booleans())


def _bits(size: int) -> Texts:
    return st.integers(0, 2**size - 1).map(lambda number: f"{number:0{size}b}")


MYSQL = (
    Drawn("tinyint", _integers(8)), Drawn("smallint unsigned", _integers(16, unsigned=True)), Drawn("mediumint", _integers(24)),
    Drawn("int unsigned", _integers(32, unsigned=True)), Drawn("bigint", _integers(64)),
    Drawn("bigint unsigned", _integers(64, unsigned=True)), Drawn("decimal(65,30)", _decimals(65, 30)),
    Drawn("decimal(18,0)", _decimals(18, 0)), Drawn("decimal(5,5)", _decimals(5, 5)), Drawn("float", _floats(32)),
    Drawn("double", _floats(64)), Drawn("tinyint(1)", st.sampled_from("01")), Drawn("date", _DAYS),
    Drawn("time(6)", _spans()), Drawn("datetime(6)", _moments(*_EVER, 6)), Drawn("datetime(2)", _moments(*_EVER, 2)),
    Drawn("timestamp(6) null", _moments("1970-01-02", "2038-01-18", 6)),
    Drawn("year", st.integers(1901, 2155).map(str)), Drawn("varchar(40) character set utf8mb4", _text(40)),
    Drawn("char(10) character set utf8mb4", _trimmed(10)), Drawn("longtext character set utf8mb4", _text(400)),
    Drawn("varchar(40) character set latin1", _text(40, _LATIN)), Drawn("varchar(40) character set gbk", _text(40, _CHINESE)),
    Drawn("char(9) character set gbk", _trimmed(9, _CHINESE)), Drawn("varchar(40) character set ucs2", _text(40, _TWO_BYTES)),
    Drawn("text character set utf16", _text(90)), Drawn("varchar(40) character set utf32", _text(40)),
    Drawn("binary(8)", st.binary(max_size=8)), Drawn("varbinary(60)", st.binary(max_size=60)), Drawn("longblob", st.binary(max_size=600)),
    Drawn("json", _documents(st.integers(-(2**63), 2**64 - 1))), Drawn("enum('a','b c','ü','x,y')", st.sampled_from(("a", "b c", "ü", "x,y"))),
    Drawn("set('a','b c','ü')", st.sets(st.sampled_from(("a", "b c", "ü"))).map(lambda chosen: ",".join(sorted(chosen)))),
)  # fmt: skip
"""What MySQL and MariaDB have alike. Bits are not taken as texts: `BITS`."""


def _is_taken_by_mariadb(value: uuid.UUID) -> bool:
    return value.bytes[6] < 0x80 or not 1 <= value.bytes[8] <= 0x80


_WORDS = st.lists(st.one_of(st.none(), _text(6)), max_size=4)
_COMMON = (
    Drawn("smallint", _integers(16)), Drawn("integer", _integers(32)), Drawn("bigint", _integers(64)),
    Drawn("oid", _integers(32, unsigned=True)), Drawn("numeric(65,30)", _decimals(65, 30)), Drawn("numeric(9,0)", _decimals(9, 0)),
    Drawn("boolean", st.sampled_from("tf")), Drawn("date", _DAYS), Drawn("time", st.times().map(str)),
    Drawn("timestamp", _moments(*_EVER, 6)), Drawn("timestamp(2)", _moments(*_EVER, 2)),
    Drawn("timestamptz", _moments("0001-01-02", "9999-12-30", 6).map(lambda text: f"{text}+05:30")),
    Drawn("text", _text(300)), Drawn("varchar(40)", _text(40)), Drawn("char(10)", _trimmed(10)), Drawn("bytea", st.binary(max_size=600)),
    Drawn("uuid", st.uuids().filter(_is_taken_by_mariadb).map(str)), Drawn("bit(13)", _bits(13)), Drawn("bit varying(70)", st.text("01", max_size=70)),
    Drawn("inet", st.ip_addresses().map(str)), Drawn("cidr", st.ip_addresses().map(str)),
    Drawn("macaddr", st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))),
    Drawn("json", _documents(st.integers())), Drawn("integer[]", st.lists(st.one_of(st.none(), st.integers(-9, 2**31 - 1)), max_size=5)),
    Drawn("text[]", _WORDS), Drawn("interval", st.timedeltas(dt.timedelta(-9000), dt.timedelta(9000)).map(lambda x: f"{x.days} days {x.seconds}.{x.microseconds:06d} secs")),
    Drawn("int8range", st.lists(st.integers(-(2**63), 2**63 - 2), min_size=2, max_size=2, unique=True).map(lambda ends: f"[{min(ends)},{max(ends)})")),
    Drawn("money", st.integers(-(2**63), 2**63 - 1).map(lambda cents: _fixed(cents, 2))),
)  # fmt: skip


def _vector(words: list[str]) -> str:
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)


_ODD_DAYS = st.sampled_from(("infinity", "-infinity", "4713-01-01 BC", "0044-03-15 BC", "5874897-12-31", "0001-01-01"))
_ODD_MOMENTS = st.sampled_from(
    ("infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "2024-02-29 24:00")
)
_NUMBERS = st.one_of(
    st.sampled_from(("NaN", "1e-16383", "1e131071", "-0.00", "1.500")),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)

TO_MYSQL = (
    *_COMMON, Drawn("real", _floats(32)), Drawn("double precision", _floats(64)),
    Drawn("jsonb", _documents(st.integers(-(2**63), 2**63 - 1))),
)  # fmt: skip
TO_POSTGRES = (
    *_COMMON, Drawn("real", _floats(32, finite=False)), Drawn("double precision", _floats(64, finite=False)), Drawn("numeric", _NUMBERS),
    Drawn("date", st.one_of(_DAYS, _ODD_DAYS)), Drawn("timestamp", _ODD_MOMENTS), Drawn("timestamptz", _ODD_MOMENTS),
    Drawn("jsonb", _documents(st.integers())), Drawn("tsvector", st.lists(st.text("ab'\\: ", min_size=1, max_size=5), max_size=4).map(_vector)),
    Drawn("int4multirange", st.lists(st.integers(-99, 99), max_size=6).map(lambda ends: "{" + ",".join(f"[{n},{n + 2})" for n in ends) + "}")),
    Drawn("point", st.tuples(_floats(64, finite=False), _floats(64)).map(lambda pair: f"({pair[0]},{pair[1]})")),
    Drawn("integer[]", st.sampled_from(("{{{1,2},{3,4}},{{5,6},{7,NULL}}}", "[-2:0]={1,2,3}", "{}"))),
    Drawn("time", st.just("24:00:00")), Drawn("timetz", st.times().map(lambda at: f"{at}-11:30")), Drawn("pg_lsn", _integers(32, unsigned=True).map(lambda n: f"{int(n):X}/1")),
)  # fmt: skip


def rows(columns: tuple[Drawn, ...], count: int) -> Texts:
    """Lists of rows, NULL among the values."""
    row = st.tuples(*(st.one_of(column.values, column.values, st.none()) for column in columns))
    return st.lists(row, min_size=count, max_size=count)
