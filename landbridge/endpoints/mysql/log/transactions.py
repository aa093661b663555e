"""
Events put together to transactions: which of them begin and end one, what is undone inside, and where the log can be
taken up again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pymysqlreplication.constants import BINLOG

from landbridge.change import DELETE, TRUNCATE, UPDATE, Change, Transaction
from landbridge.endpoints.altering import noted
from landbridge.endpoints.mysql.log import binlog, compression, events, gtid, prepared
from landbridge.endpoints.mysql.log.binlog import Event
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.decode import TableDecoder, Undecodable
from landbridge.endpoints.mysql.log.drifts import Drifts
from landbridge.endpoints.mysql.log.passed import Passed
from landbridge.endpoints.mysql.log.shape import AGAIN
from landbridge.endpoints.mysql.log.statements import Meaning, Statements
from landbridge.endpoints.mysql.log.unread import Unread
from landbridge.errors import PositionLost, SchemaDrift, Terminal, Unsupported
from landbridge.model import Position, TableMap, TableName

PART = 10_000
"""Changes after which a large transaction is handed on in parts."""

PART_BYTES = 16 << 20
_KEPT_SHAPES = 10_000
_NO_TABLE = 0xFFFFFF
"""The table of a row event that only ends its statement."""

_STANDALONE = 1
"""Flag of a MariaDB GTID event whose transaction is one statement and ends with it."""

_UNCHECKED = 2
"""Flag of a row event of a session without foreign_key_checks."""

_IGNORABLE = 0x80
_IGNORED = {
    BINLOG.STOP_EVENT, BINLOG.INTVAR_EVENT, BINLOG.RAND_EVENT, BINLOG.USER_VAR_EVENT, BINLOG.BEGIN_LOAD_QUERY_EVENT,
    BINLOG.APPEND_BLOCK_EVENT, BINLOG.DELETE_FILE_EVENT, BINLOG.IGNORABLE_LOG_EVENT, BINLOG.ROWS_QUERY_LOG_EVENT,
    BINLOG.PREVIOUS_GTIDS_LOG_EVENT, BINLOG.MARIADB_ANNOTATE_ROWS_EVENT, BINLOG.MARIADB_BINLOG_CHECKPOINT_EVENT,
    BINLOG.MARIADB_GTID_GTID_LIST_EVENT, BINLOG.MARIADB_START_ENCRYPTION_EVENT, 36, 37,
}  # fmt: skip
"""Types without changes. 36 and 37 belong to group replication."""

_BETWEEN = {
    *gtid.BEGINNINGS, BINLOG.ROTATE_EVENT, BINLOG.FORMAT_DESCRIPTION_EVENT, BINLOG.HEARTBEAT_LOG_EVENT,
    BINLOG.INCIDENT_EVENT,
}  # fmt: skip
"""Types that are no part of a transaction, or begin one."""

Handler = Callable[[Event], Transaction | None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What must be known of the server. clock_ahead: its clock's lead over ours, in seconds."""

    mariadb: bool
    folded: bool
    charsets: Charsets
    clock_ahead: float = 0.0


