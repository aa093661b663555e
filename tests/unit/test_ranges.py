"""Where a table is compared in pieces, and where as a whole."""

from landbridge.kinds import Int
from landbridge.model import EVERYTHING, Bounds, Column, ColumnMap, Key, Table, TableMap, TableName
from validation.compare import _ranges

LOADED = [Bounds(high=("5",)), Bounds(low=("5",), high=("9",)), Bounds(low=("9",))]


def table(*key: str) -> TableMap:
    columns = tuple(Column(name=name, kind=Int(bits=32), native="integer") for name in ("id", "part"))
    found = Table(name=TableName(schema="s", name="t"), columns=columns, primary_key=Key(name="k", columns=key))
    pairs = tuple(ColumnMap(source=column, target=column) for column in columns)
    return TableMap(number=0, source=found, target=found, columns=pairs)


def test_the_ranges_of_the_load_are_those_of_the_comparison() -> None:
    assert _ranges(table("id"), LOADED) == LOADED


def test_once_the_key_has_other_columns_the_table_is_compared_as_a_whole() -> None:
    assert _ranges(table("id", "part"), LOADED) == [EVERYTHING]
    assert _ranges(table("id"), [Bounds(high=("5", "1")), Bounds(low=("5", "1"))]) == [EVERYTHING]
