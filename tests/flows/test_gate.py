"""The gate: who may open it, by which way, and what goes on while it is shut."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.commands import migrate as migrate_word
from flows.commands.prefect_server import Server
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from tasks import stream
from tests.directions.commandline import processes
from tests.flows.conftest import Run, Shop

ROOT = Path(__file__).parents[2]
Meanwhile = Callable[[Callable[[], None]], None]


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_word, "waits", lambda *, no_wait: not no_wait)


def call(server: Server, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.api + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")


def paused(server: Server, flow_run: str) -> Any:
    """The flow run's state, once it is paused."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = call(server, "GET", f"/flow_runs/{flow_run}")["state"]
        if state["type"] == "PAUSED":
            return state
        time.sleep(0.1)
    raise AssertionError("the run is not paused")


def test_the_form_in_the_ui_opens_it_and_the_evidence_stands_there(
    landbridge: Run, shop: Shop, prefect: Server, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    shown: dict[str, Any] = {}

    def answer() -> None:
        request = shop.request()
        keys = paused(prefect, str(request.flow_run))["state_details"]["run_input_keyset"]
        shown["form"] = call(prefect, "GET", f"/flow_runs/{request.flow_run}/input/{keys['schema']}")
        shown["text"] = call(prefect, "GET", f"/flow_runs/{request.flow_run}/input/{keys['description']}")
        given = {"decision": "approve", "approved_by": "Ada", "reason": "all green"}
        call(prefect, "POST", f"/flow_runs/{request.flow_run}/resume", {"run_input": given})

    meanwhile(answer)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 0, done.err
    (approval,) = done.data["approvals"]
    assert (approval["state"], approval["approved_by"], approval["reason"]) == ("approved", "Ada", "all green")
    assert set(shown["form"]["properties"]) == {"decision", "approved_by", "reason"}
    assert shown["form"]["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert "3,500 rows compared: equal" in shown["text"]
    assert "objects not carried or failed: none" in shown["text"]
    assert approval["evidence"]["validation"]["rows"] == 3500
    assert approval["evidence"]["made_in_the_switch"] == ["foreign key orders_customer_fkey"]
    assert shop.sql("target", "select count(*), sum(total) from orders") == shop.sql(
        "source", "select count(*), sum(total) from orders"
    )
    run = call(prefect, "GET", f"/flow_runs/{approval['flow_run']}")
    assert (run["name"], run["state"]["type"]) == (f"migrate {shop.plan.name}", "COMPLETED")
    assert run["parameters"]["plan"]["name"] == shop.plan.name


def test_a_form_without_a_name_is_no_answer(
    landbridge: Run, shop: Shop, prefect: Server, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    def answer() -> None:
        request = shop.request()
        paused(prefect, str(request.flow_run))
        given = {"decision": "approve", "approved_by": " ", "reason": ""}
        call(prefect, "POST", f"/flow_runs/{request.flow_run}/resume", {"run_input": given})

    meanwhile(answer)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 1
    assert "without a name" in done.data["found"]
    assert shop.request().state == "requested"
    assert shop.sql("source", "insert into customers values (501, 'still writing') returning id") == [(501,)]


def test_landbridge_approve_ends_the_pause_and_changes_go_on_meanwhile(
    landbridge: Run, shop: Shop, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    seen: list[Any] = []

    def answer() -> None:
        shop.request()
        shop.sql("source", "insert into customers values (900, 'late'); update orders set total = 0 where id = 7")
        deadline = time.monotonic() + 20
        while not seen and time.monotonic() < deadline:
            seen.extend(shop.sql("target", "select name from customers where id = 900"))
        words = ["approve", str(shop.file), "--by", "Bob", "--reason", "looked at it"]
        subprocess.run([sys.executable, "-m", "flows", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    meanwhile(answer)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 0, done.err
    assert seen == [("late",)], "apply must run on while the gate is shut"
    assert done.data["approvals"][0]["approved_by"] == "Bob"
    assert f"landbridge approve {shop.file}" in done.err
    assert shop.sql("target", "select total from orders where id = 7") == [(0,)]


def test_a_rejection_ends_the_run_and_the_next_one_asks_again(landbridge: Run, shop: Shop) -> None:
    assert landbridge("migrate", str(shop.file), "--no-wait").code == 4
    assert landbridge("approve", str(shop.file), "--by", "Cid", "--reason", "too early", "--reject").code == 0
    again = landbridge("approve", str(shop.file), "--by", "Dan", "--reason", "but I")
    assert again.code == 1
    assert "no request of the plan" in again.err
    asked = landbridge("migrate", str(shop.file), "--no-wait", "--json")
    assert asked.code == 4
    assert [answer["state"] for answer in asked.data["approvals"]] == ["rejected", "requested"]
    # an approval that has expired is worth nothing
    shop.write(cutover={"approval_expires": "0.1s"})
    assert landbridge("approve", str(shop.file), "--by", "Eve", "--reason", "now").code == 0
    time.sleep(0.2)
    assert landbridge("cutover", str(shop.file), "--no-wait").code == 4
    shop.write(cutover={})
    done = landbridge("cutover", str(shop.file), "--yes", "--json")
    assert done.code == 0, done.err
    assert done.data["approvals"][-1]["reason"] == "--yes"


def test_what_dies_behind_the_gate_ends_the_wait(
    landbridge: Run, shop: Shop, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    def kill_apply() -> None:
        shop.request()
        (running,) = stream._open.values()
        os.kill(running.replication._children["apply"].pid, signal.SIGKILL)

    meanwhile(kill_apply)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 1
    assert "the apply process ended" in done.data["found"]


@contextlib.contextmanager
def terminal(*words: str) -> Iterator[tuple["subprocess.Popen[bytes]", list[bytes]]]:
    """The command on a terminal of its own, and what it draws there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", *words], cwd=ROOT, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    drawn: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # so ends a terminal whose other side is gone
            while block := os.read(ours, 65536):
                drawn.append(block)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process, drawn
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        os.close(ours)


def ended(process: "subprocess.Popen[bytes]", number: signal.Signals) -> int:
    """One that falls into a callback of the interpreter's own is lost: then it is sent again, as a person would."""
    for patience in (20, 60):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(patience)
    raise AssertionError(f"it does not end by signal {number}")


def test_on_a_terminal_it_waits_and_a_signal_stops_everything_in_order(landbridge: Run, shop: Shop) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        asked_before = 0 if number == signal.SIGINT else 1
        with terminal("migrate", str(shop.file)) as (process, drawn):
            run = run_of(shop, str(shop.request(after=asked_before).flow_run))
            working = [pid for pid, command in processes(run).items() if "landbridge.replicate" in command]
            assert len(working) == 2
            time.sleep(1.5)
            assert process.poll() is None
            assert ended(process, number) == code
        shown = b"".join(drawn).decode()
        assert "landbridge approve" in shown
        assert "waiting for an approval" in shown
        assert "Traceback" not in shown
        assert "\x1b[?25h" in shown[shown.rindex("\x1b[?25l") :], "the cursor must be shown again"
        assert processes(run) == {}
    assert landbridge("migrate", str(shop.file), "--yes").code == 0


def run_of(shop: Shop, flow_run: str) -> str:
    ((run,),) = shop.sql("target", f"select run from landbridge.approvals where flow_run = '{flow_run}'")
    return str(run)


def test_the_run_of_a_plan_is_one_at_a_time(landbridge: Run, shop: Shop) -> None:
    with connect(shop.plan.target).get(Connects).exclusive(f"plan/{shop.plan.name}") as free:
        assert free
        second = landbridge("migrate", str(shop.file), "--json")
    assert second.code == 1
    assert second.data["error"] == "Busy"
    assert shop.sql("target", "select count(*) from pg_namespace where nspname = 'landbridge'") == [(0,)]


def test_waiting_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, waits in ((True, True), (False, False)):
        for stream_ in (sys.stdin, sys.stderr):
            monkeypatch.setattr(stream_, "isatty", lambda there=there: there, raising=False)
        assert migrate_word.waits(no_wait=False) is waits
        assert migrate_word.waits(no_wait=True) is False
