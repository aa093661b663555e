"""Blows at random, drawn by seed: at capture, apply, either server, the flow, and the spool's tail."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from landbridge import spoolfile
from landbridge.runfolder import RunFolder

ROOT = Path(__file__).parents[2]
BLOWS = ("capture", "apply", "source", "target", "flow_alone", "spool")


class Flow:
    """The process that watches capture and apply; started again as often as it is killed, or ends with them."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._errors = folder.path / "flow.stderr"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.invariants.flow", str(self.folder.path)],
                cwd=ROOT, stderr=errors, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)

    def _is_mine(self, role: str) -> bool:
        """Not one that an earlier flow left."""
        assert self._process is not None
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.child(role)}/status").read_text()
            return f"PPid:\t{self._process.pid}\n" in status
        return False

    def lose(self, role: str) -> None:
        """A child is killed, which ends the flow, too."""
        assert self._process is not None
        deadline = time.monotonic() + 30
        while not (self._is_mine(role) and self.kill_child(role)):
            assert time.monotonic() < deadline, f"no {role} is at work"
            time.sleep(0.02)
        self._process.wait(30)

    def said(self) -> str:
        """With the end of the logs of its children."""
        logs = [self._errors, *(self.folder.path / f"{role}.log" for role in ("capture", "apply"))]
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in logs if log.exists())

    def child(self, role: str) -> int | None:
        """The process of this role that is at work now."""
        pid = self.folder.holder(role)
        there = f"landbridge.replicate\0{role}".encode()
        with contextlib.suppress(OSError):
            return pid if there in Path(f"/proc/{pid}/cmdline").read_bytes() else None
        return None

    def kill_child(self, role: str) -> bool:
        pid = self.child(role)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None

    def stop(self) -> None:
        """Also what a flow that was killed left behind."""
        self.kill(signal.SIGTERM)
        for role in ("capture", "apply"):
            self.kill_child(role)


class Killer:
    """struck: how often each blow fell."""

    def __init__(self, seed: int, flow: Flow, ends: dict[str, Any]) -> None:
        self._chance = random.Random(seed)
        self._flow, self._ends = flow, ends
        self._next: list[str] = []
        self.struck: Counter[str] = Counter()

    def strike(self) -> str:
        """Each kind of blow in turn, in an order of chance; all that was struck down stands again."""
        if not self._next:
            self._next = self._chance.sample(BLOWS, len(BLOWS))
        blow = self._next.pop()
        time.sleep(self._chance.uniform(0.2, 1.5))
        getattr(self, f"_{blow}")()
        self.struck[blow] += 1
        return blow

    def _capture(self) -> None:
        self._flow.lose("capture")
        self._flow.start()

    def _apply(self) -> None:
        self._flow.lose("apply")
        self._flow.start()

    def _flow_alone(self) -> None:
        """Its children go on without it, until the next one ends them."""
        self._flow.kill()
        time.sleep(self._chance.uniform(0, 0.5))
        self._flow.start()

    def _source(self) -> None:
        self._server("source")

    def _target(self) -> None:
        self._server("target")

    def _server(self, which: str) -> None:
        """It is away for a moment; capture and apply must come back by themselves."""
        end = self._ends[which]
        os.kill(end.server.pid, signal.SIGKILL)
        time.sleep(self._chance.uniform(0, 0.5))
        end.server = end.again()

    def _spool(self) -> None:
        """As after a crash of the machine: everything ends at once, and what was written last is lost in part."""
        self._flow.kill()
        for role in ("capture", "apply"):
            self._flow.kill_child(role)
        newest = max(self._flow.folder.spool.glob("*.spool"))
        header = spoolfile.read_header(newest)
        assert header is not None
        lost = self._chance.randint(1, 3000)
        os.truncate(newest, max(len(header.line()), newest.stat().st_size - lost))
        self._flow.start()