class Transactions:
    """
    Takes events in log order and gives what they complete. Raises PositionLost when the log does not begin between two
    transactions, SchemaDrift when a planned table is altered, Unsupported for changes that cannot be decoded.
    """

    def __init__(
        self,
        tables: Sequence[TableMap],
        source: Source,
        since: Position,
        recall: prepared.Recall | None = None,
        passed: Passed | None = None,
        drifts: Drifts | None = None,
    ) -> None:
        self._planned, self._source, self._recall, self._drifts = tables, source, recall, drifts
        self._prepared: dict[prepared.Xid, list[Change]] = {}
        self._unread = Unread(drifts)
        self._since = since
        self.passed = passed or Passed()
        self._skipping = False  # what the other server of the source had, which was taken there
        self._statements = Statements([table.source.name for table in tables], folded=source.folded)
        self._ascii_names = all(str(table.source.name).isascii() for table in tables)
        self._decoders: dict[bytes, TableDecoder | Undecodable | None] = {}
        self._current: dict[int, TableDecoder | Undecodable | None] = {}
        self._know(tables)
        self.border = since
        self._file = ("", "")
        self._handlers = self._make_handlers()
        self._forget()

    def _know(self, tables: Sequence[TableMap]) -> None:
        self._tables = {table.source.name: table for table in tables}
        self._transactional = {table.number: table.source.transactional for table in tables}
        self._acting = _acting(tables)
        self._decoders.clear()

    def take(self, event: Event) -> Transaction | None:
        if self._skipping and event[0] not in _BETWEEN:
            return None
        handler = self._handlers.get(event[0])
        if handler is not None:
            return handler(event)
        self._other(event)
        return None

    def heartbeat(self, committed: float | None = None) -> Transaction | None:
        """
        Where the last transaction ended; None inside of one that is handed on in parts. committed: the source's time of
        what was read last; now, where the server says that there is nothing more.
        """
        if self._handed:
            return None
        told = self.passed.told() if self.border > self._since else ""
        now = time.time() + self._source.clock_ahead
        return Transaction(self.border, now if committed is None else committed, [], passed=told)

    def _make_handlers(self) -> dict[int, Handler]:
        rows = dict.fromkeys(events.INSERTS | events.UPDATES | events.DELETES, self._rows)
        return {
            **rows,
            **dict.fromkeys(compression.ROWS_COMPRESSED, self._compressed_rows),
            compression.QUERY_COMPRESSED: self._compressed_query,
            BINLOG.TABLE_MAP_EVENT: self._table_map,
            BINLOG.QUERY_EVENT: self._query,
            BINLOG.XID_EVENT: self._commit,
            **dict.fromkeys(gtid.BEGINNINGS, self._begin),
            BINLOG.XA_PREPARE_EVENT: self._xa_prepare,
            BINLOG.ROTATE_EVENT: self._rotate,
            BINLOG.FORMAT_DESCRIPTION_EVENT: self._abandon,
            BINLOG.HEARTBEAT_LOG_EVENT: self._heartbeat,
            BINLOG.EXECUTE_LOAD_QUERY_EVENT: self._query,
            BINLOG.INCIDENT_EVENT: self._incident,
        }

    def _forget(self) -> None:
        """Begins with no transaction. `handed`: changes of the open one that were handed on already."""
        self._open = self._grouped = self._preparing = False
        self._changes: list[Change] = []
        self._savepoints: dict[bytes, int] = {}
        self._handed = self._bytes = 0
        self._committed = 0.0

    # --- where transactions begin and end ---------------------------------------------------------------------------

    def _rotate(self, event: Event) -> None:
        file = event[4][8:].decode()
        prefix, _, suffix = binlog.position(file, 0).partition(f"{0:012d}")
        self._file = (prefix, suffix)
        if not self._open:
            self.border = max(self.border, self._position(event))

    def _position(self, event: Event) -> Position:
        prefix, suffix = self._file
        return Position(f"{prefix}{event[2]:012d}{suffix}")

    def _begin(self, event: Event) -> None:
        if self._changes:
            raise Terminal(f"a transaction before {self._position(event)} has no end that is understood", mend=AGAIN)
        self._forget()
        self._skipping = self.passed.begin(event)
        self._open = not self._skipping
        if event[0] == BINLOG.MARIADB_GTID_EVENT:
            self._grouped = not event[4][12] & _STANDALONE
            self._preparing = bool(event[4][12] & prepared.PREPARES)
        elif event[0] != events.GTID_TAGGED:
            self._committed = events.commit_time(event[4])

    def _abandon(self, _event: Event) -> None:
        """A new file begins. Of a transaction without an end the server died while writing it, and has undone it."""
        if self._handed:
            raise Terminal(
                f"the server died while it wrote a transaction of which {self._handed} changes were taken already",
                mend=AGAIN,
            )
        self._forget()
        self._skipping = False

    def _commit(self, event: Event) -> Transaction | None:
        self._demand_open()
        position, changes = self._position(event), self._changes
        committed = self._committed or float(event[1])
        self._forget()
        self.passed.end()
        begun, self.border = self.border, max(self.border, position)
        if not changes or position <= self._since:
            return None
        return Transaction(position, committed, self._unread.told(changes, position, begun), passed=self.passed.told())

    def _part(self, event: Event) -> Transaction | None:
        """All but the last change, so that the last part is never empty."""
        position = self._position(event)
        changes, self._changes = self._changes[:-1], self._changes[-1:]
        self._bytes = 0
        if position <= self._since:
            return None
        self._handed += len(changes)
        told = self._unread.told(changes, position, self.border)
        return Transaction(position, self._committed or float(event[1]), told, last=False)

    def _demand_open(self) -> None:
        if not self._open:
            raise PositionLost(f"the position {self._since} is not between two transactions of the log", mend=AGAIN)

    def _heartbeat(self, event: Event) -> Transaction | None:
        if not self._open:
            self.border = max(self.border, self._position(event))
        return self.heartbeat()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _table_map(self, event: Event) -> None:
        self._demand_open()
        body = event[4]
        shape = body[8:]
        if shape not in self._decoders:
            if len(self._decoders) >= _KEPT_SHAPES:
                self._decoders.clear()
            self._decoders[shape] = self._decoder(body)
        self._current[int.from_bytes(body[:6], "little")] = self._decoders[shape]

    def _decoder(self, body: bytes) -> TableDecoder | Undecodable | None:
        name = events.table_name(body)
        planned = self._statements.find(name.schema, name.name)
        if planned is None:
            return None
        wire, table = events.table_map(body, mariadb=self._source.mariadb), self._tables[planned]
        try:
            return TableDecoder(table, wire, self._source.charsets, mariadb=self._source.mariadb)
        except Unsupported as error:
            return Undecodable(table=table, error=error)

    def _rows(self, event: Event) -> Transaction | None:
        body = event[4]
        decoder = self._table_of(body)
        if decoder is None:
            return None
        known = len(self._changes)
        try:
            decoder.decode(event[0], body, self._changes)
        except Unsupported as error:
            self._changes[known:] = [self._unread.mark(decoder.table, error)]
        if body[6] & _UNCHECKED and decoder.table.source.name in self._acting:
            self._refuse_unfollowed(decoder.table.source.name, self._changes[known:])
        self._bytes += len(body)
        if (len(self._changes) > PART or self._bytes > PART_BYTES) and not self._preparing:
            return self._part(event)
        return None

    def _compressed_rows(self, event: Event) -> Transaction | None:
        kind, stamp, end, flags, body = event
        if self._table_of(body) is None:
            return None
        try:
            body = compression.rows(kind, body)
        except compression.Damaged as damage:
            raise self._damaged(event, damage) from None
        return self._rows((compression.ROWS_COMPRESSED[kind], stamp, end, flags, body))

    def _compressed_query(self, event: Event) -> Transaction | None:
        _, stamp, end, flags, body = event
        try:
            body = compression.query(body)
        except compression.Damaged as damage:
            raise self._damaged(event, damage) from None
        return self._query((BINLOG.QUERY_EVENT, stamp, end, flags, body))

    def _damaged(self, event: Event, damage: Exception) -> Terminal:
        what = f"the compressed event that ends at {self._position(event)} does not unpack: {damage}"
        return Terminal(
            what, mend="report it with the server's version; begin anew after SET GLOBAL log_bin_compress = OFF"
        )

    @staticmethod
    def _refuse_unfollowed(name: TableName, changes: Sequence[Change]) -> None:
        if any(operation == DELETE or (operation == UPDATE and old) for operation, _, old, _ in changes):
            raise Unsupported(
                f"keys of {name} were changed with foreign_key_checks off: the rows that point to them stayed as they"
                " were, which cannot be told from a change that the server carried on to them",
                mend="leave foreign_key_checks on in the sessions that change this table; then begin anew",
            )

    def _table_of(self, body: bytes) -> TableDecoder | Undecodable | None:
        number = int.from_bytes(body[:6], "little")
        if number not in self._current and number != _NO_TABLE:
            raise PositionLost(f"the position {self._since} is inside of a transaction", mend=AGAIN)
        return self._current.get(number)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _query(self, event: Event) -> Transaction | None:
        self._demand_open()
        if events.is_begin(event[4]):
            self._grouped = True
            return None
        query = events.query(event[4], load=event[0] == BINLOG.EXECUTE_LOAD_QUERY_EVENT)
        words = query.text[:40].upper().split()
        if words[:2] in ([b"XA", b"START"], [b"XA", b"BEGIN"], [b"START", b"TRANSACTION"]):
            self._grouped, self._preparing = True, words[0] == b"XA"
        elif words[:2] == [b"ROLLBACK", b"TO"]:
            self._undo_to(query.text)
        elif words[:2] in ([b"XA", b"COMMIT"], [b"XA", b"ROLLBACK"]):
            return self._end_prepared(event, query.text, committed=words[1] == b"COMMIT")
        elif words[:1] == [b"COMMIT"]:
            return self._commit(event)
        elif words[:1] == [b"ROLLBACK"]:
            self._undo(0)
            return self._commit(event)
        elif words[:1] == [b"SAVEPOINT"]:
            self._savepoints[_last_name(query.text)] = self._handed + len(self._changes)
        elif words[:1] != [b"RELEASE"] and words[:2] != [b"XA", b"END"]:
            self._statement(query, self._position(event))
            return None if self._grouped else self._commit(event)
        return None

    def _statement(self, query: events.Query, position: Position) -> None:
        text = self._text(query)
        meaning = self._statements.judge(text, query.schema.decode(), query.sql_mode)
        if meaning.alters and self._drifts and not self._handed and not self._changes:
            self._follow(self._drifts, meaning, text, position)
        elif meaning.effect == "truncate" and meaning.table:
            self._changes.append((TRUNCATE, self._tables[meaning.table].number, None, None))
        elif meaning.effect == "drift":
            raise SchemaDrift(f"the source ran {meaning.what} on the planned table {meaning.table}", mend=AGAIN)
        elif meaning.effect == "statement":
            raise Unsupported(
                f"the log holds {meaning.what} as a statement, without the rows, in the schema of planned tables"
                f" (at {self.border})",
                mend="SET GLOBAL binlog_format = ROW, in sessions that set it themselves, too; then begin anew",
            )

    def _follow(self, drifts: Drifts, meaning: Meaning, text: str, position: Position) -> None:
        """What comes again before `since` is in the shapes given already."""
        if position <= self._since:
            return
        for table in drifts.taken(meaning, text, position, self._tables):
            if table is not self._tables[table.source.name]:
                self._changes.append(noted(table, position))
                self._know([table if each.number == table.number else each for each in self._tables.values()])
        tables = [table.source for table in self._tables.values()]
        self._source = replace(self._source, charsets=drifts.charsets(tables))

    def _text(self, query: events.Query) -> str:
        """It stands in the log in the character set of its client."""
        charset = self._source.charsets.names.get(query.collation or 0, "")
        decoders = self._source.charsets.decoders
        if charset not in decoders and not query.text.isascii() and not self._ascii_names:
            raise Unsupported(f"a statement in the log has the unread character set {charset}", mend=AGAIN)
        decoder = decoders.get(charset)
        return (decoder(query.text) if decoder else query.text).decode("utf-8", "surrogateescape")

    def _undo_to(self, text: bytes) -> None:
        place = self._savepoints.get(_last_name(text))
        if place is None:
            raise Unsupported("the log rolls back to a savepoint that it has not set", mend=AGAIN)
        self._undo(place)

    def _undo(self, place: int) -> None:
        """Changes to tables without transactions stay."""
        kept = place - self._handed
        if kept < 0:
            raise Unsupported("the log undoes changes of a large transaction that were taken already", mend=AGAIN)
        self._changes[kept:] = [change for change in self._changes[kept:] if not self._transactional[change[1]]]

    def _xa_prepare(self, event: Event) -> Transaction | None:
        one_phase = event[4][0]
        if not one_phase:
            self._prepared[prepared.of_event(event[4])], self._changes = self._changes, []
        return self._commit(event)

    def _end_prepared(self, event: Event, statement: bytes, *, committed: bool) -> Transaction | None:
        try:
            xid = prepared.of_statement(statement)
        except ValueError:
            raise Unsupported("the log holds an XA statement that is not understood", mend=AGAIN) from None
        changes = self._prepared.pop(xid, None)
        if committed and self._position(event) > self._since:
            self._changes = self._recalled(xid, event) if changes is None else changes
        return self._commit(event)

    def _recalled(self, xid: prepared.Xid, event: Event) -> list[Change]:
        """What was prepared before this stream began."""
        place = self._position(event)
        found = self._recall(xid, *binlog.place(place)) if self._recall else None
        if found is None:
            raise PositionLost(
                f"a prepared transaction was committed at {place}, of which the log no longer has the rows", mend=AGAIN
            )
        again = Transactions(self._planned, self._source, self._since)
        again._unread = self._unread
        for each in found:
            again.take(each)
        return again._prepared[xid]

    # --- all others ---------------------------------------------------------------------------------------------------

    def _incident(self, event: Event) -> None:
        raise PositionLost(f"the server says that its log lacks something before {self._position(event)}", mend=AGAIN)

    def _other(self, event: Event) -> None:
        kind = event[0]
        if kind in events.UNDECODED:
            if self._table_of(event[4]):
                raise Unsupported(
                    "the log holds rows in the format of servers before 5.1, which is not read",
                    mend="replicate them once more; then begin anew",
                )
        elif kind not in _IGNORED and not event[3] & _IGNORABLE:
            raise Unsupported(f"the log holds an event of the unknown type {kind}", mend="report it with its version")


def _acting(tables: Sequence[TableMap]) -> set[TableName]:
    """Tables whose rows' deletion or new key makes the server change others without a word in the log."""
    return {
        key.target
        for table in tables
        if not table.source.logs_cascades
        for key in table.source.foreign_keys
        if {key.on_delete, key.on_update} & {"CASCADE", "SET NULL"}
    }


def _last_name(statement: bytes) -> bytes:
    """Of SAVEPOINT and ROLLBACK TO, which the server writes itself."""
    return statement.split(maxsplit=1 if statement[:1] in b"sS" else 2)[-1]
