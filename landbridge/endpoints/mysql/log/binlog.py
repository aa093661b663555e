"""
The log over the wire: a connection that asks for the dump, and the events of it as they arrive, checked and stripped.

Protocol: the server manual's "Binlog Network Stream" and "Binlog Event" pages (MySQL source documentation), and
MariaDB's "Replication Protocol" pages.
"""

import secrets
import socket
import struct
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from pymysql.constants import COMMAND, ER
from pymysqlreplication.constants import BINLOG

from landbridge.endpoints.mysql import connection
from landbridge.endpoints.mysql.log import compression
from landbridge.errors import Terminal, Transient
from landbridge.model import Position

HEARTBEAT = 1.0
"""Seconds without an event after which the server says that it is alive."""

SILENCE = 20.0
"""Seconds without a byte after which the connection counts as lost: many heartbeats have failed to come."""

FIRST = 4
"""Where the first event of every file begins."""

READ = 1 << 18
WRITE_TIMEOUT = 3600
"""Seconds the server lets us pause reading (a full spool does that) before it ends the stream."""

ARTIFICIAL = 0x20
"""Flag of an event that the server made up for the stream: it is in no file."""

Event = tuple[int, int, int, int, bytes]
"""(type, timestamp, where in the file it ends, flags, body without header and checksum)"""

_FIRST_ID, _LAST_ID = 1 << 31, (1 << 32) - 1
_PACKET = struct.Struct("<HBBB")  # length (3 bytes), sequence number, status
_HEADER_SIZE = compression.HEADER.size
_WHOLE = 0xFFFFFF
"""Length of a packet whose payload goes on in the next one."""


def position(file: str, offset: int) -> Position:
    """Files are numbered in log order; the number comes first so that positions sort as text."""
    number = file.rpartition(".")[2]
    return Position(f"{int(number):010d}:{offset:012d}:{file}")


def place(text: Position) -> tuple[str, int]:
    """File and offset of a position."""
    _, offset, file = text.split(":", 2)
    return file, int(offset)


class Dump:
    """
    A running dump. Iterating yields every event from the given place on, artificial ones and heartbeats included;
    `file` is the one that the last event is in. unpacking: whether the events inside of compressed transactions come,
    too. The server that a MariaDB GTID event is of follows its body, four bytes. Raises Transient when the connection
    is lost or silent, the driver's errors for what the server says.
    """

    def __init__(self, sock: Any, where: str, *, checksummed: bool) -> None:
        """checksummed: whether events before the first format description carry a checksum."""
        self.file = ""
        self._socket = sock
        self._where = where
        self._buffer = b""
        self._at = 0
        self._checksummed = checksummed
        self._offset = 0
        self.unpacking = True

    def __iter__(self) -> Iterator[Event]:
        header = compression.HEADER.unpack_from
        while True:
            event, whole = self._packet()
            stamp, kind, server, size, end, flags = header(event)
            if kind == compression.TRANSACTION_PAYLOAD:
                start = self._offset
                self._advance(kind, size, end, flags)
                pieces = self._pieces(event, size, whole)
                yield from self._packed(pieces, start) if self.unpacking else _nothing(pieces)
                continue
            if not whole:
                event = b"".join([event, *self._more()])
            if size != len(event):
                raise self._lost(f"an event of {size} bytes arrived with {len(event)}")
            self._advance(kind, size, end, flags)
            if kind == BINLOG.FORMAT_DESCRIPTION_EVENT:
                self._checksummed = event[-5] == 1
                self._verify(event)
                body = event[_HEADER_SIZE:-5]
            elif self._checksummed:
                self._verify(event)
                body = event[_HEADER_SIZE:-4]
            else:
                body = event[_HEADER_SIZE:]
            if kind == BINLOG.MARIADB_GTID_EVENT:
                body += server.to_bytes(4, "little")
            elif kind == BINLOG.ROTATE_EVENT:
                self.file, self._offset = body[8:].decode(), int.from_bytes(body[:8], "little")
            yield kind, stamp, self._offset, flags, body

    def _advance(self, kind: int, size: int, end: int, flags: int) -> None:
        """
        Events say where they end in 32 bits, and MariaDB 11.4+ leaves it out inside of transactions. A file with one
        large transaction may be longer, so the bytes are counted, too; events that are not sent make that count low.
        """
        if end:
            place = self._offset & ~0xFFFFFFFF | end
            self._offset = place if place >= self._offset else place + (1 << 32)
        elif not flags & ARTIFICIAL and kind != BINLOG.FORMAT_DESCRIPTION_EVENT:
            self._offset += size

    def _verify(self, event: bytes) -> None:
        if self._checksummed and zlib.crc32(memoryview(event)[:-4]) != int.from_bytes(event[-4:], "little"):
            raise self._lost("an event arrived damaged: its checksum is wrong")

    def _packed(self, pieces: Iterator[bytes], start: int) -> Iterator[Event]:
        """The events inside of one. They have no places of their own: the last one ends it, the others are before."""
        last: compression.PackedEvent | None = None
        try:
            for found in compression.events(pieces):
                if last is not None:
                    yield last[0], last[1], start, last[2], last[3]
                last = found
        except compression.Damaged as damage:
            raise self._lost(f"a compressed transaction arrived damaged: {damage}") from None
        if last is not None:
            yield last[0], last[1], self._offset, last[2], last[3]

    def _pieces(self, first: bytes, size: int, whole: bool) -> Iterator[bytes]:
        """The body of an event of any size. Its size and checksum are verified before the last piece is handed on."""
        held, start, crc, seen = first, _HEADER_SIZE, 0, len(first)
        for piece in () if whole else self._more():
            crc = zlib.crc32(memoryview(held)[:-4], crc)
            yield held[start:-4]
            held, start, seen = held[-4:] + piece, 0, seen + len(piece)
        if seen != size:
            raise self._lost(f"an event of {size} bytes arrived with {seen}")
        if self._checksummed and zlib.crc32(memoryview(held)[:-4], crc) != int.from_bytes(held[-4:], "little"):
            raise self._lost("an event arrived damaged: its checksum is wrong")
        yield held[start:-4] if self._checksummed else held[start:]

    def _packet(self) -> tuple[bytes, bool]:
        """An event's first packet, and whether that is all of it."""
        low, high, _, status = _PACKET.unpack(self._take(5))
        length = low | high << 16
        if status != 0:
            self._refused(bytes((status,)) + self._take(length - 1))
        return self._take(length - 1), length < _WHOLE

    def _more(self) -> Iterator[bytes]:
        length = _WHOLE
        while length == _WHOLE:
            low, high, _ = struct.unpack("<HBB", self._take(4))
            length = low | high << 16
            yield self._take(length)

    def _take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._buffer):
            self._fill(start, size)
            start, self._at = 0, size
        return self._buffer[start : self._at]

    def _fill(self, start: int, size: int) -> None:
        parts = [self._buffer[start:]]
        missing = size - len(parts[0])
        while missing > 0:
            part = self._receive()
            parts.append(part)
            missing -= len(part)
        self._buffer = b"".join(parts)

    def _receive(self) -> bytes:
        try:
            part: bytes = self._socket.recv(READ)
        except TimeoutError:
            raise self._lost(f"no heartbeat for {SILENCE:.0f} seconds") from None
        except OSError as error:
            raise self._lost(f"the log stream broke: {error.strerror or type(error).__name__}") from None
        if not part:
            raise self._lost("the server closed the log stream")
        return part

    def _refused(self, payload: bytes) -> None:
        if payload[0] == 0xFF:
            pymysql.err.raise_mysql_exception(payload)
        raise self._lost("the server ended the log stream")

    def _lost(self, what: str) -> Transient:
        return Transient(f"{self._where}: {what}", mend="nothing; the stream is taken up again where it broke")


