"""Phase 8: the gate. Nothing is switched before somebody has said so, on the evidence of this run."""

from landbridge.errors import Terminal
from landbridge.ledger import Approval
from landbridge.plan import Plan
from tasks import approval, asking, events, evidence
from tasks.running import Phase, phase_of_run
from tasks.stream import Stream, replicating, wait_for_lag


def gate(plan: Plan, *, wait: bool, approve: bool, name: str = approval.CUTOVER) -> bool:
    """
    Whether the ledger holds an approval that is still good, on evidence that still holds. Part of the flow that calls
    it, not a flow of its own, so that it is that run that stands paused in the UI.

    Args:
        plan: as it was loaded
        wait: for an approval; else end, with the request in the ledger
        approve: in the name of who runs this
        name: which of the plan's gates; each has its own requests
    """
    approval.must_be_able_to_ask(plan, approve=approve)
    phase = "gate" if name == approval.CUTOVER else f"gate-{name}"
    with phase_of_run(phase, plan, again=True) as this, replicating(plan) as stream:
        for flow_run in approval.earlier_flow_runs(plan, this.run):
            asking.put_away(flow_run)
        while True:
            request, text = _ask(plan, this, stream, name)
            if request.state == "requested" and approve:
                approval.approve_in_own_name(plan, this.run, request)
            elif request.state == "requested" and wait:
                this.say("waiting for an approval")
                events.tell("gate.waiting", plan.name, this.run, f"gate {name} waits for an approval", gate=name)
                wait = asking.wait_for_decision(plan, this.run, request, text, stream.watch)
            else:
                return _is_open(plan, this, request)


def _ask(plan: Plan, this: Phase, stream: Stream, name: str) -> tuple[Approval, str]:
    """Anew each time: what an answer was about may have changed while it was waited for."""
    facts = evidence.gather(plan, this.run, name, wait_for_lag(stream))
    request = approval.request_approval(plan, this.run, name, facts)
    evidence.show_decisions(plan, request)
    return request, evidence.show(plan, this.run, request)


def _is_open(plan: Plan, this: Phase, request: Approval) -> bool:
    if request.state == "rejected":
        said = f"gate {request.gate} was rejected by {request.approved_by}"
        events.tell("gate.rejected", plan.name, this.run, said, gate=request.gate)
        raise Terminal(
            f"{request.approved_by} rejected the {request.gate} of {plan.name!r}: {request.reason}",
            mend="settle it, then run the same command again: it compares again and asks again",
        )
    if not request.valid:
        this.waiting = True
        said = f"gate {request.gate} is not approved yet; the run ended"
        events.tell("gate.waiting", plan.name, this.run, said, gate=request.gate)
        this.say("not approved yet")
        return False
    approval.open_gate(plan, this.run, request)
    this.detail |= {"request": request.number, "evidence": request.evidence_hash, "approved_by": request.names}
    said = f"gate {request.gate} was opened by {request.names}"
    events.tell("gate.opened", plan.name, this.run, said, gate=request.gate)
    this.say(f"approved by {request.names}: {request.reason}")
    return True
