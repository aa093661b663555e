"""Tables that must move together, because foreign keys tie them: the small groups first, to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from landbridge.model import TableMap, TableName


@dataclass(frozen=True, kw_only=True)
class Wave:
    """tables: parents before children where that can be. tied: by foreign keys; else they only share the wave."""

    number: int
    tables: tuple[TableName, ...]
    rows: int
    bytes: int
    tied: bool


def waves(tables: Sequence[TableMap]) -> tuple[Wave, ...]:
    by_name = {each.source.name: each.source for each in tables}
    parents = {
        name: {key.target for key in table.foreign_keys if key.target in by_name and key.target != name}
        for name, table in by_name.items()
    }
    groups = _groups(parents)
    alone = sorted(name for group in groups if len(group) == 1 for name in group)
    tied = [(group, True) for group in groups if len(group) > 1]
    sized = [
        Wave(
            number=0,
            tables=_in_order(group, parents),
            rows=sum(by_name[name].rows for name in group),
            bytes=sum(by_name[name].bytes for name in group),
            tied=together,
        )
        for group, together in [*([(set(alone), False)] if alone else []), *tied]
    ]
    ordered = sorted(sized, key=lambda wave: (wave.bytes, wave.rows, wave.tables))
    return tuple(replace(wave, number=number) for number, wave in enumerate(ordered, 1))


def _groups(parents: dict[TableName, set[TableName]]) -> list[set[TableName]]:
    """Tables that foreign keys connect, in whatever direction."""
    near: dict[TableName, set[TableName]] = {name: set() for name in parents}
    for name, those in parents.items():
        for other in those:
            near[name].add(other)
            near[other].add(name)
    groups, seen = [], set[TableName]()
    for name in near:
        if name in seen:
            continue
        group, waiting = set[TableName](), [name]
        while waiting:
            each = waiting.pop()
            if each not in group:
                group.add(each)
                waiting += near[each]
        seen |= group
        groups.append(group)
    return groups


def _in_order(group: set[TableName], parents: dict[TableName, set[TableName]]) -> tuple[TableName, ...]:
    """Where tables point to each other in a circle, the one with the fewest parents left begins."""
    left, ordered = set(group), list[TableName]()
    while left:
        ready = sorted(name for name in left if not parents[name] & left)
        ready = ready or [min(left, key=lambda name: (len(parents[name] & left), name))]
        ordered += ready
        left -= set(ready)
    return tuple(ordered)
