"""Sessions that write rows of the plan's tables."""

from dataclasses import dataclass
from typing import Any

_PAUSE = 3600
"""Seconds the server lets us pause within a statement's lines, while the source is slow to give more."""

_SETTINGS = (
    "foreign_key_checks = 0",  # else parents come first, and the target's own cascades run
    "unique_checks = 1",
    "sql_notes = 1",  # without them a value that was cut is not told
    "sql_safe_updates = 0",
    "sql_big_selects = 1",
    "sql_select_limit = 18446744073709551615",
    f"net_read_timeout = {_PAUSE}",
    f"net_write_timeout = {_PAUSE}",
)


@dataclass(frozen=True, kw_only=True)
class Room:
    """longest: bytes of a statement. local_infile: whether the server takes LOAD DATA LOCAL."""

    longest: int
    local_infile: bool


def prepare(connection: Any) -> Room:
    with connection.cursor() as cursor:
        cursor.execute("set session " + ", ".join(_SETTINGS))
        cursor.execute("select @@max_allowed_packet, @@global.local_infile")
        longest, local_infile = cursor.fetchone()
    return Room(longest=int(longest), local_infile=bool(local_infile))
