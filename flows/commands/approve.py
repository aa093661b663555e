"""landbridge approve: the answer to the gate, written into the ledger; a run that waits there sees it and goes on."""

from typing import Annotated

import typer

from flows.commands import output
from flows.commands.options import Json, PlanFile
from landbridge.errors import PlanError, Terminal
from landbridge.plan import read_plan, seconds

By = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]
Reject = Annotated[bool, typer.Option("--reject", help="Say no instead.")]


def approve(plan: PlanFile, by: By, reason: Reason, reject: Reject = False, as_json: Json = False) -> None:
    """Approve (or reject) the cutover that a plan's run asks for."""
    from landbridge import ledger
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    if not by.strip() or not reason.strip():
        raise PlanError("--by and --reason must say something", mend="give your name and why; both are kept")
    found = read_plan(plan)
    with connect(found.target).get(Connects).engine().begin() as connection:
        run = ledger.find_run(connection, found)
        request = None if run is None else ledger.latest_approval(connection, run.run, "cutover")
        if run is None or request is None or request.state != "requested":
            state = "none was made" if request is None else f"the latest is {request.state}"
            raise Terminal(
                f"no request of the plan {found.name!r} is open: {state}",
                mend=f"run `landbridge migrate {plan}`: it asks when everything is ready",
            )
        expires_in = seconds(found.cutover.approval_expires)
        ledger.decide(
            connection, run.run, request.number, approve=not reject, by=by.strip(), reason=reason, expires_in=expires_in
        )
    answer = "rejected" if reject else "approved"
    data = {"run": run.run, "request": request.number, "state": answer, "by": by, "reason": reason}
    line = f"request {request.number} of run {run.run} is {answer} by {by}"
    output.result(data | {"evidence": request.evidence}, line, as_json=as_json)
