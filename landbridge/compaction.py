"""
From changes in source order to one set-based batch a table with each key in it once. What comes before a TRUNCATE of
its table vanishes; what cannot be said in sets (keys handed from row to row) stays row by row.

Two ways. Exact: the target stands where the changes begin, so all that a batch says about a row is checked. Converging:
the target may be ahead, so each key touched ends as deleted, as a whole row, as some columns of a row, or as missing:
to be read again from the source.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change, Value
from landbridge.endpoints.applying import TableBatch

_FEW_WITHOUT_KEY = 8
"""Updates and deletes of a table without key below which they go row by row: a set is matched with all rows there."""

Image = tuple[Value, ...]
Key = Any
"""The value of a key of one column, else a tuple of them."""


@dataclass(frozen=True, kw_only=True)
class Truncation:
    table: int


@dataclass(frozen=True, kw_only=True)
class RowByRow:
    table: int
    changes: list[Change]


Step = Truncation | TableBatch | RowByRow


class _NotSets(Exception):
    """These changes cannot be applied as sets, or contradict each other: row by row the target shows which."""


def compact(changes: Iterable[Change], keys: Mapping[int, tuple[int, ...]], *, converge: bool) -> list[Step]:
    """The steps that do what `changes` do, in order. keys: for each table where its key stands in an image, or ()."""
    tables, truncated = by_table(changes)
    steps: list[Step] = [Truncation(table=number) for number in truncated]
    for number, own in tables.items():
        key = keys[number]
        if not key:
            steps += _without_key(number, own)
        elif converge:
            steps.append(_converging(number, own, key))
        else:
            try:
                steps.append(_Rows(key).follow(own).batch(number))
            except _NotSets:
                steps.append(RowByRow(table=number, changes=own))
    return steps


def by_table(changes: Iterable[Change]) -> tuple[dict[int, list[Change]], dict[int, None]]:
    """What is left to do after the last TRUNCATE of each table, and the tables truncated."""
    tables: dict[int, list[Change]] = {}
    truncated: dict[int, None] = {}
    for change in changes:
        number = change[1]
        if change[0] == TRUNCATE:
            truncated[number] = None
            tables.pop(number, None)
        elif number in tables:
            tables[number].append(change)
        else:
            tables[number] = [change]
    return tables, truncated


def _without_key(number: int, changes: list[Change]) -> Iterator[Step]:
    """
    Rows are told apart by their content alone, so of those that are equal it does not matter which one a change meets:
    one that came or was changed earlier in these changes, if there is one.
    """
    present: dict[Image, list[Image | None]] = {}
    batch = TableBatch(table=number, deletes=[], updates=[], inserts=[], missing=[])
    for _, _, old, new in changes:
        before: Image | None = None
        image = new
        if old is not None:
            touched = present.get(old)
            before = touched.pop() if touched else old
            image = None if new is None else merge(old, new)
        if image is not None:
            present.setdefault(image, []).append(before)
        elif before is not None:
            batch.deletes.append(before)
    for image, befores in present.items():
        batch.inserts += [image for before in befores if before is None]
        batch.updates += [(before, image) for before in befores if before is not None]
    if 0 < len(batch.deletes) + len(batch.updates) < _FEW_WITHOUT_KEY:
        few: list[Change] = [(DELETE, number, image, None) for image in batch.deletes]
        few += [(UPDATE, number, before, image) for before, image in batch.updates]
        yield RowByRow(table=number, changes=few)
        batch = replace(batch, deletes=[], updates=[])
    yield batch


def _readers(key: tuple[int, ...]) -> tuple[Callable[[Any], Key], Callable[[Any], Key]]:
    """How to take the key from an image, and from the old key of a change."""
    if len(key) == 1:
        return itemgetter(key[0]), itemgetter(0)
    return itemgetter(*key), lambda old: old


def _tuple(found: Key) -> Image:
    return found if type(found) is tuple else (found,)


def merge(earlier: Image, later: Image) -> Image:
    """What is known of a row after both."""
    if ... not in later:
        return later
    return tuple(before if now is ... else now for before, now in zip(earlier, later, strict=True))


class _Rows:
    """
    rows: by its present key, each row touched that is there now: the key it has on the target (None: it is not there
    yet) and what is known of it. gone: keys on the target whose row is deleted. left: keys on the target whose row is
    there now under another key.
    """

    def __init__(self, key: tuple[int, ...]) -> None:
        self._image_key, self._old_key = _readers(key)
        self.rows: dict[Key, tuple[Key | None, Image]] = {}
        self.gone: dict[Key, None] = {}
        self.left: set[Key] = set()

    def follow(self, changes: Iterable[Change]) -> "_Rows":
        rows, gone, left, image_key = self.rows, self.gone, self.left, self._image_key
        for operation, _, old, new in changes:
            if new is None:
                self._delete(self._old_key(old))
                continue
            key = image_key(new)
            if operation == INSERT:
                if key in rows:
                    raise _NotSets
                rows[key] = (self._revived(key, new) if gone else None, new)
            elif old is not None:
                self._move(self._old_key(old), key, new)
            elif key in rows:
                before, image = rows[key]
                rows[key] = (before, merge(image, new))
            elif key in gone or key in left:
                raise _NotSets
            else:
                rows[key] = (key, new)
        return self

    def _revived(self, key: Key, image: Image) -> Key | None:
        """A row deleted and inserted again is updated: no row is ever deleted to be written again."""
        if key not in self.gone:
            return None
        if ... in image:  # what it lacks must not come from the row deleted
            raise _NotSets
        del self.gone[key]
        return key

    def _delete(self, key: Key) -> None:
        before, _ = self._take(key)
        if before is None:
            return
        self.left.discard(before)
        self.gone[before] = None
        inserted, image = self.rows.get(before, (before, None))
        if inserted is None and image is not None:  # while the row deleted had another key
            self.rows[before] = (self._revived(before, image), image)

    def _move(self, old: Key, key: Key, new: Image) -> None:
        before, image = self._take(old)
        if key in self.rows:
            raise _NotSets
        now = new if image is None else merge(image, new)
        if before is None:
            before = self._revived(key, now)
        elif before == key:
            self.left.discard(key)
        else:
            self.left.add(before)
        self.rows[key] = (before, now)

    def _take(self, key: Key) -> tuple[Key | None, Image | None]:
        """The row that has this key now, taken out; a row not touched before is on the target under it."""
        found = self.rows.pop(key, None)
        if found is None and (key in self.gone or key in self.left):
            raise _NotSets
        return found or (key, None)

    def batch(self, number: int) -> TableBatch:
        updates = [(before, image) for before, image in self.rows.values() if before is not None]
        if self.left and any(key in self.left for key, (before, _) in self.rows.items() if before is not None):
            raise _NotSets  # one row takes the key another leaves: right in some order only, or in none
        return TableBatch(
            table=number,
            deletes=[_tuple(key) for key in self.gone],
            updates=[(_tuple(before), image) for before, image in updates],
            inserts=[image for before, image in self.rows.values() if before is None],
            missing=[],
        )


_GONE, _MISSING = object(), object()


def _converging(number: int, changes: Iterable[Change], key: tuple[int, ...]) -> TableBatch:
    """
    A key change is a delete of the old key and a whole row under the new one: a target that is ahead may hold either,
    both, or a later row under the old key. So where columns are missing from the new row they cannot come from there.
    """
    image_key, old_key = _readers(key)
    rows: dict[Key, Any] = {}
    for operation, _, old, new in changes:
        if new is None:
            rows[old_key(old)] = _GONE
            continue
        found = image_key(new)
        if old is not None:
            past = old_key(old)
            earlier = rows.get(past)
            rows[past] = _GONE
        else:
            earlier = rows.get(found)
        known = merge(earlier, new) if operation != INSERT and type(earlier) is tuple else new
        starts = operation == INSERT or old is not None or earlier is _GONE or earlier is _MISSING
        rows[found] = _MISSING if starts and ... in known else known
    batch = TableBatch(table=number, deletes=[], updates=[], inserts=[], missing=[])
    for found, row in rows.items():
        if row is _GONE:
            batch.deletes.append(_tuple(found))
        elif row is _MISSING:
            batch.missing.append(_tuple(found))
        elif ... in row:
            batch.updates.append((_tuple(found), row))
        else:
            batch.inserts.append(row)
    return batch
