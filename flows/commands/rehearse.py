"""landbridge rehearse: the whole migration into a scratch target, and a forecast of the real one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands import output, running
from flows.commands.options import Json, PlanFile
from landbridge.plan import read_plan

Fail = Annotated[bool, typer.Option("--fail-on-regression", help="End with 1 when it is worse than the last one.")]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Where the HTML page goes as well.")]


def rehearse(plan: PlanFile, fail_on_regression: Fail = False, report: Report = None, as_json: Json = False) -> None:
    """Try everything but the freeze on a database that is dropped afterwards; forecast the real migration."""
    from landbridge import rehearsal

    found = read_plan(plan)
    rehearsal.must_be_able(found)
    rehearsal.dry(found).require_secrets("env", "file")
    document = running.run_flow("rehearse", plan, found)
    if report is not None:
        report.write_bytes(Path(document["report"]).read_bytes())
        document["report"] = str(report)
    output.result(document, _describe(document), as_json=as_json)
    worse = fail_on_regression and document["regressions"]
    raise typer.Exit(output.FAILED if worse or not document["equal"] else output.DONE)


def _describe(document: dict[str, Any]) -> str:
    from landbridge.rehearsal.page import amount

    lines = [f"{document['plan']}, rehearsal {document['number']}: {document['summary']}", ""]
    for each in document["forecast"]:
        value, low, high = (amount(each[name], each["unit"]) for name in ("value", "low", "high"))
        lines.append(f"  {each['name']:12} {value:>12}   {low} to {high}")
    lines += [f"  worse than the last time: {name}" for name in document["regressions"]]
    return "\n".join([*lines, "", f"report: {document['report']}"])
