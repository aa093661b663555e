"""
Stopping the writers of a source, and proving it.

default_transaction_read_only on the database reaches new sessions only, and a session may turn it off for itself: a
transaction that was open before can still commit. So it is the beginning: every other session is ended, prepared
transactions must be none, and repeated looks must find nobody with a transaction number; who writes in spite of the
default is ended each time. A row in the source's landbridge.freeze, written in the transaction that sets the default,
says whose freeze it is; `thaw` goes by it. Freezing the plan's tables alone is in revoke.py, and keeping others from
connecting at all, on top of read-only, in fence.py; the note then holds what gives the rights back.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extras import Json

from landbridge.endpoints.findings import listed
from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.freeze import fence, revoke
from landbridge.endpoints.postgres.freeze.revoke import OTHERS, Place, end, not_frozen, rows
from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, position
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

_OLDER = f"""
select a.pid, a.usename::text {OTHERS}
    and coalesce(a.backend_type, '') not in ('walsender', 'parallel worker') and coalesce(a.backend_start < %s, true)"""
_WRITING = f"""
select a.pid, a.usename::text {OTHERS} and a.pid in (
    select pid from pg_catalog.pg_locks where locktype = 'transactionid' and mode = 'ExclusiveLock' and granted)"""
_PREPARED = "select gid from pg_catalog.pg_prepared_xacts where database = current_database() order by prepared"
_NEXT = "select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text"
_SETTING = """
select pg_catalog.split_part(c, '=', 2) from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c
where d.datname = current_database() and s.setrole = 0 and c ~ '^default_transaction_read_only='"""
_MAKE_NOTE = f"""
create schema if not exists landbridge;
create table if not exists {_NOTE} (one int primary key check (one = 1), run text not null, previous text);
alter table {_NOTE} add column if not exists back jsonb;
alter table {_NOTE} add column if not exists how text"""
_HOW = "coalesce(how, case when back is null then 'read-only' else 'revoke' end)"
_BY_HAND = f"select format('set role %I; %s;', b ->> 0, b ->> 1) from {_NOTE}, jsonb_array_elements(back) b;"
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
        if how not in ("read-only", "revoke", "fence"):
            raise Unsupported(
                f"the writers of {len(tables)} tables cannot be stopped by {how!r} here",
                mend="write `freeze: read-only`, `revoke`, `fence` or `'hook: COMMAND'` under cutover in the plan",
            )
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            if how == "revoke":
                return self._revoke(connection, cursor, run, tables)
            _refuse_what_the_setting_does_not_stop(cursor)
            begun = _begin(connection, cursor, run, how)
            try:
                ended = self._prove(cursor)
            except (MigrationError, psycopg2.Error):
                if begun:
                    _undo(connection, cursor)
                raise
            admitted = [*fence.admitted(cursor), connection.info.user]
            return (
                f"default_transaction_read_only set on the database {connection.info.dbname}",
                f"sessions ended: {listed(ended) or 'none'}",
                "no session is left that could write, and no transaction is prepared",
                *((f"nobody can connect to the database but: {listed(admitted)}",) if how == "fence" else ()),
            )

    def _revoke(self, connection: Any, cursor: Any, run: str, tables: Sequence[TableMap]) -> tuple[str, ...]:
        frozen = revoke.places(cursor, tables)
        begun = _begin_revoking(connection, cursor, run, frozen)
        try:
            ended = revoke.prove(cursor, frozen, self._patience)
        except (MigrationError, psycopg2.Error):
            if begun:
                _undo(connection, cursor)
            raise
        exempt = [*revoke.bypassing(cursor), connection.info.user]
        return (
            f"the rights to write to {len(frozen)} tables revoked: {listed([str(place.name) for place in frozen])}",
            f"sessions ended: {listed(ended) or 'none'}",
            "no session is left that writes to them, and no transaction on them is prepared",
            f"not stopped by that: {listed(exempt)}",
        )

    def thaw(self, run: str, how: str, tables: Sequence[TableMap]) -> None:  # noqa: ARG002
        """After a read-only freeze the sessions of its time are ended: they would stay read-only."""
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            if noted(cursor) == run:
                _undo(connection, cursor)

    def admit(self, run: str) -> None:
        """Our sessions never obey the read-only default. Rights that were taken are another matter: see way_back.py."""

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
            sessions = dict(rows(cursor, _OLDER, since)) | dict(rows(cursor, _WRITING))
            prepared = [gid for (gid,) in rows(cursor, _PREPARED)]
            following = rows(cursor, _NEXT)[0][0]
            clean = 0 if sessions or prepared else clean + 1
            still = still + 1 if clean and following == last else 0
            last = following
            if not clean and time.monotonic() > began + self._patience:
                raise not_frozen(sessions, prepared)
            ended |= end(cursor, sessions)
            time.sleep(_STEP)
        return sorted(ended)


def noted(cursor: Any) -> str | None:
    """The run that froze this database."""
    readable = "select coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass(%s), 'SELECT'), false)"
    if not rows(cursor, readable, _NOTE)[0][0]:
        return None
    found = rows(cursor, f"select run from {_NOTE}")
    return str(found[0][0]) if found else None


def _refuse_what_the_setting_does_not_stop(cursor: Any) -> None:
    roles = [role for role, _ in rows(cursor, ROLES_EXEMPT)]
    if roles:
        raise Terminal(
            f"roles have a default_transaction_read_only of their own: {listed(roles)}",
            mend=" ".join(f"alter role {quote(role)} reset default_transaction_read_only;" for role in roles[:10]),
        )
    subscriptions = [name for (name,) in rows(cursor, SUBSCRIPTIONS)]
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


def _begin(connection: Any, cursor: Any, run: str, how: str) -> bool:
    """Whether this call begins the freeze: it was not noted before. What others opened again since is shut again."""
    database = quote(connection.info.dbname)
    with _transaction(connection):
        cursor.execute(_MAKE_NOTE)
        again = _ours(cursor, run, database, how)
        if again:
            revoke.give_back(cursor, rows(cursor, f"select back from {_NOTE}")[0][0] or ())
        else:
            previous = [value for (value,) in rows(cursor, _SETTING)]
            if previous == ["on"]:
                raise Terminal(
                    "the source is read-only already, and not by landbridge",
                    mend=f"alter database {database} reset default_transaction_read_only;",
                )
            noted = (run, previous[0] if previous else None, how)
            cursor.execute(f"insert into {_NOTE} (one, run, previous, how) values (1, %s, %s, %s)", noted)
        cursor.execute(f"alter database {database} set default_transaction_read_only = on")
        if how == "fence":
            cursor.execute(f"update {_NOTE} set back = %s", (Json(fence.shut(cursor, database)),))
    return not again


def _begin_revoking(connection: Any, cursor: Any, run: str, frozen: Sequence[Place]) -> bool:
    """As `_begin`. Rights that were granted since are taken as well: all are given back and taken, unseen by others."""
    with _transaction(connection):
        cursor.execute(_MAKE_NOTE)
        again = _ours(cursor, run, quote(connection.info.dbname), "revoke")
        if again:
            revoke.give_back(cursor, rows(cursor, f"delete from {_NOTE} returning back")[0][0])
        back = revoke.take(cursor, frozen)
        cursor.execute(f"insert into {_NOTE} (one, run, back, how) values (1, %s, %s, 'revoke')", (run, Json(back)))
    return not again


def _ours(cursor: Any, run: str, database: str, how: str) -> bool:
    """Whether the run has frozen the source in this way already. Terminal when it is frozen otherwise."""
    found = rows(cursor, f"select run, {_HOW} from {_NOTE} for update")
    if not found or found == [(run, how)]:
        return bool(found)
    owner, other = found[0]
    undo = [f"alter database {database} reset default_transaction_read_only;"] if other != "revoke" else []
    undo += [f"run what this prints: {_BY_HAND};"] if other != "read-only" else []
    raise Terminal(
        f"the source is frozen already, by the run {owner}" + (" in another way" if owner == run else ""),
        mend=f"undo that run's cutover, or if it is no more: {' '.join(undo)} delete from {_NOTE};",
    )


def _undo(connection: Any, cursor: Any) -> None:
    database = quote(connection.info.dbname)
    with _transaction(connection):
        previous, back, how = rows(cursor, f"delete from {_NOTE} returning previous, back, {_HOW}")[0]
        revoke.give_back(cursor, back or ())
        if how == "revoke":
            return
        change = "reset default_transaction_read_only"
        if previous is not None:
            change = f"set default_transaction_read_only = {previous}"
        cursor.execute(f"alter database {database} {change}")
    cursor.execute("select clock_timestamp()")
    end(cursor, dict(rows(cursor, _OLDER, cursor.fetchone()[0])))
