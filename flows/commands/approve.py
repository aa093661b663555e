"""landbridge approve: the answer to a gate, written into the ledger; a run that waits there sees it and goes on."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands import output
from flows.commands.options import Json, PlanFile
from landbridge.errors import PlanError, Terminal
from landbridge.plan import Plan, read_plan, read_secret, seconds

if TYPE_CHECKING:
    from landbridge.ledger import Approval

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]
Reject = Annotated[bool, typer.Option("--reject", help="Say no instead.")]
Show = Annotated[bool, typer.Option("--show", help="Only show what is asked, and its hash.")]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the evidence as a page there.")]
Evidence = Annotated[str, typer.Option("--evidence", metavar="HASH", help="Of the evidence that was read.")]
Expires = Annotated[str, typer.Option("--expires", metavar="DURATION", help="Sooner than the plan says.")]
Code = Annotated[str, typer.Option("--code", metavar="REF", help="Where the approver's code is: env:NAME, file:PATH.")]
Gate = Annotated[str, typer.Option("--gate", help="Which gate; default: the one that asks.", show_default=False)]


def approve(
    plan: PlanFile,
    by: By = "",
    reason: Reason = "",
    evidence: Evidence = "",
    code: Code = "",
    expires: Expires = "",
    reject: Reject = False,
    gate: Gate = "",
    show: Show = False,
    report: Report = None,
    as_json: Json = False,
) -> None:
    """Read what a plan's run asks at its gate; approve or reject it."""
    if not show and not (by.strip() and reason.strip()):
        raise PlanError("--by and --reason must say something", mend="give your name and why; both are kept")
    if expires:
        _duration(expires)
    from landbridge import legs

    found = legs.now(read_plan(plan))
    run, request = _open_request(found, plan, gate)
    if report is not None:
        from landbridge.evidence import page

        report.write_text(page(request.evidence), encoding="utf-8")
    if show:
        data = {"run": run, "request": request.number, "gate": request.gate, "evidence_hash": request.evidence_hash}
        output.result(data | {"evidence": request.evidence}, _text(request), as_json=as_json)
        return
    from landbridge.approving import Answer

    answer = Answer(
        approve=not reject, by=by, reason=reason, evidence=evidence or _seen(plan, request),
        expires=_duration(expires) if expires else None, code=_code(code, by, request),
    )  # fmt: skip
    now = _decide(found, run, request, answer)
    data = {"run": run, "request": now.number, "gate": now.gate, "state": now.state, "by": by, "reason": reason}
    data |= {"evidence_hash": now.evidence_hash, "evidence": now.evidence}
    output.result(data, _told(run, now), as_json=as_json)


def _duration(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise PlanError(f"--expires: {error}", mend="write it like 2h") from None


def _open_request(plan: Plan, path: Path, gate: str) -> "tuple[str, Approval]":
    from landbridge import ledger
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    with connect(plan.target).get(Connects).engine().connect() as connection:
        run = ledger.find_run(connection, plan)
        asked = [] if run is None else ledger.approvals(connection, run.run)
        request = None if run is None else ledger.open_request(connection, run.run, gate or None)
    if run is None or request is None:
        state = f"the latest is {asked[-1].state}" if asked else "none was made"
        raise Terminal(
            f"no request of the plan {plan.name!r} is open: {state}",
            mend=f"run `landbridge migrate {path}`: it asks when everything is ready",
        )
    return run.run, request


def _text(request: "Approval") -> str:
    from landbridge.evidence import describe

    said = [f"- approved by {decision.name}: {decision.reason}" for decision in request.counted]
    return "\n".join([describe(request.evidence), *said])


def _seen(path: Path, request: "Approval") -> str:
    """Nobody approves what they have not seen: shown here, where somebody looks on."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlanError(
            "--evidence must give the hash of the evidence that you have read",
            mend=f"read it with `landbridge approve {path} --show`, which says its hash",
        )
    output.note(_text(request))
    typer.confirm("\nHave you read this, and is it what you decide on?", abort=True, err=True)
    return request.evidence_hash


def _code(reference: str, by: str, request: "Approval") -> str:
    from landbridge.approving import rules_in

    if reference:
        return read_secret(reference)
    if not rules_in(request.evidence).approvers or not sys.stdin.isatty():
        return ""
    return str(typer.prompt(f"code of {by}", hide_input=True, err=True))


def _decide(plan: Plan, run: str, request: "Approval", answer: Any) -> "Approval":
    """With the codes where they can be read here; else the run that asks proves them before it goes on."""
    from landbridge import approving, ledger
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    try:
        codes = approving.codes(plan.cutover) or None
    except PlanError:
        codes = None
    with connect(plan.target).get(Connects).engine().begin() as connection:
        return ledger.decide(connection, run, request.number, answer, codes)


def _told(run: str, now: "Approval") -> str:
    from landbridge.approving import rules_in

    last, rules = now.decisions[-1], rules_in(now.evidence)
    name = f"{last.by} (the run will prove the code)" if rules.approvers else last.name
    line = f"request {now.number} of run {run}: {'approved' if last.approve else 'rejected'} by {name}"
    missing = rules.persons - sum(decision.approve for decision in now.counted)
    return line if now.state != "requested" else f"{line}; {missing} more must approve"
