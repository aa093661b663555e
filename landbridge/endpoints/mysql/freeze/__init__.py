"""
Stopping the writers of a source, and proving it.

super_read_only (MySQL) or read_only (MariaDB) refuses every new write and every commit of an older one, but not all:
MySQL lets a prepared transaction commit, and one that is open be prepared and then commit; MariaDB lets accounts with
READ_ONLY ADMIN do everything. So the setting is the beginning: transactions that have written are ended, prepared
ones must be none, and the log must have stood still while we looked. A row in the source's landbridge.freeze says whose
freeze it is; it is what `thaw` goes by. Freezing the plan's databases alone is in revoke.py, and keeping others from
connecting at all, on top of read-only, in fence.py; the note then holds what gives the rights back.
"""

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.findings import listed
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.freeze import fence, revoke
from landbridge.endpoints.mysql.processlist import applies, clients, threads
from landbridge.endpoints.mysql.read import sessions
from landbridge.endpoints.mysql.rights import LEDGER, bypassing
from landbridge.errors import MigrationError, Terminal, Unsupported
from landbridge.model import Position, TableMap

PATIENCE = 20.0
"""Seconds within which the writers must be gone."""

_STEP = 0.25
_NOTE = f"`{LEDGER}`.`freeze`"
_NO_NOTE = (ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR)
_WRITERS = """
select trx_mysql_thread_id from information_schema.innodb_trx
where trx_mysql_thread_id not in (0, connection_id()) and (trx_rows_modified > 0 or trx_rows_locked > 0)"""


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
        if how == "revoke":
            return self._revoke(run, tables)
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            mariadb = self._database.is_mariadb(connection)
            attempt = _Attempt(connection, mariadb, self._patience, fenced=how == "fence")
            begun = attempt.begin(run)
            try:
                attempt.close()
                attempt.prove()
            except (MigrationError, pymysql.Error):
                if begun:
                    _undo(connection, run, mariadb)
                raise
            return tuple(attempt.done)

    def _revoke(self, run: str, tables: Sequence[TableMap]) -> tuple[str, ...]:
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            _refuse_replica(connection)
            grants = revoke.writing(connection, tables)
            revoke.refuse_broad(grants)
            revoke.refuse_namesakes(connection, grants)
            begun, remembered = _note_revoking(connection, run, grants)
            try:
                users = revoke.concerned(connection, remembered)
                for grant in grants:
                    fetch(connection, grant.revoke)
                ended = self._prove(users, tables)
            except (MigrationError, pymysql.Error):
                if begun:
                    _undo(connection, run, self._database.is_mariadb(connection))
                raise
            accounts = sorted({grant.account for grant in remembered})
            own = str(fetch(connection, "select current_user()")[0][0])
            rulers, others = revoke.bypassing(connection)
            return (
                f"the rights to write to {len(tables)} tables revoked from: {listed(accounts) or 'nobody'}",
                f"ended: {listed(ended) or 'none'}",
                "no transaction is left that could write to them",
                f"not stopped by that: {listed([*others, *rulers, own])}",
            )

    def _prove(self, users: set[str] | None, tables: Sequence[TableMap]) -> list[str]:
        with closing(self._database.open()) as later:
            proof = revoke.Proof(later, users, self._patience)
            proof.prove(tables)
            return sorted(proof.ended)

    def thaw(self, run: str, how: str, tables: Sequence[TableMap]) -> None:  # noqa: ARG002
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            if noted(connection) == run:
                _undo(connection, run, self._database.is_mariadb(connection))

    def admit(self, run: str) -> None:
        """
        Under read_only alone CONNECTION_ADMIN may write (MariaDB: READ_ONLY ADMIN); under super_read_only nobody. After
        a restart there is neither.
        """
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            if noted(connection) != run:
                return
            if not self._database.is_mariadb(connection):
                fetch(connection, "set global super_read_only = off")
            fetch(connection, f"set session lock_wait_timeout = {int(self._patience)}")
            fetch(connection, "set global read_only = on")

    def mark(self, run: str) -> Position:  # noqa: ARG002
        with sessions.reading(self._database) as connection:
            return sessions.log_end(self._database, connection)


def noted(connection: Any) -> str | None:
    """The run that froze this server."""
    try:
        rows = fetch(connection, f"select run from {_NOTE}")
    except pymysql.Error as error:
        if error.args[0] in _NO_NOTE:
            return None
        raise
    return str(rows[0][0]) if rows else None


