"""The slot's messages as the server sends them, one by one, soon after each commit."""

import select
from collections.abc import Callable
from typing import Any

from landbridge.endpoints.postgres.log.gather import gather

_WAIT = 250  # milliseconds


class Walsender:
    """Implements stream.Messages. cursor: in copy mode."""

    slow = False

    def __init__(self, cursor: Any, behind: Callable[[int], bool]) -> None:
        self._cursor, self.behind = cursor, behind
        message = cursor.read_message

        def read() -> bytes | None:
            return None if (found := message()) is None else found.payload

        self.read = read
        # The driver's cursor confirms by itself up to a keepalive's end once the last message it read lies before what
        # was confirmed; inside a long transaction that also holds while others before it are not applied yet. So
        # another cursor of the connection confirms, and the one that reads has nothing to.
        self._confirming = cursor.connection.cursor()
        self._poll = select.poll()
        self._poll.register(cursor.fileno(), select.POLLIN)

    @property
    def end(self) -> int:
        return self._cursor.wal_end or 0

    def wait(self) -> bool:
        if self._poll.poll(_WAIT):
            gather(self._cursor.fileno())
        return True

    def confirm(self, lsn: int) -> None:
        self._confirming.send_feedback(write_lsn=lsn, flush_lsn=lsn, apply_lsn=lsn, force=True)
