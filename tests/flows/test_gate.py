"""The gate: who may open it, by which way, and what goes on while it is shut."""

import contextlib
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.commands import migrate as migrate_word
from flows.commands.output import INTERRUPTED
from flows.commands.prefect_server import Server
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from tasks import stream
from tests.directions.commandline import processes
from tests.flows.conftest import Run, Said, Shop

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


def paused(server: Server, flow_run: str, not_at: str = "") -> tuple[Any, str, str]:
    """The form's schema and text of a paused flow run, and the key of its pause, once it is another than `not_at`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        details = call(server, "GET", f"/flow_runs/{flow_run}")["state"]["state_details"]
        keys = details.get("run_input_keyset")
        if keys and details["pause_key"] != not_at:
            with contextlib.suppress(urllib.error.HTTPError):  # the state is there before the form
                schema, text = (
                    call(server, "GET", f"/flow_runs/{flow_run}/input/{keys[part]}")
                    for part in ("schema", "description")
                )
                return schema, text + schema["properties"]["decision"]["description"], details["pause_key"]
        time.sleep(0.1)
    raise AssertionError("the run is not paused")


def answer_form(server: Server, flow_run: str, **given: str) -> None:
    assert call(server, "POST", f"/flow_runs/{flow_run}/resume", {"run_input": given})["status"] == "ACCEPT"


def test_the_form_in_the_ui_opens_it_and_the_evidence_stands_there(
    landbridge: Run, shop: Shop, prefect: Server, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    shown: dict[str, Any] = {}

    def answer() -> None:
        request = shop.request()
        shown["form"], shown["text"], _ = paused(prefect, str(request.flow_run))
        given = {"decision": "approve", "approved_by": "Ada", "reason": "all green", "evidence": request.evidence_hash}
        answer_form(prefect, str(request.flow_run), **given)

    meanwhile(answer)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 0, done.err
    (approval,) = done.data["approvals"]
    assert (approval["state"], approval["approved_by"], approval["reason"]) == ("approved", "Ada", "all green")
    assert set(shown["form"]["properties"]) == {"decision", "approved_by", "reason", "evidence", "expires"}
    assert shown["form"]["properties"]["evidence"]["default"] == approval["evidence_hash"]
    assert shown["form"]["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert "3,500 rows compared: equal" in shown["text"]
    assert "objects not carried or failed: none" in shown["text"]
    assert f"evidence {approval['evidence_hash'][:12]}" in shown["text"]
    assert list(shown["form"]["properties"])[:3] == ["decision", "approved_by", "reason"]
    assert "(name not verified)" in shown["text"]
    assert approval["evidence"]["validation"]["rows"] == 3500
    assert approval["evidence"]["made_in_the_switch"] == ["foreign key orders_customer_fkey"]
    assert shop.sql("target", "select count(*), sum(total) from orders") == shop.sql(
        "source", "select count(*), sum(total) from orders"
    )
    run = call(prefect, "GET", f"/flow_runs/{approval['flow_run']}")
    assert (run["name"], run["state"]["type"]) == (f"migrate {shop.plan.name}", "COMPLETED")
    assert run["parameters"]["plan"]["name"] == shop.plan.name


def test_two_persons_with_codes_and_what_does_not_count(
    landbridge: Run,
    shop: Shop,
    prefect: Server,
    meanwhile: Meanwhile,
    on_a_terminal: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANNA_CODE", "annas-code")
    monkeypatch.setenv("BOB_CODE", "bobs-code")
    people = [{"name": "Anna", "code": "env:ANNA_CODE"}, {"name": "Bob", "code": "env:BOB_CODE"}]
    shop.write(cutover={"approvals": 2, "approvers": people})
    texts: list[str] = []

    def answer() -> None:
        request, key = shop.request(), ""
        right = {"decision": "approve", "approved_by": "Anna", "reason": "ready", "evidence": request.evidence_hash}
        for given in (
            right | {"approved_by": " ", "code": "annas-code"},
            right | {"evidence": "", "code": "annas-code"},
            right | {"code": "wrong"},
            right | {"code": "annas-code"},
            right | {"code": "annas-code"},
        ):
            _, text, key = paused(prefect, str(request.flow_run), not_at=key)
            texts.append(text)
            answer_form(prefect, str(request.flow_run), **given)
        _, text, key = paused(prefect, str(request.flow_run), not_at=key)
        texts.append(text)
        words = ["approve", str(shop.file), "--by", "Bob", "--reason", "me too", "--evidence", request.evidence_hash]
        environment = {name: value for name, value in os.environ.items() if name not in ("ANNA_CODE", "BOB_CODE")}
        for code in ("guessed", "bobs-code"):
            asked = subprocess.run(
                [sys.executable, "-m", "flows", *words, "--code", "env:MINE"],
                cwd=ROOT, env=environment | {"MINE": code}, stdout=subprocess.PIPE, check=True, text=True,
            )  # fmt: skip
            assert "the run will prove the code" in asked.stdout
            if code == "guessed":
                _, text, key = paused(prefect, str(request.flow_run), not_at=key)
                texts.append(text)

    meanwhile(answer)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 0, done.err
    assert "without a name" in texts[1]
    assert "not about the evidence" in texts[2]
    assert "the code is not that of Anna" in texts[3]
    assert "approved by Anna" in texts[4]
    assert "has approved this already" in texts[5]
    (approval,) = done.data["approvals"]
    assert (approval["state"], approval["approved_by"]) == ("approved", "Anna, Bob")
    assert [(d["by"], d["verified"], d["void"]) for d in approval["decisions"]] == [
        ("Anna", True, ""),
        ("Bob", False, "the code was not this person's"),
        ("Bob", True, ""),
    ]
    assert "does not count: the code was not this person's" in done.err
    everything = done.out + done.err + "".join(texts) + str(kept_by_prefect(prefect, approval["flow_run"]))
    assert not any(code in everything for code in ("annas-code", "bobs-code", "guessed"))


def kept_by_prefect(server: Server, flow_run: str) -> list[Any]:
    """What it knows of a run's answers, log and artifacts."""
    of_run = {"flow_run": {"id": {"any_": [flow_run]}}}
    answers = call(server, "POST", f"/flow_runs/{flow_run}/input/filter", {"prefix": "paused-", "limit": 200})
    assert answers
    assert not [each["key"] for each in answers if each["key"].endswith("-response")]
    artifacts = call(server, "POST", "/artifacts/filter", {"flow_runs": of_run["flow_run"]})
    logs = call(server, "POST", "/logs/filter", {"limit": 200, "sort": "TIMESTAMP_DESC"})
    return [answers, artifacts, logs]


