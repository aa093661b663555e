"""The evidence of a gate: gathered, frozen in the run's folder, and shown in the orchestrator's UI."""

from pathlib import Path
from typing import Any

from landbridge import evidence
from landbridge.ledger import Approval
from landbridge.plan import Plan
from tasks import artifacts
from tasks.board import BOARD
from tasks.home import run_folder
from tasks.running import ledger_of


def gather(plan: Plan, run: str, gate: str, lag: float | None) -> dict[str, Any]:
    with ledger_of(plan).connect() as connection:
        return evidence.gather(connection, plan, run, gate, lag)


def show(plan: Plan, run: str, request: Approval) -> str:
    """What the gate asks on as files and as a page of the run, which stay when the form is gone; the form's text."""
    name = f"{request.gate}-{request.number}"
    shown, data = evidence.freeze(request.evidence, _folder(run), name)
    text = f"{evidence.describe(request.evidence)}\n- as a page: {shown}; its hash is the SHA-256 of {data}"
    artifacts.page("evidence", plan.name, text, "what the gate was asked on")
    BOARD.note(f"evidence {request.evidence_hash}: {shown}")
    return f"{evidence.brief(request.evidence)}\n\n- all of it: the artifact `evidence` of this run"


def show_decisions(plan: Plan, request: Approval) -> None:
    """Who said what, beside the evidence."""
    rows = [
        {
            "request": f"{request.gate} {request.number}",
            "by": decision.name,
            "decision": "approve" if decision.approve else "reject",
            "reason": decision.reason,
            "counts": decision.void or "yes",
            "evidence": decision.evidence_hash,
        }
        for decision in request.decisions
    ]
    if rows:
        artifacts.table("decisions", plan.name, rows, "who said what at the gate")


def _folder(run: str) -> Path:
    return run_folder(run) / "evidence"
