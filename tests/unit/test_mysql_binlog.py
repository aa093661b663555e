"""The log's protocol without a server: framing, checksums, positions, and transactions that end in odd ways."""

import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pymysql
import pytest
from pymysqlreplication.constants import BINLOG

from landbridge.change import Transaction
from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.endpoints.mysql.log import binlog, events, transactions
from landbridge.endpoints.mysql.log.binlog import Dump, Event
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.transactions import Source, Transactions
from landbridge.errors import PositionLost, SchemaDrift, Terminal, Transient, Unsupported
from landbridge.model import Column, ColumnMap, ForeignKey, Key, Position, Table, TableMap, TableName


def _event(kind: int, body: bytes, end: int = 0, flags: int = 0, *, checksum: bool = True) -> bytes:
    size = 19 + len(body) + 4 * checksum
    event = struct.pack("<IBIIIH", 1700000000, kind, 1, size, end, flags) + body
    return event + zlib.crc32(event).to_bytes(4, "little") if checksum else event


def _format(*, checksum: bool, end: int = 0) -> bytes:
    body = b"\x04\x00" + b"9.7".ljust(50, b"\0") + bytes(4) + b"\x13" + bytes(40) + bytes((checksum,))
    event = struct.pack("<IBIIIH", 0, BINLOG.FORMAT_DESCRIPTION_EVENT, 1, 19 + len(body) + 4, end, 0) + body
    return event + zlib.crc32(event).to_bytes(4, "little")


def _rotate(file: str, offset: int, *, checksum: bool = True) -> bytes:
    body = offset.to_bytes(8, "little") + file.encode()
    return _event(BINLOG.ROTATE_EVENT, body, flags=binlog.ARTIFICIAL, checksum=checksum)


def _packets(*events: bytes) -> bytes:
    """As the server sends them: an OK byte, then the event, in pieces of 16 MiB - 1."""
    sent = b""
    for event in events:
        payload, number = b"\0" + event, 0
        while True:
            piece, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
            sent += len(piece).to_bytes(3, "little") + bytes((number,)) + piece
            number = (number + 1) % 256
            if len(piece) < 0xFFFFFF:
                break
    return sent


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, Dump]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with ours, theirs:
        yield theirs, Dump(ours, "mysql at h:1", checksummed=True)


Wire = tuple[socket.socket, Dump]


def _received(wire: Wire, *events: bytes) -> list[Event]:
    sender = threading.Thread(target=wire[0].sendall, args=(_packets(*events),))
    sender.start()
    try:
        return list(islice(wire[1], len(events)))
    finally:
        sender.join()


