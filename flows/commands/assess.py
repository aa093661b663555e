"""landbridge assess: what to know of a database, or of many, before anything."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands import output, running
from flows.commands.options import Json

Plans = Annotated[list[Path], typer.Argument(metavar="PLAN...", help="Plans, YAML files.", show_default=False)]
SourceOnly = Annotated[bool, typer.Option("--source-only", help="Do not look at the target.")]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Where the HTML page goes as well.")]


def assess(plan: Plans, source_only: SourceOnly = False, report: Report = None, as_json: Json = False) -> None:
    """Checks, sizes, work left to people, statements and the order to go in; writes to no database."""
    from landbridge.assessment import read_plan_for_assessment

    plans = [read_plan_for_assessment(path, source_only=source_only) for path in plan]
    for other in plans[1:]:
        other.require_secrets("env", "file")
    document = running.run_flow("assess", plan[0], plans[0], others=plans[1:], source_only=source_only)
    if report is not None:
        report.write_bytes(Path(document["report"]).read_bytes())
        document["report"] = str(report)
    output.result(document, _describe(document), as_json=as_json)
    raise typer.Exit(output.REFUSED if document["totals"]["refusals"] else output.DONE)


def _describe(document: dict[str, Any]) -> str:
    lines = []
    for each in document["databases"]:
        lines += [f"{each['plan']}: {each['summary']}"]
        lines += [f"  {f['level']:6} {f['check']}: {f['found']}\n         mend: {f['mend']}" for f in each["findings"]]
        lines += [f"  not known: {unknown}" for unknown in each["unknown"]]
    if len(document["databases"]) > 1:
        lines += ["", document["summary"]]
    return "\n".join([*lines, "", f"report: {document['report']}"])
