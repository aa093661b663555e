"""
Alterations on their way into the target: each takes effect exactly between the changes around it. What is not safe
makes its table stand still there; its later changes stay in the spool until the table goes on (docs/ddl.md). A table
whose change was refused stands still and goes on by the same rule, if the plan wants it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import sqlalchemy as sa

from landbridge import ledger
from landbridge.batch import BatchWriter
from landbridge.change import ALTER, Change, Transaction
from landbridge.drift import cascading, target_renames
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Statement
from landbridge.endpoints.altering import Alters
from landbridge.errors import SchemaDrift, Terminal, Transient, Unsupported
from landbridge.ledger import Alteration
from landbridge.ledger.alterations import State
from landbridge.model import ColumnMap, Position, TableMap
from landbridge.spool import SpoolReader

READ_LATER = "its rows were read at once, and later than it: load them anew"
_READ_BYTES = 2 << 20


def alters(transaction: Transaction) -> bool:
    return any(change[0] == ALTER for change in transaction.changes)


class Altering:
    """One session's. standing: the alteration, or refused change, at which each table stands that does not follow."""

    def __init__(self, target: Endpoint, run: str, connection: sa.Connection, writer: BatchWriter) -> None:
        self._target, self._run = target, run
        self._connection, self._writer = connection, writer
        self._refused: dict[tuple[Position, int], str] = {}
        with connection.begin():
            self.standing = {each.table: each for each in ledger.standing(connection, run)}
        writer.waiting = self.standing.keys()

    @property
    def _alters(self) -> Alters:
        """Asked when the source alters something, not before: a target may have no way to follow that."""
        return self._target.get(Alters)

    @property
    def transactional(self) -> bool:
        """Also of a target that cannot follow: it refuses when there is something to follow."""
        try:
            return self._alters.transactional
        except Unsupported:
            return True

    def kept_from(self, position: Position) -> Position:
        """What lies after this is still needed by somebody."""
        return min([position, *(each.since for each in self.standing.values() if each.since is not None)])

    def carries_out(self, transaction: Transaction) -> bool:
        """Whether the target is to be altered by it."""
        return bool(self._met(transaction.changes))

    def ahead(self, transaction: Transaction) -> None:
        """
        Where DDL commits by itself it cannot be part of the transaction: it goes before it, the intent first. What is
        safe is so for the rows before it, too. The open transaction is the one that writes the intent.
        """
        for found in self._met(transaction.changes):
            with self._connection.begin():
                ledger.set_alteration(self._connection, self._run, found, "begun")
            self._carry_out_alone(found)

    def write(self, changes: Sequence[Change], before: Position, *, careful: bool) -> None:
        """In the open transaction, which takes the target from `before` on."""
        if not self.transactional:
            for found in self._met(changes):
                if (found.position, found.table) not in self._refused:
                    self._writer.alter(_bridged(self._writer.shape(found.table), found))
        for part in _parts(changes):
            if isinstance(part, list):
                self._write(part, before, careful=careful)
            else:
                self._meet(self._known(part), before)

    def approved(self) -> Alteration | None:
        """The first of those that may go on."""
        with self._connection.begin():
            return next(iter(ledger.alterations(self._connection, self._run, "approved")), None)

    def prepare(self, found: Alteration) -> None:
        """Before `go_on`, outside of its transaction."""
        if not found.obstacle and not self._alters.transactional:
            self._carry_out_alone(found)

    def go_on(self, found: Alteration, upto: Position, reader: SpoolReader, *, careful: bool) -> Iterator[list[Change]]:
        """
        In the open transaction: the table gets all that waited for it in the spool, up to its next alteration or to
        where all others are. What was written, as it is.
        """
        if not found.obstacle and not self._carried_out(found):
            ledger.set_alteration(self._connection, self._run, found, "paused")
            return
        self._writer.learn()
        self._applied(found)
        del self.standing[found.table]
        for part in self._waiting(found, upto, reader):
            if not isinstance(part, list):
                following = replace(self._known(part), since=found.since)
                state: State = "paused" if following.obstacle else "approved"
                values = {"since": found.since, "obstacle": following.obstacle}
                ledger.set_alteration(self._connection, self._run, following, state, **values)
                self.standing[found.table] = replace(following, state=state)
                return
            self._write(part, found.position, careful=careful)
            yield part

    # --- one alteration ---

    def _met(self, changes: Sequence[Change]) -> list[Alteration]:
        """Those that are to be carried out by themselves: not what is only a change that cannot be read."""
        with_begin = self._connection.in_transaction()
        names = [change for change in changes if change[0] == ALTER and change[1] not in self.standing]
        if with_begin:
            found = [self._known(change) for change in names]
        else:
            with self._connection.begin():
                found = [self._known(change) for change in names]
        return [each for each in found if not each.obstacle and not each.unread]

    def _known(self, change: Change) -> Alteration:
        assert change[3] is not None
        position = Position(change[3][0].decode())
        found = ledger.alteration(self._connection, self._run, position, change[1])
        if found is None:
            raise SchemaDrift(
                f"the ledger does not know the alteration at {position}, which the spool has",
                mend="begin the migration of this plan anew",
            )
        if not self._writer.holds(found.table, found.position):
            return found
        if found.unread:  # its rows have been read since
            return replace(found, obstacle="")
        if cascading(self._writer.shape(found.table), self._writer.shapes):
            raise SchemaDrift(
                f"{found.map.source.name}, whose foreign keys act, was altered before it was read: {found.statement}",
                mend="begin the migration of this plan anew",
            )
        return replace(found, obstacle=READ_LATER)

    def _meet(self, found: Alteration, before: Position) -> None:
        if found.table in self.standing:
            return
        if not found.obstacle and self._carried_out(found):
            self._applied(found)
            return
        obstacle = found.obstacle or self._refused[found.position, found.table]
        ledger.set_alteration(self._connection, self._run, found, "paused", since=before, obstacle=obstacle)
        self.standing[found.table] = replace(found, state="paused", since=before, obstacle=obstacle)

    def _applied(self, found: Alteration) -> None:
        ledger.set_alteration(self._connection, self._run, found, "applied")
        self._writer.alter(found.map)

    def _carried_out(self, found: Alteration) -> bool:
        """False: the target refused it, and nothing of it was done."""
        if self._alters.transactional:
            try:
                with self._connection.begin_nested():
                    self._make(self._connection, found)
            except Terminal as refusal:
                self._refused[found.position, found.table] = f"the target refused it: {refusal.found}"
        return (found.position, found.table) not in self._refused

    def _carry_out_alone(self, found: Alteration) -> None:
        """Statement by statement, whatever of it was done before a kill."""
        try:
            with self._target.get(Connects).engine().connect() as connection:
                self._make(connection.execution_options(isolation_level="AUTOCOMMIT"), found)
        except Terminal as refusal:
            self._refused[found.position, found.table] = f"the target refused it: {refusal.found}"

    def _make(self, connection: sa.Connection, found: Alteration) -> None:
        literally = connection.execution_options(no_parameters=True)  # a % in the text is a %
        for statement in self._statements(found):
            if literally.exec_driver_sql(statement.exists).first() is None:
                for sql in (*statement.session, statement.sql):
                    literally.exec_driver_sql(sql)

    def _statements(self, found: Alteration) -> Iterator[Statement]:
        old = self._writer.shape(found.table)
        return self._alters.alter(found.table, old.target, found.map.target, target_renames(found, old))

    def _waiting(self, found: Alteration, upto: Position, reader: SpoolReader) -> Iterator[list[Change] | Change]:
        """Of one table, what follows its alteration, or all from a refused change on."""
        begun = found.refused
        for transaction in _spooled(upto, reader):
            own = [change for change in self._writer.unread(transaction) if change[1] == found.table]
            for part in _parts(own):
                if begun:
                    yield part
                elif not isinstance(part, list) and part[3] == (found.position.encode(),):
                    begun = True
        if not begun:
            raise Terminal(
                f"the spool does not hold the alteration at {found.position}",
                mend="begin the migration of this plan anew",
            )

    def _write(self, changes: list[Change], before: Position, *, careful: bool) -> None:
        wanted = [change for change in changes if change[1] not in self.standing]
        if wanted:
            self._writer.write(wanted, before, careful=careful)


