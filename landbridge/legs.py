"""Which leg of a migration counts now: the way forward or the way back. Read from both ledgers, writes nothing."""

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.plan import Plan


def turned(plan: Plan) -> Plan:
    """The plan of the other direction. Its ledger is the other side's."""
    return plan.model_copy(update={"source": plan.target, "target": plan.source})


def now(plan: Plan) -> Plan:
    """The plan itself, or the turned one while the target is open and the way back stands."""
    if not plan.cutover.way_back:
        return plan
    forward = _latest(plan)
    if forward is None or not forward[1]:
        return plan
    back = turned(plan)
    return back if _follows(back, forward[0]) else plan


def _latest(plan: Plan) -> tuple[str, bool] | None:
    """The plan's run, and whether it is switched over."""
    with connect(plan.target).get(Connects).engine().connect() as connection:
        run = ledger.find_run(connection, plan)
        return None if run is None else (run.run, ledger.last_cutover(connection, run.run)[0] in ("opening", "done"))


def _follows(plan: Plan, before: str) -> bool:
    with connect(plan.target).get(Connects).engine().connect() as connection:
        run = ledger.find_run(connection, plan)
        return run is not None and ledger.leg_of(connection, run.run).before == before
