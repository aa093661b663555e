"""Runs and their phases. One run per plan name is active at a time."""

import secrets
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from landbridge.endpoints.abc import Carried
from landbridge.errors import PlanError, Terminal
from landbridge.ledger import layout as t
from landbridge.ledger.loading import add_tables, tables
from landbridge.model import NamedType, SequenceMap, TableMap, dump, load
from landbridge.plan import Plan, parse_plan

PREPARED = "prepared"


@dataclass(frozen=True, kw_only=True)
class Run:
    """
    source: the identity of the source server at the start; positions mean nothing on another one. state: prepared (a
    way back before the switch), active, done.
    """

    run: str
    plan: Plan
    source: str
    state: str
    created: float


def open_ledger(connection: sa.Connection) -> None:
    """Create what is missing. Raises Terminal when the ledger is of another version of this program."""
    connection.execute(sa.schema.CreateSchema(t.SCHEMA, if_not_exists=True))
    t.metadata.create_all(connection)
    versions = connection.execute(sa.select(t.ledger.c.version)).scalars().all()
    if not versions:
        connection.execute(t.ledger.insert().values(version=t.VERSION))
    elif max(versions) != t.VERSION:
        raise Terminal(
            f"the ledger in schema {t.SCHEMA} is of version {max(versions)}, this program writes {t.VERSION}",
            mend="use the program's version that began the run, or finish that run first",
        )


def exists(connection: sa.Connection) -> bool:
    return sa.inspect(connection).has_table("ledger", schema=t.SCHEMA)


def find_run(connection: sa.Connection, plan: Plan) -> Run | None:
    """
    The latest run of the plan's name that is more than prepared. Raises PlanError when it was begun with other
    endpoints or tables: going on with them would mix two migrations.
    """
    if not exists(connection):
        return None
    mine = (t.runs.c.plan_name == plan.name) & (t.runs.c.state != PREPARED)
    row = connection.execute(sa.select(t.runs).where(mine).order_by(t.runs.c.created.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    if row.plan_hash != plan.hash:
        raise PlanError(
            f"the plan {plan.name!r} has changed since its run {row.run} began (endpoints or tables differ)",
            mend="give the changed plan another name and an empty target, or restore the plan",
        )
    return _run(row)


def read_run(connection: sa.Connection, run: str) -> Run | None:
    """A run by its own name, prepared ones too."""
    row = connection.execute(sa.select(t.runs).where(t.runs.c.run == run)).one_or_none()
    return None if row is None else _run(row)


def _run(row: "sa.Row[Any]") -> Run:
    return Run(run=row.run, plan=parse_plan(row.plan), source=row.source, state=row.state, created=row.created)


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What the target's schema is made from; the types with their target names. stands: nothing has to be made."""

    tables: tuple[TableMap, ...]
    sequences: tuple[SequenceMap, ...]
    types: tuple[NamedType, ...]
    objects: tuple[Carried, ...] = ()
    stands: bool = False


def begin_run(connection: sa.Connection, plan: Plan, source: str, blueprint: Blueprint) -> Run:
    """Write the run with its tables, all in state pending."""
    name = plan.name.replace("-", "_")
    run = Run(run=f"{name}_{secrets.token_hex(3)}", plan=plan, source=source, state="active", created=time.time())
    values = {"run": run.run, "plan_name": plan.name, "plan_hash": plan.hash, "source": source, "state": run.state}
    beside = {
        "sequences": [dump(s) for s in blueprint.sequences],
        "types": [dump(n) for n in blueprint.types],
        "objects": [dump(each) for each in blueprint.objects],
        "stands": blueprint.stands,
    }
    connection.execute(
        t.runs.insert().values(**values, plan=plan.model_dump(mode="json"), beside=beside, created=run.created)
    )
    add_tables(connection, run.run, blueprint.tables)
    return run


def blueprint(connection: sa.Connection, run: str) -> Blueprint:
    beside = connection.execute(sa.select(t.runs.c.beside).where(t.runs.c.run == run)).scalar_one()
    return Blueprint(
        tables=tuple(tables(connection, run)),
        sequences=tuple(load(SequenceMap, s) for s in beside["sequences"]),
        types=tuple(load(NamedType, n) for n in beside["types"]),
        objects=tuple(load(Carried, each) for each in beside["objects"]),
        stands=bool(beside.get("stands")),
    )


def end_run(connection: sa.Connection, run: str, state: str) -> None:
    connection.execute(t.runs.update().where(t.runs.c.run == run).values(state=state, finished=time.time()))
    connection.execute(t.alarms.delete().where(t.alarms.c.run == run))


def start_phase(connection: sa.Connection, run: str, phase: str) -> None:
    """A phase that was begun before keeps its first start."""
    if phase_row(connection, run, phase) is None:
        connection.execute(t.phases.insert().values(run=run, phase=phase, started=time.time()))


def finish_phase(connection: sa.Connection, run: str, phase: str, detail: dict[str, Any] | None = None) -> None:
    start_phase(connection, run, phase)
    which = (t.phases.c.run == run) & (t.phases.c.phase == phase)
    connection.execute(t.phases.update().where(which).values(finished=time.time(), detail=detail or {}))


def phase_row(connection: sa.Connection, run: str, phase: str) -> "sa.Row[Any] | None":
    which = (t.phases.c.run == run) & (t.phases.c.phase == phase)
    return connection.execute(sa.select(t.phases).where(which)).one_or_none()


def phase_done(connection: sa.Connection, run: str, phase: str) -> bool:
    row = phase_row(connection, run, phase)
    return row is not None and row.finished is not None


def phases(connection: sa.Connection, run: str) -> list[dict[str, Any]]:
    query = sa.select(t.phases).where(t.phases.c.run == run).order_by(t.phases.c.started)
    return [{k: v for k, v in row._mapping.items() if k != "run"} for row in connection.execute(query)]
