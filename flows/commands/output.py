"""What a command says: results on standard output, all else on standard error, and the exit codes."""

import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from landbridge.errors import CheckFailed, MigrationError, PlanError
from tasks.home import home

DONE = 0
FAILED = 1
USAGE = 2
REFUSED = 3
WAITING = 4
INTERRUPTED = 130


def exit_code(error: MigrationError) -> int:
    if isinstance(error, PlanError):
        return USAGE
    return REFUSED if isinstance(error, CheckFailed) else FAILED


def result(data: Any, text: str, *, as_json: bool) -> None:
    print(json.dumps(data, indent=2, default=str) if as_json else text)


def note(text: str = "") -> None:
    print(text, file=sys.stderr, flush=True)


def refusal(error: MigrationError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(error.as_dict(), indent=2))
    note(f"\n{type(error).__name__}: {error.found}\n  to mend it: {error.mend}")
    return exit_code(error)


def accident(error: Exception, *, as_json: bool) -> int:
    """Something nobody thought of: where it happened goes to a file, not to the terminal."""
    path = _write_report(error)
    if as_json:
        print(json.dumps({"error": type(error).__name__, "found": "unexpected", "mend": f"see {path}"}, indent=2))
    note(f"\nunexpected {type(error).__name__}; where it happened stands in {path}")
    return FAILED


def _write_report(error: BaseException) -> Path:
    folder = home() / "crashes"
    folder.mkdir(exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.txt")
    path.write_text("\n".join(_lines(error)), encoding="utf-8")
    return path


def _lines(error: BaseException) -> list[str]:
    """Only the first line of a message: what a driver adds below it may quote rows."""
    below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [*_lines(below), "", "then:"] if below else []
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
    message = str(error).splitlines()[:1]
    return [*lines, *(frame.rstrip() for frame in frames), f"{type(error).__qualname__}: {''.join(message)[:300]}"]