@pytest.mark.parametrize("size", [0, 1, 0xFFFFFF - 24, 0xFFFFFF - 23, 0xFFFFFF - 25, 2 * 0xFFFFFF - 24, 40_000_000])
def test_events_of_any_size_arrive_whole(wire: Wire, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (first, second) = _received(
        wire, _event(BINLOG.XID_EVENT, body, end=size + 30), _event(99, b"after", end=size + 90)
    )
    assert first == (BINLOG.XID_EVENT, 1700000000, size + 30, 0, body)
    assert second[4] == b"after"


def test_events_arrive_in_any_pieces(wire: Wire) -> None:
    sent = _packets(*(_event(99, b"%d" % number, end=100 * number + 100) for number in range(20)))

    def dribble() -> None:
        for at in range(0, len(sent), 7):
            wire[0].sendall(sent[at : at + 7])

    sender = threading.Thread(target=dribble)
    sender.start()
    assert [event[4] for event in islice(wire[1], 20)] == [b"%d" % number for number in range(20)]
    sender.join()


def test_checksums_are_there_when_the_format_says_so(wire: Wire) -> None:
    found = _received(
        wire,
        _rotate("b.000001", 4),
        _format(checksum=False, end=120),
        _event(99, b"bare", end=200, checksum=False),
        _rotate("b.000002", 4, checksum=False),
        _format(checksum=True, end=120),
        _event(99, b"summed", end=200),
    )
    assert [event[4] for event in found if event[0] == 99] == [b"bare", b"summed"]
    assert wire[1].file == "b.000002"


def test_a_damaged_event_is_not_passed_on(wire: Wire) -> None:
    damaged = bytearray(_event(99, b"value"))
    damaged[21] ^= 1
    with pytest.raises(Transient, match="checksum"):
        _received(wire, bytes(damaged))


def test_an_event_of_another_size_than_it_says_is_not_passed_on(wire: Wire) -> None:
    with pytest.raises(Transient, match="arrived with"):
        _received(wire, _event(99, b"value") + b"x")


def test_offsets_go_past_four_gigabytes(wire: Wire) -> None:
    """32 bits are sent; inside of transactions MariaDB may send none at all."""
    low = (1 << 32) - 50
    found = _received(
        wire,
        _rotate("b.000001", 4),
        _format(checksum=True),
        _event(99, b"", end=low),
        _event(99, bytes(10)),
        _event(99, bytes(10), end=(low + 33 + 33) & 0xFFFFFFFF),
        _event(99, b"", end=(low + 33 + 33 + 23) & 0xFFFFFFFF),
    )
    assert [event[2] for event in found] == [4, 4, low, low + 33, low + 66, low + 89]
    assert found[-1][2] > 1 << 32


def test_what_the_server_says_and_how_streams_end(wire: Wire) -> None:
    payload = b"\xff" + (1236).to_bytes(2, "little") + b"#HY000gone"
    wire[0].sendall(len(payload).to_bytes(3, "little") + b"\0" + payload)
    with pytest.raises(pymysql.Error, match="gone"):
        next(iter(wire[1]))
    wire[0].sendall(b"\x05\x00\x00\x00\xfe\x00\x00\x02\x00")
    with pytest.raises(Transient, match="ended"):
        next(iter(wire[1]))
    wire[0].shutdown(socket.SHUT_WR)
    with pytest.raises(Transient, match="closed"):
        next(iter(wire[1]))


def test_silence_is_a_lost_connection() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    with ours, theirs, pytest.raises(Transient, match="no heartbeat"):
        next(iter(Dump(ours, "", checksummed=True)))


def test_a_statement_and_its_session() -> None:
    """Recorded from MariaDB 11.8, which lists the session's collations before its character set."""
    status = bytes.fromhex(
        "000000000101000020540000000006037374648305210000082300000a2d0000093600000b3c00000c0400090009000981a30c000000000000"
    )
    body = bytes(8) + b"\x01\x00\x00" + len(status).to_bytes(2, "little") + status + b"t\0drop table x"
    query = events.query(body)
    assert (query.schema, query.text, query.collation) == (b"t", b"drop table x", 2304)
    assert query.sql_mode == 0x54200000
    assert not events.is_begin(body)
    assert events.is_begin(body.replace(b"drop table x", b"BEGIN"))
    assert not events.is_begin(body.replace(b"drop table x", b"x \0BEGIN"))


def test_positions_sort_as_text() -> None:
    places = [("b.000009", 5), ("b.000010", 4), ("b.000010", 123456), ("b.000010", 1 << 33), ("b.1000000", 4)]
    texts = [binlog.position(*place) for place in places]
    assert texts == sorted(texts)
    assert [binlog.place(text) for text in texts] == places
    assert binlog.place(binlog.position("a.b:c.000007", 9)) == ("a.b:c.000007", 9)


# --- transactions -----------------------------------------------------------------------------------------------------

UTF8 = 255
SINCE = binlog.position("b.000001", 100)
CHARSETS = Charsets(names={UTF8: "utf8mb4"}, widths={"utf8mb4": 4}, decoders={"utf8mb4": None})
MAP = b"p\x00\x00\x00\x00\x00\x01\x00\x01t\x00\x01%b\x00\x01\x03\x00\x00\x01\x01\x00\x04\x03\x02id\x08\x01\x00"


def _plan(number: int, name: str, *, transactional: bool = True) -> TableMap:
    column = Column(name="id", native="int", kind=kind_of("int"))
    key = Key(name="PRIMARY", columns=("id",))
    table = Table(
        name=TableName(schema="t", name=name), columns=(column,), primary_key=key, transactional=transactional
    )
    return TableMap(number=number, source=table, target=table, columns=(ColumnMap(source=column, target=column),))


class Log:
    """Feeds events one after the other, each 10 bytes further on."""

    def __init__(self, *plans: TableMap, mariadb: bool = False) -> None:
        source = Source(mariadb=mariadb, folded=False, charsets=CHARSETS)
        self.taken = Transactions(plans or [_plan(0, "a"), _plan(1, "m", transactional=False)], source, SINCE)
        self.offset = 100
        self.feed(BINLOG.ROTATE_EVENT, (100).to_bytes(8, "little") + b"b.000001")

    def feed(self, kind: int, body: bytes = b"", flags: int = 0) -> Transaction | None:
        found = self.taken.take((kind, 1700000000, self.offset, flags, body))
        self.offset += 10
        return found

    def begin(self) -> None:
        self.feed(BINLOG.ANONYMOUS_GTID_LOG_EVENT, bytes(42) + (1_800_000_000_500_000).to_bytes(7, "little"))
        self.query("BEGIN")

    def query(self, text: str) -> Transaction | None:
        return self.feed(BINLOG.QUERY_EVENT, bytes(8) + b"\x01\x00\x00\x00\x00t\x00" + text.encode())

    def insert(self, *numbers: int, table: bytes = b"a", flags: bytes = b"\x01\x00") -> Transaction | None:
        self.feed(BINLOG.TABLE_MAP_EVENT, MAP % table)
        rows = b"".join(b"\x00" + number.to_bytes(4, "little") for number in numbers)
        return self.feed(BINLOG.WRITE_ROWS_EVENT_V1, b"p\x00\x00\x00\x00\x00" + flags + b"\x01\xff" + rows)

    def commit(self) -> Transaction | None:
        return self.feed(BINLOG.XID_EVENT, bytes(8))


def _ids(found: Transaction | None) -> list[int]:
    assert found is not None
    return [int(change[3][0]) for change in found.changes if change[3]]


def test_a_transaction_has_the_place_and_time_of_its_commit() -> None:
    log = Log()
    log.begin()
    assert log.insert(1, 2) is None
    found = log.commit()
    assert found == Transaction(
        binlog.position("b.000001", 150), 1_800_000_000.5, [(0, 0, None, (b"1",)), (0, 0, None, (b"2",))]
    )


def test_a_rollback_keeps_only_what_cannot_be_undone() -> None:
    log = Log()
    log.begin()
    log.insert(1)
    log.insert(2, table=b"m")
    assert _ids(log.query("ROLLBACK")) == [2]
    log.begin()
    log.insert(3)
    assert log.query("ROLLBACK") is None
    beat = log.taken.heartbeat()
    assert beat is not None
    assert (beat.position, beat.changes, beat.last) == (binlog.position("b.000001", log.offset - 10), [], True)


def test_savepoints() -> None:
    log = Log()
    log.begin()
    log.insert(1)
    log.query("SAVEPOINT `a b`")
    log.insert(2)
    log.query("SAVEPOINT `b`")
    log.insert(3)
    log.insert(4, table=b"m")
    log.query("ROLLBACK TO `b`")
    log.insert(5)
    log.query("ROLLBACK TO `a b`")
    log.insert(6)
    assert _ids(log.commit()) == [1, 4, 6]
    log.begin()
    with pytest.raises(Unsupported, match="savepoint"):
        log.query("ROLLBACK TO `b`")


def test_parts_of_a_large_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PART", 3)
    log = Log()
    log.begin()
    assert log.insert(1, 2, 3) is None
    first = log.insert(4, 5)
    assert first is not None
    assert (_ids(first), first.last) == ([1, 2, 3, 4], False)
    assert log.taken.heartbeat() is None
    log.query("SAVEPOINT `s`")
    second = log.insert(6, 7, 8)
    assert _ids(second) == [5, 6, 7]
    with pytest.raises(Unsupported, match="taken already"):
        log.query("ROLLBACK TO `s`")
    last = log.commit()
    assert last is not None
    assert (_ids(last), last.last) == ([8], True)
    assert SINCE < first.position < last.position


def test_large_values_make_parts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PART_BYTES", 40)
    log = Log()
    log.begin()
    assert log.insert(1, 2) is None
    assert _ids(log.insert(3, 4, 5)) == [1, 2, 3, 4]
    assert _ids(log.commit()) == [5]


def test_what_the_server_left_unfinished_when_it_died() -> None:
    log = Log()
    log.begin()
    log.insert(1)
    log.feed(BINLOG.FORMAT_DESCRIPTION_EVENT, bytes(60))
    log.begin()
    log.insert(2)
    assert _ids(log.commit()) == [2]
    log.begin()
    log.insert(3)
    with pytest.raises(Terminal, match="no end"):
        log.begin()


def test_a_dead_servers_transaction_that_was_partly_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "PART", 1)
    log = Log()
    log.begin()
    log.insert(1, 2)
    with pytest.raises(Terminal, match="1 changes were taken"):
        log.feed(BINLOG.FORMAT_DESCRIPTION_EVENT, bytes(60))


