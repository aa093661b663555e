"""
The freeze of the plan's databases alone: who may write to them loses that right, and gets it back exactly.

Rights on a database and on its tables and columns are taken; rights on everything (`ON *.*`) cannot be narrowed, so who
holds those is named and not stopped. A session keeps what it knew of a database until its next USE (manual, "When
Privilege Changes Take Effect"), so the sessions from before are ended: those with a number below that of a session of
ours which began when the rights were gone. Then each table is locked for a moment, which no writer lets pass.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.findings import listed
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.processlist import clients
from landbridge.endpoints.mysql.rights import LEDGER
from landbridge.errors import Terminal
from landbridge.model import TableMap, TableName

_STEP = 0.1
WRITING = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "INDEX", "ALTER", "TRIGGER", "DELETE HISTORY")
_SYSTEM = ("information_schema", "performance_schema", "mysql", "sys", LEDGER)
_DROPPED = (ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.PASSWORD_NO_MATCH, ER.NONEXISTING_GRANT, ER.BAD_DB_ERROR, 1410)
"""The place or the account is gone: 1410 is what MySQL says of a GRANT to nobody."""

_PUBLIC = "PUBLIC"


_HOLDERS = """
select distinct t.processlist_id from performance_schema.metadata_locks m
join performance_schema.threads t on t.thread_id = m.owner_thread_id
where m.object_type = 'TABLE' and m.object_schema = %s and m.object_name = %s and m.lock_status = 'GRANTED'
    and m.lock_type in ('SHARED_WRITE', 'SHARED_WRITE_LOW_PRIO', 'SHARED_UPGRADABLE', 'SHARED_NO_WRITE',
        'SHARED_NO_READ_WRITE', 'EXCLUSIVE')"""
_LOCKING = """
select trx_mysql_thread_id from information_schema.innodb_trx
where trx_rows_modified > 0 or trx_rows_locked > 0 or trx_tables_locked > 0"""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Rights to write that an account has on one place; of a right on a column the column is a part."""

    user: str
    host: str
    place: str
    rights: tuple[str, ...]
    broad: tuple[str, ...] = ()
    """Databases outside the plan that the place covers too."""

    @property
    def account(self) -> str:
        return spelled(self.user, self.host)

    @property
    def revoke(self) -> str:
        return f"revoke {', '.join(self.rights)} on {self.place} from {self.account}"

    @property
    def grant(self) -> str:
        return f"grant {', '.join(self.rights)} on {self.place} to {self.account}"


def spelled(user: str, host: str) -> str:
    """A role of MariaDB has no host."""
    names = [name.replace("\\", "\\\\").replace("'", "''") for name in (user, host)]
    return f"'{names[0]}'@'{names[1]}'" if host else f"'{names[0]}'"


def writing(connection: Any, tables: Sequence[TableMap]) -> list[Grant]:
    """Whatever lets others than our own login write to the planned tables, but rights on everything."""
    names = {each.source.name for each in tables}
    fold = str.lower if fetch(connection, "select @@lower_case_table_names")[0][0] else str
    schemas = {fold(name.schema) for name in names}
    planned = {(fold(name.schema), fold(name.name)) for name in names}
    own = tuple(fetch(connection, "select current_user()")[0][0].rsplit("@", 1))
    found = [*_on_databases(connection, schemas), *_on_tables(connection, planned), *_on_columns(connection, planned)]
    return [grant for grant in found if (grant.user, grant.host) != own]


def _on_databases(connection: Any, schemas: set[str]) -> Iterator[Grant]:
    """A database in a grant is a LIKE pattern, unless the server has partial revokes."""
    literal = fetch(connection, "show global variables like 'partial_revokes'")
    how = "= binary" if literal and literal[0][1] == "ON" else "like binary"
    existing = fetch(connection, f"select d.*, s.schema_name as covered from mysql.db d "
                     f"join information_schema.schemata s on s.schema_name {how} d.Db "
                     "order by d.user, d.host, d.db")  # fmt: skip
    columns = [row[0] for row in fetch(connection, "show columns from mysql.db")]
    places: dict[tuple[str, str, str], tuple[tuple[str, ...], set[str]]] = {}
    for row in existing:
        held = dict(zip(columns, row, strict=False))
        rights = tuple(right for right in WRITING if held.get(f"{right.replace(' ', '_').capitalize()}_priv") == "Y")
        if rights:
            key = (str(held["User"]), str(held["Host"]), str(held["Db"]))
            places.setdefault(key, (rights, set()))[1].add(str(row[-1]))
    for (user, host, pattern), (rights, covered) in places.items():
        if covered & schemas:
            broad = tuple(sorted(covered - schemas - set(_SYSTEM)))
            yield Grant(user=user, host=host, place=f"{quote(pattern)}.*", rights=rights, broad=broad)


