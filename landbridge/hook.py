"""The plan's own commands: freezing a source by means of one's own, and what is to happen once the target is open."""

import os
import subprocess

from landbridge.errors import Terminal


def hook(command: str, action: str, run: str, **more: str) -> None:
    """
    Run a command line with `$LANDBRIDGE_ACTION`, `$LANDBRIDGE_RUN` and `more` in its environment. Raises Terminal
    unless it ends with status 0.
    """
    command = command.strip()
    done = subprocess.run(  # noqa: S602 the operator wrote it, as a command line
        command,
        shell=True,
        env=os.environ | {"LANDBRIDGE_ACTION": action, "LANDBRIDGE_RUN": run} | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise Terminal(
            f"the plan's command for {action!r} ended with status {done.returncode}",
            mend=f"put right what it found, then run the same command again, or run it by hand: {command}",
        )
