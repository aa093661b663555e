"""
Prepared XA transactions: their rows stand in the log where they were prepared, and count where they are committed.
After a restart in between they are looked for in the log again, backwards from the commit.
"""

import re
import struct
from collections.abc import Callable, Iterable

from pymysqlreplication.constants import BINLOG

from landbridge.endpoints.mysql.log import events
from landbridge.endpoints.mysql.log.binlog import Event
from landbridge.endpoints.mysql.log.gtid import BEGINNINGS

Xid = bytes
"""As an XA_PREPARE event has it: format, the lengths of both parts, the parts."""

Recall = Callable[[Xid, str, int], list[Event] | None]
"""The events of the transaction prepared under the xid last before a place (file, offset) in the log."""

PREPARES = 0x40
"""Flag of a MariaDB GTID event whose transaction ends with its preparation."""

_STATEMENT = re.compile(rb"XA \w+ X'([0-9a-f]*)',X'([0-9a-f]*)',(\d+)", re.IGNORECASE)


def of_statement(text: bytes) -> Xid:
    """Of an XA statement as the server writes it to the log. Raises ValueError."""
    found = _STATEMENT.match(text)
    if found is None:
        raise ValueError("an XA statement that is not understood")
    first, second = bytes.fromhex(found[1].decode()), bytes.fromhex(found[2].decode())
    return struct.pack("<III", int(found[3]), len(first), len(second)) + first + second


def of_event(body: bytes) -> Xid:
    return body[1:]


def find(log: Iterable[Event], xid: Xid) -> list[Event] | None:
    """The last transaction of the log that was prepared under the xid, from its GTID event to its end."""
    found: list[Event] | None = None
    group: list[Event] | None = None
    for event in log:
        kind, body = event[0], event[4]
        if kind in BEGINNINGS:
            group = [event] if kind != BINLOG.MARIADB_GTID_EVENT or body[12] & PREPARES else None
        elif group is not None:
            group.append(event)
            if len(group) == 2 and group[0][0] != BINLOG.MARIADB_GTID_EVENT and not _starts(event):
                group = None
            elif kind == BINLOG.XA_PREPARE_EVENT:
                found = group if of_event(body) == xid and not body[0] else found
                group = None
    return found


def _starts(event: Event) -> bool:
    return event[0] == BINLOG.QUERY_EVENT and events.query(event[4]).text.startswith(b"XA START")
