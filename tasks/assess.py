"""Assessing a plan, or several, and what is shown of it."""

from collections.abc import Callable, Sequence
from typing import Any

from landbridge import assessment
from landbridge.assessment import Assessment, page
from landbridge.errors import MigrationError
from landbridge.plan import Plan
from tasks import artifacts
from tasks.board import BOARD
from tasks.home import home
from tasks.steps import step


@step("look-into", run_name="look-into-{plan.name}", retries=2)
def look_into_one(plan: Plan, source_only: bool, several: bool) -> Assessment:
    """several: one that cannot be assessed does not take the others down."""
    try:
        return assessment.assess(plan, source_only=source_only)
    except MigrationError as error:
        if not several:
            raise
        return assessment.failed(plan, error, source_only=source_only)


def look_into(
    plan: Plan, others: Sequence[Plan], source_only: bool, say: Callable[[str], None]
) -> tuple[Assessment, ...]:
    plans = (plan, *others)
    assessment.distinct(plans)
    found = []
    for each in plans:
        say(each.name)
        found.append(look_into_one(each, source_only, bool(others)))
    return tuple(found)


def show(found: Sequence[Assessment]) -> dict[str, Any]:
    """The report's files, the tables in the UI; the document that the command line prints."""
    document = page.document(found)
    folder = home() / "assessments"
    folder.mkdir(exist_ok=True)
    name = found[0].plan if len(found) == 1 else f"estate-{found[0].plan}"
    report, data = folder / f"{name}.html", folder / f"{name}.json"
    document |= {"report": str(report), "data": str(data)}
    page.write(found, report)
    page.write_data(document, data)
    BOARD.note(f"report: {report}")
    rows = [{"database": each.plan, **finding} for each in found for finding in page.findings(each)]
    if rows:
        artifacts.table("assessment", name, rows, document["summary"])
    artifacts.page("assessment-page", name, page.markdown(found, report), document["summary"])
    return document
