"""landbridge ddl: where tables were altered or stood still while a run goes on, and the word that lets one go on."""

from typing import Annotated, Any

import typer

from flows.commands import output
from flows.commands.approve import By, Reason
from flows.commands.options import Json, PlanFile
from landbridge.errors import PlanError
from landbridge.plan import read_plan

app = typer.Typer(help="List what the source altered; let a table that stands still go on.", no_args_is_help=True)

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="schema.table on the source.", show_default=False)]


@app.command("list")
def list_(plan: PlanFile, as_json: Json = False) -> None:
    """Show every alteration and every stop at a refused change, and what became of it."""
    from landbridge.resume import history

    found = [
        {
            "table": str(each.map.source.name), "state": each.state, "statement": each.statement,
            "obstacle": each.obstacle, "position": each.position, "met": each.met, "approved_by": each.approved_by,
            "reason": each.reason,
        }
        for each in history(read_plan(plan))
    ]  # fmt: skip
    lines = [_line(each) for each in found] or ["the source altered no table of the plan since the run began"]
    output.result({"alterations": found}, "\n".join(lines), as_json=as_json)


def _line(each: dict[str, Any]) -> str:
    line = f"{each['state']:9} {each['table']}: {_what(each['statement'])}"
    return f"{line}\n          because {each['obstacle']}" if each["state"] in ("paused", "approved") else line


Reload = Annotated[bool, typer.Option("--reload", help="Load all its rows anew first.")]


@app.command()
def approve(
    plan: PlanFile, table: TableArgument, by: By, reason: Reason, reload: Reload = False, as_json: Json = False
) -> None:
    """Let a table go on whose target you have made fit; it is compared with what is wanted first."""
    from landbridge.reload import reload as load_anew
    from landbridge.resume import approve as approve_table

    if not by.strip() or not reason.strip():
        raise PlanError("--by and --reason must say something", mend="give your name and why; both are kept")
    data: dict[str, Any] = {"table": table, "by": by, "reason": reason}
    said = f"{table} goes on as soon as the stream runs"
    if reload:
        found, copied = load_anew(read_plan(plan), table, by.strip(), reason)
        data |= {"rows": copied.rows}
        said = f"{copied.rows:,} rows were loaded anew; {said}"
    else:
        found = approve_table(read_plan(plan), table, by.strip(), reason)
    output.result(data | {"statement": found.statement}, f"{said}: {_what(found.statement)}", as_json=as_json)


def _what(statement: str) -> str:
    return statement or "a change was refused"
