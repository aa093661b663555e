"""The spool: whatever happens to the writer and the disk, a reader gets each whole transaction once, in order."""

import os
import shutil
import time
from pathlib import Path

import pytest

from landbridge import spool, spoolfile
from landbridge.change import DELETE, UPDATE, Transaction
from landbridge.errors import Busy, PositionLost, Terminal
from landbridge.model import Position
from landbridge.spool import ForeignSpool, SpoolDamaged, SpoolMissing, SpoolReader, SpoolWriter
from tests.spooling import START, abandon, at, drain, files, small, transaction


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    given = [
        Transaction(
            at(5),
            1700000000.25,
            [(UPDATE, 0, (b"1", None), (..., None, b"", b"\x00\xff")), (DELETE, 300, (b"9",), None)],
        ),
        Transaction(at(6), 1700000001.0, []),
        *transaction(9, parts=3),
    ]
    writer = SpoolWriter.create(tmp_path / "spool", "run", START)
    for one in given:
        writer.append(one)
    writer.flush(sync=True)
    reader = SpoolReader(tmp_path / "spool", "run", START)
    assert drain(reader) == given
    assert (reader.position, writer.tail, reader.id) == (at(90), at(90), writer.id)
    assert writer.size() == sum(file.stat().st_size for file in files(tmp_path / "spool"))


def test_nothing_is_visible_before_flush_and_no_part_before_the_whole(tmp_path: Path) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    reader = SpoolReader(tmp_path, "run", START)
    first, second, last = transaction(1, parts=3)
    writer.append(first)
    assert drain(reader) == []
    writer.append(second)
    writer.flush()
    assert drain(reader) == []
    writer.append(last)
    assert drain(reader) == []
    writer.flush()
    assert drain(reader) == [first, second, last]


def test_a_large_transaction_comes_in_portions(tmp_path: Path) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    parts = transaction(1, parts=50)
    for part in parts:
        writer.append(part)
        writer.flush()
    reader = SpoolReader(tmp_path, "run", START)
    assert reader.read(1, 0) == parts[:1]
    assert reader.position == START
    assert [one for portion in iter(lambda: reader.read(1, 0), []) for one in portion] == parts[1:]


def test_what_is_sent_again_is_dropped_whole(tmp_path: Path) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    for number in (1, 2, 1, 2, 3):
        for part in transaction(number, parts=3):
            writer.append(part)
    writer.flush()
    assert drain(SpoolReader(tmp_path, "run", START)) == [p for n in (1, 2, 3) for p in transaction(n, parts=3)]


@pytest.mark.parametrize(("part", "last"), [(at(5), at(12)), (at(12), at(9))])
def test_a_transaction_on_both_sides_of_the_tail_is_refused(tmp_path: Path, part: Position, last: Position) -> None:
    writer = SpoolWriter.create(tmp_path, "run", at(10))
    writer.append(Transaction(part, 0.0, [], last=False))
    with pytest.raises(Terminal, match="other side"):
        writer.append(Transaction(last, 0.0, []))


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    for attempt in (lambda: SpoolWriter.open(tmp_path, "run"), lambda: SpoolWriter.create(tmp_path, "run", START)):
        with pytest.raises(Busy):
            attempt()
    with pytest.raises(Busy):
        spool.set_aside(tmp_path)
    with pytest.raises(Busy):
        spool.discard(tmp_path)
    writer.close()
    SpoolWriter.open(tmp_path, "run").close()


def test_missing_and_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spool"
    with pytest.raises(SpoolMissing):
        SpoolWriter.open(folder, "run")
    with pytest.raises(SpoolMissing):
        SpoolReader(folder, "run", START)
    folder.mkdir()
    with pytest.raises(SpoolMissing):
        SpoolWriter.open(folder, "run")
    SpoolWriter.create(folder, "run", START).close()
    with pytest.raises(ForeignSpool, match="already"):
        SpoolWriter.create(folder, "run", START)
    with pytest.raises(ForeignSpool, match="of run run"):
        SpoolWriter.open(folder, "other")
    with pytest.raises(ForeignSpool):
        SpoolReader(folder, "other", START)
    monkeypatch.setattr(spoolfile, "_PYTHON", "cpython-27")
    with pytest.raises(ForeignSpool, match="cpython-27"):
        SpoolWriter.open(folder, "run")


def test_files_of_another_spool_among_ours_are_damage(tmp_path: Path) -> None:
    with small(segment=1):
        for name in ("a", "b"):
            writer = SpoolWriter.create(tmp_path / name, "run", START)
            for number in (1, 2, 3):
                writer.append(transaction(number)[0])
                writer.flush()
            writer.close()
    shutil.copy(files(tmp_path / "b")[1], files(tmp_path / "a")[1])
    with pytest.raises(SpoolDamaged):
        SpoolWriter.open(tmp_path / "a", "run")


