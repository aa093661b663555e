"""What a slot holds back of the log, and how much more it may before the server drops it."""

from typing import Any

from landbridge.endpoints.abc import Held
from landbridge.endpoints.postgres.log.lsn import AS_NUMBER

_HELD = f"""
    select wal_status, {AS_NUMBER % "pg_catalog.pg_current_wal_insert_lsn()"} - {AS_NUMBER % "restart_lsn"},
        safe_wal_size
    from pg_catalog.pg_replication_slots where slot_name = %s
"""


def held(cursor: Any, name: str) -> Held:
    cursor.execute(_HELD, (name,))
    found = cursor.fetchone()
    if found is None or found[0] == "lost":
        return Held(state="lost")
    status, size, left = found
    return Held(state="threatened" if status == "unreserved" else "kept", bytes=size, bytes_left=left)
