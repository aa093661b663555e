"""The local Prefect server: found, started, shared, replaced, stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.commands import prefect_server
from landbridge.endpoints import embedded, processes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(session_folder: Path) -> Iterator[Path]:
    """A home of this module's own."""
    home = session_folder / "prefect-home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDBRIDGE_HOME", str(home))
        yield home
        prefect_server.stop()
        embedded().remove(home / "prefect" / "database")


def landbridge(*words: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "flows", "server", *words, "--json"]
    given = os.environ | environment
    return subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def flows_known(server: prefect_server.Server) -> int:
    with urllib.request.urlopen(
        urllib.request.Request(f"{server.api}/flows/count", b"{}", {"content-type": "application/json"})
    ) as answer:
        return int(answer.read())


def test_two_commands_at_once_make_one_server_and_what_a_crash_left_is_discarded(place: Path) -> None:
    half_made = place / "prefect" / "database" / "data"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("1\n")
    of_the_user = {"PREFECT_API_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/at.all", "PREFECT_PROFILE": "x"}
    first, second = [told(started) for started in [landbridge("start", **of_the_user) for _ in range(2)]]
    assert first["pid"] == second["pid"]
    server = prefect_server.running()
    assert server is not None
    assert server.pid == first["pid"]
    assert flows_known(server) == 0


def test_it_is_found_again_without_a_start(place: Path) -> None:
    before = prefect_server.running()
    assert before is not None
    assert prefect_server.ensure(lambda: pytest.fail("started again")) == before
    assert told(landbridge("status"))["pid"] == before.pid


def test_it_sends_nothing_out_and_says_where_its_api_is(place: Path) -> None:
    server = prefect_server.ensure()
    with urllib.request.urlopen(f"{server.ui}/ui-settings") as answer:
        assert json.load(answer)["api_url"] == "/api"
    environment = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{server.pid}/environ").read_text().split("\0") if entry
    )
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["DO_NOT_TRACK"] == "1"
    assert "PYTHONDONTWRITEBYTECODE" not in environment


def test_a_killed_server_is_replaced_and_keeps_what_it_knew(place: Path) -> None:
    before = prefect_server.ensure()
    body = json.dumps({"name": "known before"}).encode()
    request = urllib.request.Request(f"{before.api}/flows/", body, {"content-type": "application/json"})
    urllib.request.urlopen(request).close()
    os.kill(before.pid, signal.SIGKILL)
    after = prefect_server.ensure()
    assert after.pid != before.pid
    assert flows_known(after) == 1


def test_a_lost_database_is_noticed(place: Path) -> None:
    before = prefect_server.ensure()
    database = embedded().running(place / "prefect" / "database")
    database.stop()
    assert prefect_server.running() is None
    assert flows_known(prefect_server.ensure()) == 1
    assert not processes.alive(before.pid, "uvicorn")


def test_another_program_on_its_port_or_with_its_pid_is_not_taken_for_it(place: Path) -> None:
    before = prefect_server.ensure()
    assert prefect_server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before.port))
        other.listen()
        state = json.dumps({"pid": os.getpid(), "port": before.port})
        (place / "prefect" / "server.json").write_text(state)
        (place / "prefect" / "pid").write_text(str(os.getpid()))
        assert prefect_server.running() is None
        after = prefect_server.ensure()
        assert after.port != before.port
        assert after.pid != os.getpid()


def test_stop_ends_server_and_database(place: Path) -> None:
    server = prefect_server.ensure()
    assert told(landbridge("stop")) == {"running": False, "stopped": True}
    assert prefect_server.running() is None
    assert not processes.alive(server.pid, "uvicorn")
    assert embedded().running(place / "prefect" / "database") is None
    assert told(landbridge("stop")) == {"running": False, "stopped": False}
    assert told(landbridge("status")) == {"running": False}
