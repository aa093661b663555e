"""From pgoutput's text to canonical text; what a real server prints is in tests/engines/test_kinds_postgres.py."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import kinds
from landbridge.endpoints.postgres.texts import converter, taking
from landbridge.errors import Unsupported

TEXTS = kinds.Array(element=kinds.Text(), native="text[]")
PAIR = kinds.Composite(fields=(("a", kinds.Int(bits=32)), ("ü", kinds.Text())), native="public.pair")


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [
        (kinds.Bool(), "t", "1"),
        (kinds.Bool(), "f", "0"),
        (kinds.Float(bits=32), "0.1", "0.10000000149011612"),
        (kinds.Float(bits=32), "1.5e+15", "1.500000014041088e+15"),
        (kinds.Float(bits=32), "-1e+15", "-999999986991104"),
        (kinds.Float(bits=32), "1.1258999e+15", "1.125899906842624e+15"),
        (kinds.Float(bits=32), "-0", "-0"),
        (kinds.Float(bits=32), "1e-45", "1.401298464324817e-45"),
        (kinds.Float(bits=32), "NaN", "NaN"),
        (kinds.Decimal(), "1.500", "1.5"),
        (kinds.Decimal(), "100", "100"),
        (kinds.Decimal(), "0.00", "0"),
        (kinds.Decimal(), "NaN", "NaN"),
        (kinds.Timestamp(fsp=6), "2024-01-02 03:04:05", "2024-01-02 03:04:05.000000"),
        (kinds.Timestamp(fsp=3), "2024-01-02 03:04:05.1", "2024-01-02 03:04:05.100"),
        (kinds.Timestamp(fsp=0), "2024-01-02 03:04:05", "2024-01-02 03:04:05"),
        (kinds.Timestamp(fsp=6), "infinity", "infinity"),
        (kinds.Timestamp(fsp=6), "0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"),
        (kinds.Timestamp(fsp=6), "10000-01-01 00:00:00", "10000-01-01 00:00:00"),
        (kinds.TimestampTz(fsp=2), "2024-01-02 03:04:05.1+00", "2024-01-02 03:04:05.10+00"),
        (kinds.TimestampTz(fsp=2), "-infinity", "-infinity"),
        (kinds.TimestampTz(fsp=2), "0044-03-15 00:00:00+00 BC", "0044-03-15 00:00:00+00 BC"),
        (kinds.Time(fsp=6), "03:04:05.25", "03:04:05.250000"),
        (kinds.Time(fsp=0), "24:00:00", "24:00:00"),
        (kinds.Text(length=5, fixed=True), "a    ", "a"),
        (kinds.Inet(), "1.2.3.4/24", "1.2.3.4/24"),
        (kinds.Inet(), "::ffff:1.2.3.4", "0000:0000:0000:0000:0000:ffff:0102:0304"),
        (kinds.Geometry(), "0101000000000000000000F03F0000000000000040", "0101000000000000000000f03f0000000000000040"),
        (TEXTS, '{a,NULL,"NULL","",a;b," "}', '["a",null,"NULL","","a;b"," "]'),
        (TEXTS, "[0:1]={a,b}", '["a","b"]'),
        (PAIR, "(,)", '{"a":null,"ü":null}'),
        (PAIR, '(-1,"")', '{"a":-1,"ü":""}'),
        (PAIR, '(1,"a ""q"" \\\\ , )")', '{"a":1,"ü":"a \\"q\\" \\\\ , )"}'),
        (kinds.Hstore(), '"a"=>"1", "b \\"c"=>NULL', '{"a":"1","b \\"c":null}'),
        (kinds.Hstore(), "", "{}"),
        (kinds.Array(element=kinds.Timestamp(fsp=6), native="timestamp without time zone[]"),
         '{"0044-03-15 01:02:03.5 BC"}', '["0044-03-15T01:02:03.5 BC"]'),
    ],
)  # fmt: skip
def test_canonical_text(kind: kinds.Kind, text: str, canonical: str) -> None:
    convert = converter(kind)
    assert convert is not None
    assert convert(text.encode()).decode() == canonical


@pytest.mark.parametrize(
    "kind",
    [kinds.Int(bits=64), kinds.Decimal(precision=5, scale=2), kinds.Float(bits=64), kinds.Date(), kinds.Text(),
     kinds.Bytes(), kinds.Json(), kinds.Uuid(), kinds.Bit(length=3), kinds.Vector(dimension=3), kinds.Other(native="x")],
)  # fmt: skip
def test_most_texts_are_canonical_already(kind: kinds.Kind) -> None:
    assert converter(kind) is None


def _printed(value: Any) -> str:
    """An array as the server prints it, in quotes wherever it may."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "{" + ",".join(map(_printed, value)) + "}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    st.recursive(st.lists(st.none() | st.text()), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=8)
)
def test_arrays_of_any_text(value: list[Any]) -> None:
    convert = converter(TEXTS)
    assert convert is not None
    assert json.loads(convert(_printed(value).encode("utf-8", "surrogatepass"))) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_reals_keep_their_bits(value: float) -> None:
    convert = converter(kinds.Float(bits=32))
    assert convert is not None
    assert struct.pack("f", float(convert(f"{value:.9g}".encode()))) == struct.pack("f", value)


def test_an_array_cut_short_is_refused() -> None:
    convert = converter(TEXTS)
    assert convert is not None
    with pytest.raises(Unsupported, match="array"):
        convert(b'{"a')


def test_null_and_absent_fields_pass_every_conversion() -> None:
    take = taking([2, 0, 1], [converter(kinds.Bool()), None, converter(TEXTS)])
    assert take([b"1", None, ...]) == (..., b"1", None)
    assert take([None, ..., b"t"]) == (b"1", None, ...)
