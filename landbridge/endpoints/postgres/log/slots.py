"""Replication slots as the server's catalog shows them, and the transactions that stand in their way."""

import time
from typing import Any

from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, position
from landbridge.errors import Busy, PositionLost

_PATIENCE = 10.0

_SLOT = f"""
    select s.active_pid, a.application_name, s.wal_status, {AS_NUMBER % "s.confirmed_flush_lsn"}
    from pg_catalog.pg_replication_slots s
    left join pg_catalog.pg_stat_activity a on a.pid = s.active_pid
    where s.slot_name = %s
"""
_OPEN = """
    select coalesce('pid ' || l.pid, 'prepared transaction ' || x.gid, 'transaction ' || o.xid)
        || coalesce(' (' || nullif(a.application_name, '') || ')', '')
    from pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot()) as o(xid)
    left join pg_catalog.pg_locks l
        on l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted and l.transactionid = o.xid::xid
    left join pg_catalog.pg_stat_activity a on a.pid = l.pid
    left join pg_catalog.pg_prepared_xacts x on x.transaction = o.xid::xid
    where o.xid < %s::xid8 and coalesce(a.datname, x.database, current_database()) = current_database()
    order by o.xid
    limit 10
"""
_WRITERS = """
    select who || coalesce(', open for ' || extract(epoch from clock_timestamp() - began)::int || ' s', ''),
        who, extract(epoch from clock_timestamp() - began)::float8
    from (
        select 'pid ' || a.pid || coalesce(' (' || nullif(a.application_name, '') || ')', ''), a.xact_start
        from pg_catalog.pg_locks l
        join pg_catalog.pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted and l.pid <> pg_backend_pid()
        union all
        select 'prepared transaction ' || gid, prepared from pg_catalog.pg_prepared_xacts
    ) as open (who, began)
    order by began nulls first
    limit 10
"""


def claim(cursor: Any, name: str, since: int) -> None:
    """
    The slot is there, reaches back to `since` and is free: a walsender of ours whose process was killed is ended. Two
    live ones cannot meet here, the spool has one writer. Raises PositionLost, Busy.
    """
    found = _free(cursor, name)
    if found is None:
        raise PositionLost(f"the replication slot {name} is gone", mend="load again")
    status, confirmed = found
    if status == "lost":
        raise PositionLost(
            f"the server invalidated the replication slot {name}",
            mend="load again; then set max_slot_wal_keep_size so that the log is kept for the length of an outage",
        )
    if confirmed is not None and confirmed > since:
        raise PositionLost(
            f"the replication slot {name} has gone on to {position(confirmed)}, past {position(since)}",
            mend="load again",
        )


def drop(cursor: Any, name: str) -> None:
    """Dropping none is no error."""
    if _free(cursor, name) is not None:
        cursor.execute("select pg_catalog.pg_drop_replication_slot(%s)", (name,))


def _free(cursor: Any, name: str) -> tuple[str, int | None] | None:
    """The slot's state once nobody reads it: its log's status and what was confirmed; None when there is no slot."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        cursor.execute(_SLOT, (name,))
        found = cursor.fetchone()
        if found is None:
            return None
        reader, application, status, confirmed = found
        if reader is None:
            return status, confirmed
        late = time.monotonic() >= deadline
        if application == "landbridge" and not late:
            cursor.execute("select pg_catalog.pg_terminate_backend(%s)", (reader,))
        elif application is not None or late:  # not seen: just ended, or of a role that we may not look at
            raise Busy(
                f"the replication slot {name} is read by pid {reader} ({application or 'of another role'})",
                mend=f"end it: select pg_terminate_backend({reader})",
            )
        time.sleep(0.05)


def open_before(cursor: Any, limit: str) -> list[str]:
    """Whoever has a transaction of this database open, or not yet visible, whose number is below `limit`."""
    cursor.execute(_OPEN, (limit,))
    return [who for (who,) in cursor.fetchall()]


def writers(cursor: Any) -> list[str]:
    """The oldest transactions of all databases that have written; making a slot waits for every one of them."""
    cursor.execute(_WRITERS)
    return [said for said, _, _ in cursor.fetchall()]


def oldest_writer(cursor: Any) -> tuple[float, str] | None:
    """The oldest of them whose age we may see, in seconds, and who has it open."""
    cursor.execute(_WRITERS)
    return next(((seconds, who) for _, who, seconds in cursor.fetchall() if seconds is not None), None)
