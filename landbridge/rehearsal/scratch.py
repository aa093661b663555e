"""The scratch target of a rehearsal, made and dropped; a database that is not one of ours is never touched."""

import hashlib
from collections.abc import Callable

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.scratches import Scratches
from landbridge.errors import PlanError, Terminal
from landbridge.plan import EndpointRef, Plan, RehearsalSettings, TableRule

_SUFFIX = "-rehearsal"
_LONGEST_NAME = 40


def must_be_able(plan: Plan) -> None:
    """Raises PlanError where the plan does not say where to rehearse, or says it in a way that cannot be."""
    settings = _settings(plan)
    server = _server(plan)
    same = settings.server is None
    if connect(server).family != connect(plan.target).family:
        raise PlanError("rehearsal.server is of another engine than the target", mend="name one of the target's engine")
    taken = {plan.target.database} if same else set()
    if settings.database in taken or (not _holds_schemas(plan) and settings.database in _schemas(plan)):
        raise PlanError(
            f"rehearsal.database is {settings.database!r}, which the migration itself uses", mend="give it another name"
        )


def dry(plan: Plan) -> Plan:
    """The plan with the scratch database as its target, under a name of its own."""
    database, server = _settings(plan).database, _server(plan)
    name = plan.name + _SUFFIX
    if len(name) > _LONGEST_NAME:
        name = f"{plan.name[:22]}-{hashlib.sha256(plan.name.encode()).hexdigest()[:7]}{_SUFFIX}"
    if _holds_schemas(plan):
        return plan.model_copy(update={"name": name, "target": server.model_copy(update={"database": database})})
    tables = tuple(_into(rule, database) for rule in plan.tables)
    return plan.model_copy(update={"name": name, "target": server, "tables": tables})


def make(plan: Plan) -> None:
    """After `clear`."""
    connect(_server(plan)).get(Scratches).make(_settings(plan).database, _mark(plan))


def clear(plan: Plan, stop: Callable[[str], None] = lambda _run: None) -> bool:
    """
    Drop what a rehearsal of this plan has made, with its run in the ledger and what it keeps of the source's log. False
    when there is nothing. stop: ends what a run's killed flow left running. Raises Terminal when the database is not
    one of ours.
    """
    scratches, database = connect(_server(plan)).get(Scratches), _settings(plan).database
    mark = scratches.mark(database)
    if mark is not None and mark != _mark(plan):
        whose = f"it is marked {mark!r}" if mark else "nothing says that a rehearsal made it"
        raise Terminal(
            f"the database {database} is there and was not made by a rehearsal of {plan.name!r}: {whose}",
            mend="name another in rehearsal.database, or drop it by hand if it is not needed",
        )
    if mark is None and _holds_schemas(plan):
        return False
    found = _forget(dry(plan), stop)
    if mark is not None:
        scratches.drop(database)
    return found or mark is not None


def _forget(rehearsed: Plan, stop: Callable[[str], None]) -> bool:
    """The run goes last: as long as it is known, what it left at the source can be found."""
    engine = connect(rehearsed.target).get(Connects).engine()
    with engine.begin() as connection:
        runs = ledger.runs_of(connection, rehearsed.name)
    for run in runs:
        stop(run)
        connect(rehearsed.source).get(Changes).release(run)
    with engine.begin() as connection:
        ledger.forget(connection, runs)
    return bool(runs)


def _settings(plan: Plan) -> RehearsalSettings:
    if plan.rehearsal is None:
        raise PlanError(
            f"the plan {plan.name!r} does not say where to rehearse",
            mend="add `rehearsal: {database: NAME}`: made on the target's server, dropped afterwards",
        )
    return plan.rehearsal


def _server(plan: Plan) -> EndpointRef:
    return _settings(plan).server or plan.target


def _holds_schemas(plan: Plan) -> bool:
    return connect(plan.target).get(Scratches).holds_schemas


def _mark(plan: Plan) -> str:
    return f"landbridge rehearsal of {plan.name}"


def _schemas(plan: Plan) -> set[str]:
    return {(rule.to or rule.include or "").partition(".")[0] for rule in plan.tables}


def _into(rule: TableRule, database: str) -> TableRule:
    """Where a database is what a schema is elsewhere, everything goes into the one."""
    if rule.include is None:
        return rule
    name = rule.to.partition(".")[2] if rule.to else "*"
    return rule.model_copy(update={"to": f"{database}.{name}"})
