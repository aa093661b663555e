"""Following the source: through kills and lost connections, paused and resumed, ended in order, and seen meanwhile."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from landbridge.errors import Killed, MigrationError, SourceMoved, Terminal, Transient
from tasks import following
from tests.directions.commandline import processes
from tests.flows.conftest import Run, Shop

ROOT = Path(__file__).parents[2]


def wait(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def replicating(shop: Shop, *words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "flows", "replicate", str(shop.file), *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def follows(shop: Shop, number: int) -> None:
    """A row written now arrives."""
    shop.sql("source", f"insert into customers values ({number}, 'late {number}')")
    wait(lambda: shop.sql("target", f"select name from customers where id = {number}") == [(f"late {number}",)])


def phase_done(shop: Shop, phase: str) -> bool:
    with contextlib.suppress(psycopg2.Error, IndexError):  # there is no ledger yet, or no such phase
        return bool(shop.sql("target", f"select finished from landbridge.phases where phase = '{phase}'")[0][0])
    return False


def working(shop: Shop) -> dict[str, int]:
    ((run,),) = shop.sql("target", "select run from landbridge.runs")
    found = {
        word: pid for pid, command in processes(run).items() for word in command.split() if "landbridge.rep" in command
    }
    return {role: found[role] for role in ("capture", "apply") if role in found}


def test_it_follows_whatever_happens_until_it_is_told_to_end(landbridge: Run, shop: Shop) -> None:
    port = free_port()
    with replicating(shop, "--metrics-port", str(port)) as process:
        up = wait(lambda: "landbridge_lag_seconds" in (said := get(port, "/metrics")[1]) and said, 120)
        assert f'landbridge_up{{plan="{shop.plan.name}"' in up
        wait(lambda: get(port, "/health") == (200, "ok\n"))
        assert get(port, "/secrets")[0] == 404
        wait(lambda: phase_done(shop, "build-indexes"))
        follows(shop, 1001)
        second = landbridge("replicate", str(shop.file))
        assert (second.code, "Busy: another process runs the plan" in second.err) == (1, True)

        os.kill(working(shop)["apply"], signal.SIGKILL)
        follows(shop, 1002)
        everybody = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database()"
        ((ended,),) = shop.sql("target", f"{everybody} and pid <> pg_backend_pid()")
        assert ended >= 2  # the plan's lock went, too
        wait(lambda: len(working(shop)) == 2)
        follows(shop, 1003)

        assert landbridge("pause", str(shop.file), "--reason", "work on the disk").code == 0
        wait(lambda: "landbridge_paused{" in (said := get(port, "/metrics")[1]) and said.split("landbridge_paused{")[1])
        wait(lambda: (told := status(landbridge, shop))["apply"]["state"] == "paused" and told["running"])
        behind = status(landbridge, shop)["apply"]["bytes"]
        shop.sql("source", "insert into customers values (1004, 'late 1004')")
        wait(lambda: status(landbridge, shop)["apply"]["bytes"] > behind)  # it has come, and waits
        assert "work on the disk" in landbridge("status", str(shop.file)).out
        assert shop.sql("target", "select count(*) from customers where id = 1004") == [(0,)]
        assert landbridge("resume", str(shop.file), "--json").data["before"].endswith("work on the disk")
        follows(shop, 1005)
        assert shop.sql("target", "select count(*) from customers where id = 1004") == [(1,)]

        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
        assert time.monotonic() - begun < 15
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert working(shop) == {}
    assert status(landbridge, shop)["running"] is False
    done = landbridge("migrate", str(shop.file), "--yes")
    assert done.code == 0, done.err
    refused = landbridge("pause", str(shop.file))
    assert (refused.code, "has no run that captures" in refused.err) == (2, True)


def status(landbridge: Run, shop: Shop) -> Any:
    return landbridge("status", str(shop.file), "--json").data["stream"]["figures"]


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ([Transient, Transient], None),
        ([Terminal], "no 0"),
        ([Killed] * 4, None),
        ([Killed] * 5, "no 4, 5 times in a row"),
        ([SourceMoved, Transient], None),
        ([SourceMoved, Transient, SourceMoved], "no 2"),  # at once again: going on there did not help
    ],
)
def test_what_may_clear_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, prefect: object, errors: list[type[MigrationError]], raised: str | None
) -> None:
    waits: list[int] = []
    monkeypatch.setattr(following.Backoff, "wait", lambda _: waits.append(1))
    monkeypatch.setattr(following, "get_run_logger", lambda: logging.getLogger("test"))
    left = list(enumerate(errors))

    def attempt() -> None:
        if left:
            number, kind = left.pop(0)
            raise kind(f"no {number}", mend="-")

    if raised is None:
        following.persist(attempt)
        assert len(waits) == len(errors)
    else:
        with pytest.raises(Terminal) as ended:
            following.persist(attempt)
        assert ended.value.found == raised
