"""
Stopping the writers of a source, and proving it.

default_transaction_read_only on the database reaches new sessions only, and a session may turn it off for itself: a
transaction that was open before can still commit. So it is the beginning: every other session is ended, prepared
transactions must be none, and repeated looks must find nobody with a transaction number; who writes in spite of the
default is ended each time. A row in the source's landbridge.freeze, written in the transaction that sets the default,
says whose freeze it is; `thaw` goes by it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.errors

from landbridge.endpoints.findings import listed
from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.lsn import AS_NUMBER, position
from landbridge.endpoints.postgres.names import quote
from landbridge.errors import MigrationError, Terminal, Unsupported
from landbridge.model import Position, TableMap

PATIENCE = 20.0
"""Seconds within which the writers must be gone."""

_STEP = 0.05
_STILL = 3
_CLEAN = 25
"""Looks in a row: so many when no transaction ended anywhere between them, or so many when some did elsewhere."""

_STARTING = 0.3
"""Seconds that a session which took the old default may need until it is seen."""

_NOTE = "landbridge.freeze"

# Ours are the sessions of our own login under our own name; housekeeping writes no rows of anybody's.
_OTHERS = """
    from pg_catalog.pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_catalog.pg_backend_pid()
        and coalesce(a.backend_type, '') <> 'autovacuum worker'
        and not (a.application_name = 'landbridge' and a.usename = current_user)"""
_OLDER = f"""
select a.pid, a.usename::text {_OTHERS}
    and coalesce(a.backend_type, '') not in ('walsender', 'parallel worker') and coalesce(a.backend_start < %s, true)"""
_WRITING = f"""
select a.pid, a.usename::text {_OTHERS} and a.pid in (
    select pid from pg_catalog.pg_locks where locktype = 'transactionid' and mode = 'ExclusiveLock' and granted)"""
_PREPARED = "select gid from pg_catalog.pg_prepared_xacts where database = current_database() order by prepared"
_NEXT = "select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text"
_SETTING = """
select pg_catalog.split_part(c, '=', 2) from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c
where d.datname = current_database() and s.setrole = 0 and c ~ '^default_transaction_read_only='"""
_MAKE_NOTE = f"""
create schema if not exists landbridge;
create table if not exists {_NOTE} (one int primary key check (one = 1), run text not null, previous text)"""
_HERE = f"select {AS_NUMBER % 'pg_catalog.pg_current_wal_insert_lsn()'}"

ROLES_EXEMPT = """
select r.rolname::text, s.setdatabase <> 0 from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_roles r on r.oid = s.setrole
left join pg_catalog.pg_database d on d.oid = s.setdatabase
where coalesce(d.datname, current_database()) = current_database() and r.rolname <> current_user
    and exists (select from unnest(s.setconfig) c where c ~ '^default_transaction_read_only=' and c !~ '=on$')
order by 1"""
"""Roles with a setting of their own, which outranks the database's, and whether it is for this database only."""

SUBSCRIPTIONS = """
select s.subname::text from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid
where d.datname = current_database() and s.subenabled order by 1"""


class Freezer:
    def __init__(self, database: Database, patience: float = PATIENCE) -> None:
        self._database = database
        self._patience = patience

    def freeze(self, run: str, how: str, tables: Sequence[TableMap]) -> tuple[str, ...]:
        """A failure leaves the source as it was before the call."""
        if how != "read-only":
            raise Unsupported(
                f"the writers of {len(tables)} tables cannot be stopped by {how!r} here",
                mend="write `freeze: read-only` or `freeze: 'hook: COMMAND'` under cutover in the plan",
            )
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            _refuse_what_the_setting_does_not_stop(cursor)
            begun = _begin(connection, cursor, run)
            try:
                ended = self._prove(cursor)
            except (MigrationError, psycopg2.Error):
                if begun:
                    _undo(connection, cursor)
                raise
            return (
                f"default_transaction_read_only set on the database {connection.info.dbname}",
                f"sessions ended: {listed(ended) or 'none'}",
                "no session is left that could write, and no transaction is prepared",
            )

    def thaw(self, run: str, how: str, tables: Sequence[TableMap]) -> None:  # noqa: ARG002
        """The sessions of the time of the freeze are ended: they would stay read-only."""
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            if noted(cursor) == run:
                _undo(connection, cursor)

    def mark(self, run: str) -> Position:
        """The log's end; the message behind it makes the log go on, so that an idle source's stream passes it too."""
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_HERE)
            here: int = cursor.fetchone()[0]
            cursor.execute("select pg_catalog.pg_logical_emit_message(false, 'landbridge', %s)", (run,))
            return position(here)

    def _prove(self, cursor: Any) -> list[str]:
        began = time.monotonic()
        cursor.execute("select clock_timestamp()")
        since = cursor.fetchone()[0]
        ended: set[str] = set()
        still = clean = 0
        last = None
        while (still < _STILL and clean < _CLEAN) or time.monotonic() < began + _STARTING:
            sessions = dict(_rows(cursor, _OLDER, since)) | dict(_rows(cursor, _WRITING))
            prepared = [gid for (gid,) in _rows(cursor, _PREPARED)]
            following = _rows(cursor, _NEXT)[0][0]
            clean = 0 if sessions or prepared else clean + 1
            still = still + 1 if clean and following == last else 0
            last = following
            if not clean and time.monotonic() > began + self._patience:
                raise _not_frozen(sessions, prepared)
            ended |= _end(cursor, sessions)
            time.sleep(_STEP)
        return sorted(ended)


