"""
What acts by itself on a side that follows another: the changes that it takes in have in them already what triggers and
events would do again, and no session of some servers can keep them still. There they are taken away when the side
begins to follow, and made again, word for word, before it opens. Their texts are kept in the ledger on that side.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from landbridge import ledger, schema
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Statement
from landbridge.endpoints.acting import Acting, Acts
from landbridge.endpoints.applying import Applies
from landbridge.errors import Terminal, Transient
from landbridge.model import TableName


def acting(end: Endpoint, tables: Iterable[TableName]) -> Acting:
    """Nothing where sessions can keep it still."""
    return Acting() if end.get(Applies).silences_triggers else end.get(Acts).acting(tuple(tables))


def refuse_lasting(end: Endpoint, tables: Iterable[TableName]) -> None:
    if lasting := acting(end, tables).lasting:
        raise Terminal(
            f"the side that is to follow has what acts by itself and could not be made again: {'; '.join(lasting)}",
            mend="put that right there, or drop it, then run the same command again",
        )


def quieten(end: Endpoint, run: str) -> None:
    """The texts first, then the drops; to do it again, after a kill too, loses none. run: whose target it is."""
    engine = end.get(Connects).engine()
    with engine.begin() as connection:
        tables = [table.target.name for table in ledger.tables(connection, run)]
    refuse_lasting(end, tables)
    found = acting(end, tables).statements
    if not found:
        return
    with engine.begin() as connection:
        ledger.keep_still(connection, run, found)
    for statement in reversed(found):
        _take_away(engine, statement)


def _take_away(engine: sa.Engine, statement: Statement) -> None:
    try:
        with engine.begin() as connection:
            schema.unmake(connection, statement)
    except Transient as error:
        raise Transient(
            f"the {statement.kind} {statement.name} cannot be taken away yet: {error.found}",
            mend="end the sessions that use its table on the side that is closed (SHOW PROCESSLIST), then run the same"
            " command again",
        ) from None


def give_back(end: Endpoint, run: str) -> int:
    """How many there were. They stay in the ledger until `forget`: what undoes a switch takes them away again."""
    engine = end.get(Connects).engine()
    with engine.begin() as connection:
        kept = ledger.kept_still(connection, run)
    for statement in kept:
        with engine.begin() as connection:
            schema.make(connection, statement)
    return len(kept)
