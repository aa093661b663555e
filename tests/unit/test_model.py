"""What the ledger keeps must come back as it was; errors must cross processes."""

import json
import pickle

import pytest

from landbridge import errors
from landbridge.kinds import Enum, Int, Json, Text
from landbridge.model import (
    Bounds,
    Column,
    ColumnMap,
    Default,
    ForeignKey,
    Index,
    IndexPart,
    Key,
    Table,
    TableMap,
    TableName,
    dump,
    load,
)

ORDERS = Table(
    name=TableName(schema="shop", name='odd "name" 🛒'),
    columns=(
        Column(name="b", kind=Int(bits=64, unsigned=True), native="bigint unsigned", nullable=False, identity="auto"),
        Column(
            name="a",
            kind=Enum(labels=("x", "y,z")),
            native="enum('x','y,z')",
            default=Default(native="'x'", literal="x"),
        ),
        Column(name="c", kind=Json(exact=True), native="longtext"),
        Column(name="d", kind=Text(length=3), native="varchar(3)"),
    ),
    primary_key=Key(name="PRIMARY", columns=("a", "b")),
    indexes=(Index(name="i", parts=(IndexPart(column="d", prefix=2, descending=True),), unique=True),),
    foreign_keys=(
        ForeignKey(
            name="f",
            columns=("d",),
            target=TableName(schema="shop", name="t"),
            target_columns=("id",),
            on_delete="CASCADE",
        ),
    ),
)


def test_a_table_map_comes_back_from_json() -> None:
    columns = tuple(ColumnMap(source=c, target=c) for c in ORDERS.columns)
    table = TableMap(number=3, source=ORDERS, target=ORDERS, columns=columns)
    again = load(TableMap, json.loads(json.dumps(dump(table))))
    assert again == table
    assert again.key == (1, 0)
    assert [field.name for field in again.source_side.key_fields] == ["a", "b"]


def test_bounds_come_back_from_json() -> None:
    bounds = Bounds(low=("1", "é"), high=None)
    assert load(Bounds, json.loads(json.dumps(dump(bounds)))) == bounds


def _all(root: type[errors.MigrationError]) -> list[type[errors.MigrationError]]:
    return [root, *(found for child in root.__subclasses__() for found in _all(child))]


@pytest.mark.parametrize("cls", _all(errors.MigrationError))
def test_errors_cross_processes(cls: type[errors.MigrationError]) -> None:
    error = cls("found this", mend="do that")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.found, again.mend) == (cls, "found this", "do that")
    again = errors.MigrationError.from_dict(json.loads(json.dumps(error.as_dict())))
    assert (type(again), again.found, again.mend) == (cls, "found this", "do that")
