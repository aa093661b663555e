"""
Writing the changes of a batch inside the target's open transaction: as sets, a table's halves where the whole does not
fit, and row by row in the source's order what is left.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from landbridge import ledger
from landbridge.cascades import Cascades
from landbridge.cascades_ahead import Ahead, Concerned
from landbridge.change import ALTER, DELETE, INSERT, TRUNCATE, Change, Packed, Transaction, Value
from landbridge.compaction import RowByRow, Step, by_table, compact
from landbridge.counting import kinds
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Packs
from landbridge.endpoints.applying import Applies, ReadsAgain, Reread, TableBatch
from landbridge.errors import RowRejected, Terminal
from landbridge.model import Position, TableMap, TableName
from landbridge.preparing import Prepared
from landbridge.unpacking import changes_of

_KEYS_AT_ONCE = 1000
_FEW = 16
"""Changes that go row by row rather than in halves again: an attempt costs as much."""

_ALONE = (ALTER, TRUNCATE)

Missing = dict[int, list[tuple[Value, ...]]]


class Misfit(Exception):
    """The target does not hold the rows that a batch speaks of."""


class Stopped(Exception):
    """Asked to stop; what was not committed is given up."""


class BatchWriter:
    """
    One connection's. consistent: Pmax, raised when rows are read again. current: the table of the change that was
    tried last row by row. waiting: tables whose changes wait in the spool.
    """

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        run: str,
        connection: sa.Connection,
        consistent: Position | None,
        stopping: Callable[[], bool],
        stores: Callable[[TableName], bool] = lambda _: False,
    ) -> None:
        self.consistent = consistent
        self.current: int | None = None
        self._learned = 0
        self._source, self._run, self._connection, self._stopping = source, run, connection, stopping
        with connection.begin():
            tables = ledger.tables(connection, run)
            self.learn()
        self.waiting: Collection[int] = ()
        self._storing = {table.number for table in tables if stores(table.source.name)}
        self._before = Position("")
        self._writer = target.get(Applies).writer(connection, [table.target_side for table in tables])
        self._know(tables)

    def _know(self, tables: Sequence[TableMap]) -> None:
        self._tables: dict[int, TableMap] = {table.number: table for table in tables}
        self._keys = {table.number: table.key for table in tables}
        self._cascades = Cascades(tables)
        again = self._source.get(ReadsAgain)
        self._ahead = Ahead(self._cascades, tables, self._writer, again) if self._cascades else None

    def learn(self) -> None:
        """In the open transaction: where tables were read that were read in one snapshot, and Pmax with it."""
        self._read_at: Mapping[int, Position] = ledger.table_positions(self._connection, self._run)
        known = ledger.read_stream(self._connection, self._run).consistent
        self.consistent = max(filter(None, (self.consistent, known)), default=None)
        self._learned += 1  # at last: who finds this number finds all that came with it

    def shape(self, table: int) -> TableMap:
        return self._tables[table]

    @property
    def shapes(self) -> list[TableMap]:
        return list(self._tables.values())

    def alter(self, table: TableMap) -> None:
        """From here on, in the open transaction, the table has this shape."""
        self._know([table if each.number == table.number else each for each in self._tables.values()])
        self._writer.reshape(table.target_side)
        self._learned += 1

    def holds(self, table: int, position: Position) -> bool:
        """Whether the table was read in one snapshot that has all up to there already."""
        return position <= self._read_at.get(table, "")

    def wanted(self, batch: Iterable[Transaction]) -> list[Change]:
        """All but what a table was read with already, and what waits in the spool."""
        if not self._read_at and not self.waiting:
            return [change for transaction in batch for change in changes_of(transaction, self._source)]
        return [
            change
            for transaction in batch
            for change in self.unread(transaction)
            if change[1] not in self.waiting or change[0] == ALTER
        ]

    def unread(self, transaction: Transaction) -> Iterator[Change]:
        """Without what a table was read with already."""
        for change in changes_of(transaction, self._source):
            if not self.holds(change[1], transaction.position) or change[0] == ALTER:
                yield change

    def prepare(self, batch: Sequence[Transaction]) -> Prepared | None:
        """In another thread than the rest, ahead of it: only what can be written as sets, exactly, in one go."""
        learned, begins = self._learned, batch[0].first
        if self._cascades or self.converges(begins) or any(begins <= read for read in self._read_at.values()):
            return None
        if not all(transaction.last for transaction in batch):
            return None
        packed = [transaction.packed for transaction in batch if transaction.packed is not None]
        if packed and not any(transaction.changes for transaction in batch):
            return self._prepared_packed(packed, learned)
        return self._prepared([c for transaction in batch for c in changes_of(transaction, self._source)], learned)

    def _prepared_packed(self, packed: Sequence[Packed], learned: int) -> Prepared | None:
        named = {table for _, _, tables in packed for table in tables.values()}
        if any(self._keys.get(number) != key for number, key in named):
            return None
        found = self._writer.prepare_packed(packed)
        if not found.rest:
            return Prepared(counts=found.counts, rows=found.rows, learned=learned, write=found.write)
        unpack = self._source.get(Packs).unpack
        rest = self._prepared([change for each in found.rest for change in unpack(each)], learned)
        if rest is None:
            return None
        counts = Counter(found.counts) + Counter(rest.counts)
        both = found.rows + rest.rows
        return Prepared(counts=counts, rows=both, learned=learned, write=lambda: found.write() and rest.write())

    def _prepared(self, changes: list[Change], learned: int) -> Prepared | None:
        if not changes or _lacking(changes) or any(change[0] in _ALONE for change in changes):
            return None
        steps = compact(changes, self._keys, converge=False)
        if not all(isinstance(step, TableBatch) and self._keys[step.table] for step in steps):
            return None
        batches = [step for step in steps if isinstance(step, TableBatch)]
        sets = [self._writer.prepare(batch) for batch in batches]
        rows = sum(batch.rows for batch in batches)
        return Prepared(counts=kinds(changes), rows=rows, learned=learned, write=lambda: all(write() for write in sets))

    def fits(self, prepared: Prepared, position: Position) -> bool:
        """Whether what was made ready is still what the target needs where it stands now."""
        return prepared.learned == self._learned and not self.waiting and not self.converges(position)

    def converges(self, position: Position) -> bool:
        """Whether a target that stands there may be ahead of the changes that follow."""
        return self.consistent is not None and position < self.consistent

    def write(self, changes: Sequence[Change], position: Position, *, careful: bool) -> None:
        """
        position: where the target stands, exactly or, before Pmax, at least. careful: row by row. Raises Terminal when
        the target refuses something; unless careful it may be the order of tables that was wrong.
        """
        converge = self.converges(position) or _lacking(changes)
        self._before = position
        missing: Missing = {}
        if converge or not self._cascades:
            self._write(changes, converge, missing, careful=careful)
            if self._ahead:
                self._read_concerned(self._ahead.concerned(changes), missing)
        else:
            for part in self._cascades.parts(changes, careful=careful):
                self._write(part.changes, converge, missing, careful=careful)
                self._cascades.follow(self._writer, part.events)
        for number, keys in missing.items():
            self._read_again(self._tables[number], list(dict.fromkeys(keys)))

    def relax(self) -> bool:
        """See applying.Writer."""
        return self._writer.relax()

    def close(self, before: Position, after: Position) -> None:
        """
        The open transaction takes the target from `before` to `after`. Where that passes Pmax, rows that still point
        to no parent are read again first, which raises Pmax.
        """
        if self._ahead is None or self.consistent is None or not before < self.consistent <= after:
            return
        left = self._ahead.astray()
        for number, keys in left.items():
            self._read_again(self._tables[number], keys)
        if left:
            still = self._ahead.astray()
            self._ahead.settled(
                {number: [k for k in keys if k in still.get(number, ())] for number, keys in left.items()}
            )

    def _read_concerned(self, concerned: Concerned, missing: Missing) -> None:
        for number, found in concerned.found:
            self._take_in(self._tables[number], [], found)
        for number, keys in concerned.keys.items():
            missing.setdefault(number, []).extend(keys)

    def _write(self, changes: Sequence[Change], converge: bool, missing: Missing, *, careful: bool) -> None:
        if careful:
            self._replay_or_store(changes, converge, missing)
            return
        tables, truncated = by_table(changes)
        for number in truncated:
            self._writer.truncate(number)
        for own in tables.values():
            self._write_table(own, converge, missing)

    def _write_table(self, changes: list[Change], converge: bool, missing: Missing) -> None:
        """Unique values that are handed from row to row fit into no set that holds both rows, but most others do."""
        if self._stopping():
            raise Stopped
        found: Missing = {}
        savepoint = self._connection.begin_nested()
        try:
            for step in compact(changes, self._keys, converge=converge):
                self._take(step, converge, found)
        except (Misfit, Terminal):
            savepoint.rollback()
        else:
            savepoint.commit()
            for number, keys in found.items():
                missing.setdefault(number, []).extend(keys)
            return
        if len(changes) <= _FEW:
            storing = self._writer.any_order and not self._cascades
            (self._replay_or_store if storing else self._replay)(changes, converge, missing)
            return
        middle = len(changes) // 2
        self._write_table(changes[:middle], converge, missing)
        self._write_table(changes[middle:], converge, missing)

    def _take(self, step: Step, converge: bool, missing: Missing) -> None:
        if isinstance(step, RowByRow):
            if len(step.changes) > _FEW:
                raise Misfit
            self._replay(step.changes, converge, missing)
        elif isinstance(step, TableBatch):
            if not self._writer.write(step, converge and bool(self._keys[step.table])):
                raise Misfit
            if step.missing:
                missing.setdefault(step.table, []).extend(step.missing)

    def _replay(self, changes: Iterable[Change], converge: bool, missing: Missing) -> None:
        for number, key in self._writer.replay(self._watched(changes), converge):
            missing.setdefault(number, []).append(key)

    def _replay_or_store(self, changes: Sequence[Change], converge: bool, missing: Missing) -> None:
        """Where the order of the changes is the source's as far as it matters: so it is the row that is refused."""
        for storing, some in groupby(changes, lambda change: change[1] in self._storing):
            if not storing:
                self._replay(some, converge, missing)
                continue
            for change in some:
                savepoint = self._connection.begin_nested()
                try:
                    self._replay([change], converge, missing)
                except RowRejected as refused:
                    savepoint.rollback()
                    shown = kept(change, self._tables[change[1]])
                    ledger.store_reject(self._connection, self._run, change[1], refused.found, self._before, shown)
                else:
                    savepoint.commit()

    def _watched(self, changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            if self._stopping():
                raise Stopped
            self.current = change[1]
            yield change

    def _read_again(self, table: TableMap, keys: list[tuple[Value, ...]]) -> None:
        """Rows whose changes did not carry all that the target lacks: as the source has them now, or not at all."""
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            wanted = keys[start : start + _KEYS_AT_ONCE]
            found = self._source.get(ReadsAgain).read_keys(table.source_side, wanted)
            there = {tuple(row[place] for place in table.key) for row in found.rows}
            gone = [key for key in wanted if key not in there]
            self._take_in(table, gone, found)

    def _take_in(self, table: TableMap, gone: list[tuple[Value, ...]], found: Reread) -> None:
        batch = TableBatch(table=table.number, deletes=gone, updates=[], inserts=found.rows, missing=[])
        if not self._writer.write(batch, converge=True):
            raise Terminal(
                f"rows of {table.source.name} that were read again from the source do not fit into the target",
                mend=f"compare the primary key of {table.target.name} with the source's",
            )
        ledger.raise_consistent(self._connection, self._run, found.position)
        self.consistent = max(self.consistent or found.position, found.position)


def kept(change: Change, table: TableMap) -> dict[str, Any]:
    """A change as the ledger keeps it: canonical texts by the target's columns, what is no UTF-8 as its bytes."""
    operation, _, old, new = change
    names = [column.target.name for column in table.columns]
    keys = [names[place] for place in table.key] or names
    word = {INSERT: "insert", DELETE: "delete", TRUNCATE: "truncate"}.get(operation, "update")
    return {"operation": word, "key": _texts(keys, old), "row": _texts(names, new)}


def _texts(names: Sequence[str], values: Sequence[Value] | None) -> dict[str, str | None] | None:
    if values is None:
        return None
    return {
        name: value if value is None else value.decode("utf-8", "backslashreplace")
        for name, value in zip(names, values, strict=True)
        if value is not ...
    }


def _lacking(changes: Iterable[Change]) -> bool:
    """Whether rows are to be read again: the target is then ahead of the changes, as it is before Pmax."""
    return any(operation == INSERT and new is not None and ... in new for operation, _, _, new in changes)
