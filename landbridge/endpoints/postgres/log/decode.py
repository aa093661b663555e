"""Messages about rows as changes, by functions made for each table when the stream first describes it."""

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Any, Protocol

from landbridge import change
from landbridge.change import Change
from landbridge.endpoints.altering import noted, unread
from landbridge.endpoints.postgres.log import pgoutput
from landbridge.endpoints.postgres.log.drifts import Drifts
from landbridge.endpoints.postgres.log.packed import Pack, heads, packs
from landbridge.endpoints.postgres.log.pgoutput import FULL, NEW, Fields, ReadRow, Relation, row_reader
from landbridge.endpoints.postgres.names import qualified
from landbridge.endpoints.postgres.texts import converter, taking
from landbridge.errors import MigrationError, SchemaDrift, Unsupported
from landbridge.model import Position, TableMap, TableName

Take = Callable[[Fields], tuple[Any, ...]]
Decode = Callable[[bytes], Change]

_FIRST = 6  # a row message: tag, four bytes of oid, the first row's tag, the row


class Partitions(Protocol):
    def root(self, oid: int) -> TableName | None:
        """The table that the relation is a partition of."""

    def require_all(self, oids: Collection[int]) -> None:
        """Raises SchemaDrift when a TRUNCATE of these leaves out a partition of a table that it names."""


class Decoder:
    """
    `rows` decodes a message by its first five bytes, tag and table; by its first six, `packs` has what may go packed.
    It knows the tables described so far: the stream describes each before its first row, and again when its shape has
    changed. `examine` sees each description with the table as recorded; it raises SchemaDrift, or says whether the
    replica identity holds what updates and deletes need.
    """

    def __init__(
        self,
        tables: Sequence[TableMap],
        examine: Callable[[Relation, TableMap], bool],
        partitions: Partitions | None = None,
        drifts: Drifts | None = None,
    ) -> None:
        self.rows: dict[bytes, Decode] = {}
        self.packs: dict[bytes, Pack] = {}
        self._tables = {table.source.name: table for table in tables}
        self._numbers: dict[bytes, int] = {}
        self._unread: dict[int, Position] = {}
        self._strangers: dict[bytes, TableName] = {}
        self._examine, self._partitions, self._drifts = examine, partitions, drifts

    @property
    def tables(self) -> list[TableMap]:
        return list(self._tables.values())

    def alter(self, table: TableMap) -> None:
        """The stream describes it again before its next row."""
        self._tables[table.source.name] = table

    def relation(self, payload: bytes, position: Position | None = None) -> list[Change]:
        """
        The alteration that it tells of, if any, which takes effect here. position: by which it is known; where there is
        none it is not followed.
        """
        relation = pgoutput.relation(payload)
        root = self._partitions.root(relation.oid) if self._partitions else None
        table = self._tables.get(root or relation.name)
        oid = payload[1:5]
        self._forget(oid)
        if table is None:  # refused with its first row
            self._strangers[oid] = relation.name
            return []
        altered, identified = self._examined(relation, table, position)
        noted_here = [] if altered is table or position is None else [noted(altered, position)]
        table = altered
        self._numbers[oid] = table.number
        self.rows |= {
            pgoutput.INSERT + oid: _insert(relation, table),
            pgoutput.UPDATE + oid: _update(relation, table) if identified else _unidentified(table),
            pgoutput.DELETE + oid: _delete(relation, table) if identified else _unidentified(table),
        }
        self.packs |= packs(relation, table) if identified else {}
        return noted_here

    def _examined(self, relation: Relation, table: TableMap, position: Position | None) -> tuple[TableMap, bool]:
        try:
            return table, self._examine(relation, table)
        except SchemaDrift:
            if self._drifts is None or position is None:
                raise
        altered = self._drifts.taken(table, relation, position)
        identified = self._examine(relation, altered)
        self.alter(altered)
        return altered, identified

    def _forget(self, oid: bytes) -> None:
        self._numbers.pop(oid, None)
        for tag in (pgoutput.INSERT, pgoutput.UPDATE, pgoutput.DELETE):
            self.rows.pop(tag + oid, None)
        for head in heads(oid):
            self.packs.pop(head, None)

    def unread(self, oid: bytes, position: Position, error: Unsupported) -> list[Change]:
        """
        In place of what cannot be decoded of a table: it stands still there, told once for each position. Raises the
        error where nobody follows.
        """
        number = self._number(oid)
        if self._drifts is None:
            raise error
        if self._unread.get(number) == position:
            return []
        self._unread[number] = position
        (table,) = (each for each in self._tables.values() if each.number == number)
        return [noted(self._drifts.follow(unread(table, position, error)), position)]

    def truncate(self, payload: bytes) -> list[Change]:
        oids = pgoutput.truncated(payload)
        numbers = dict.fromkeys(self._number(oid) for oid in oids)
        if self._partitions:
            self._partitions.require_all([int.from_bytes(oid, "big") for oid in oids])
        return [(change.TRUNCATE, number, None, None) for number in numbers]

    def _number(self, oid: bytes) -> int:
        if oid not in self._numbers:
            raise self.stranger(oid)
        return self._numbers[oid]

    def undecodable(self, payload: bytes) -> MigrationError:
        """The error for a message that is neither a known table's nor anything else that is known."""
        if payload[:1] in (pgoutput.INSERT, pgoutput.UPDATE, pgoutput.DELETE):
            return self.stranger(payload[1:5])
        return Unsupported(
            f"the stream holds a message that is not known: {chr(payload[0])!r}",
            mend="report this with the server's version",
        )

    def stranger(self, oid: bytes) -> SchemaDrift:
        """The error for changes of a table that is not in the run."""
        name = self._strangers.get(oid, "a table without a description")
        return SchemaDrift(
            f"the stream holds changes of {name}, which is not in this run: renamed, or published by hand",
            mend="undo that, or load again",
        )


