"""A table that stands still, after an alteration or a refused change, and the person who lets it go on."""

from dataclasses import replace

import sqlalchemy as sa

from landbridge import ledger, legs
from landbridge.begin import must_find
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.altering import Alters
from landbridge.errors import Terminal, Transient
from landbridge.ledger import Alteration
from landbridge.model import TableMap
from landbridge.plan import Plan


def history(plan: Plan) -> list[Alteration]:
    """Every alteration of the plan's run, in the log's order. PlanError without a run."""
    run = must_find(plan).run
    with connect(plan.target).get(Connects).engine().begin() as connection:
        return ledger.alterations(connection, run)


def approve(plan: Plan, table: str, by: str, reason: str) -> Alteration:
    """Raises Terminal, naming the differences, while the target's table is not what it should be."""
    run, target = must_find(plan).run, connect(plan.target)
    with target.get(Connects).engine().begin() as connection:
        found = standing_at(ledger.alterations(connection, run, "paused"), table, False)
        _refuse_read_later(connection, run, found)
        _refuse_unread(found)
        refuse_differing(target, found)
        ledger.approve_alteration(connection, run, found, by, reason)
    return found


def go_on(plan: Plan, table: str, by: str) -> Alteration:
    """After a refused change: it is tried again, and what waited behind it. Raises Terminal for any other table."""
    plan = legs.now(plan)
    run = must_find(plan).run
    with connect(plan.target).get(Connects).engine().begin() as connection:
        found = standing_at(ledger.alterations(connection, run, "paused"), table, True)
        ledger.approve_alteration(connection, run, found, by, "resumed")
    return found


def standing_at(paused: list[Alteration], table: str, refused: bool | None) -> Alteration:
    """The alteration, or the refused change, at which a table stands still; None: whichever."""
    waiting = [each for each in paused if refused is None or each.refused is refused]
    for each in waiting:
        if table in (str(each.map.source.name), str(each.map.target.name)):
            return each
    names = ", ".join(sorted(str(each.map.source.name) for each in waiting)) or "none"
    what, other = ("a refused change", "ddl approve PLAN") if refused else ("an alteration", "resume PLAN --table")
    raise Terminal(
        f"{table} does not stand still at {what}; those that do: {names}",
        mend=f"see `landbridge ddl list PLAN`; at the other kind of stop: `landbridge {other} {table}`",
    )


def _refuse_read_later(connection: sa.Connection, run: str, found: Alteration) -> None:
    """Its rows have what was changed since, in the shape of before: more than the target's shape must be put right."""
    if found.position <= ledger.table_positions(connection, run).get(found.table, ""):
        raise Terminal(
            f"the rows of {found.map.source.name} were read later than it was altered",
            mend="load them anew: `landbridge ddl approve PLAN TABLE --reload`",
        )


def _refuse_unread(found: Alteration) -> None:
    if found.unread:
        raise Terminal(
            f"changes of {found.map.source.name} could not be read: {found.obstacle}",
            mend="once that is mended, load its rows anew: `landbridge ddl approve PLAN TABLE --reload`",
        )


def refuse_differing(target: Endpoint, found: Alteration) -> None:
    travelling = replace(found.map.target, columns=tuple(column.target for column in found.map.columns))
    if differences := target.get(Alters).differences(travelling):
        raise Terminal(
            f"the target's table {found.map.target.name} does not fit: {'; '.join(differences)}",
            mend=f"put it right on the target, then approve again; the source ran: {found.statement}",
        )


def refuse_unseen(source: Endpoint, tables: list[TableMap]) -> None:
    """Raises Transient while the source has tables in shapes that the stream has not told of yet."""
    if unseen := source.get(Alters).altered([table.source for table in tables]):
        raise Transient(
            f"the source altered {', '.join(map(str, unseen))} a moment ago",
            mend="run the same command again once `landbridge ddl list` shows it",
        )