def test_transactions_up_to_the_start_are_not_given_again() -> None:
    """A stream that cannot begin at its offset begins at the file's first byte."""
    log = Log()
    log.offset = 4
    log.begin()
    log.insert(1)
    assert log.commit() is None
    log.offset = 200
    log.begin()
    log.insert(2)
    assert _ids(log.commit()) == [2]


@pytest.mark.parametrize(
    "kind", [BINLOG.XID_EVENT, BINLOG.TABLE_MAP_EVENT, BINLOG.QUERY_EVENT, BINLOG.WRITE_ROWS_EVENT_V2]
)
def test_a_stream_that_begins_inside_of_a_transaction(kind: int) -> None:
    with pytest.raises(PositionLost):
        Log().feed(kind, MAP % b"a")


def test_other_tables_and_the_end_of_statements_are_stepped_over() -> None:
    log = Log()
    log.begin()
    log.insert(1, table=b"x")
    log.feed(BINLOG.WRITE_ROWS_EVENT_V2, b"\xff\xff\xff\x00\x00\x00\x01\x00\x02\x00\x01\xff")
    assert log.commit() is None


def test_mariadb_says_at_its_beginning_whether_a_transaction_is_one_statement() -> None:
    log = Log(mariadb=True)
    log.feed(BINLOG.MARIADB_GTID_EVENT, bytes(12) + b"\x00" + bytes(6))
    assert log.query("CREATE TABLE c (a int)") is None
    log.insert(1)
    assert _ids(log.commit()) == [1]
    log.feed(BINLOG.MARIADB_GTID_EVENT, bytes(12) + b"\x01" + bytes(6))
    found = log.query("TRUNCATE TABLE a")
    assert found is not None
    assert found.changes == [(3, 0, None, None)]
    log.feed(BINLOG.MARIADB_GTID_EVENT, bytes(12) + b"\x01" + bytes(6))
    with pytest.raises(SchemaDrift, match=r"DROP TABLE on the planned table t\.m"):
        log.query("DROP TABLE a2, m")


