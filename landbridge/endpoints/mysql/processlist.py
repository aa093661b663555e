"""
The server's sessions and threads. Of the two places that tell, information_schema raises an error where a statement has
four-byte characters; SHOW PROCESSLIST cuts statements, also inside of characters, so that they are read as bytes.
"""

from typing import Any, NamedTuple

_OWN = "select substring_index(user(), '@', 1)"
_APPLIER, _SCHEDULER, _HOUSEKEEPING = "system user", "event_scheduler", "Daemon"


class Thread(NamedTuple):
    number: int
    user: str
    host: str
    database: str
    command: str
    seconds: int
    """For how long it has done what it does."""

    @property
    def client(self) -> bool:
        """Neither the server's own nor a replica's."""
        own = self.user in (_APPLIER, _SCHEDULER) or self.command == _HOUSEKEEPING
        return not own and not self.command.startswith("Binlog Dump")

    @property
    def name(self) -> str:
        return f"session {self.number} of {self.user}@{self.host}"


def threads(connection: Any) -> list[Thread]:
    """The server's own among them."""
    return [
        Thread(int(number), _text(user), _text(host), _text(database), _text(command), int(seconds or 0))
        for number, user, host, database, command, seconds, *_ in _bytes(connection, "show processlist")
    ]


def _bytes(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    unicode, connection.use_unicode = connection.use_unicode, False
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    finally:
        connection.use_unicode = unicode


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def clients(connection: Any) -> list[Thread]:
    """Sessions of clients that are not of the connection's own user."""
    own = _text(_bytes(connection, _OWN)[0][0])
    return [each for each in threads(connection) if each.client and each.user != own]


def applies(connection: Any) -> bool:
    """Whether threads apply another server's changes; MariaDB's own housekeeping has the same user."""
    return any(each.user == _APPLIER and each.command != _HOUSEKEEPING for each in threads(connection))
