"""Phase 8: the gate. Nothing is switched before somebody has said so, on the evidence of this run."""

from landbridge.errors import Terminal
from landbridge.plan import Plan
from tasks import approval, evidence
from tasks.running import phase_of_run
from tasks.stream import replicating, wait_for_lag


def gate(plan: Plan, *, wait: bool, approve: bool) -> bool:
    """
    Whether the ledger holds an approval that is still good. Part of the flow that calls it, not a flow of its own, so
    that it is that run that stands paused in the UI.
    """
    with phase_of_run("gate", plan, again=True) as this, replicating(plan) as stream:
        lag = wait_for_lag(stream)
        facts = evidence.gather(plan, this.run, lag)
        text = evidence.show(plan, facts)
        request = approval.request_approval(plan, this.run, facts)
        if approve and not request.valid:
            by = approval.who_runs_this()
            approval.decide(plan, this.run, request.number, approve=True, by=by, reason="--yes")
        elif wait and not request.valid:
            this.say("waiting for an approval")
            approval.wait_for_decision(plan, this.run, request, text, stream.watch)
        answer = approval.latest(plan, this.run)
        if answer is not None and answer.state == "rejected":
            raise Terminal(
                f"{answer.approved_by} rejected the cutover of {plan.name!r}: {answer.reason}",
                mend="settle it, then run the same command again: it compares again and asks again",
            )
        if answer is None or not answer.valid:
            this.waiting = True
            this.say("not approved yet")
            return False
        this.say(f"approved by {answer.approved_by}: {answer.reason}")
        return True
