"""landbridge notify: who is told what happens to runs, through Prefect's automations."""

from typing import Annotated

import typer

from flows.commands import output, running
from flows.commands.options import Json
from landbridge.errors import PlanError

app = typer.Typer(help="Tell people what happens to runs, through Prefect.", no_args_is_help=True)

_REFERENCE = "env:NAME, file:PATH or block:NAME with the address."
Slack = Annotated[str | None, typer.Option("--slack", help=f"An incoming webhook of Slack's form: {_REFERENCE}")]
Plain = Annotated[str | None, typer.Option("--url", help=f"A webhook that takes plain JSON: {_REFERENCE}")]


@app.command()
def install(slack: Slack = None, url: Plain = None, as_json: Json = False) -> None:
    """Register the shipped automations, anew where they are there, with these webhooks."""
    references = {"slack": slack, "json": url}
    urls = {form: _address(reference) for form, reference in references.items() if reference is not None}
    running.prepare()
    from tasks import notifying

    names = notifying.install(urls)
    told = f"told to: {', '.join(urls)}" if urls else "nobody is told: give --slack or --url"
    output.result({"automations": names, "webhooks": list(urls)}, "\n".join([*names, told]), as_json=as_json)


@app.command()
def remove(as_json: Json = False) -> None:
    """Remove the automations."""
    running.prepare()
    from tasks import notifying

    names = notifying.remove()
    output.result({"removed": names}, "\n".join(names) or "there were none", as_json=as_json)


@app.command("test")
def trial(as_json: Json = False) -> None:
    """Send a trial message the way all others go."""
    running.prepare()
    from prefect.events.worker import EventsWorker

    from tasks import events

    events.tell("notify.test", "trial", "", "this is a trial message of `landbridge notify test`")
    EventsWorker.drain_all(timeout=20)
    output.result(
        {"sent": True}, "sent; it arrives within seconds where `notify install` named a webhook", as_json=as_json
    )


def _address(reference: str) -> str:
    from landbridge.plan import read_secret

    if not reference.startswith(("env:", "file:", "block:")):
        raise PlanError(
            "a webhook's address is a secret and given by reference", mend="write env:NAME, file:PATH or block:NAME"
        )
    return read_secret(reference)
