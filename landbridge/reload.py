"""
A table that stands still gets all its rows anew while the others go on: read in one snapshot of the source whose
position is known, written in one transaction of the target together with that position. Killed, nothing was done.
"""

from dataclasses import replace

import sqlalchemy as sa

from landbridge import ledger
from landbridge.begin import must_find
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Connects, Loads, Snapshots
from landbridge.endpoints.applying import Applies
from landbridge.errors import Transient
from landbridge.ledger import Alteration
from landbridge.model import EVERYTHING, Copied, TableMap
from landbridge.pipe import copy
from landbridge.plan import Plan
from landbridge.resume import refuse_differing, refuse_unseen, standing_at

_NEW = "its rows are loaded anew"


def reload(plan: Plan, table: str, by: str, reason: str) -> tuple[Alteration, Copied]:
    """
    Where the table stands, and what was copied. Its target must have the source's present shape. Raises Terminal while
    it has not, or the target refuses a row; Transient where the source alters the table meanwhile.
    """
    run, source, target = must_find(plan).run, connect(plan.source), connect(plan.target)
    engine = target.get(Connects).engine()
    with engine.begin() as connection:
        found = standing_at(ledger.alterations(connection, run, "paused"), table, None)
        *passed, last = _waiting(connection, run, found)
    refuse_unseen(source, [last.map])
    with engine.connect() as connection:
        writer = target.get(Applies).writer(connection, [last.map.target_side])
        with connection.begin():
            if not ledger.take_turn(connection, run, found):
                raise Transient(f"{table} was let go on by somebody else", mend="see `landbridge ddl list PLAN`")
            refuse_differing(target, last)
            writer.truncate(last.table)
            copied = _copy(source, target, connection, last.map)
            refuse_unseen(source, [last.map])
            for each in passed:
                ledger.set_alteration(connection, run, each, "applied")
            values = {"since": found.since, "obstacle": last.obstacle or _NEW}
            ledger.set_alteration(connection, run, last, "paused", **values)
            ledger.approve_alteration(connection, run, last, by, reason)
            ledger.loaded_anew(connection, run, last.table, copied)
            assert copied.position is not None
            ledger.raise_consistent(connection, run, copied.position)
    return found, copied


def _waiting(connection: sa.Connection, run: str, found: Alteration) -> list[Alteration]:
    """Where the table stands, and all that the source altered of it since: the last one's shape is the source's."""
    known = ledger.alterations(connection, run, "captured", "begun", "paused", "approved")
    waiting = [each for each in known if each.table == found.table]
    if waiting[-1].position > ledger.read_stream(connection, run).position:
        raise Transient(
            f"{found.map.source.name} was altered once more, where apply has not come yet: {waiting[-1].statement}",
            mend="run the same command again once it has",
        )
    return waiting


def _copy(source: Endpoint, target: Endpoint, connection: sa.Connection, table: TableMap) -> Copied:
    """As a table without a key is read: at an exact position."""
    at_once = replace(table.source_side, key=())
    return copy(
        lambda sink: source.get(Snapshots).read(at_once, EVERYTHING, sink),
        lambda blocks: target.get(Loads).load(connection, table.target_side, blocks),
    )
