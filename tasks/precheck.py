"""Looking at both ends before anything is written."""

from landbridge.endpoints.abc import Finding
from landbridge.plan import Plan
from landbridge.precheck import Prechecked, precheck
from tasks import artifacts
from tasks.board import BOARD
from tasks.steps import step


@step("look-at-both-ends", retries=2)
def look_at_both_ends(plan: Plan) -> Prechecked:
    return precheck(plan)


def show(plan: Plan, findings: tuple[Finding, ...]) -> str:
    """All findings in one table, warnings on the terminal too; what to say of them in one line."""
    warnings = [finding for finding in findings if finding.level == "warn"]
    refusals = len(findings) - len(warnings)
    for finding in warnings:
        BOARD.note(f"warning {finding.name}: {finding.found}\n  wanted: {finding.wanted}\n  mend: {finding.mend}")
    rows = [{"check": f.name, "level": f.level, "found": f.found, "wanted": f.wanted, "mend": f.mend} for f in findings]
    BOARD.findings = rows
    if rows:
        artifacts.table("precheck", plan.name, rows, f"Precheck of {plan.name}: {refusals} refusal(s)")
    return f"{refusals} refusal(s), {len(warnings)} warning(s)"
