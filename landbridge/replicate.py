"""
The processes that keep the target up with the source, and their supervision: `python -m landbridge.replicate capture
FOLDER` and `... apply FOLDER`. They outlive a flow that is killed; the next one ends them before it starts its own.
"""

import gc
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from landbridge import ledger
from landbridge.apply import Applying
from landbridge.apply_session import Applied
from landbridge.backoff import Backoff
from landbridge.capture import Captured, Capturing
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Connects
from landbridge.errors import Busy, Killed, MigrationError, PositionLost, Terminal, Transient
from landbridge.mapping import on_error
from landbridge.model import Position
from landbridge.plan import Plan
from landbridge.runfolder import RunFolder, Status, handed_over
from landbridge.spool import ForeignSpool, SpoolMissing, SpoolReader

log = logging.getLogger(__name__)

ROLES = ("capture", "apply")
_MODULE = "landbridge.replicate"
_GRACE = 1.5
_END_POLL = 0.02
_ENDS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
_LOG_BYTES = 2 << 20

_Work = Callable[[RunFolder, Callable[[], bool]], None]


class Replication:
    """
    Both processes of one run, started and stopped together. As a context manager it stops them at exit, whatever
    happened.
    """

    def __init__(self, plan: Plan, run: str, folder: Path) -> None:
        self._plan, self._run, self._folder = plan, run, RunFolder(folder)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Raises Busy when processes of an earlier start cannot be ended."""
        self.stop()
        self._folder.describe(self._run, self._plan)
        for role in ROLES:
            end_survivor(self._folder, role)
        self._folder.remove("applied.json", *(f"{role}{end}" for role in ROLES for end in (".json", ".error.json")))
        environment = os.environ | handed_over(self._plan)
        for role in ROLES:
            with (self._folder.path / f"{role}.stderr").open("wb") as errors:
                self._children[role] = subprocess.Popen(
                    [sys.executable, "-m", _MODULE, role, str(self._folder.path)],
                    stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=environment, start_new_session=True,
                )  # fmt: skip

    def check(self) -> None:
        """Raises what a process died of."""
        for role, child in self._children.items():
            status = child.poll()
            if status is None:
                continue
            raise self._folder.failure(role, child.pid) or (Killed if status < 0 else Terminal)(
                f"the {role} process ended by itself with status {status}",
                mend=f"see {role}.log and {role}.stderr in {self._folder.path}, then run the same command again",
            )

    def lag(self) -> float | None:
        """Seconds since the source committed what was applied last, by the two machines' clocks; None before that."""
        told = self._folder.read("apply.json")
        return max(0.0, time.time() - told["source_time"]) if told and told["source_time"] else None

    def stop(self) -> None:
        """Both end at a transaction's border; nothing is lost, and nothing is in doubt."""
        for number, patience in _ENDS:
            for child in self._children.values():
                if child.poll() is None:
                    child.send_signal(number)
            deadline = time.monotonic() + patience
            for child in self._children.values():
                try:
                    child.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    continue
        self._children.clear()

    def __enter__(self) -> "Replication":
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()


def end_survivor(folder: RunFolder, role: str) -> None:
    """End the folder's process of this role, whoever started it, and wait until its lock is free."""
    for number, patience in _ENDS:
        deadline = time.monotonic() + patience
        signalled = None
        while time.monotonic() < deadline:
            try:
                with folder.alone(role):
                    return
            except Busy:
                pid = folder.holder(role)
            if pid is not None and pid != signalled and _is_ours(pid, role, folder.path):
                signalled = pid
                os.kill(pid, number)
            time.sleep(_END_POLL)
    raise Busy(
        f"a {role} process still works in {folder.path} and could not be ended",
        mend=f"end the process that holds {role}.lock there, then run the same command again",
    )


def _is_ours(pid: int, role: str, path: Path) -> bool:
    """A pid is given to another program after a reboot."""
    if not Path("/proc/self/cmdline").exists():
        return True
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
    except OSError:
        return False
    return [_MODULE, role, str(path)] == words[-4:-1]


# --- inside the processes ---


