"""A run's folder on this machine: what its processes tell each other and whoever looks. Losing it loses nothing."""

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge import plan as plans
from landbridge.errors import Busy, MigrationError, PlanError
from landbridge.model import Position
from landbridge.plan import Plan, parse_plan, read_secret

_BLOCK = "block:"


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    def describe(self, run: str, plan: Plan) -> None:
        """For the processes of the run: secrets stay references."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.write("run.json", {"run": run, "plan": plan.model_dump(mode="json")})

    def described(self) -> tuple[str, Plan]:
        found = self.read("run.json")
        if found is None:
            raise PlanError(f"{self.path} holds no run", mend="run `landbridge migrate` with the plan")
        plans.secret_sources.setdefault("block", _handed_over)
        return found["run"], parse_plan(found["plan"])

    def write(self, name: str, fields: dict[str, Any]) -> None:
        """Whole or not at all, for readers at any time."""
        draft = self.path / f".{name}.{os.getpid()}"
        draft.write_text(json.dumps(fields), encoding="utf-8")
        draft.replace(self.path / name)

    def read(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found

    def remove(self, *names: str) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def fail(self, role: str, error: MigrationError) -> None:
        self.write(f"{role}.error.json", {"pid": os.getpid(), **error.as_dict()})

    def failure(self, role: str, pid: int) -> MigrationError | None:
        """What the process `pid` died of: an error that another one left is not this one's."""
        found = self.read(f"{role}.error.json")
        return MigrationError.from_dict(found) if found is not None and found["pid"] == pid else None

    def applied(self) -> Position | None:
        """Up to where apply needs nothing any more, as it says since this capture was started."""
        found = self.read("applied.json")
        return None if found is None else Position(found["position"])

    def reached(self) -> Position | None:
        """How far apply is where the spool keeps more than that: for a table that stands still, or for a moment."""
        found = self.read("applied.json")
        more = found is not None and found["position"] < found.get("reached", "")
        return Position(found["reached"]) if found and more else None

    @contextlib.contextmanager
    def alone(self, role: str) -> Iterator[None]:
        """One process of a role in a folder; its pid stands in the lock's file. Raises Busy."""
        with (self.path / f"{role}.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    f"another {role} process works in {self.path}", mend="let it, or end it, then start again"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def holder(self, role: str) -> int | None:
        """The pid of the process that holds, or held last, a role's lock."""
        try:
            return int((self.path / f"{role}.lock").read_text())
        except (FileNotFoundError, ValueError):
            return None


class Status:
    """A process's state for the progress display, written once a second at most."""

    def __init__(self, folder: RunFolder, role: str) -> None:
        self._folder, self._name = folder, f"{role}.json"
        self._next = 0.0
        self._counted, self._since = 0, time.monotonic()

    def due(self) -> bool:
        return time.monotonic() >= self._next

    def write(self, changes: int, **fields: Any) -> None:
        """changes: all so far; the rate is that of the time since the last call."""
        now = time.monotonic()
        rate = (changes - self._counted) / max(now - self._since, 0.001)
        self._counted, self._since, self._next = changes, now, now + 1.0
        about = {"pid": os.getpid(), "changes": changes, "rate": round(rate, 1), "updated_at": time.time()}
        self._folder.write(self._name, about | fields)


def handed_over(plan: Plan) -> dict[str, str]:
    """Environment for a run's processes: the secrets that only the orchestrator's side can read."""
    references = {ref.password for ref in (plan.source, plan.target) if ref.password is not None}
    return {_variable(ref): read_secret(ref) for ref in references if ref.startswith(_BLOCK)}


def _variable(reference: str) -> str:
    return f"LANDBRIDGE_SECRET_{hashlib.sha256(reference.encode()).hexdigest()[:12].upper()}"


def _handed_over(name: str) -> str:
    value = os.environ.get(_variable(_BLOCK + name))
    if not value:
        raise PlanError(f"the secret {_BLOCK}{name} was not handed to this process", mend="start it through the flow")
    return value
