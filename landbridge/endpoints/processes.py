"""Private server processes: they outlive whoever started them and are found again by what is left in their folder."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from landbridge.errors import Terminal

POLL = 0.03
START_LIMIT = 120.0
_children: dict[int, subprocess.Popen[bytes]] = {}


def launch(command: Sequence[str | Path], log: Path, *, cwd: Path, uid: int | None = None) -> int:
    """Starts a server in a session of its own, so that no signal meant for us reaches it; returns its pid."""
    account = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    with log.open("ab") as output:
        child = subprocess.Popen(  # type: ignore[call-overload]
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
            **account,
        )
    _children[child.pid] = child
    return int(child.pid)


def alive(pid: int, marker: str) -> bool:
    """Whether `pid` runs and its command line holds `marker`: a pid is given to another program after a reboot."""
    child = _children.get(pid)
    if child is not None:
        # Its command line is no help: for a moment after the start it is still empty or the prefix program's.
        if child.poll() is not None:
            del _children[pid]
        return pid in _children
    if not Path("/proc/self/stat").exists():  # no Linux: the pid is all there is
        return _takes_signals(pid)
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A process that is ending has no command line any more but holds its files' locks until it is a zombie.
    return state not in "ZX" and (not command or marker.encode() in command)


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(pid: int, marker: str, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Sends each signal in turn and waits its seconds for the process to end."""
    for name, seconds in signals:
        if not alive(pid, marker):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, name)
        deadline = time.monotonic() + seconds
        while alive(pid, marker) and time.monotonic() < deadline:
            time.sleep(POLL)
    if alive(pid, marker):
        raise Terminal(
            f"the server process {pid} ({marker}) is still there after {signals[-1][0].name}",
            mend=f"look at what holds it: cat /proc/{pid}/status",
        )


def wait(ready: Callable[[], bool], running: Callable[[], bool]) -> bool:
    """Waits until `ready`; False when the process ends before that, or takes too long."""
    deadline = time.monotonic() + START_LIMIT
    while running() and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(POLL)
    return False


def number_in(file: Path) -> int | None:
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def choose_port(folder: Path) -> int:
    """The port this folder's server had before, where it is free, so that addresses stay good over a restart."""
    before = number_in(folder / "port") or 0
    for port in (before, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Terminal("no free TCP port on 127.0.0.1", mend="end some of the servers that listen there: ss -ltnp")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Two processes that start the server of one folder at once: the second waits and finds it running."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str | Path], *, what: str, uid: int | None = None, stdin: Path | None = None) -> str:
    """Runs a helper program to its end; its output goes into the error when it fails."""
    account = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    with (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(  # type: ignore[call-overload]
            [str(part) for part in command],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
            **account,
        )
    output: str = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise Terminal(
            f"{what} ended with status {done.returncode}:\n{tail(output)}",
            mend="run it by hand to see more: " + " ".join(map(str, command)),
        )
    return output


def tail(text: str, lines: int = 8) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def log_since(log: Path, offset: int) -> str:
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")
    return ""