def _insert(relation: Relation, table: TableMap) -> Decode:
    number, read, take = table.number, row_reader(len(relation.columns)), _take_all(relation, table)

    def decode(payload: bytes) -> Change:
        return change.INSERT, number, None, take(read(payload, _FIRST)[0])

    return decode


def _update(relation: Relation, table: TableMap) -> Decode:
    return _update_by_key(relation, table) if table.key else _update_by_row(relation, table)


def _update_by_key(relation: Relation, table: TableMap) -> Decode:
    number, read = table.number, row_reader(len(relation.columns))
    take, take_key = _take_all(relation, table), _take_key(relation, table)

    def decode(payload: bytes) -> Change:
        if payload[5] == NEW:
            new = read(payload, _FIRST)[0]
            if ... in take_key(new):
                raise _no_identity(table)
            return change.UPDATE, number, None, take(new)
        old, new = _both(payload, read)
        before, after = take_key(old), take_key(new)
        if None in before or ... in after:
            raise _no_identity(table)
        return change.UPDATE, number, None if before == after else before, take(new)

    return decode


def _update_by_row(relation: Relation, table: TableMap) -> Decode:
    number, read, take = table.number, row_reader(len(relation.columns)), _take_all(relation, table)

    def decode(payload: bytes) -> Change:
        if payload[5] != FULL:
            raise _no_identity(table)
        old, new = _both(payload, read)
        if ... in old:
            raise _no_identity(table)
        return change.UPDATE, number, take(old), take(new)

    return decode


def _delete(relation: Relation, table: TableMap) -> Decode:
    number, read = table.number, row_reader(len(relation.columns))
    take = _take_key(relation, table) if table.key else _take_all(relation, table)

    def decode(payload: bytes) -> Change:
        old = take(read(payload, _FIRST)[0])
        if ... in old or (None in old if table.key else payload[5] != FULL):
            raise _no_identity(table)
        return change.DELETE, number, old, None

    return decode


def _both(payload: bytes, read: ReadRow) -> tuple[Fields, Fields]:
    """The old row, or its identity, and the new one, with what was left as it was taken from the old one."""
    old, place = read(payload, _FIRST)
    new = read(payload, place + 1)[0]
    if ... in new:  # of an identity the other columns come as NULL
        new = tuple(b if a is ... and b is not None else a for b, a in zip(old, new, strict=True))
    return old, new


def _unidentified(table: TableMap) -> Decode:
    def decode(_: bytes) -> Change:
        raise _no_identity(table)

    return decode


def _no_identity(table: TableMap) -> Unsupported:
    wanted = "DEFAULT" if table.key else "FULL"
    return Unsupported(
        f"an update or delete in {table.source.name} does not say which row it is about: wrong replica identity",
        mend=f"ALTER TABLE {qualified(table.source.name)} REPLICA IDENTITY {wanted}; the same for each of its "
        "partitions, if it has any; then load again",
    )


def _take_all(relation: Relation, table: TableMap) -> Take:
    return _take(relation, table, range(len(table.columns)))


def _take_key(relation: Relation, table: TableMap) -> Take:
    return _take(relation, table, table.key)


def _take(relation: Relation, table: TableMap, wanted: Sequence[int]) -> Take:
    """Picks these of the table's columns out of a row, which has them in the order of the relation."""
    order = [column.name for column in relation.columns]
    columns = [table.columns[place].source for place in wanted]
    places = [order.index(column.name) for column in columns]
    converters = [None if table.plain else converter(column.kind) for column in columns]
    if any(converters):
        return taking(places, converters)
    if places == list(range(len(order))):
        return tuple
    if len(places) == 1:
        (only,) = places
        return lambda fields: (fields[only],)
    return itemgetter(*places)
