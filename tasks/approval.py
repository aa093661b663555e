"""
The gate before the switch. The ledger decides; the orchestrator's pause shows the evidence and a form, and is only one
of the ways to answer.
"""

import contextvars
import getpass
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from pydantic import Field

from landbridge import ledger
from landbridge.begin import must_find
from landbridge.catch_up import Watch
from landbridge.errors import MigrationError, Terminal, Transient
from landbridge.ledger import Approval
from landbridge.plan import Plan, seconds
from tasks import artifacts
from tasks.board import BOARD
from tasks.running import ledger_of
from tasks.steps import step

GATE = "cutover"
_LOOK_EVERY = 1.0


class CutoverApproval(RunInput):
    """The form."""

    decision: Literal["approve", "reject"] = "reject"
    approved_by: str = Field(default="", description="your name; it is kept in the ledger")
    reason: str = Field(default="", description="why; it is kept in the ledger")


@step("request-approval")
def request_approval(plan: Plan, run: str, evidence: dict[str, Any]) -> Approval:
    """An open request on this evidence, or the approval that is valid already."""
    with ledger_of(plan).begin() as connection:
        return ledger.request_approval(connection, run, GATE, evidence, str(runtime.flow_run.id))


def is_approved(plan: Plan) -> bool:
    """Whether somebody's approval is good now."""
    found = latest(plan, must_find(plan).run)
    return found is not None and found.valid


@step("decide")
def decide(plan: Plan, run: str, number: int, *, approve: bool, by: str, reason: str) -> None:
    with ledger_of(plan).begin() as connection:
        expires_in = seconds(plan.cutover.approval_expires)
        ledger.decide(connection, run, number, approve=approve, by=by, reason=reason, expires_in=expires_in)


def who_runs_this() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "the operator"


def latest(plan: Plan, run: str) -> Approval | None:
    with ledger_of(plan).connect() as connection:
        return ledger.latest_approval(connection, run, GATE)


def wait_for_decision(plan: Plan, run: str, request: Approval, text: str, watch: Watch) -> None:
    """
    Pause the flow run until somebody answers: in the UI's form, or in the ledger by `landbridge approve`. Returns
    without a decision when nobody does for as long as an approval would be good. `watch` goes on being called.
    """
    BOARD.note(f"approve in the UI: {BOARD.flow_run}")
    BOARD.note(f"or with: landbridge approve {BOARD.plan_file} --by NAME --reason TEXT")
    form = CutoverApproval.with_initial_data(description=text)
    limit = int(seconds(plan.cutover.approval_expires))
    key = artifacts.key(run, str(request.number))
    with _watching(plan, run, request, watch):
        try:
            answer = pause_flow_run(wait_for_input=form, timeout=limit, poll_interval=2, key=key)
        except FlowPauseTimeout:
            return
    now = latest(plan, run)
    if now is not None and now.number == request.number and now.state == "requested":
        by = answer.approved_by.strip()
        if not by:
            raise Terminal(
                "the gate was answered without a name, which counts as no answer",
                mend="run the same command again and fill in approved_by",
            )
        decide(plan, run, request.number, approve=answer.decision == "approve", by=by, reason=answer.reason)


@contextmanager
def _watching(plan: Plan, run: str, request: Approval, watch: Watch) -> Iterator[None]:
    """Beside the pause: end it when the ledger has the answer, or when what must go on meanwhile has died."""
    ended, died = threading.Event(), list[MigrationError]()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            try:
                watch()
            except MigrationError as error:
                died[:] = [error]
            if (died or _is_answered(plan, run, request)) and _resume(str(request.flow_run)):
                return

    thread = threading.Thread(target=contextvars.copy_context().run, args=(look,), name="gate", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if died:
        raise died[0]


def _is_answered(plan: Plan, run: str, request: Approval) -> bool:
    """Also when a newer request made this one void. A ledger that cannot be read is asked again."""
    try:
        now = latest(plan, run)
    except Transient:
        return False
    return now is None or now.number != request.number or now.state != "requested"


def _resume(flow_run: str) -> bool:
    """The form's values do not matter here: the ledger has the answer."""
    given = {"decision": "reject", "approved_by": "", "reason": "see the ledger"}
    try:
        with get_client(sync_client=True) as client:
            client.resume_flow_run(UUID(flow_run), run_input=given)
    except Exception as error:  # noqa: BLE001  (any of the client's; it is tried again)
        get_run_logger().warning("the pause cannot be ended: %s", type(error).__name__)
        return False
    return True