def _undo(connection: Any, run: str, mariadb: bool) -> None:
    how, back = _noted_back(connection)
    if how == "revoke":
        revoke.give_back(connection, [grant.grant for grant in back])
        revoke.renew(connection, revoke.concerned(connection, back))
    else:
        fetch(connection, "set global read_only = off")  # in MySQL that ends super_read_only too
    if how == "fence":
        fence.reopen(connection, mariadb, back)
    fetch(connection, f"delete from {_NOTE} where run = %s", (run,))


def _make_note(connection: Any) -> None:
    fetch(connection, f"create database if not exists `{LEDGER}`")
    fetch(
        connection,
        f"create table if not exists {_NOTE} "
        "(one tinyint not null primary key, run varchar(190) not null, back longtext) engine = InnoDB",
    )
    if not fetch(connection, f"show columns from {_NOTE} like 'back'"):
        fetch(connection, f"alter table {_NOTE} add column back longtext")


def _noted_back(connection: Any) -> tuple[str, list[Any]]:
    """How the server is frozen, where it is, and what gives back: by `revoke` the grants, by `fence` the accounts."""
    try:
        rows = fetch(connection, f"select back from {_NOTE}")
    except pymysql.Error as error:
        if error.args[0] in (*_NO_NOTE, ER.BAD_FIELD_ERROR):
            return "read-only", []
        raise
    back = json.loads(rows[0][0]) if rows and rows[0][0] is not None else None
    if isinstance(back, dict):
        return "fence", back["locked"]
    if back is None:
        return "read-only", []
    return "revoke", [revoke.Grant(user=u, host=h, place=p, rights=tuple(rights)) for u, h, p, rights in back]


def _note_revoking(connection: Any, run: str, grants: list[revoke.Grant]) -> tuple[bool, list[revoke.Grant]]:
    """Note what gives the rights back, before any is taken. Whether the freeze begins here, and all that is noted: what
    a call before this one took stays noted."""
    owner = noted(connection)
    how, before = _noted_back(connection)
    if owner is not None and (owner, how) != (run, "revoke"):
        raise _frozen_already(owner, owner == run, how)
    _make_note(connection)
    known = [*before, *(grant for grant in grants if grant not in before)]
    back = json.dumps([(grant.user, grant.host, grant.place, grant.rights) for grant in known])
    sql = f"insert into {_NOTE} (one, run, back) values (1, %s, %s)"
    if owner is not None:
        sql = f"update {_NOTE} set run = %s, back = %s"
    fetch(connection, sql, (run, back))
    return owner is None, known


def _frozen_already(owner: str, same: bool, how: str) -> Terminal:
    undo = {
        "revoke": f"run the grants that SELECT back FROM {_NOTE} lists;",
        "fence": "SET GLOBAL read_only = OFF; SET GLOBAL offline_mode = OFF; (MariaDB: ALTER USER ... ACCOUNT UNLOCK "
        f"for those that SELECT back FROM {_NOTE} lists)",
    }.get(how, "SET GLOBAL read_only = OFF;")
    return Terminal(
        f"the source is frozen already, by the run {owner}" + (" in another way" if same else ""),
        mend=f"undo that run's cutover, or if it is no more: {undo} DELETE FROM {_NOTE};",
    )


def _refuse_replica(connection: Any) -> None:
    if applies(connection):
        raise Terminal(
            "the source is a replica, and no freeze stops what it replicates",
            mend="STOP REPLICA; on the source, then again",
        )


