"""What the spool says has changed: keys for each table, or all of it."""

from contextlib import closing
from pathlib import Path

import pytest

from landbridge import changed_keys
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change, Transaction
from landbridge.changed_keys import Following
from landbridge.endpoints import connect
from landbridge.kinds import Int
from landbridge.model import Column, ColumnMap, Key, Position, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from landbridge.runfolder import RunFolder
from landbridge.spool import SpoolWriter
from tests.packing import packed


def at(number: int) -> Position:
    return Position(f"{number:016X}")


def table(number: int, key: tuple[str, ...]) -> TableMap:
    columns = tuple(Column(name=name, native="int", kind=Int(bits=32), nullable=False) for name in "abc")
    primary = Key(name="pk", columns=key) if key else None
    made = Table(name=TableName(schema="s", name=f"t{number}"), columns=columns, primary_key=primary)
    return TableMap(
        number=number, source=made, target=made, columns=tuple(ColumnMap(source=c, target=c) for c in columns)
    )


SOURCE = connect(EndpointRef(engine="postgres", host="nowhere", user="nobody", database="none"))
TABLES = [table(1, ("a",)), table(2, ("c", "a")), table(3, ())]
CHANGES: list[list[Change]] = [
    [(INSERT, 1, None, (b"1", b"x", b"y"))],
    [(UPDATE, 1, None, (b"2", b"x", ...)), (DELETE, 1, (b"3",), None)],
    [(UPDATE, 1, (b"4",), (b"5", b"x", b"y")), (INSERT, 2, None, (b"1", b"2", b"3"))],
    [(INSERT, 3, None, (b"1", None, None))],
]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A spool with transactions at 10, 20, 30 and 40, begun at 0."""
    made = RunFolder(tmp_path)
    with closing(SpoolWriter.create(made.spool, "run", at(0))) as writer:
        for number, changes in enumerate(CHANGES, 1):
            writer.append(Transaction(at(10 * number), 1.0, changes))
    return made


def test_old_and_new_keys_count_and_a_table_without_a_key_is_in_question_as_a_whole(folder: RunFolder) -> None:
    with closing(Following(folder, "run", at(0), TABLES, SOURCE)) as following:
        assert following.follow(at(40))
        assert following.keys == {
            1: {(b"1",), (b"2",), (b"3",), (b"4",), (b"5",)},
            2: {(b"3", b"1")},
            3: None,
        }


def test_keys_of_packed_rows_count_too(folder: RunFolder) -> None:
    changes: list[Change] = [
        (INSERT, 2, None, (b"6", None, b"7")), (UPDATE, 1, None, (b"8", b"x", None)), (DELETE, 2, (b"9", b"9"), None),
    ]  # fmt: skip
    made = packed(changes, {1: (0,), 2: (2, 0)}, {1: 3, 2: 3})
    assert made is not None
    with closing(SpoolWriter.open(folder.spool, "run")) as writer:
        writer.append(Transaction(at(50), 1.0, [], packed=made))
    with closing(Following(folder, "run", at(40), TABLES, SOURCE)) as following:
        assert following.follow(at(50))
        assert following.keys == {1: {(b"8",)}, 2: {(b"7", b"6"), (b"9", b"9")}}


def test_what_came_before_does_not_count_and_what_never_came_is_told(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed_keys, "_PATIENCE", 0.0)
    with closing(Following(folder, "run", at(20), TABLES, SOURCE)) as following:
        assert following.follow(at(40))
        assert following.keys == {1: {(b"4",), (b"5",)}, 2: {(b"3", b"1")}, 3: None}
        assert not following.follow(at(50))


def test_truncation_and_too_many_keys_put_the_whole_table_in_question(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SpoolWriter.open(folder.spool, "run")) as writer:
        writer.append(Transaction(at(50), 1.0, [(TRUNCATE, 2, None, None)]))
    monkeypatch.setattr(changed_keys, "KEYS_AT_MOST", 2)
    with closing(Following(folder, "run", at(0), TABLES, SOURCE)) as following:
        assert following.follow(at(50))
        assert following.keys == {1: None, 2: None, 3: None}


def test_a_spool_that_begins_later_does_not_know(folder: RunFolder) -> None:
    from landbridge.errors import PositionLost

    for file in folder.spool.glob("*.spool"):
        file.unlink()
    with closing(SpoolWriter.create(folder.spool, "run", at(30))), pytest.raises(PositionLost):
        Following(folder, "run", at(20), TABLES, SOURCE)
