"""The command line: `landbridge WORD`. Each word is a file in flows/commands/ with a function of its name."""

import sys
from importlib import import_module
from importlib.util import find_spec

import typer

from flows.commands import output, running
from landbridge.errors import MigrationError
from landbridge.plan import secret_sources

WORDS = (
    "plan",
    "assess",
    "precheck",
    "migrate",
    "replicate",
    "pause",
    "resume",
    "status",
    "validate",
    "approve",
    "cutover",
    "rollback",
    "complete",
    "notify",
    "ddl",
    "rehearse",
    "server",
    "demo",
)

_ABOUT = """Move a live database to another server, version or engine, with proof that nothing was lost.

Exit codes: 0 done, 1 differences or failure, 2 bad usage or plan, 3 precheck refused, 4 waiting for approval."""


def application() -> typer.Typer:
    app = typer.Typer(
        name="landbridge", help=_ABOUT, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
    )
    for word in WORDS:
        name = f"flows.commands.{word}"
        if find_spec(name) is None:
            continue
        module = import_module(name)
        if hasattr(module, "app"):
            app.add_typer(module.app, name=word)
        else:
            app.command(word)(getattr(module, word))
    return app


def main() -> None:
    as_json = "--json" in sys.argv
    secret_sources["block"] = running.read_block
    try:
        application()()
    except MigrationError as error:
        sys.exit(output.refusal(error, as_json=as_json))
    except Exception as error:  # noqa: BLE001  (the last one to see it)
        sys.exit(output.accident(error, as_json=as_json))


if __name__ == "__main__":
    main()
