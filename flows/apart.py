"""
A flow in a process apart from its worker: the command of a process work pool, `python -m flows.apart`. A worker that
ends kills what it has started, in whatever step a migration is. What is killed so is this process alone: the flow goes
on, with capture and apply, and looks for itself from then on whether it is cancelled (tasks/cancelling.py).
"""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time

_PASSED_ON = (signal.SIGTERM, signal.SIGINT)
_LOOK_EVERY = 0.2
MUCH = 16 << 20
"""Bytes of what the flow says that are kept at most, besides the last ones."""


def main() -> None:
    """Ends as the flow's process ends; what it is told meanwhile is passed on, what it says is shown."""
    with tempfile.TemporaryFile() as said:  # a pipe would break with this process, and who writes to it as well
        fcntl.fcntl(said, fcntl.F_SETFL, fcntl.fcntl(said, fcntl.F_GETFL) | os.O_APPEND)
        engine = subprocess.Popen(
            [sys.executable, "-m", "prefect.engine"], stdout=said, stderr=said, start_new_session=True
        )
        for number in _PASSED_ON:
            signal.signal(number, lambda told, _: engine.send_signal(told))
        shown = 0
        while engine.poll() is None:
            time.sleep(_LOOK_EVERY)
            shown = _forget(said.fileno(), _show(said.fileno(), shown))
        _show(said.fileno(), shown)
    if engine.returncode < 0:
        signal.signal(-engine.returncode, signal.SIG_DFL)
        os.kill(os.getpid(), -engine.returncode)
    sys.exit(engine.returncode)


def _show(file: int, offset: int) -> int:
    """What stands in the file from there on; where it ends."""
    while text := os.pread(file, 1 << 16, offset):
        os.write(sys.stdout.fileno(), text)
        offset += len(text)
    return offset


def _forget(file: int, shown: int) -> int:
    """A flow may run for weeks: what was shown goes, once it is much; what is said in that very moment goes with it."""
    if shown > MUCH and os.fstat(file).st_size == shown:
        os.ftruncate(file, 0)
        return 0
    return shown


if __name__ == "__main__":
    main()