@pytest.mark.parametrize("kind", [39, 20])
def test_changes_that_cannot_be_decoded_are_refused(kind: int) -> None:
    log = Log()
    log.begin()
    log.feed(BINLOG.TABLE_MAP_EVENT, MAP % b"a")
    with pytest.raises(Unsupported):
        log.feed(kind, b"p\x00\x00\x00\x00\x00\x01\x00")


@pytest.mark.parametrize("kind", [39, 20])
def test_undecoded_rows_of_other_tables_are_stepped_over(kind: int) -> None:
    log = Log()
    log.begin()
    log.feed(BINLOG.TABLE_MAP_EVENT, MAP % b"x")
    assert log.feed(kind, b"p\x00\x00\x00\x00\x00\x01\x00") is None


def test_unknown_events_are_refused_unless_they_may_be_ignored() -> None:
    assert Log().feed(77, flags=0x80) is None
    assert Log().feed(BINLOG.STOP_EVENT) is None
    with pytest.raises(Unsupported, match="type 77"):
        Log().feed(77)
    with pytest.raises(PositionLost, match="lacks something"):
        Log().feed(BINLOG.INCIDENT_EVENT)


def test_heartbeats_move_on_between_transactions_only() -> None:
    log = Log()
    beat = log.feed(BINLOG.HEARTBEAT_LOG_EVENT, b"b.000001")
    assert beat is not None
    assert (beat.position, beat.changes) == (binlog.position("b.000001", 110), [])
    assert abs(beat.committed - time.time()) < 20
    log.begin()
    log.insert(1)
    beat = log.feed(BINLOG.HEARTBEAT_LOG_EVENT, b"b.000001")
    assert beat is not None
    assert beat.position == binlog.position("b.000001", 110)
    log.commit()
    log.feed(BINLOG.ROTATE_EVENT, (4).to_bytes(8, "little") + b"b.000002")
    beat = log.taken.heartbeat()
    assert beat is not None
    assert beat.position > Position(binlog.position("b.000001", 1 << 40))


def test_keys_changed_without_foreign_key_checks_where_children_follow_unlogged() -> None:
    parent, child = _plan(0, "a"), _plan(1, "c")
    key = ForeignKey(name="f", columns=("id",), target=parent.source.name, target_columns=("id",), on_delete="CASCADE")
    for logs, refused in ((False, True), (True, False)):
        table = replace(child.source, foreign_keys=(key,), logs_cascades=logs)
        log = Log(parent, replace(child, source=table))
        log.begin()
        log.insert(1, flags=b"\x03\x00")
        rows = b"p\x00\x00\x00\x00\x00%b\x00\x01\xff\x00\x01\x00\x00\x00"
        log.feed(BINLOG.DELETE_ROWS_EVENT_V1, rows % b"\x01")
        if refused:
            with pytest.raises(Unsupported, match="foreign_key_checks"):
                log.feed(BINLOG.DELETE_ROWS_EVENT_V1, rows % b"\x03")
        else:
            log.feed(BINLOG.DELETE_ROWS_EVENT_V1, rows % b"\x03")
