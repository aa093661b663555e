"""When two texts of a value count as the same value."""

import pytest

from landbridge import kinds
from landbridge.kinds import Kind
from landbridge.model import Field, Relation, TableName
from validation.differ import digests_by_key

ARRAY = kinds.Array(element=kinds.Decimal(), native="numeric[]")
PAIR = kinds.Composite(fields=(("a", kinds.Int(bits=32)), ("b", kinds.Text())), native="pair")
VECTOR = kinds.Vector(dimension=2)


def _digest(kind: Kind, text: bytes, *, plain: bool) -> int:
    fields = (Field(name="id", kind=kinds.Int(bits=32), native=""), Field(name="v", kind=kind, native=""))
    relation = Relation(number=0, name=TableName(schema="s", name="t"), fields=fields, key=(0,), plain=plain)
    return digests_by_key(relation, [(b"1", text)])[(b"1",)][1]


@pytest.mark.parametrize(
    ("kind", "one", "other", "across", "within"),
    [
        (kinds.Float(bits=64), b"1e15", b"1e+15", True, True),
        (kinds.Float(bits=64), b"0.1", b"0.10000000000000002", False, False),
        (kinds.Float(bits=64), b"0", b"-0", True, True),
        (kinds.Json(), b'{"a": 1.50, "b": null}', b'{"b":null,"a":1.5}', True, False),
        (kinds.Json(), b"[100000000000000000000000000000001]", b"[100000000000000000000000000000002]", False, False),
        (kinds.Json(), b"[-6.605964643926016e+16, 1e2]", b"[-66059646439260160, 100]", True, False),
        (kinds.Json(), b"[-0.0]", b"[0]", True, False),
        (kinds.Json(exact=True), b'{"a": 1}', b'{"a":1}', False, False),
        (ARRAY, b"[1.50,null]", b"[1.5, null]", True, False),
        (ARRAY, b"[1,null]", b"[1]", False, False),
        (ARRAY, b"[1,2]", b"[2,1]", False, False),
        (PAIR, b'{"a":1,"b":"\xc3\xa9"}', b'{"b": "\\u00e9", "a": 1}', True, False),
        (PAIR, b'{"a":1,"b":""}', b'{"a":1,"b":null}', False, False),
        (kinds.Hstore(), b'{"a": "1"}', b'{"a":"1"}', True, False),
        (kinds.Hstore(), b'{"a": "1"}', b'{"a":1}', False, False),
        (VECTOR, b"[1,2.5]", b"[1.0, 2.50]", True, True),
        (VECTOR, b"[0,1e10]", b"[0.0, 10000000000]", True, True),
        (VECTOR, b"[0,1]", b"[-0,1]", False, False),
        (VECTOR, b"[1,2]", b"[1]", False, False),
        (kinds.Other(native="x"), b"1.0", b"1", False, False),
    ],
)
def test_equal_by_value(kind: Kind, one: bytes, other: bytes, across: bool, within: bool) -> None:
    """across: for sides of two families. within: of one, where all but a zero's sign must be the same to the last bit."""
    assert (_digest(kind, one, plain=False) == _digest(kind, other, plain=False)) is across
    assert (_digest(kind, one, plain=True) == _digest(kind, other, plain=True)) is within
