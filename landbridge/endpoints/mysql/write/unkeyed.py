"""
Writing changes in sets where a table has no key. A set can only mean all rows that are equal in all columns, so it
takes those changes of which there are just as many as such rows; the others are left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from landbridge.endpoints.mysql.names import qualified
from landbridge.endpoints.mysql.write.staging import Staging
from landbridge.endpoints.mysql.write.written import ROW, WrittenTable
from landbridge.endpoints.updates import Row
from landbridge.kinds import Int
from landbridge.model import Field, Relation, TableName

Change = tuple[Row, Row | None]

_NUMBER = Field(name="i", kind=Int(bits=64), native="bigint")


@dataclass(frozen=True, kw_only=True)
class _Set:
    """All of `times` rows that are equal to `old` become `new`."""

    old: Row
    new: Row | None
    times: int

    def changes(self) -> Iterator[Change]:
        return iter([(self.old, self.new)] * self.times)


class Unkeyed:
    """
    Its staging table has a column i that counts the sets, o0, o1… for their old image, h for its hash, the same
    only for the same values, and n0, n1… for the new one.
    """

    def __init__(self, cursor: Any, staging: Staging, table: WrittenTable) -> None:
        self._cursor, self._rows, self._table = cursor, staging, table
        self._name = TableName(schema=table.relation.name.schema, name=f"landbridge_{table.relation.number}_rows")
        self._staging = qualified(self._name)

    def write(self, deletes: Sequence[Row], updates: Sequence[tuple[Row, Row]]) -> list[Change] | None:
        """The changes left to do one by one, None when a row is not there. Raises Unfit."""
        sets, left = _sets([*((old, None) for old in deletes), *updates])
        if not sets:
            return left
        self._stage(sets)
        there = self._counts()
        if any(there.get(number, 0) < each.times for number, each in enumerate(sets)):
            return None
        more = [number for number, each in enumerate(sets) if there[number] > each.times]
        if more:
            self._cursor.execute(f"delete from {self._staging} where i in ({', '.join(map(str, more))})")
            left += [change for number in more for change in sets[number].changes()]
        exact = [each for number, each in enumerate(sets) if there[number] == each.times]
        gone = sum(each.times for each in exact if each.new is None)
        changed = sum(each.times for each in exact if each.new is not None)
        first = sum(each.new is None for each in sets)
        fits = self._delete(first) == gone and self._update(first) == changed
        return left if fits else None

    def _stage(self, sets: list[_Set]) -> None:
        self._cursor.execute(f"drop temporary table if exists {self._staging}")
        self._cursor.execute(self._create())
        first = [each for each in sets if each.new is None]
        self._copy("o", [(each.old, b"%d" % number) for number, each in enumerate(first)])
        rest = [
            ((*each.old, *(each.new or ())), b"%d" % number)
            for number, each in enumerate(sets[len(first) :], len(first))
        ]
        self._copy("on", rest)
        self._cursor.execute(f"update {self._staging} set h = {self._hash([f'o{p}' for p in self._table.all])}")

    def _copy(self, letters: str, numbered: list[tuple[Row, bytes]]) -> None:
        if not numbered:
            return
        fields = [self._table.field(place, f"{letter}{place}") for letter in letters for place in self._table.all]
        into = Relation(number=self._table.relation.number, name=self._name, fields=(_NUMBER, *fields), key=())
        columns = zip(*(image for image, _ in numbered), strict=True)
        self._rows.copy(into, [[number for _, number in numbered], *columns])

    def _counts(self) -> dict[int, int]:
        self._cursor.execute(f"select s.i, count(*) from {self._joined()} group by s.i")
        return {int(number): int(count) for number, count in self._cursor.fetchall()}

    def _delete(self, first: int) -> int:
        if not first:
            return 0
        return int(self._cursor.execute(f"delete {self._table.name} from {self._joined()} where s.i < {first}"))

    def _update(self, first: int) -> int:
        sets = self._table.sets(self._table.all)
        return int(self._cursor.execute(f"update {self._joined()} set {sets} where s.i >= {first}"))

    def _joined(self) -> str:
        """The table is read once, and each of its rows looked up by its hash."""
        own = [f"{self._table.name}.{name}" for name in self._table.names]
        return f"{self._table.name} straight_join {self._staging} s force index (h) on s.h = {self._hash(own)}"

    def _hash(self, columns: Sequence[str]) -> str:
        texts = [self._table.columns[place].identity(column) for place, column in enumerate(columns)]
        return f"unhex(sha2(concat_ws(',', {', '.join(texts)}), 256))"

    def _create(self) -> str:
        wide = 2 * sum(column.in_row for column in self._table.columns) > ROW
        images = [
            f"{letter}{place} {column.typed(out_of_row=wide)}"
            for letter in "on"
            for place, column in enumerate(self._table.columns)
        ]
        columns = ", ".join(["i bigint not null primary key", "h binary(32)", *images, "key h (h)"])
        return f"create temporary table {self._staging} ({columns}) engine=InnoDB"


def _sets(changes: list[Change]) -> tuple[list[_Set], list[Change]]:
    """Deletes first, and what becomes of rows that were equal and are not any more, which no set can say."""
    outcomes: dict[Row, list[Row | None]] = {}
    for old, new in changes:
        outcomes.setdefault(old, []).append(new)
    sets, left = [], []
    for old, news in outcomes.items():
        if len(news) == 1 or len(set(news)) == 1:
            sets.append(_Set(old=old, new=news[0], times=len(news)))
        else:
            left += [(old, new) for new in news]
    return sorted(sets, key=lambda each: each.new is not None), left