def _on_tables(connection: Any, planned: set[tuple[str, str]]) -> Iterator[Grant]:
    for user, host, schema, table, held in fetch(
        connection, "select user, host, db, table_name, table_priv from mysql.tables_priv order by 1, 2, 3, 4"
    ):
        names = {name.upper() for name in str(held).split(",")}
        names |= {"DELETE HISTORY"} if "DELETE VERSIONING ROWS" in names else set()
        rights = tuple(right for right in WRITING if right in names)
        if rights and (schema, table) in planned:
            yield Grant(user=user, host=host, place=qualified(TableName(schema=schema, name=table)), rights=rights)


def _on_columns(connection: Any, planned: set[tuple[str, str]]) -> Iterator[Grant]:
    for user, host, schema, table, column, held in fetch(
        connection,
        "select user, host, db, table_name, column_name, column_priv from mysql.columns_priv order by 1, 2, 3, 4, 5",
    ):
        rights = tuple(f"{right} ({quote(column)})" for right in WRITING if right in str(held).upper().split(","))
        if rights and (schema, table) in planned:
            yield Grant(user=user, host=host, place=qualified(TableName(schema=schema, name=table)), rights=rights)


def refuse_broad(grants: Iterable[Grant]) -> None:
    broad = [grant for grant in grants if grant.broad]
    if broad:
        raise Terminal(
            "rights to write cover databases of the plan and others: "
            + listed([f"{grant.account} on {grant.place} (also {listed(list(grant.broad), 3)})" for grant in broad]),
            mend="grant them on each database by its own name and revoke the pattern, or write `freeze: read-only`",
        )


def give_back(connection: Any, statements: Iterable[str]) -> None:
    """What has been dropped meanwhile has no rights to get back."""
    for statement in statements:
        try:
            fetch(connection, statement)
        except pymysql.Error as error:
            if error.args[0] not in _DROPPED:
                raise


def bypassing(connection: Any) -> tuple[list[str], list[str]]:
    """Accounts that may write everywhere, our own left out: administrators (who may do as they like), and others."""
    known = {row[0] for row in fetch(connection, "show columns from mysql.user")}
    columns = [f"{right.replace(' ', '_').capitalize()}_priv" for right in WRITING]
    held = " or ".join(f"{column} = 'Y'" for column in columns if column in known)
    own = tuple(fetch(connection, "select current_user()")[0][0].rsplit("@", 1))
    rulers: list[str] = []
    others: list[str] = []
    for user, host, rules in fetch(
        connection, f"select user, host, super_priv = 'Y' or create_user_priv = 'Y' from mysql.user where {held}"
    ):
        if (user, host) != own:
            (rulers if rules else others).append(spelled(user, host))
    return sorted(rulers), sorted(others)


def concerned(connection: Any, grants: Iterable[Grant]) -> set[str] | None:
    """Names of the users whose sessions may still know the old rights; None: all of them."""
    users = {user for user, _ in _accounts(connection, grants)}
    return None if users & {"", _PUBLIC} else users


def _accounts(connection: Any, grants: Iterable[Grant]) -> set[tuple[str, str]]:
    found = {(grant.user, grant.host) for grant in grants}
    edges = [(row[:2], row[2:]) for row in _edges(connection)]
    while more := {to for of, to in edges if of in found} - found:
        found |= more
    return found


def _edges(connection: Any) -> list[tuple[Any, ...]]:
    """Account and whoever may act with its rights: members of roles, and proxies."""
    proxies = fetch(connection, "select proxied_user, proxied_host, user, host from mysql.proxies_priv")
    with suppress(pymysql.MySQLError):
        return [*proxies, *fetch(connection, "select from_user, from_host, to_user, to_host from mysql.role_edges")]
    return [*proxies, *fetch(connection, "select role, '', user, host from mysql.roles_mapping")]


