"""What the terminal shows of a board."""

import io
import re
import time
from dataclasses import replace

import pytest
from rich.console import Console

from flows.commands import terminal
from tasks.board import Board, TableProgress


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def orders(**changes: object) -> TableProgress:
    table = TableProgress(name="shop.orders", expected_rows=1000, expected_bytes=64_000)
    return replace(table, **changes)  # type: ignore[arg-type]


def test_without_a_terminal_each_thing_is_said_once(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.watching(board):
        board.begin("precheck")
        board.note("warning disk: nearly full")
        time.sleep(0.6)
        board.say("precheck", "0 refusal(s), 1 warning(s)")
        board.end("precheck", "done")
        board.begin("load")
        board.end("load", "skipped")
        board.begin("verify")
        board.end("verify", "failed")
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"in \d+\.\d s", "in N s", line) for line in lines] == [
        "precheck ...",
        "warning disk: nearly full",
        "precheck done in N s: 0 refusal(s), 1 warning(s)",
        "load: done before",
        "verify failed in N s",
    ]


def test_nothing_goes_to_standard_output(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.watching(board):
        board.begin("load")
        board.note("look here")
    assert capsys.readouterr().out == ""


def test_the_picture_shows_phases_tables_under_way_and_the_stream(board: Board, clock: list[float]) -> None:
    board.begin("prepare")
    clock[0] += 1.5
    board.say("prepare", "3 objects made")
    board.end("prepare", "done")
    board.begin("load")
    board.expect(0, orders())
    board.expect(1, orders(name="shop.items", rows=2000, bytes=1_000_000, finished=True))
    board.copied(0, 250, 4_000_000)
    board.copied(0, 250, 4_000_000)
    board.streamed("converging", 3.25, 100)
    clock[0] += 2.0
    board.streamed("converging", 2.25, 5100)
    board.note("warning disk: nearly full")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(terminal.picture(board))
    shown = [line.rstrip() for line in console.export_text().splitlines()]
    assert shown[0].split() == ["✓", "prepare", "1.5", "s", "3", "objects", "made"]
    assert shown[1].split() == ["…", "load", "2.0", "s"]
    assert "shop.orders" in shown[2]
    assert shown[2].endswith("500 rows")
    assert "1 of 2 tables, 2,500 rows, 9.0 MB, 1,250 rows/s, 4.5 MB/s" in "\n".join(shown)
    assert shown[-2].strip() == "changes: converging, 5,100 applied, 2,500/s, lag 2.2 s"
    assert shown[-1] == "warning disk: nearly full"
    assert not any("shop.items" in line for line in shown)


def test_the_rate_forgets_what_is_long_ago(board: Board, clock: list[float]) -> None:
    board.streamed("applying", None, 0)
    clock[0] += 1.0
    board.streamed("applying", 0.1, 9000)
    for _ in range(20):
        clock[0] += 1.0
        board.streamed("applying", 0.1, 9000)
    assert board.stream is not None
    assert board.stream.rate == 0.0
    assert terminal.stream_line(board) == "changes: applying, 9,000 applied, 0/s, lag 0.1 s"


def test_a_new_run_begins_with_an_empty_board(board: Board) -> None:
    board.begin("load")
    board.expect(0, orders())
    board.streamed("held", 1.0, 1)
    board.note("old")
    board.clear()
    assert board == Board()
