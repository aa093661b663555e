"""Compacted changes, applied as sets, leave what the same changes leave one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change
from landbridge.compaction import RowByRow, Truncation, compact, merge
from landbridge.endpoints.applying import TableBatch

KEYS = {0: (0,), 1: (2, 0), 2: ()}
Rows = dict[Any, tuple[Any, ...]]


def image_key(image: tuple[Any, ...], key: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(image[place] for place in key)


@dataclass
class Target:
    """A table that refuses what an exact target must refuse. Unique checks are immediate, as in every engine here."""

    key: tuple[int, ...]
    rows: Rows

    def one_by_one(self, changes: Sequence[Change]) -> None:
        for operation, _, old, new in changes:
            if operation == TRUNCATE:
                self.rows.clear()
            elif new is None:
                del self.rows[old]
            else:
                key = image_key(new, self.key)
                before = old if old is not None else key
                row = new if operation == INSERT else merge(self.rows.pop(before), new)
                assert key not in self.rows
                self.rows[key] = row

    def as_sets(self, batch: TableBatch) -> None:
        for key in batch.deletes:
            del self.rows[key]
        moving = {old: image_key(new, self.key) for old, new in batch.updates if image_key(new, self.key) != old}
        for new_key in moving.values():  # whichever row the server takes first
            assert new_key not in self.rows, "the order of the rows would matter"
        merged = {image_key(new, self.key): merge(self.rows.pop(old), new) for old, new in batch.updates}
        assert len(merged) == len(batch.updates)
        self.rows |= merged
        for image in batch.inserts:
            assert ... not in image
            assert image_key(image, self.key) not in self.rows
            self.rows[image_key(image, self.key)] = image

    def apply(self, changes: Sequence[Change]) -> bool:
        """True when all went as sets."""
        sets = True
        for step in compact(changes, KEYS, converge=False):
            if isinstance(step, Truncation):
                self.rows.clear()
            elif isinstance(step, RowByRow):
                sets = False
                self.one_by_one(step.changes)
            else:
                self.as_sets(step)
        return sets


NUMBERS = (b"1", b"2", b"3", b"4")
VALUES = (b"a", b"b", None)


@st.composite
def histories(draw: st.DrawFn, table: int, length: int = 25, *, truncate: bool = True) -> list[Change]:
    """Valid changes of a table (a, b, c) that begins as `initial`; updates may leave out what they keep."""
    key = KEYS[table]
    rows = initial(table)
    changes: list[Change] = []
    keys = st.tuples(*(st.sampled_from(NUMBERS) for _ in key))
    for _ in range(draw(st.integers(0, length))):
        wanted, other = draw(keys), draw(keys)
        fresh = [draw(st.sampled_from(VALUES)) for _ in range(3)]
        if draw(st.integers(0, 30)) == 0 and truncate:
            changes.append((TRUNCATE, table, None, None))
            rows.clear()
        elif wanted not in rows:
            rows[wanted] = with_key(fresh, key, wanted)
            changes.append((INSERT, table, None, rows[wanted]))
        elif draw(st.booleans()) and draw(st.booleans()):
            del rows[wanted]
            changes.append((DELETE, table, wanted, None))
        else:
            new_key = other if other not in rows else wanted
            before = rows.pop(wanted)
            image = list(with_key(fresh, key, new_key))
            for place in range(3):
                if place not in key and draw(st.booleans()):
                    image[place] = ...
            rows[new_key] = merge(before, tuple(image))
            changes.append((UPDATE, table, wanted if new_key != wanted else None, tuple(image)))
    return changes


def with_key(values: list[Any], key: tuple[int, ...], wanted: tuple[Any, ...]) -> tuple[Any, ...]:
    row = list(values)
    for place, part in zip(key, wanted, strict=True):
        row[place] = part
    return tuple(row)


def initial(table: int) -> Rows:
    key = KEYS[table]
    keys = [image_key((number, b"x", number), key) for number in NUMBERS[:2]]
    return {wanted: with_key([b"i", b"j", b"k"], key, wanted) for wanted in keys}


@given(st.data(), st.sampled_from([0, 1]), st.integers(1, 30))
@settings(max_examples=200, deadline=None)
def test_exact_batches_equal_one_by_one(data: st.DataObject, table: int, size: int) -> None:
    changes = data.draw(histories(table))
    expected, got = Target(KEYS[table], initial(table)), Target(KEYS[table], initial(table))
    expected.one_by_one(changes)
    for start in range(0, len(changes), size):
        got.apply(changes[start : start + size])
    assert got.rows == expected.rows


@given(st.data(), st.sampled_from([0, 1]), st.integers(1, 30))
@settings(max_examples=300, deadline=None)
def test_converging_batches_reach_the_source(data: st.DataObject, table: int, size: int) -> None:
    """Each key is copied at a moment of its own; all changes are then applied from the first one on."""
    changes = data.draw(histories(table))
    source = Target(KEYS[table], initial(table))
    states = [dict(source.rows)]
    for change in changes:
        source.one_by_one([change])
        states.append(dict(source.rows))
    target: Rows = {}
    newest = 0
    for key in {key for state in states for key in state}:
        moment = data.draw(st.integers(0, len(changes)))
        newest = max(newest, moment)
        if key in states[moment]:
            target[key] = states[moment][key]
    position = 0
    while position < newest:
        batch = changes[position : position + size]
        position += len(batch)
        for key in converge(target, batch, table):
            moment = data.draw(st.integers(position, len(changes)))
            newest = max(newest, moment)
            target.pop(key, None)
            if key in states[moment]:
                target[key] = states[moment][key]
    assert target == states[position]


def converge(target: Rows, changes: Sequence[Change], table: int) -> list[tuple[Any, ...]]:
    """What a writer does before the consistent point, by its contract; the keys to be read again."""
    missing: list[tuple[Any, ...]] = []
    for step in compact(changes, KEYS, converge=True):
        if isinstance(step, Truncation):
            target.clear()
            continue
        assert isinstance(step, TableBatch)
        missing += step.missing
        touched = [*step.deletes, *step.missing]
        touched += [old for old, _ in step.updates] + [image_key(image, KEYS[table]) for image in step.inserts]
        assert len(touched) == len(set(touched)), "a key twice in a batch"
        for key in step.deletes:
            target.pop(key, None)
        for old, image in step.updates:
            assert image_key(image, KEYS[table]) == old
            if old in target:
                target[old] = merge(target[old], image)
            else:
                missing.append(old)
        for image in step.inserts:
            assert ... not in image
            target[image_key(image, KEYS[table])] = image
    return missing


def exact(*changes: Change) -> list[Any]:
    return compact(changes, KEYS, converge=False)


def test_each_pair_becomes_one_statement() -> None:
    row, later = (b"1", b"a", b"b"), (b"1", b"c", ...)
    assert exact((INSERT, 0, None, row), (UPDATE, 0, None, later))[0].inserts == [(b"1", b"c", b"b")]
    gone = exact((INSERT, 0, None, row), (DELETE, 0, (b"1",), None))[0]
    assert (gone.deletes, gone.updates, gone.inserts) == ([], [], [])
    assert exact((UPDATE, 0, None, row), (UPDATE, 0, None, later))[0].updates == [((b"1",), (b"1", b"c", b"b"))]
    assert exact((UPDATE, 0, None, row), (DELETE, 0, (b"1",), None))[0].deletes == [(b"1",)]
    written_again = exact((DELETE, 0, (b"1",), None), (INSERT, 0, None, row))[0]
    assert (written_again.deletes, written_again.updates) == ([], [((b"1",), row)])
    moved = exact((UPDATE, 0, (b"1",), (b"2", b"c", ...)), (UPDATE, 0, (b"2",), (b"3", ..., b"d")))[0]
    assert moved.updates == [((b"1",), (b"3", b"c", b"d"))]
    deleted = exact((UPDATE, 0, (b"1",), (b"2", b"c", ...)), (DELETE, 0, (b"2",), None))[0]
    assert (deleted.deletes, deleted.updates) == ([(b"1",)], [])


def test_a_row_that_comes_home_was_only_updated() -> None:
    there, back = (UPDATE, 0, (b"1",), (b"2", b"c", ...)), (UPDATE, 0, (b"2",), (b"1", ..., b"d"))
    assert exact(there, back)[0].updates == [((b"1",), (b"1", b"c", b"d"))]


def test_a_key_left_and_then_deleted_is_free_again() -> None:
    away, gone = (UPDATE, 0, (b"1",), (b"9", b"c", ...)), (DELETE, 0, (b"9",), None)
    batch = exact(away, gone, (UPDATE, 0, (b"2",), (b"1", b"x", ...)))[0]
    assert (batch.deletes, batch.updates) == ([(b"1",)], [((b"2",), (b"1", b"x", ...))])


def test_no_row_is_deleted_to_be_written_again() -> None:
    """The row inserted under a key takes the place of the one that had it, whose delete comes last here."""
    row = (b"1", b"a", b"b")
    batch = exact((UPDATE, 0, (b"1",), (b"9", b"c", ...)), (INSERT, 0, None, row), (DELETE, 0, (b"9",), None))[0]
    assert (batch.deletes, batch.updates, batch.inserts) == ([], [((b"1",), row)], [])


def test_what_moved_in_without_all_its_columns_is_read_again() -> None:
    """The row that had the key before may still be on the target: its columns are another row's."""
    moved: list[Change] = [(DELETE, 0, (b"2",), None), (UPDATE, 0, (b"1",), (b"2", b"c", ...))]
    later: Change = (UPDATE, 0, None, (b"2", b"d", ...))
    whole: Change = (UPDATE, 0, None, (b"2", b"d", b"e"))
    for changes in (moved, [*moved, later]):
        batch = compact(changes, KEYS, converge=True)[0]
        assert (batch.deletes, batch.updates, batch.inserts, batch.missing) == ([(b"1",)], [], [], [(b"2",)])
    batch = compact([*moved, later, whole], KEYS, converge=True)[0]
    assert (batch.deletes, batch.inserts, batch.missing) == ([(b"1",)], [(b"2", b"d", b"e")], [])


