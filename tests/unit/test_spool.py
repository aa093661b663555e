"""The spool: whatever happens to the writer and the disk, a reader gets each whole transaction once, in order."""

import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge import spool, spoolfile
from landbridge.change import DELETE, INSERT, UPDATE, Transaction
from landbridge.errors import Busy, PositionLost, Terminal
from landbridge.model import Position
from landbridge.spool import ForeignSpool, SpoolDamaged, SpoolMissing, SpoolReader, SpoolWriter

START = Position(f"{0:016X}")


def at(number: int) -> Position:
    return Position(f"{number:016X}")


def transaction(number: int, parts: int = 1) -> list[Transaction]:
    """Transaction `number` ends at position 10 * number; its parts lie before that."""
    made = []
    for part in range(parts):
        last = part == parts - 1
        changes = [(INSERT, 2, None, (b"%d.%d" % (number, part), None, b"\0\n\\x", ...))]
        made.append(Transaction(at(10 * number - (0 if last else 1)), 1.5 + number, changes, last))
    return made


def drain(reader: SpoolReader, max_bytes: int = 1 << 20) -> list[Transaction]:
    found: list[Transaction] = []
    while more := reader.read(max_bytes, 0):
        found += more
    return found


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


@contextmanager
def small(segment: int = 400, batch: int = 3) -> Iterator[None]:
    """Files and blocks so small that there are many; no test here crashes the machine, so nothing need be synced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SEGMENT_BYTES", segment)
        patch.setattr(spool, "_BATCH", batch)
        patch.setattr(os, "fsync", lambda _: None)
        yield


def abandon(writer: SpoolWriter) -> None:
    """What SIGKILL leaves: the kernel closes the files, nothing is flushed."""
    os.close(writer._file)
    os.close(writer._lock)
    writer._lock = -1


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
    assert 0.1 <= time.monotonic() - began < 2
    writer.append(transaction(1)[0])
    writer.flush()
    assert reader.read(100, 60) == transaction(1)


# --- anything may happen ----------------------------------------------------------------------------------------------

step = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 5)),
    st.tuples(st.just("append"), st.just(1)),
    st.tuples(st.just("flush"), st.just(0)),
    st.tuples(st.just("kill"), st.just(0)),
    st.tuples(st.just("cut short"), st.integers(1, 4)),
    st.tuples(st.just("tear"), st.integers(0, 10**6)),
    st.tuples(st.just("read"), st.integers(1, 500)),
    st.tuples(st.just("trim"), st.integers(0, 10**6)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=60), st.integers(1, 600), st.integers(1, 8))
def test_every_history_gives_each_transaction_once(steps: list[tuple[str, int]], segment: int, batch: int) -> None:
    """A kill at any byte of the newest file; capture goes on at the tail and sends some transactions again."""
    source: list[list[Transaction]] = []
    found: list[Transaction] = []
    with tempfile.TemporaryDirectory() as name, small(segment, batch):
        folder = Path(name)
        writer = SpoolWriter.create(folder, "run", START)
        reader = SpoolReader(folder, "run", START)
        for what, number in [*steps, ("flush", 0), ("read", 10**6)]:
            if what == "append":
                source.append(transaction(len(source) + 1, number))
                for part in source[-1]:
                    writer.append(part)
            elif what == "cut short":  # the connection is lost inside a transaction, which comes again after all
                for part in transaction(len(source) + 1, number + 1)[:number]:
                    writer.append(part)
                writer.flush() if number % 2 else None
                found += drain(reader)
                writer.rewind()
            elif what == "flush":
                writer.flush()
            elif what == "read":
                found += drain(reader, number)
            elif what == "trim":
                writer.trim(at(number % (int(reader.position, 16) + 1)))
            else:
                abandon(writer)
                if what == "tear":
                    tear(folder, number, reader)
                writer = SpoolWriter.open(folder, "run")
                done = int(writer.tail, 16) // 10
                assert reader.position <= writer.tail == at(10 * done)
                for one in source[max(0, done - 2) :]:
                    for part in one:
                        writer.append(part)
        assert found == [part for one in source for part in one]
        writer.close()
        reader.close()


def tear(folder: Path, number: int, reader: SpoolReader) -> None:
    """Cut the newest file anywhere past its header and past what a reader has used."""
    newest = files(folder)[-1]
    least = len(spoolfile.read_header(newest).line())
    if reader._header.number == spoolfile.read_header(newest).number:
        least = max(least, reader._used)
    os.truncate(newest, least + number % (newest.stat().st_size - least + 1))


damage = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "zero"]), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=3
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=25), st.integers(1, 600), st.integers(1, 8), damage)
def test_damage_anywhere_leaves_a_right_beginning_or_an_error(
    sizes: list[int], segment: int, batch: int, faults: list[tuple[str, float, float]]
) -> None:
    source = [transaction(number, parts) for number, parts in enumerate(sizes, 1)]
    with tempfile.TemporaryDirectory() as name, small(segment, batch):
        folder = Path(name)
        writer = SpoolWriter.create(folder, "run", START)
        for one in source:
            for part in one:
                writer.append(part)
            writer.flush()
        writer.close()
        for fault in faults:
            spoil(folder, *fault)
        try:
            writer = SpoolWriter.open(folder, "run")
        except ForeignSpool:
            return
        done = int(writer.tail, 16) // 10
        writer.append(transaction(done + 1)[0])
        writer.close()
        found: list[Transaction] = []
        reader = SpoolReader(folder, "run", START)
        intact = True
        try:
            while more := reader.read(1, 0):
                found += more
        except (SpoolDamaged, PositionLost):
            intact = False
        right = [part for one in source[:done] for part in one] + transaction(done + 1)
        assert found == right[: len(found)]
        assert not intact or found == right


def spoil(folder: Path, how: str, which: float, where: float) -> None:
    chosen = files(folder)[int(which * (len(files(folder)) - 1))]
    data = bytearray(chosen.read_bytes())
    place = int(where * (len(data) - 1)) if data else 0
    if how == "flip" and data:
        data[place] ^= 1 << int(which * 7)
    elif how == "cut":
        del data[place:]
    else:
        data[place:] = bytes(len(data) - place)
    chosen.write_bytes(data)


# --- real processes ---------------------------------------------------------------------------------------------------


def write_until(folder: str, goal: int, seed: int) -> None:
    chance = random.Random(seed)
    try:
        writer = SpoolWriter.open(Path(folder), "run")
    except SpoolMissing:
        writer = SpoolWriter.create(Path(folder), "run", START)
    with small(segment=20_000, batch=64):
        for number in range(max(1, int(writer.tail, 16) // 10 - 3), goal + 1):
            for part in transaction(number, 1 + number % 4):
                writer.append(part)
                if chance.random() < 0.02:
                    writer.flush()
            if number % 20 == 0:
                time.sleep(0.001)  # a fast machine, too, leaves time for blows
        writer.close()


def write_and_end(folder: str, goal: int, seed: int) -> None:
    """At once: what other tests have left to do at the end of their process waits for threads that a fork does not have."""
    write_until(folder, goal, seed)
    os._exit(0)


def test_a_writer_killed_again_and_again_while_a_reader_follows(tmp_path: Path) -> None:
    goal = 1_000
    context = multiprocessing.get_context("fork")
    reader: SpoolReader | None = None
    found: list[Transaction] = []
    chance = random.Random(7)
    kills = 0
    for seed in range(1000):
        process = context.Process(target=write_and_end, args=(str(tmp_path), goal, seed))
        process.start()
        deadline = time.monotonic() + chance.uniform(0.003, 0.02)
        while process.is_alive() and (kills >= 8 or time.monotonic() < deadline):
            if reader is None and files(tmp_path):
                reader = SpoolReader(tmp_path, "run", START)
            if reader is not None:
                found += reader.read(10_000, 0.005)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.join()
        if process.exitcode == 0:
            break
    assert kills >= 3
    assert reader is not None
    found += drain(reader)
    assert found == [part for number in range(1, goal + 1) for part in transaction(number, 1 + number % 4)]
    assert all(before.position <= after.position for before, after in pairwise(found))
