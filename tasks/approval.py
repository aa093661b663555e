"""
A gate. The ledger decides; the orchestrator's pause shows the evidence and a form, and is only one of the ways to
answer.
"""

import getpass
from typing import Any

from prefect import runtime
from prefect.logging import get_run_logger

from landbridge import approving, ledger
from landbridge.approving import Answer
from landbridge.begin import must_find
from landbridge.errors import PlanError
from landbridge.ledger import Approval
from landbridge.plan import Plan
from tasks.board import BOARD
from tasks.running import ledger_of
from tasks.steps import patiently, step

CUTOVER = "cutover"


def must_be_able_to_ask(plan: Plan, *, approve: bool) -> None:
    """Raises PlanError where a gate could not be opened as the plan and the command want it."""
    approving.codes(plan.cutover)
    if approve and (plan.cutover.approvers or plan.cutover.approvals > 1):
        raise PlanError(
            "--yes approves without asking anybody, and the plan wants named approvers or more than one",
            mend="leave --yes away and let them approve; or change cutover.approvals and cutover.approvers in the plan",
        )


@step("request-approval")
def request_approval(plan: Plan, run: str, gate: str, evidence: dict[str, Any]) -> Approval:
    """
    The gate's open request or valid approval if its evidence still holds, else a new request on this evidence. Every
    answer is looked at again.
    """
    with ledger_of(plan).begin() as connection:
        asked = ledger.request_approval(connection, run, gate, evidence, str(runtime.flow_run.id))
        settled = ledger.settle(connection, run, asked.number, approving.codes(plan.cutover))
    for before, now in zip(asked.decisions, settled.decisions, strict=True):
        if now.void and not before.void:
            BOARD.note(f"the answer of {now.by} does not count: {now.void}")
            get_run_logger().warning("the answer of %s does not count: %s", now.by, now.void)
    return settled


def is_approved(plan: Plan, gate: str = CUTOVER) -> bool:
    """Whether an approval stands that was good when it was given."""
    found = latest(plan, must_find(plan).run, gate)
    return found is not None and found.valid


def decide(plan: Plan, run: str, number: int, answer: Answer) -> None:
    """No step of the orchestrator's, which would be told the code."""

    def act() -> None:
        with ledger_of(plan).begin() as connection:
            ledger.decide(connection, run, number, answer, approving.codes(plan.cutover))

    patiently(act)


@step("open-gate")
def open_gate(plan: Plan, run: str, request: Approval) -> None:
    """The evidence lists what stays behind, so whoever approved it answers for that."""
    with ledger_of(plan).begin() as connection:
        ledger.waive(connection, run, request.names, request.reason or "")


def approve_in_own_name(plan: Plan, run: str, request: Approval) -> None:
    said = Answer(approve=True, by=who_runs_this(), reason="--yes", evidence=request.evidence_hash)
    decide(plan, run, request.number, said)


def who_runs_this() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "the operator"


def latest(plan: Plan, run: str, gate: str) -> Approval | None:
    with ledger_of(plan).connect() as connection:
        return ledger.latest_approval(connection, run, gate)


def earlier_flow_runs(plan: Plan, run: str) -> set[str]:
    """Those that have asked before."""
    with ledger_of(plan).connect() as connection:
        return {str(asked.flow_run) for asked in ledger.approvals(connection, run) if asked.flow_run}