def _not_frozen(sessions: dict[int, str], prepared: list[str]) -> Terminal:
    names = [f"pid {pid} of {user}" for pid, user in sessions.items()]
    names += [f"prepared transaction {gid}" for gid in prepared]
    ends = [f"select pg_terminate_backend({pid});" for pid in sessions]
    ends += ["commit prepared or rollback prepared each;"] if prepared else []
    return Terminal(
        f"the source still has writers, or sessions that may become such: {listed(names)}",
        mend=f"{' '.join(ends[:10])} then again",
    )


def _rows(cursor: Any, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    cursor.execute(sql, parameters or None)
    return list(cursor.fetchall())


def noted(cursor: Any) -> str | None:
    """The run that froze this database."""
    readable = "select coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass(%s), 'SELECT'), false)"
    if not _rows(cursor, readable, _NOTE)[0][0]:
        return None
    rows = _rows(cursor, f"select run from {_NOTE}")
    return str(rows[0][0]) if rows else None


def _refuse_what_the_setting_does_not_stop(cursor: Any) -> None:
    roles = [role for role, _ in _rows(cursor, ROLES_EXEMPT)]
    if roles:
        raise Terminal(
            f"roles have a default_transaction_read_only of their own: {listed(roles)}",
            mend=" ".join(f"alter role {quote(role)} reset default_transaction_read_only;" for role in roles[:10]),
        )
    subscriptions = [name for (name,) in _rows(cursor, SUBSCRIPTIONS)]
    if subscriptions:
        raise Terminal(
            f"subscriptions write to the source whatever is set: {listed(subscriptions)}",
            mend=" ".join(f"alter subscription {quote(name)} disable;" for name in subscriptions[:10]),
        )


@contextmanager
def _transaction(connection: Any) -> Iterator[None]:
    connection.autocommit = False
    try:
        with connection:
            yield
    finally:
        connection.autocommit = True


def _begin(connection: Any, cursor: Any, run: str) -> bool:
    """Whether this call begins the freeze: it was not noted before."""
    database = quote(connection.info.dbname)
    with _transaction(connection):
        cursor.execute(_MAKE_NOTE)
        owner = noted(cursor)
        if owner == run:
            cursor.execute(f"alter database {database} set default_transaction_read_only = on")
            return False
        if owner is not None:
            raise Terminal(
                f"the source is frozen already, by the run {owner}",
                mend=f"undo that run's cutover, or if it is no more: delete from {_NOTE}; "
                f"alter database {database} reset default_transaction_read_only;",
            )
        previous = [value for (value,) in _rows(cursor, _SETTING)]
        if previous == ["on"]:
            raise Terminal(
                "the source is read-only already, and not by landbridge",
                mend=f"alter database {database} reset default_transaction_read_only;",
            )
        cursor.execute(f"insert into {_NOTE} values (1, %s, %s)", (run, previous[0] if previous else None))
        cursor.execute(f"alter database {database} set default_transaction_read_only = on")
    return True


def _undo(connection: Any, cursor: Any) -> None:
    database = quote(connection.info.dbname)
    with _transaction(connection):
        previous = _rows(cursor, f"delete from {_NOTE} returning previous")[0][0]
        change = "reset default_transaction_read_only"
        if previous is not None:
            change = f"set default_transaction_read_only = {previous}"
        cursor.execute(f"alter database {database} {change}")
    cursor.execute("select clock_timestamp()")
    _end(cursor, dict(_rows(cursor, _OLDER, cursor.fetchone()[0])))


def _end(cursor: Any, sessions: dict[int, str]) -> set[str]:
    ended = set()
    for pid, user in sessions.items():
        try:
            cursor.execute("select pg_catalog.pg_terminate_backend(%s)", (pid,))
            ended.add(f"pid {pid} of {user}")
        except psycopg2.errors.InsufficientPrivilege:
            continue  # a superuser's: it is named when time is up
    return ended