def test_set_aside_and_discard(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool.discard(folder)
    with pytest.raises(SpoolMissing):
        spool.set_aside(folder)
    SpoolWriter.create(folder, "run", START).close()
    aside = spool.set_aside(folder)
    assert not folder.exists()
    assert aside.parent == tmp_path
    SpoolReader(aside, "run", START).close()
    SpoolWriter.create(folder, "run", START).close()
    spool.discard(folder)
    assert [entry.name for entry in tmp_path.iterdir()] == [aside.name]


def test_trim_deletes_whole_files_below_and_a_reader_needs_what_is_gone(tmp_path: Path) -> None:
    with small(segment=1):
        writer = SpoolWriter.create(tmp_path, "run", START)
        for number in range(1, 11):
            writer.append(transaction(number)[0])
            writer.flush()
    late, early = SpoolReader(tmp_path, "run", at(45)), SpoolReader(tmp_path, "run", START)
    before = writer.size()
    writer.trim(at(49))
    assert len(files(tmp_path)) == 7  # 4 of 10 went, and an empty one stands at the end
    assert before > writer.size() == sum(file.stat().st_size for file in files(tmp_path))
    assert [one.position for one in drain(late)] == [at(10 * number) for number in range(5, 11)]
    with pytest.raises(PositionLost):
        SpoolReader(tmp_path, "run", at(39))
    assert drain(SpoolReader(tmp_path, "run", at(40)))[0].position == at(50)
    assert [one.position for one in early.read(1, 0)] == [at(10)]  # its file was open
    with pytest.raises(PositionLost):
        early.read(1, 0)
    writer.trim(at(1000))
    assert len(files(tmp_path)) == 1
    writer.close()
    assert SpoolWriter.open(tmp_path, "run").tail == at(100)


def test_a_reader_survives_that_its_writer_is_replaced(tmp_path: Path) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    reader = SpoolReader(tmp_path, "run", START)
    for part in [*transaction(1, 2), *transaction(2, 5)[:4]]:
        writer.append(part)
        writer.flush()
    assert drain(reader) == transaction(1, 2)
    abandon(writer)
    writer = SpoolWriter.open(tmp_path, "run")
    assert writer.tail == at(10)
    assert drain(reader) == []
    for part in [*transaction(2, 7), *transaction(3)]:
        writer.append(part)
        writer.flush()
    assert drain(reader) == [*transaction(2, 7), *transaction(3)]


@pytest.mark.parametrize("flushed", [0, 1, 2, 3])
def test_a_stream_that_begins_again_sends_all_of_an_open_transaction_again(tmp_path: Path, flushed: int) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    reader = SpoolReader(tmp_path, "run", START)
    writer.rewind()
    assert len(files(tmp_path)) == 1
    for count, part in enumerate([*transaction(1), *transaction(2, 4)[:3]]):
        writer.append(part)
        if count < flushed:
            writer.flush()
    before = drain(reader)
    writer.rewind()
    for part in [*transaction(1), *transaction(2, 4), *transaction(3)]:
        writer.append(part)
    writer.flush()
    expected = [*transaction(1), *transaction(2, 4), *transaction(3)]
    assert before + drain(reader) == drain(SpoolReader(tmp_path, "run", START)) == expected
    assert writer.size() == sum(file.stat().st_size for file in files(tmp_path))
    writer.close()
    assert SpoolWriter.open(tmp_path, "run").tail == at(30)


def test_no_space_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    reader = SpoolReader(tmp_path, "run", START)
    written = os.pwrite

    def half(file: int, data: memoryview, offset: int) -> int:
        if written(file, data[: len(data) // 2], offset) > 40:
            return len(data) // 2
        raise OSError(28, "No space left on device")

    for part in transaction(1, 4):
        writer.append(part)
    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(Terminal, match="No space"):
        writer.flush()
    assert drain(reader) == []
    monkeypatch.setattr(os, "pwrite", written)
    writer.append(transaction(2)[0])
    writer.flush()
    assert drain(reader) == [*transaction(1, 4), *transaction(2)]


def test_read_waits_for_the_writer(tmp_path: Path) -> None:
    writer = SpoolWriter.create(tmp_path, "run", START)
    reader = SpoolReader(tmp_path, "run", START)
    began = time.monotonic()
    assert reader.read(100, 0.1) == []
    assert 0.1 <= time.monotonic() - began < 10
    writer.append(transaction(1)[0])
    writer.flush()
    assert reader.read(100, 60) == transaction(1)
