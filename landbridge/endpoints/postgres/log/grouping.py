"""
Transactions that follow on each other, and are small, as one: by itself each would cost several times what its rows do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from landbridge.change import End, Named
from landbridge.endpoints.postgres.log.lsn import position
from landbridge.endpoints.postgres.log.packed import HEAD, Pack
from landbridge.endpoints.postgres.log.pgoutput import BEGIN, COMMIT, begin, commit

_BYTES = 128 << 10


@dataclass(frozen=True, kw_only=True)
class Group:
    """
    ends, rows: of the transactions that have come whole. named: the tables of their rows, and of those that are begun.
    told: where the last of them ends. begun: where the commit of the one that came last starts, and its time, while
    that is not whole; so far it has the rows begun_rows. next: the message that follows, None: none has been received.
    """

    ends: list[End]
    rows: list[bytes]
    named: Named
    told: int
    begun: tuple[int, float] | None
    begun_rows: list[bytes]
    next: bytes | None


def group(payload: bytes, read: Callable[[], bytes | None], packs: Mapping[bytes, Pack], since: int) -> Group:
    """From a transaction's begin on, as long as all goes packed and is not much. since: what was sent before."""
    ends: list[End] = []
    rows: list[bytes] = []
    named: Named = {}
    whole = size = told = 0
    begun: tuple[int, float] | None = None
    following: bytes | None = payload
    while following is not None and following[0] == BEGIN and size < _BYTES:
        begun = begin(following)
        if begun[0] < since:
            begun = None
            break
        following = read()
        while following is not None and (pack := packs.get(following[:HEAD])) and size < _BYTES:
            rows.append(following)
            size += len(following)
            named[pack[0]] = pack[1]
            following = read()
        if following is None or following[0] != COMMIT or len(rows) == whole:
            break
        told = commit(following)
        ends.append((position(told), begun[1], len(rows) - whole))
        begun, whole = None, len(rows)
        following = read()
    return Group(
        ends=ends, rows=rows[:whole], named=named, told=told, begun=begun, begun_rows=rows[whole:], next=following
    )
