"""The spool, whatever happens in whatever order: kills, cut connections, damage, groups sent again in other groups."""

import multiprocessing
import os
import random
import signal
import tempfile
import time
from itertools import groupby, pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge import spoolfile
from landbridge.change import Transaction, divided
from landbridge.errors import PositionLost
from landbridge.spool import ForeignSpool, SpoolDamaged, SpoolMissing, SpoolReader, SpoolWriter
from tests.packing import grouped
from tests.spooling import START, abandon, at, drain, files, member, small, transaction

# --- anything may happen ----------------------------------------------------------------------------------------------

step = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 5)),
    st.tuples(st.just("append"), st.just(1)),
    st.tuples(st.just("group"), st.integers(1, 6)),
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
            elif what == "group":
                source += [[member(len(source) + further)] for further in range(1, number + 1)]
                writer.append(grouped([one for (one,) in source[-number:]]))
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
                for one in sent(source[max(0, done - 2) :]):
                    writer.append(one)
        assert found == [part for one in source for part in one]
        writer.close()
        reader.close()


def sent(transactions: list[list[Transaction]]) -> list[Transaction]:
    """Again, after a kill: in other groups than before, which begin before the tail."""
    made: list[Transaction] = []
    for groups, found in groupby(transactions, lambda parts: parts[0].packed is not None):
        parts = [part for one in found for part in one]
        made += [grouped(parts)] if groups else parts
    return made


def tear(folder: Path, number: int, reader: SpoolReader) -> None:
    """Cut the newest file anywhere past its header and past what a reader has used."""
    newest = files(folder)[-1]
    least = len(spoolfile.read_header(newest).line())
    if reader._header.number == spoolfile.read_header(newest).number:
        least = max(least, reader._used)
    os.truncate(newest, least + number % (newest.stat().st_size - least + 1))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(1, 600))
def test_a_reader_begins_anywhere_inside_of_groups(sizes: list[int], max_bytes: int) -> None:
    """Also one that takes groups as they are gets nothing of what lies before."""
    numbers = iter(range(1, 100))
    groups = [[member(next(numbers)) for _ in range(size)] for size in sizes]
    flat = [each for group in groups for each in group]
    with tempfile.TemporaryDirectory() as name, small():
        writer = SpoolWriter.create(Path(name), "run", START)
        for group in groups:
            writer.append(grouped(group))
        writer.close()
        for after in range(0, 10 * len(flat) + 1, 5):
            reader = SpoolReader(Path(name), "run", at(after))
            divided_, taken = [each for each in flat if each.position > at(after)], list[Transaction]()
            while more := reader.read(max_bytes, 0, grouped=True):
                taken += more
            assert list(divided(taken)) == divided_
            assert drain(SpoolReader(Path(name), "run", at(after)), max_bytes) == divided_
            whole = [group for group in groups if group[0].position > at(after)]
            assert [each for each in taken if each.ends] == [grouped(group) for group in whole]


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
