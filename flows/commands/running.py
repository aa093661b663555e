"""Running a flow from the command line: a Prefect server to talk to, the run on the terminal, signals as errors."""

import os
import signal
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import typer

from flows.commands import output
from landbridge.plan import Plan

QUIET: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal shows the board; the UI gets the log
}


def run_flow(name: str, path: Path, plan: Plan, **parameters: Any) -> Any:
    """Call the flow `name` of flows/`name`.py in this process and return what it returns."""
    _prepare()
    signal.signal(signal.SIGTERM, _terminated)

    from flows.commands import terminal
    from tasks.board import BOARD

    BOARD.clear()
    BOARD.plan_file = str(path)
    try:
        with terminal.watching(BOARD):
            flow = getattr(import_module(f"flows.{name}"), name)
            return flow(plan, **parameters)
    except KeyboardInterrupt:
        output.note("\ninterrupted; the same command goes on from here")
        raise typer.Exit(output.INTERRUPTED) from None


def read_block(name: str) -> str:
    """For words that run no flow."""
    _prepare()
    from tasks import secrets

    return secrets.read_block(name)


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _prepare() -> None:
    """Before Prefect is imported, for it reads its settings then."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the processes we start would parse everything again
    for setting, value in QUIET.items():
        os.environ.setdefault(setting, value)
    if "PREFECT_API_URL" in os.environ:
        return
    from flows.commands import prefect_server

    server = prefect_server.ensure(lambda: output.note("starting the local Prefect server ..."))
    output.note(f"Prefect UI: {server.ui}")
    os.environ["PREFECT_API_URL"] = server.api
    os.environ["PREFECT_HOME"] = str(prefect_server.folder() / "home")
    os.environ.pop("PREFECT_PROFILE", None)  # it names one that is not in that home