def test_keys_that_change_places_stay_row_by_row() -> None:
    swap: list[Change] = [
        (UPDATE, 0, (b"1",), (b"9", ..., ...)),
        (UPDATE, 0, (b"2",), (b"1", ..., ...)),
        (UPDATE, 0, (b"9",), (b"2", ..., ...)),
    ]
    assert exact(*swap) == [RowByRow(table=0, changes=swap)]


@pytest.mark.parametrize(
    "changes",
    [
        [(INSERT, 0, None, (b"1", b"a", b"b")), (INSERT, 0, None, (b"1", b"a", b"b"))],
        [(DELETE, 0, (b"1",), None), (DELETE, 0, (b"1",), None)],
        [(DELETE, 0, (b"1",), None), (UPDATE, 0, None, (b"1", b"a", b"b"))],
        [(UPDATE, 0, (b"1",), (b"2", b"a", b"b")), (UPDATE, 0, None, (b"1", b"a", b"b"))],
        [(DELETE, 0, (b"1",), None), (INSERT, 0, None, (b"1", ..., b"b"))],
    ],
)
def test_contradictions_are_left_to_the_target(changes: list[Change]) -> None:
    assert exact(*changes) == [RowByRow(table=0, changes=changes)]


def test_a_truncate_makes_all_before_it_vanish() -> None:
    row = (b"1", b"a", b"b")
    steps = exact((INSERT, 0, None, row), (INSERT, 1, None, row), (TRUNCATE, 0, None, None), (INSERT, 0, None, row))
    assert steps[0] == Truncation(table=0)
    assert {step.table: step.inserts for step in steps[1:]} == {0: [row], 1: [row]}


def test_without_a_key_rows_are_told_apart_by_content() -> None:
    row, other = (b"1", b"a", b"b"), (b"1", b"a", b"c")
    insert, delete, update = (INSERT, 2, None, row), (DELETE, 2, row, None), (UPDATE, 2, row, (..., ..., b"c"))
    (batch,) = exact(insert, insert, delete, update)
    assert (batch.deletes, batch.updates, batch.inserts) == ([], [], [other])
    (batch,) = exact(*[update] * 5, *[delete] * 5, (DELETE, 2, other, None))
    assert (batch.deletes, batch.updates, batch.inserts) == ([row] * 6, [(row, other)] * 4, [])


def test_without_a_key_few_changes_stay_row_by_row() -> None:
    row = (b"1", b"a", b"b")
    few, rest = exact((INSERT, 2, None, row), (DELETE, 2, row, None), (DELETE, 2, row, None))
    assert few == RowByRow(table=2, changes=[(DELETE, 2, row, None)])
    assert (rest.deletes, rest.inserts) == ([], [])
