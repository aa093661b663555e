"""Rows that come packed are written from where they stand in their messages, whatever they hold, as sets."""

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landbridge import apply
from landbridge.batch import BatchWriter
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change, messages_of
from landbridge.endpoints.applying import PackedWrite
from landbridge.endpoints.postgres import apply as apply_module
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.apply import Writer
from landbridge.errors import RowRejected
from landbridge.preparing import Prepared
from tests.engines.applying import Stage
from tests.support import rows

ODD = [
    None, "", "\\", "\\.", "\\N", "N", "\n", "\r", "\r\n", "\t", "a\tb", "\x01", "\x02", "\x02\x02", "a\x01\x02b", '"', '""', "'",
    ",", " ", " x ", "ü", "😀", "\x7f", "x" * 92, "y" * 10, "z" * 13, "w" * 1000, "\\x41", "{}", "null", "a\\nb", "\n\\.\n",
]  # fmt: skip


@pytest.fixture
def stage(
    postgres_server: postgres.Server, postgres_database: Callable[[], str], session_folder: Path
) -> Iterator[Stage]:
    made = Stage(postgres_server, postgres_database(), postgres_database(), Path(tempfile.mkdtemp(dir=session_folder)))
    made.packs = made.groups = True
    yield made
    made.close()


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Of each packed batch: the changes written from it, and those that were unpacked."""
    seen: list[tuple[int, int]] = []
    prepare = Writer.prepare_packed

    def prepared(*arguments: Any) -> PackedWrite:
        made = prepare(*arguments)
        seen.append((sum(made.counts.values()), sum(len(list(messages_of(each))) for each in made.rest)))
        return made

    monkeypatch.setattr(Writer, "prepare_packed", prepared)
    monkeypatch.setattr(apply, "BATCH_BYTES", 4000)
    return seen


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    seen: list[bool] = []
    prepare = BatchWriter.prepare

    def prepared(*arguments: Any) -> Prepared | None:
        made = prepare(*arguments)
        return replace(made, write=lambda: seen.append(made.write()) or seen[-1]) if made else None

    monkeypatch.setattr(BatchWriter, "prepare", prepared)
    return seen


def field(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def test_whatever_they_hold(stage: Stage, left: list[tuple[int, int]], fitted: list[bool]) -> None:
    stage.on_both("create table t (a text, k text, b text, primary key (k, a)); create table one (v text primary key)")
    stage.begin("t", "one")
    stage.spool(1, (INSERT, 0, None, (b"first", b"", None)), (INSERT, 1, None, (b"first",)))
    stage.apply(1)
    values = [value for value in ODD if value is not None]
    keys = [(one, other) for one in values for other in ("k", "", "\\.")]
    for number, (one, other) in enumerate(keys, 2):
        stage.spool(number, (INSERT, 0, None, (field(one), field(other), field(ODD[number % len(ODD)]))))
    last = 2 + len(keys)
    for number, value in enumerate(values, last):
        stage.spool(number, (INSERT, 1, None, (field(value),)))
    last += len(values)
    wanted = {key: ODD[number % len(ODD)] for number, key in enumerate(keys, 2)}
    for number, (one, other) in enumerate(keys, last):
        if number % 3 == 0:
            stage.spool(number, (DELETE, 0, (field(other), field(one)), None))
            del wanted[one, other]
        else:
            wanted[one, other] = ODD[number % 7 + 3]
            stage.spool(number, (UPDATE, 0, None, (field(one), field(other), field(wanted[one, other]))))
    stage.apply(last + len(keys) - 1)
    found = {(one, other): value for one, other, value in rows(stage.target, "select a, k, b from t")}
    assert found == wanted | {("first", ""): None}
    assert {value for (value,) in rows(stage.target, "select v from one")} == {"first", *values}
    assert stage.row().changes == 2 + 2 * len(keys) + len(values)
    assert all(fitted)
    assert sum(whole for whole, _ in left) > len(keys)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_histories_of_many_tables(stage: Stage, seed: int, left: list[tuple[int, int]]) -> None:
    """With what cannot go packed between: changed keys, rows without all columns, truncations, a table without key."""
    chance = random.Random(seed)
    for number in range(3):
        stage.on_both(f"create table t{number} (id int primary key, v text, w text)")
    stage.on_both("create table loose (id int, v text, w text)")
    stage.begin("t0", "t1", "t2", "loose")
    there: list[dict[int, tuple[Any, Any]]] = [{}, {}, {}]
    loose, last = 0, 600
    for number in range(1, last + 1):
        changes: list[Change] = []
        for _ in range(chance.randint(1, 6)):
            table = chance.randrange(3)
            changes += _step(chance, table, there[table])
        if chance.random() < 0.05:
            changes.append((INSERT, 3, None, (b"1", b"x", None)))
            loose += 1
        if chance.random() < 0.01:
            changes.append((TRUNCATE, 1, None, None))
            there[1].clear()
        stage.spool(number, *changes)
    stage.apply(last)
    for table in range(3):
        found = {key: values for key, *values in rows(stage.target, f"select id, v, w from t{table}")}
        assert found == {key: list(values) for key, values in there[table].items()}
    assert rows(stage.target, "select count(*) from loose") == [(loose,)]
    assert sum(whole for whole, _ in left) > 0


def _step(chance: random.Random, table: int, there: dict[int, tuple[Any, Any]]) -> list[Change]:
    key, value = chance.randrange(200), chance.choice(ODD)
    text, image = b"%d" % key, (b"%d" % key, field(value), b"w")
    if key not in there:
        there[key] = (value, "w")
        return [(INSERT, table, None, image)]
    dice = chance.random()
    if dice < 0.3:
        del there[key]
        return [(DELETE, table, (text,), None)]
    if dice < 0.35:
        there[key] = (value, there[key][1])
        return [(UPDATE, table, None, (text, field(value), ...))]
    if dice < 0.4 and key + 200 not in there:
        there[key + 200] = (value, "w")
        del there[key]
        return [(UPDATE, table, (text,), (b"%d" % (key + 200), field(value), b"w"))]
    there[key] = (value, "w")
    return [(UPDATE, table, None, image)]


def test_a_row_that_is_not_there_is_named(stage: Stage) -> None:
    stage.on_both("create table t (id int primary key, v text)")
    stage.begin("t")
    for number in range(1, 20):
        stage.spool(number, (INSERT, 0, None, (b"%d" % number, b"x")))
    stage.spool(20, (UPDATE, 0, None, (b"77", b"x")))
    with pytest.raises(RowRejected, match=r"public\.t"):
        stage.apply(20)
    assert rows(stage.target, "select count(*) from t") == [(19,)]


def test_numbers_of_staged_rows_begin_again(stage: Stage, monkeypatch: pytest.MonkeyPatch, fitted: list[bool]) -> None:
    monkeypatch.setattr(apply_module, "NUMBERS", 50)
    stage.on_both("create table t (id int primary key, v text)")
    stage.begin("t")
    for number in range(1, 21):
        stage.spool(number, (INSERT, 0, None, (b"%d" % number, b"x")))
    with stage.running():
        for number in range(21, 321):
            stage.spool(number, (UPDATE, 0, None, (b"%d" % (number % 20 + 1), b"%d" % number)))
            if number % 25 == 0:
                stage.wait(lambda number=number: stage.row().position >= f"{number:016X}")
    stage.apply(320)
    wanted = {number % 20 + 1: str(number) for number in range(301, 321)}
    assert dict(rows(stage.target, "select id, v from t")) == wanted
    assert len(fitted) > 5
    assert all(fitted)


def test_numbers_begin_again_inside_of_a_large_transaction(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was staged under them before is gone by then: the same rows, changed again and again."""
    monkeypatch.setattr(apply_module, "NUMBERS", 100)
    stage.packs = False
    stage.on_both("create table t (id int primary key, v text)")
    stage.begin("t")
    stage.spool(1, *((INSERT, 0, None, (b"%d" % key, b"0")) for key in range(30)))
    for turn in range(1, 12):
        updates: list[Change] = [(UPDATE, 0, None, (b"%d" % key, b"%d" % turn)) for key in range(30)]
        stage.spool(2, *updates, last=turn == 11)
    stage.apply(2)
    assert rows(stage.target, "select distinct v from t") == [("11",)]
