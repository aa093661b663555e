"""The beginning of a run, or its continuation: the ledger opened, the tables and the inventory written down once."""

from landbridge import ledger
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.errors import PlanError
from landbridge.follow import follow
from landbridge.mapping import Resolved
from landbridge.plan import Plan, seconds


def begin(plan: Plan, resolved: Resolved) -> ledger.Run:
    """The plan's run, new or going on."""
    found = find(plan)
    if found is not None:
        return found
    source, target = connect(plan.source), connect(plan.target)
    blueprint = ledger.Blueprint(
        tables=resolved.tables, sequences=resolved.sequences, types=resolved.types, objects=resolved.objects
    )
    with target.get(Connects).engine().begin() as connection:
        ledger.open_ledger(connection)
        run = ledger.begin_run(connection, plan, source.get(Connects).identity(), blueprint)
        ledger.record(connection, run.run, resolved.items)
    return run


def find(plan: Plan) -> ledger.Run | None:
    """
    The plan's run, if there is one. Where the source is another server than it was, it goes on there; PositionLost when
    it cannot.
    """
    source, target = connect(plan.source), connect(plan.target)
    with target.get(Connects).engine().begin() as connection:
        run = ledger.find_run(connection, plan)
    if run is not None and run.state == "active":
        identity = source.get(Connects).identity()
        if identity != run.source:
            return follow(source, target, run, identity)
    return run


def must_find(plan: Plan) -> ledger.Run:
    run = find(plan)
    if run is None:
        raise PlanError(f"the plan {plan.name!r} has no run yet", mend="begin one: landbridge migrate PLAN")
    return run


def capture_start(plan: Plan, run: str, source: Endpoint, target: Endpoint) -> None:
    """Fix where the stream begins, before the first row is read, and wait until nothing older is still open."""
    engine, changes = target.get(Connects).engine(), source.get(Changes)
    with engine.begin() as connection:
        known = ledger.read_stream(connection, run).start if ledger.has_stream(connection, run) else None
        tables = ledger.tables(connection, run)
    start = known or changes.prepare(run, tables)  # in no transaction of ours: a slot would wait for it
    if known is None:
        with engine.begin() as connection:
            ledger.start_stream(connection, run, start)
    changes.settle(start, seconds(plan.capture.patience))
