"""What is known of tables and views when texts about them are translated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from landbridge.kinds import Kind
from landbridge.model import Column, TableMap, TableName


@dataclass(frozen=True, kw_only=True)
class Place:
    """columns: of the source, those that arrive. targets: their names on the target, where other. key: primary key."""

    columns: Mapping[str, Kind | Column]
    targets: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()


Tables = Mapping[TableName, Place]
"""By their names on the source."""


def places(tables: Sequence[TableMap]) -> dict[TableName, Place]:
    return {each.source.name: _place(each) for each in tables}


def _place(each: TableMap) -> Place:
    there = {column.name for column in each.target.columns}
    generated = [column for column in each.source.columns if column.generated and column.name in there]
    columns = {pair.source.name: pair.source for pair in each.columns} | {column.name: column for column in generated}
    key = each.source.primary_key.columns if each.source.primary_key else ()
    return Place(
        columns=columns,
        targets={pair.source.name: pair.target.name for pair in each.columns},
        key=key if set(key) <= columns.keys() else (),
    )