def main(role: str, path: str) -> int:
    folder = RunFolder(Path(path))
    stopping = _stop_on_signals()
    gc.freeze()
    sys.setswitchinterval(
        0.0005
    )  # while a thread makes rows ready, the one that drives a server must not wait for long
    gc.set_threshold(100_000)  # a batch is as many tuples, none of them garbage: looking cost a third of the time
    try:
        with folder.alone(role):
            _log_to(folder.path / f"{role}.log")
            log.info("%s begins, pid %d", role, os.getpid())
            _try_again(_capture if role == "capture" else _apply, folder, stopping.is_set)
            log.info("%s ends", role)
    except MigrationError as error:
        return _failed(folder, role, error)
    except Exception as error:  # noqa: BLE001 whoever supervises must hear of it, without the data in its text
        log.critical("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        return _failed(folder, role, _unexpected(role, error))
    return 0


def _try_again(work: _Work, folder: RunFolder, stopping: Callable[[], bool]) -> None:
    """A server may be away at the beginning, too."""
    backoff = Backoff(stopping)
    while not stopping():
        try:
            work(folder, stopping)
            return
        except Transient as error:
            log.warning("beginning again: %s", error.found)
            backoff.wait()


def _failed(folder: RunFolder, role: str, error: MigrationError) -> int:
    log.error("%s: %s", type(error).__name__, error)
    folder.fail(role, error)
    return 1


def _unexpected(role: str, error: Exception) -> Terminal:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    return Terminal(f"{type(error).__name__} in the {role} process at {place}", mend="report this with the log's end")


def _stop_on_signals() -> threading.Event:
    """
    A thread waits for the signals, as the main one may be inside the driver for long. After a moment it ends the
    process: that harms nothing here, and nothing may keep a process that was told to go.
    """
    stopping, signals = threading.Event(), {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        signal.sigwait(signals)
        stopping.set()
        time.sleep(_GRACE)
        os._exit(0)

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stopping


def _log_to(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _capture(folder: RunFolder, stopping: Callable[[], bool]) -> None:
    tempfile.tempdir = str(folder.path)  # an endpoint may keep much for a while, and /tmp is often memory
    name, plan = folder.described()
    source, target = connect(plan.source), connect(plan.target)
    with target.get(Connects).engine().begin() as connection:
        run = ledger.read_run(connection, name)
    if run is None:
        raise Terminal(f"the ledger does not know run {name}", mend="run `landbridge migrate` with the plan again")
    status = Status(folder, "capture")

    def tell(done: Captured) -> None:
        status.write(
            done.changes, position=done.position, source_time=done.committed, state=done.state, trouble=done.trouble,
            spool=done.spool, spool_bytes=done.spool_bytes,
        )  # fmt: skip

    Capturing(source, target, run, folder, stopping=stopping, tell=tell).run_until_stopped()


def _apply(folder: RunFolder, stopping: Callable[[], bool]) -> None:
    sys.setswitchinterval(0.0005)  # the thread that drives the target must not wait long for the one that prepares
    run, plan = folder.described()
    source, target = connect(plan.source), connect(plan.target)
    status = Status(folder, "apply")

    def write(done: Applied) -> None:
        if done.kept:
            folder.write("applied.json", {"position": done.kept, "reached": done.position})
        status.write(
            done.changes, position=done.position, source_time=done.committed, state=done.state, trouble=done.trouble
        )

    applying = Applying(
        source, target, run,
        open_spool=lambda after: _open_spool(folder, target, run, after),
        stopping=stopping,
        tell=lambda done: write(done) if status.due() else None,
        on_error=lambda table: on_error(plan, table),
    )  # fmt: skip
    try:
        applying.run_until_stopped()
    except (ForeignSpool, SpoolMissing, PositionLost):
        with applying.engine.begin() as connection:  # not known any more: set aside by the next capture
            ledger.set_spool(connection, run, "")
        raise
    finally:
        write(applying.done)


def _open_spool(folder: RunFolder, target: Endpoint, run: str, after: Position) -> SpoolReader | None:
    """Once this start's capture has opened it: after a crash of the machine it first cuts what that tore."""
    captured = folder.read("capture.json")
    if captured is None:
        return None
    with target.get(Connects).engine().begin() as connection:
        known = ledger.spool(connection, run)
    if captured["spool"] != known:
        return None
    return SpoolReader(folder.spool, run, after)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