def _parts(changes: Sequence[Change]) -> Iterator[list[Change] | Change]:
    """Runs of changes, and the alterations between them."""
    run: list[Change] = []
    for change in changes:
        if change[0] != ALTER:
            run.append(change)
            continue
        if run:
            yield run
        yield change
        run = []
    if run:
        yield run


def _spooled(upto: Position, reader: SpoolReader) -> Iterator[Transaction]:
    """Raises Transient where a crash tore off the spool's end: capture reads it again."""
    while transactions := reader.read(_READ_BYTES, 0.0):
        for transaction in transactions:
            if transaction.position > upto:
                return
            yield transaction
    if reader.position < upto:
        raise Transient(f"the spool ends at {reader.position}, before {upto}", mend="wait: capture reads it again")


def _bridged(old: TableMap, found: Alteration) -> TableMap:
    """The old shape's rows in a target that has the new one already. Raises SchemaDrift where that has no room."""
    after = {column.source.name: column.target for column in found.map.columns}
    names = [found.renamed.get(column.source.name, column.source.name) for column in old.columns]
    if not set(names) <= after.keys():
        return old
    columns = tuple(
        ColumnMap(source=column.source, target=after[name]) for column, name in zip(old.columns, names, strict=True)
    )
    return replace(old, target=found.map.target, columns=columns)
