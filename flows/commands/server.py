"""landbridge server: the local Prefect server, by hand."""

import time

import typer

from flows.commands import output
from flows.commands.options import Json

app = typer.Typer(help="Start, stop or find the local Prefect server.", no_args_is_help=True)


@app.command()
def start(as_json: Json = False) -> None:
    """Start it, unless it runs, and print its address."""
    from flows.commands import prefect_server

    begun = time.monotonic()
    server = prefect_server.ensure(lambda: output.note("starting the local Prefect server ..."))
    seconds = round(time.monotonic() - begun, 2)
    data = {"running": True, "ui": server.ui, "api": server.api, "pid": server.pid, "seconds": seconds}
    output.result(data, f"Prefect UI: {server.ui}\nPREFECT_API_URL={server.api}", as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop it and its database. Stopping none is no error; migrations keep their progress in the target."""
    from flows.commands import prefect_server

    stopped = prefect_server.stop()
    output.result(
        {"running": False, "stopped": stopped}, "stopped" if stopped else "it was not running", as_json=as_json
    )


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether it runs, and where."""
    from flows.commands import prefect_server

    server = prefect_server.running()
    if server is None:
        output.result({"running": False}, "not running", as_json=as_json)
        return
    data = {"running": True, "ui": server.ui, "api": server.api, "pid": server.pid}
    text = f"running, pid {server.pid}\nPrefect UI: {server.ui}\nfiles: {prefect_server.folder()}"
    output.result(data | {"folder": str(prefect_server.folder())}, text, as_json=as_json)