def refuse_namesakes(connection: Any, grants: Iterable[Grant]) -> None:
    """Our own sessions are told from others by the user's name, so nobody may share it who is to be stopped."""
    user, host = fetch(connection, "select current_user()")[0][0].rsplit("@", 1)
    unstopped = {account for accounts in bypassing(connection) for account in accounts}
    namesakes = {(u, h) for u, h in _accounts(connection, grants) if u == user and h != host}
    if left := sorted({spelled(*account) for account in namesakes} - unstopped):
        raise Terminal(
            f"accounts with rights on the plan's tables have the user name of our own login: {listed(left)}",
            mend="let the migration log in under a user name of its own",
        )


def renew(connection: Any, users: set[str] | None) -> None:
    """End the sessions that know the rights of the time of the freeze."""
    for each in clients(connection):
        if users is None or each.user in users:
            with suppress(pymysql.Error):  # gone by itself
                fetch(connection, f"kill {each.number}")


class Proof:
    """`connection` was opened after the rights were gone: sessions with lower numbers may not know that yet."""

    def __init__(self, connection: Any, users: set[str] | None, patience: float) -> None:
        self._connection = connection
        self._users = users
        self._patience = patience
        self._deadline = time.monotonic() + patience
        ((self._first,),) = fetch(connection, "select connection_id()")
        self.ended: set[str] = set()

    def prove(self, tables: Sequence[TableMap]) -> None:
        fetch(self._connection, "set session lock_wait_timeout = 1")
        while True:
            older, prepared = self._older(), [repr(row[3]) for row in fetch(self._connection, "xa recover")]
            locked = None if older or prepared else self._locked(tables)
            if not older and not prepared and locked is None:
                return
            if time.monotonic() > self._deadline:
                raise _not_frozen(older, prepared, locked)
            self._end(older if locked is None else self._holders(locked))
            time.sleep(_STEP)

    def _older(self) -> dict[int, str]:
        """Sessions of those who had rights. One that is only logging in may have them, whoever it will be."""
        return {
            each.number: each.name
            for each in clients(self._connection)
            if each.number < self._first
            and (self._users is None or each.user in self._users or each.user == "unauthenticated user")
        }

    def _holders(self, table: TableName) -> dict[int, str]:
        """
        Who may hold the table, which by now only those can who need no right on it. MySQL names them; of MariaDB only
        row locks can be seen, so that half way to the end of our patience every session may be the one.
        """
        names = {each.number: each.name for each in clients(self._connection)}
        if time.monotonic() > self._deadline - self._patience / 2:
            return names
        try:
            found = fetch(self._connection, _HOLDERS, (table.schema, table.name))
        except pymysql.MySQLError:
            found = fetch(self._connection, _LOCKING)
        return {number: names[number] for (number,) in found if number in names}

    def _end(self, sessions: dict[int, str]) -> None:
        for number, name in sessions.items():
            with suppress(pymysql.Error):  # gone by itself, or not ours to end: the next look tells
                fetch(self._connection, f"kill {number}")
                self.ended.add(name)

    def _locked(self, tables: Sequence[TableMap]) -> TableName | None:
        """The first table that could not be had for a moment in a mode that no writer lets pass."""
        for name in (each.source.name for each in tables):
            try:
                fetch(self._connection, f"lock tables {qualified(name)} read")
            except pymysql.Error as error:
                if error.args[0] not in (ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK):
                    raise
                return name
            finally:
                fetch(self._connection, "unlock tables")
        return None


def _not_frozen(sessions: dict[int, str], prepared: list[str], locked: TableName | None) -> Terminal:
    names = [*sessions.values(), *(f"prepared transaction {each}" for each in prepared)]
    names += [f"whoever holds {locked}"] if locked else []
    return Terminal(
        f"the source still has writers, or sessions that may become such: {listed(names)}",
        mend="end them: KILL the sessions, XA COMMIT or XA ROLLBACK the prepared transactions; then again",
    )
