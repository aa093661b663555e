"""landbridge resume: apply goes on after `landbridge pause`, or one table does after a change that was refused."""

from typing import Annotated

import typer

from flows.commands import output, pause
from flows.commands.options import Json, PlanFile
from landbridge.plan import read_plan

Table = Annotated[str, typer.Option("--table", help="One that stands still at a change that was refused.")]


def resume(plan: PlanFile, table: Table = "", as_json: Json = False) -> None:
    """Let apply go on, or one table that stands still."""
    if not table:
        pause.resume(plan, as_json=as_json)
        return
    from landbridge.resume import go_on

    found = go_on(read_plan(plan), table, pause.who())
    data = {"table": table, "refused": found.obstacle}
    said = f"{table} goes on as soon as the stream runs; it was refused: {found.obstacle}"
    output.result(data, said, as_json=as_json)