def _nothing(pieces: Iterator[bytes]) -> Iterator[Event]:
    for _ in pieces:
        pass
    return iter(())


@contextmanager
def dump(db: connection.Database, file: str, offset: int) -> Iterator[Dump]:
    """The log from this place on, as a replica would get it."""
    driver = db.open()
    try:
        with connection.driver_errors(db.ref):
            checksummed = _prepare(driver)
            server_id = _free_server_id(driver)
            _register(driver, server_id)
            _command(driver, COMMAND.COM_BINLOG_DUMP, struct.pack("<IHI", offset, 0, server_id) + file.encode())
        sock = driver._sock  # noqa: SLF001 - what comes now is no result the driver could read
        _keep_alive(sock)
        yield Dump(sock, f"{db.ref.engine} at {db.ref.host}:{db.ref.port or 3306}", checksummed=checksummed)
    finally:
        with suppress(OSError):
            driver._force_close()  # noqa: SLF001 - the dump never ends by itself, so a goodbye would not be read


def _command(driver: Any, command: int, arguments: bytes) -> None:
    driver._execute_command(command, arguments)  # noqa: SLF001


def _prepare(driver: Any) -> bool:
    """Sets what a replica sets, under both of its names; returns whether the server checksums its events."""
    period, own = int(HEARTBEAT * 1e9), str(uuid.uuid4())
    with driver.cursor() as cursor:
        cursor.execute("set @master_binlog_checksum = @@global.binlog_checksum")
        cursor.execute("set @source_binlog_checksum = @@global.binlog_checksum")
        cursor.execute("set @master_heartbeat_period = %s, @source_heartbeat_period = %s", (period, period))
        # Capability 4: knows MariaDB's GTID events. The server replaces them otherwise.
        cursor.execute("set @mariadb_slave_capability = 4, @slave_uuid = %s, @replica_uuid = %s", (own, own))
        cursor.execute("set session net_write_timeout = %s", (WRITE_TIMEOUT,))
        cursor.execute("select @@global.binlog_checksum")
        return str(cursor.fetchone()[0]).upper() == "CRC32"


def _free_server_id(driver: Any) -> int:
    """
    One that no registered replica has: the server ends the stream of an older replica with the same one. It is drawn
    from the upper half of the range, where hardly anyone numbers servers by hand.
    """
    taken = _server_ids(driver)
    while (number := secrets.randbelow(_LAST_ID - _FIRST_ID) + _FIRST_ID) in taken:
        pass
    return number


def _server_ids(driver: Any) -> set[int]:
    with driver.cursor() as cursor:
        cursor.execute("select @@global.server_id")
        taken = {int(cursor.fetchone()[0])}
        for statement in ("show replicas", "show slave hosts"):
            # Older servers lack the first, newer ones the second; MariaDB wants a further right for either.
            with suppress(pymysql.Error):
                cursor.execute(statement)
                return taken | {int(row[0]) for row in cursor.fetchall()}
    return taken


def _register(driver: Any, server_id: int) -> None:
    """server id, three empty strings (host, user, password), port, rank, and the id of the source (0: not known)"""
    _command(driver, COMMAND.COM_REGISTER_SLAVE, struct.pack("<I3xHII", server_id, 0, 0, 0))
    try:
        driver._read_packet()  # noqa: SLF001 - the driver knows no such command
    except pymysql.err.OperationalError as error:
        if error.args[0] not in (ER.ACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR):
            raise
        raise Terminal(
            "this login may not read the log", mend="GRANT REPLICATION SLAVE ON *.* TO the source's user"
        ) from None


def _keep_alive(sock: socket.socket) -> None:
    sock.settimeout(SILENCE)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(SILENCE))