def test_landbridge_approve_ends_the_pause_and_changes_go_on_meanwhile(
    landbridge: Run, shop: Shop, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    seen: list[Any] = []

    def answer() -> None:
        request = shop.request()
        shop.sql("source", "insert into customers values (900, 'late'); update orders set total = 0 where id = 7")
        deadline = time.monotonic() + 20
        while not seen and time.monotonic() < deadline:
            seen.extend(shop.sql("target", "select name from customers where id = 900"))
        words = ["approve", str(shop.file), "--by", "Bob", "--reason", "looked at it"]
        words += ["--evidence", request.evidence_hash]
        subprocess.run([sys.executable, "-m", "flows", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    meanwhile(answer)
    done = landbridge("migrate", str(shop.file), "--json")
    assert done.code == 0, done.err
    assert seen == [("late",)], "apply must run on while the gate is shut"
    assert done.data["approvals"][0]["approved_by"] == "Bob"
    assert f"landbridge approve {shop.file}" in done.err
    assert shop.sql("target", "select total from orders where id = 7") == [(0,)]


def test_a_cancelled_run_leaves_the_gate_in_order(
    landbridge: Run, shop: Shop, prefect: Server, meanwhile: Meanwhile, on_a_terminal: None
) -> None:
    asked: list[str] = []

    def cancel() -> None:
        asked.append(str(shop.request().flow_run))
        paused(prefect, asked[0])
        cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        call(prefect, "POST", f"/flow_runs/{asked[0]}/set_state", cancelling)

    meanwhile(cancel)
    ended = landbridge("migrate", str(shop.file), "--json")
    assert ended.code == INTERRUPTED
    assert "cancelled in Prefect" in ended.err
    assert call(prefect, "GET", f"/flow_runs/{asked[0]}")["state"]["type"] == "CANCELLED"
    told = landbridge("status", str(shop.file), "--json").data
    assert processes(told["run"]) == {}
    assert {table["state"] for table in told["tables"]} == {"stopped"}
    assert landbridge("migrate", str(shop.file), "--until", "caught-up").code == 0


def test_a_rejection_ends_the_run_and_the_next_one_asks_again(landbridge: Run, shop: Shop, prefect: Server) -> None:
    assert landbridge("migrate", str(shop.file), "--no-wait").code == 4
    assert approve(landbridge, shop, "--by", "Cid", "--reason", "too early", "--reject").code == 0
    again = landbridge("approve", str(shop.file), "--by", "Dan", "--reason", "but I", "--evidence", "0" * 12)
    assert again.code == 1
    assert "no request of the plan" in again.err
    asked = landbridge("migrate", str(shop.file), "--no-wait", "--json")
    assert asked.code == 4
    assert [answer["state"] for answer in asked.data["approvals"]] == ["rejected", "requested"]
    killed = asked.data["approvals"][-1]["flow_run"]  # as a run is left whose machine was switched off at the gate
    call(prefect, "POST", f"/flow_runs/{killed}/set_state", {"state": {"type": "PAUSED"}, "force": True})
    # an approval that has expired is worth nothing, and one of other evidence neither
    assert approve(landbridge, shop, "--by", "Eve", "--reason", "now", "--expires", "0.1s").code == 0
    time.sleep(0.2)
    assert landbridge("cutover", str(shop.file), "--no-wait").code == 4
    assert call(prefect, "GET", f"/flow_runs/{killed}")["state"]["type"] == "CRASHED"
    assert approve(landbridge, shop, "--by", "Eve", "--reason", "now").code == 0
    shop.write(cutover={"timeout": "50s"})
    changed = landbridge("cutover", str(shop.file), "--no-wait", "--json")
    assert changed.code == 4
    assert [answer["state"] for answer in changed.data["approvals"]] == ["rejected", "void", "void", "requested"]
    done = landbridge("cutover", str(shop.file), "--yes", "--json")
    assert done.code == 0, done.err
    assert done.data["approvals"][-1]["reason"] == "--yes"


def approve(landbridge: Run, shop: Shop, *words: str) -> Said:
    """As somebody who has read the evidence."""
    shown = landbridge("approve", str(shop.file), "--show", "--json").data
    return landbridge("approve", str(shop.file), *words, "--evidence", shown["evidence_hash"])


def test_the_evidence_is_frozen_in_files_and_nobody_approves_without_it(
    landbridge: Run, shop: Shop, tmp_path: Path, landbridge_home: Path
) -> None:
    page = tmp_path / "evidence.html"
    assert landbridge("migrate", str(shop.file), "--no-wait").code == 4
    unseen = landbridge("approve", str(shop.file), "--by", "Ada", "--reason", "sure", "--json")
    assert unseen.code == 2
    assert "--show" in unseen.data["mend"]
    shown = landbridge("approve", str(shop.file), "--show", "--report", str(page), "--json").data
    folder = landbridge_home / "runs" / shown["run"] / "evidence"
    data = (folder / "cutover-1.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == shown["evidence_hash"]
    assert json.loads(data) == shown["evidence"]
    assert json.loads(data)["validation"]["counts"]["public.orders"] == {"source": 3000, "target": 3000, "differing": 0}
    assert (folder / "cutover-1.html").read_text() == page.read_text()
    assert shown["evidence_hash"] in page.read_text()
    assert "public.orders" in page.read_text()
    assert "http" not in page.read_text().replace("http-equiv", ""), "it needs no network"
    shop.write(cutover={"approvals": 2})
    refused = landbridge("cutover", str(shop.file), "--yes", "--json")
    assert refused.code == 2
    assert "--yes" in refused.data["found"]


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
    minds = ["env", "--default-signal=INT"]  # what a shell starts in the background, these tests perhaps, ignores it
    process = subprocess.Popen(
        [*minds, sys.executable, "-m", "flows", *words],
        cwd=ROOT, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
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


def test_on_a_terminal_it_waits_and_a_signal_stops_everything_in_order(landbridge: Run, shop: Shop) -> None:
    flow_run = ""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with terminal("migrate", str(shop.file)) as (process, drawn):
            flow_run = str(shop.request(not_by=flow_run).flow_run)
            run = run_of(shop, flow_run)
            working = [pid for pid, command in processes(run).items() if "landbridge.replicate" in command]
            assert len(working) == 2
            time.sleep(1.5)
            assert process.poll() is None
            process.send_signal(number)
            assert process.wait(60) == code
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
