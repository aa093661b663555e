"""What is read and made ready in a thread comes in order, whole, and with every error, to whoever takes it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge import preparing as module
from landbridge.change import INSERT, UPDATE, Transaction
from landbridge.errors import RowRejected
from landbridge.model import Position
from landbridge.preparing import Prepared, Preparing, Trust
from landbridge.spool import SpoolDamaged, SpoolReader, SpoolWriter


def transaction(number: int) -> Transaction:
    return Transaction(Position(f"{number:016}"), 1.0, [(INSERT, 0, None, (b"%d" % number, b"x" * 100))])


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[SpoolWriter]:
    writer = SpoolWriter.create(tmp_path, "run", Position("0"))
    yield writer
    writer.close()


def preparing(folder: Path, prepare: object) -> Preparing:
    return Preparing(SpoolReader(folder, "run", Position("0")), 500, 0.05, prepare)  # type: ignore[arg-type]


def ready(batch: list[Transaction]) -> Prepared:
    return Prepared(counts={(INSERT, 0): len(batch)}, rows=len(batch), learned=0, write=lambda: True)


def test_all_comes_in_order_with_what_was_made_of_it(spool: SpoolWriter, tmp_path: Path) -> None:
    for number in range(1, 51):
        spool.append(transaction(number))
        spool.flush()
    coming, found = preparing(tmp_path, ready), []
    while len(found) < 50:
        taken = coming.take()
        found += taken.batch
        assert taken.prepared is None or taken.prepared.counts == {(INSERT, 0): len(taken.batch)}
    coming.close()
    assert found == [transaction(number) for number in range(1, 51)]


def test_it_waits_no_longer_than_its_patience(spool: SpoolWriter, tmp_path: Path) -> None:
    coming = preparing(tmp_path, ready)
    assert coming.take().batch == []
    spool.append(transaction(1))
    spool.flush()
    deadline = time.monotonic() + 10
    while not (batch := coming.take().batch):
        assert time.monotonic() < deadline
    coming.close()
    assert batch == [transaction(1)]


def test_what_cannot_be_made_ready_comes_as_it_is(spool: SpoolWriter, tmp_path: Path) -> None:
    def refused(_: object) -> Prepared:
        raise RowRejected("no", mend="none")

    spool.append(transaction(1))
    spool.flush()
    coming = preparing(tmp_path, refused)
    taken = coming.take()
    coming.close()
    assert (taken.batch, taken.prepared) == ([transaction(1)], None)


def test_an_error_of_reading_is_raised_where_it_is_taken(spool: SpoolWriter, tmp_path: Path) -> None:
    spool.append(transaction(1))
    spool.flush()
    (file,) = tmp_path.glob("*.spool")
    file.write_bytes(file.read_bytes()[:-5] + b"wrong")
    coming = preparing(tmp_path, ready)
    with pytest.raises(SpoolDamaged):
        coming.take()
    coming.close()


@pytest.mark.parametrize(("rows", "idle", "waits"), [(4999, 1000, True), (5000, 1000, False), (4999, 1, False)])
def test_after_many_changes_of_few_rows_more_are_waited_for(
    spool: SpoolWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, idle: int, waits: bool
) -> None:
    """As long as some come; not where they were of as many rows as usual."""
    monkeypatch.setattr(module, "_NAPS", 200)
    monkeypatch.setattr(module, "_IDLE", idle)
    made = Prepared(counts={(UPDATE, 0): 10_000}, rows=rows, learned=0, write=lambda: True)
    coming = Preparing(SpoolReader(tmp_path, "run", Position("0")), 1 << 20, 0.05, lambda _: made)
    one, two, three = map(transaction, (1, 2, 3))

    def appended(each: Transaction) -> None:
        spool.append(each)
        spool.flush()

    def taken() -> list[Transaction]:
        while not (batch := coming.take().batch):
            pass
        return batch

    appended(one)
    assert taken() == [one]
    appended(two)
    if waits:
        assert coming.take().batch == []
        appended(three)
        assert taken() == [two, three]
    else:
        assert taken() == [two]
    coming.close()


def test_who_did_not_fit_rests_longer_each_time_and_comes_back() -> None:
    trust = Trust()
    assert trust.given()
    for rests in (1, 2, 4):
        trust.lost()
        assert [trust.given() for _ in range(rests + 1)] == [False] * rests + [True]
    trust.earned()
    trust.earned()
    trust.lost()
    assert [trust.given() for _ in range(3)] == [False, False, True]
