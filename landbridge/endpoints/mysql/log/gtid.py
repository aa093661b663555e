"""
Transactions by the names that they have on every server of the source, and sets of them: what a log has, and what the
stream has passed. MySQL names a transaction by server (and tag) and number, MariaDB by domain, server and number.

Formats: MySQL source documentation, "Gtid_event" and "mysql::serialization" (events with tags); MariaDB manual,
"Gtid_event". In texts of our own, `name:first-last`, MariaDB's domain and server are the name.
"""

import re
import struct
from collections.abc import Iterator
from functools import lru_cache

from pymysqlreplication.constants import BINLOG

from landbridge.endpoints.mysql.log import events
from landbridge.endpoints.mysql.log.binlog import Event
from landbridge.errors import Unsupported

UNKNOWN = "?"
"""For a history that is not known, as some of its transactions have no names."""

BEGINNINGS = {
    BINLOG.GTID_LOG_EVENT, BINLOG.ANONYMOUS_GTID_LOG_EVENT, events.GTID_TAGGED, BINLOG.MARIADB_GTID_EVENT,
}  # fmt: skip

Span = tuple[str, int, int]
"""Name, first and last number. MariaDB's numbers may have gaps: one transaction stands for all up to it."""

_INTERVAL = re.compile(r"(\d+)(?:-(\d+))?\Z")
_MYSQL = struct.Struct("<x16sq")
_MARIADB = struct.Struct("<QI")


class GtidSet:
    """Raises Unsupported for a text that is not understood."""

    def __init__(self, text: str = "") -> None:
        self._spans: dict[str, list[list[int]]] = {}
        for span in _read(text):
            self.add(*span)

    @staticmethod
    def of_server(text: str, *, mariadb: bool) -> "GtidSet":
        """As the server writes it: MariaDB lists the last number of each domain and server, in brackets or not."""
        if not mariadb:
            return GtidSet(text)
        found = GtidSet()
        for each in filter(None, re.split(r"[\s,\[\]]+", text)):
            name, _, number = each.rpartition("-")
            found.add(name, 1, int(number))
        return found

    def add(self, name: str, first: int, last: int) -> None:
        spans = self._spans.setdefault(name, [])
        if spans and spans[-1][0] <= first <= spans[-1][1] + 1:
            spans[-1][1] = max(spans[-1][1], last)
            return
        spans.append([first, last])
        if len(spans) > 1 and spans[-2][1] >= first - 1:
            self._spans[name] = _merged(spans)

    def update(self, other: "GtidSet") -> None:
        for span in other:
            self.add(*span)

    def has(self, span: Span) -> bool:
        name, first, last = span
        return any(low <= first and last <= high for low, high in self._spans.get(name, ()))

    def lacking(self, other: "GtidSet") -> "GtidSet":
        """What of the other set is not in this one."""
        found = GtidSet()
        for name, first, last in other:
            start = first
            for low, high in self._spans.get(name, ()):
                if high < start or low > last:
                    continue
                if low > start:
                    found.add(name, start, low - 1)
                start = high + 1
            if start <= last:
                found.add(name, start, last)
        return found

    def __iter__(self) -> Iterator[Span]:
        return ((name, low, high) for name, spans in self._spans.items() for low, high in spans)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __str__(self) -> str:
        return ",".join(text_of(span) for span in self)


def text_of(span: Span) -> str:
    name, first, last = span
    return f"{name}:{first}" if first == last else f"{name}:{first}-{last}"


def _merged(spans: list[list[int]]) -> list[list[int]]:
    merged: list[list[int]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return merged


def _read(text: str) -> Iterator[Span]:
    """MySQL writes a tag before the intervals that it is of: `uuid:1-5:tag:1-3`."""
    for each in filter(None, re.split(r"[\s,]+", text)):
        server, *parts = each.split(":")
        name = server.lower()
        for part in parts:
            interval = _INTERVAL.match(part)
            if interval:
                first = int(interval[1])
                yield name, first, int(interval[2] or first)
            elif part.replace("_", "a").isalnum():
                name = f"{server}:{part}".lower()
            else:
                raise Unsupported(
                    f"a set of transactions that is not understood: {each[:80]}", mend="report it with the version"
                )


def span_of(event: Event) -> Span | None:
    """The name of the transaction that the event begins; None when it has none. MariaDB's server follows the body."""
    kind, body = event[0], event[4]
    if kind == BINLOG.GTID_LOG_EVENT:
        server, number = _MYSQL.unpack_from(body)
        return _uuid(server), number, number
    if kind == BINLOG.MARIADB_GTID_EVENT:
        number, domain = _MARIADB.unpack_from(body)
        return f"{domain}-{int.from_bytes(body[-4:], 'little')}", 1, number
    return _tagged(body) if kind == events.GTID_TAGGED else None


@lru_cache(maxsize=1000)
def _uuid(server: bytes) -> str:
    text = server.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


_FLAGS, _SERVER, _NUMBER, _TAG = range(4)


def _tagged(body: bytes) -> Span:
    """Version, size and last field that must be known; then fields, each after its number, in their order."""
    numbers = _Numbers(body)
    numbers.take(3)
    (field,), found = numbers.take(1), {}
    for wanted, size in ((_FLAGS, 1), (_SERVER, 16), (_NUMBER, 1)):
        if field != wanted:
            raise Unsupported("a transaction's name in the log is not understood", mend="report it with the version")
        found[wanted] = numbers.take(size)
        (field,) = numbers.take(1)
    number = found[_NUMBER][0] >> 1  # signed ones have their sign in the lowest bit
    tag = numbers.text(numbers.take(1)[0]) if field == _TAG else ""
    server = _uuid(bytes(found[_SERVER]))
    return f"{server}:{tag}" if tag else server, number, number


class _Numbers:
    """Integers of variable length: the ones that the first byte ends with tell how many bytes follow it."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def take(self, count: int) -> list[int]:
        return [self._next() for _ in range(count)]

    def _next(self) -> int:
        first = self._body[self._at]
        more = (~first & (first + 1)).bit_length() - 1 if first != 0xFF else 8
        value = int.from_bytes(self._body[self._at : self._at + 1 + more], "little")
        self._at += 1 + more
        return value >> 8 if first == 0xFF else value >> (more + 1)

    def text(self, size: int) -> str:
        self._at += size
        return self._body[self._at - size : self._at].decode()
