"""
Writing changes in sets where a table has no key: each change meets a row of its own among those that are equal to its
old image in all columns.
"""

from collections.abc import Callable, Sequence
from typing import Any

from landbridge.change import Value
from landbridge.endpoints.postgres.write.written import WrittenTable

Row = tuple[Value, ...]
Change = tuple[Row, Row | None]
Copy = Callable[[str, Sequence[Sequence[Value]], WrittenTable], int]


class Unkeyed:
    """
    Its staging table has o0, o1… for the old image and n0, n1… for the new one; g is the same for changes with the same
    old image, k counts these from 1.
    """

    def __init__(self, cursor: Any, copy: Copy, table: WrittenTable) -> None:
        self._cursor, self._copy, self._table = cursor, copy, table
        self._staging = f'pg_temp."landbridge_{table.relation.number}_rows"'

    def write(self, deletes: Sequence[Row], updates: Sequence[tuple[Row, Row]]) -> bool:
        """Whether each change found its row."""
        self._cursor.execute(self._create())
        # Staging tables have no statistics: with hashing the table is read once, whatever the planner thinks of them.
        self._cursor.execute("set local enable_hashjoin = on")
        fits = all(self._delete(group) for group in _groups([(old, None) for old in deletes]))
        fits = fits and all(self._update(group) for group in _groups(list(updates)))
        self._cursor.execute("set local enable_hashjoin = off")
        return fits

    def _delete(self, changes: list[Change]) -> bool:
        found = self._staged(changes)
        self._cursor.execute(f"delete from {self._table.place} t using {found}")
        return bool(self._cursor.rowcount == len(changes))

    def _update(self, changes: list[Change]) -> bool:
        found, table = self._staged(changes), self._table
        sets = ", ".join(f"{table.names[place]} = s.n{place}" for place in table.all if not table.columns[place].fixed)
        fixed = "".join(
            f" and t.{table.names[place]} = s.n{place}" for place in table.all if table.columns[place].fixed
        )
        self._cursor.execute(f"update {table.place} t set {sets} from {found}{fixed}")
        return bool(self._cursor.rowcount == len(changes))

    def _staged(self, changes: list[Change]) -> str:
        """What stands after FROM: for each staged change s, by its condition, the one row t that it is for."""
        self._cursor.execute(f"truncate {self._staging}")
        self._stage(changes)
        nulls = [value is None for value in changes[0][0]]
        same = " and ".join(self._equal(place, null=null) for place, null in enumerate(nulls))
        return (
            f"(select r.tableoid as part, r.ctid as place, o.g, row_number() over (partition by o.g) as k"
            f" from {self._table.place} r join {self._staging} o on o.k = 1 and {same}) f"
            f" join {self._staging} s on s.g = f.g and s.k = f.k where t.ctid = f.place and t.tableoid = f.part"
        )

    def _equal(self, place: int, *, null: bool) -> str:
        """By text where a type has equal values that differ (1.0 and 1.00, 'a' and 'A'), or no equality (json)."""
        name, column = f"r.{self._table.names[place]}", self._table.columns[place]
        if null:
            return f"{name} is null"
        if column.exact:
            return f"{name} operator(pg_catalog.=) o.o{place}"
        return f'({name})::text collate pg_catalog."C" operator(pg_catalog.=) (o.o{place})::text'

    def _stage(self, changes: list[Change]) -> None:
        groups: dict[Row, int] = {}
        met = [0] * len(changes)
        numbers: list[tuple[bytes, bytes]] = []
        for old, _ in changes:
            group = groups.setdefault(old, len(groups))
            met[group] += 1
            numbers.append((b"%d" % group, b"%d" % met[group]))
        images = [(*old, *(new or ())) for old, new in changes]
        names = [f"{letter}{place}" for letter in "on" for place in self._table.all][: len(images[0])]
        columns = [*zip(*numbers, strict=True), *zip(*images, strict=True)]
        self._copy(f"copy {self._staging} (g, k, {', '.join(names)}) from stdin", columns, self._table)

    def _create(self) -> str:
        typed = [
            f"t.{name}::{column.type}" for name, column in zip(self._table.names, self._table.columns, strict=True)
        ]
        images = [f"{type_} as {letter}{place}" for letter in "on" for place, type_ in enumerate(typed)]
        return (
            f"create temporary table if not exists {self._staging} on commit delete rows"
            f" as select 0::int4 as g, 0::int4 as k, {', '.join(images)} from {self._table.name} t with no data"
        )


def _groups(changes: list[Change]) -> list[list[Change]]:
    """By the columns in which the old image is NULL: the others can be compared as a hash or an index does it."""
    groups: dict[tuple[bool, ...], list[Change]] = {}
    for change in changes:
        groups.setdefault(tuple(value is None for value in change[0]), []).append(change)
    return list(groups.values())
