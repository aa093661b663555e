"""Running a flow from the command line: a Prefect server to talk to, the run on the terminal, signals as errors."""

import os
import signal
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import typer

from flows.commands import output
from landbridge.errors import Transient
from landbridge.plan import Plan

QUIET: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "landbridge",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # the engine's own threads
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal shows the board; the UI gets the log
}


def run_flow(name: str, path: Path, plan: Plan, **parameters: Any) -> Any:
    """Call the flow `name` of flows/`name`.py in this process and return what it returns."""
    plan.require_secrets("env", "file")  # before a server is started for nothing
    prepare()
    signal.signal(signal.SIGTERM, _terminated)

    from prefect.exceptions import Abort

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
    except Abort:
        output.note("\ncancelled in Prefect; the same command goes on from here")
        raise typer.Exit(output.INTERRUPTED) from None
    except Exception as error:
        if _raised_in(error).startswith(("prefect.", "httpx.", "httpcore.")):
            raise _prefect_failed(error) from error
        raise


def _raised_in(error: Exception) -> str:
    """The module that raised it."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return "" if place is None else f"{place.tb_frame.f_globals.get('__name__')}."


def _prefect_failed(error: Exception) -> Transient:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return Transient(
        f"Prefect at {os.environ.get('PREFECT_API_URL')} failed: {said}",
        mend="check PREFECT_API_URL, or unset it to use a local server; then the same command goes on, nothing is lost",
    )


def read_block(name: str) -> str:
    """For words that run no flow."""
    prepare()
    from tasks import secrets

    return secrets.read_block(name)


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def prepare() -> None:
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
