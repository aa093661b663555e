"""
What a heartbeat at X may claim: every commit whose record ends at X or before has been told. Decoding is in commit
order and the connection keeps that order, so X may be
- the place of a message that was emitted outside a transaction (ours come every second when nothing else does, which
  also takes an idle database past the log of its busy neighbours; each says when it was emitted, so that a lag is true
  however late it is read);
- the `wal_end` of a keepalive: the end of the last record that the walsender has decoded, sent after all that those
  records gave. A row's message carries `wal_end` too: the place of its own record, before its commit. Both are true
  once everything received has been read, and between two transactions only: inside one the claim would end it;
- the end of what was read in bulk: the end of the last record that was decoded for it.
"""

import time
from typing import Any

_BEAT = 1.0
_PREFIX = b"landbridge"
_EMIT = """
    select pg_catalog.pg_logical_emit_message(false, 'landbridge', extract(epoch from clock_timestamp())::text)
"""


class Beats:
    """
    One stream's. told: where what was told last ends. side: an ordinary connection to the source, by which it is made
    to say something where nothing else comes.
    """

    def __init__(self, side: Any, since: int) -> None:
        self._side = side
        self.told = self._heard = since
        self._told_at = self._emitted_at = time.monotonic()

    def tell(self, lsn: int) -> None:
        self.told, self._told_at = lsn, time.monotonic()

    def hear(self, lsn: int) -> None:
        """A place that may be claimed."""
        self._heard = max(self._heard, lsn)

    def due(self, *, now: bool = False) -> int | None:
        """The place to claim, if it is time for a heartbeat."""
        return self._heard if self._heard > self.told and (now or self.late()) else None

    def late(self) -> bool:
        """Whether nothing was told for as long as one heartbeat takes."""
        return time.monotonic() - self._told_at >= _BEAT

    def emit_if_quiet(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= _BEAT / 2 and now - self._emitted_at >= _BEAT:
            self._emit()

    def _emit(self) -> None:
        """A read-only default of the source does not forbid this."""
        with self._side.cursor() as cursor:
            cursor.execute(_EMIT)
        self._emitted_at = time.monotonic()


def emitted(prefix: bytes, content: bytes) -> float | None:
    """When a heartbeat of ours was emitted, by the source's clock; 0.0 where it does not say. None: it is not ours."""
    if prefix != _PREFIX:
        return None
    try:
        return float(content)
    except ValueError:
        return 0.0