class _Attempt:
    def __init__(self, connection: Any, mariadb: bool, patience: float, *, fenced: bool) -> None:
        self._connection = connection
        self._mariadb = mariadb
        self._fenced = fenced
        self._deadline = time.monotonic() + patience
        self._ended: set[str] = set()
        self.done: list[str] = []

    def begin(self, run: str) -> bool:
        """Whether this call begins the freeze: it was not noted before."""
        self._refuse_what_read_only_does_not_stop()
        owner, wanted = noted(self._connection), "fence" if self._fenced else "read-only"
        how, _ = _noted_back(self._connection)
        if (owner, how) == (run, wanted):
            return False
        if owner is not None:
            raise _frozen_already(owner, owner == run, how)
        if fetch(self._connection, "select @@global.read_only")[0][0]:
            raise Terminal(
                "the source is read-only already, and not by landbridge",
                mend="SET GLOBAL read_only = OFF; or migrate from the server that takes the writes",
            )
        back = {"locked": fence.to_shut(self._connection, self._mariadb)} if self._fenced else None
        _make_note(self._connection)
        note = (run, None if back is None else json.dumps(back))
        fetch(self._connection, f"insert into {_NOTE} (one, run, back) values (1, %s, %s)", note)
        return True

    def _refuse_what_read_only_does_not_stop(self) -> None:
        _refuse_replica(self._connection)
        if not self._mariadb or fetch(self._connection, "select @@global.event_scheduler")[0][0] != "ON":
            return
        accounts = bypassing(self._connection)
        events = fetch(
            self._connection,
            "select event_schema, event_name, definer from information_schema.events where status = 'ENABLED'",
        )
        writing = [f"{schema}.{name}" for schema, name, who in events if accounts is None or _account(who) in accounts]
        if writing:
            raise Terminal(
                f"events run that read_only does not stop: {listed(writing)}",
                mend="SET GLOBAL event_scheduler = OFF; then again",
            )

    def close(self) -> None:
        """The setting waits for statements and table locks, and new writers wait behind it: so it is tried in steps."""
        fetch(self._connection, "set session lock_wait_timeout = 1")
        setting = "read_only" if self._mariadb else "super_read_only"
        rude = False
        while True:
            try:
                fetch(self._connection, f"set global {setting} = on")
                break
            except pymysql.Error as error:
                if error.args[0] != ER.LOCK_WAIT_TIMEOUT:
                    raise
            if time.monotonic() > self._deadline:
                raise Terminal(
                    f"{setting} could not be set: sessions hold locks that cannot be ended",
                    mend="end them (SHOW PROCESSLIST; KILL ...), then again",
                )
            # who holds LOCK TABLES is not to be seen everywhere, so in the end every other session may be the one
            self._end(self._others() if rude else self._writers())
            rude = True
        self.done.append(f"{setting} set on the source")
        if self._fenced:
            fence.shut(self._connection, self._mariadb, _noted_back(self._connection)[1])
            self.done.append(f"nobody can connect but our own login and {listed(fence.admitted(self._connection))}")

    def prove(self) -> None:
        while True:
            writers, prepared, before = self._writers(), self._prepared(), self._log_end()
            self._end(self._others() if self._fenced else writers)
            time.sleep(_STEP)
            still, after = self._writers(), self._log_end()
            if not writers and not prepared and not still and before == after:
                break
            if time.monotonic() > self._deadline:
                raise Terminal(
                    "the source still has writers: " + "; ".join(self._names(still, prepared, before != after)),
                    mend="end them: KILL the sessions, XA COMMIT or XA ROLLBACK the prepared transactions; then again",
                )
        if self._ended:
            self.done.append(f"ended: {listed(sorted(self._ended))}")
        self.done.append("no transaction is left that could write, and the log stands still")
        if self._mariadb and (accounts := bypassing(self._connection)):
            self.done.append(f"not stopped by read_only: {listed(accounts)}")

    def _names(self, writers: list[int], prepared: list[str], grows: bool) -> Iterable[str]:
        if writers:
            names = {each.number: f"{each.number} of {each.user}@{each.host}" for each in threads(self._connection)}
            yield "sessions " + listed([names.get(number, str(number)) for number in writers])
        if prepared:
            yield "prepared transactions " + listed(prepared)
        if grows and not writers:
            accounts = bypassing(self._connection) if self._mariadb else None
            yield "somebody writes to the log" + (f"; read_only does not stop {listed(accounts)}" if accounts else "")

    def _writers(self) -> list[int]:
        return [int(number) for (number,) in fetch(self._connection, _WRITERS)]

    def _prepared(self) -> list[str]:
        return [repr(row[3]) for row in fetch(self._connection, "xa recover")]

    def _others(self) -> list[int]:
        return [each.number for each in clients(self._connection)]

    def _end(self, numbers: Iterable[int]) -> None:
        names = {each.number: each.name for each in threads(self._connection)}
        for number in numbers:
            with suppress(pymysql.Error):  # gone by itself, or not ours to end: the next look tells
                fetch(self._connection, f"kill {number}")
                self._ended.add(names.get(number, f"session {number}"))

    def _log_end(self) -> tuple[Any, ...]:
        return fetch(self._connection, "show master status" if self._mariadb else "show binary log status")[0][:2]


def _account(definer: str) -> str:
    user, _, host = definer.rpartition("@")
    return f"'{user}'@'{host}'"
