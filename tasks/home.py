"""Where this program keeps what outlives a command: LANDBRIDGE_HOME, or the user's state folder."""

import os
from pathlib import Path


def home() -> Path:
    given = os.environ.get("LANDBRIDGE_HOME")
    folder = Path(given) if given else Path.home() / ".local" / "state" / "landbridge"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def run_folder(run: str) -> Path:
    """Spool, logs and reports of one run."""
    folder = home() / "runs" / run
    folder.mkdir(parents=True, exist_ok=True)
    return folder
