"""
The freeze of the plan's tables alone: who may write to them loses that right, and gets it back exactly.

A right is an aclitem (manual, 5.8 "Privileges"): grantor, grantee, privilege, grant option. It is taken and given back
as its grantor, for the server lets nobody else do so, and in the order in which one grant rests on another. Before
anything is committed the way back is walked once. A statement takes its table's lock before its rights are looked at:
whoever passed that look before the rights were gone holds the lock, and is waited for or ended.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.errors

from landbridge.endpoints.findings import listed
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.errors import Terminal
from landbridge.model import TableMap, TableName

GRACE = 1.0
"""Seconds that a transaction which has written gets to end by itself."""

_STEP = 0.05
_RIGHTS = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")

# What writes to an ancestor reaches the rows of its children, and only the ancestor's rights are asked for.
_TABLES = """
with recursive planned as (
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where (n.nspname, c.relname) in %s
), above as (
    select oid from planned union select i.inhparent from above join pg_catalog.pg_inherits i on i.inhrelid = above.oid
), below as (
    select oid from planned
    union
    select i.inhrelid from below join pg_catalog.pg_inherits i on i.inhparent = below.oid
    join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relispartition
)
select c.oid::bigint, n.nspname::text, c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text
from (select oid from above union select oid from below) t
join pg_catalog.pg_class c on c.oid = t.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace order by c.oid"""
_HELD = """
select h.oid::bigint, h.attname::text, pg_catalog.pg_get_userbyid(h.grantor)::text,
    case when h.grantee <> 0 then pg_catalog.pg_get_userbyid(h.grantee)::text end, h.privilege_type, h.is_grantable
from (
    select c.oid, 0 as attnum, null as attname, x.*
    from pg_catalog.pg_class c,
        pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) x
    union all
    select a.attrelid, a.attnum, a.attname, x.* from pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) x
    where not a.attisdropped
) h where h.oid = any (%s::oid[]) order by h.oid, h.attnum, 3, 4, 5"""
_ME = "select rolname::text, rolsuper from pg_catalog.pg_roles where rolname = current_user"

_BYPASSING = """
select r.rolname::text from pg_catalog.pg_roles r where r.rolcanlogin and r.rolname <> current_user and exists (
    select from pg_catalog.pg_roles b where pg_catalog.pg_has_role(r.oid, b.oid, 'MEMBER')
        and (b.rolsuper or b.rolname in ('pg_write_all_data', current_user)))
order by 1"""

# Ours are the sessions of our own login under our own name; housekeeping writes no rows of anybody's.
OTHERS = """
    from pg_catalog.pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_catalog.pg_backend_pid()
        and coalesce(a.backend_type, '') <> 'autovacuum worker'
        and not (a.application_name = 'landbridge' and a.usename = current_user)"""
_WRITING_LOCKS = """
    l.locktype = 'relation' and l.granted and l.relation = any (%s::oid[])
    and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""
_HOLDING = f"""
select a.pid, a.usename::text {OTHERS}
    and a.pid in (select l.pid from pg_catalog.pg_locks l where {_WRITING_LOCKS})"""
_OPEN = f"""
select a.pid, a.usename::text {OTHERS} and a.usename = any (%s) and a.xact_start < %s
    and coalesce(a.backend_type, '') = 'client backend'"""
_PREPARED = f"""
select p.gid from pg_catalog.pg_prepared_xacts p where p.database = current_database() and exists (
    select from pg_catalog.pg_locks l where l.pid is null
        and l.virtualtransaction in (
            select x.virtualtransaction from pg_catalog.pg_locks x
            where x.pid is null and x.locktype = 'transactionid' and x.transactionid = p.transaction)
        and {_WRITING_LOCKS})
order by p.prepared"""
SUBSCRIBED = """
select distinct s.subname::text from pg_catalog.pg_subscription s
join pg_catalog.pg_subscription_rel r on r.srsubid = s.oid
where s.subenabled and r.srrelid = any (%s::oid[]) order by 1"""

Step = tuple[str, str]
"""A statement, and the role that makes it."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A table whose writers are to be stopped."""

    oid: int
    name: TableName
    owner: str

    def __str__(self) -> str:
        return qualified(self.name)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """An aclitem, one right of it. column None: on the table. grantee None: PUBLIC."""

    place: Place
    column: str | None
    grantor: str
    grantee: str | None
    right: str
    grantable: bool

    @property
    def own(self) -> bool:
        return self.grantor == self.place.owner


def places(cursor: Any, tables: Sequence[TableMap]) -> list[Place]:
    """The tables, their partitions, and whatever they are parts of. Terminal when one is not there."""
    names = tuple((each.source.name.schema, each.source.name.name) for each in tables)
    found = rows(cursor, _TABLES, names) if names else []
    there = [Place(oid=oid, name=TableName(schema=s, name=n), owner=owner) for oid, s, n, owner in found]
    missing = {each.source.name for each in tables} - {place.name for place in there}
    if missing:
        raise Terminal(
            f"tables of the plan are not there: {listed(sorted(map(str, missing)))}",
            mend="begin again with the tables as they are now",
        )
    return there


def take(cursor: Any, frozen: Sequence[Place]) -> list[Step]:
    """
    Take the rights, in the transaction that is open; what gives them back. Our own login keeps them. Terminal when the
    way back does not lead to where we are.
    """
    before = _held(cursor, frozen)
    grants = ordered(writing(cursor, frozen))
    me, superuser = rows(cursor, _ME)[0]
    exempt = [] if superuser else frozen
    steps = [*_steps(reversed(grants), "revoke"), *(_ours(place, "grant", "to", me) for place in exempt)]
    back = [*(_ours(place, "revoke", "from", me) for place in exempt), *_steps(grants, "grant")]
    for each in (*steps, *back):
        do(cursor, each)
    after = _held(cursor, frozen)
    if after != before:
        names = sorted({str(place.name) for place in frozen if after[place.oid] != before[place.oid]})
        raise Terminal(
            f"rights could not be given back as they are: {listed(names)}",
            mend="let each table's owner grant them, not a superuser, or write `freeze: read-only` in the plan",
        )
    for each in steps:
        do(cursor, each)
    left = [grant for grant in writing(cursor, frozen) if superuser or grant.grantee != me]
    if left:
        raise Terminal(
            f"rights could not be taken: {listed(sorted({described(grant) for grant in left}))}",
            mend="write `freeze: read-only` under cutover in the plan",
        )
    return back


def give_back(cursor: Any, back: Iterable[Sequence[str]]) -> None:
    """In the transaction that is open. What has been dropped meanwhile has no rights to get back."""
    for role, sql in back:
        cursor.execute("savepoint landbridge")
        try:
            do(cursor, (role, sql))
        except (
            psycopg2.errors.UndefinedObject,
            psycopg2.errors.UndefinedTable,
            psycopg2.errors.UndefinedColumn,
            psycopg2.errors.InvalidSchemaName,
            psycopg2.errors.InvalidParameterValue,  # a role that SET ROLE does not find
        ):
            cursor.execute("rollback to savepoint landbridge")
        cursor.execute("release savepoint landbridge")


def do(cursor: Any, step: Step) -> None:
    role, sql = step
    cursor.execute(f"set local role {quote(role)}; {sql}; set local role none")


def _ours(place: Place, verb: str, way: str, me: str) -> Step:
    return place.owner, f"{verb} {', '.join(_RIGHTS)} on table {place} {way} {quote(me)}"


def _steps(grants: Iterable[Grant], verb: str) -> Iterator[Step]:
    """An owner may grant everything, so its grants of one kind are one statement; others' are one right each, because
    of several the server might take another role as the grantor."""
    together: dict[tuple[object, ...], list[Grant]] = {}
    for grant in grants:
        key = (grant.place.oid, grant.column, grant.grantor, grant.grantee, grant.grantable)
        together.setdefault((*key, None if grant.own else grant.right), []).append(grant)
    for grant, *others in together.values():
        column = f" ({quote(grant.column)})" if grant.column else ""
        rights = ", ".join(each.right + column for each in (grant, *others))
        grantee = quote(grant.grantee) if grant.grantee else "public"
        if verb == "revoke":
            yield grant.grantor, f"revoke {rights} on table {grant.place} from {grantee}"
        else:
            option = " with grant option" if grant.grantable else ""
            yield grant.grantor, f"grant {rights} on table {grant.place} to {grantee}{option}"


def writing(cursor: Any, frozen: Sequence[Place]) -> list[Grant]:
    """Every right to write."""
    by_oid = {place.oid: place for place in frozen}
    return [
        Grant(place=by_oid[oid], column=column, grantor=grantor, grantee=grantee, right=right, grantable=grantable)
        for oid, column, grantor, grantee, right, grantable in rows(cursor, _HELD, list(by_oid))
        if right in _RIGHTS
    ]


def _held(cursor: Any, frozen: Sequence[Place]) -> dict[int, set[tuple[Any, ...]]]:
    held: dict[int, set[tuple[Any, ...]]] = {place.oid: set() for place in frozen}
    for oid, *right in rows(cursor, _HELD, list(held)):
        held[oid].add(tuple(right))
    return held


def ordered(grants: Iterable[Grant]) -> list[Grant]:
    """Each after the one that lets its grantor grant. Terminal for one whose grantor may do so no more: the server
    would not give it again."""
    done: list[Grant] = []
    waiting = list(grants)
    may: set[tuple[object, ...]] = set()
    while waiting:
        ready: list[Grant] = []
        rest: list[Grant] = []
        for grant in waiting:
            sources = {(grant.place.oid, grant.grantor, on, grant.right) for on in (None, grant.column)}
            (ready if grant.own or sources & may else rest).append(grant)
        if not ready:
            raise Terminal(
                f"rights whose grantor may not grant them any more: {listed(sorted(map(described, rest)))}",
                mend="revoke them as their grantor and grant them again as the table's owner",
            )
        may |= {(grant.place.oid, grant.grantee, grant.column, grant.right) for grant in ready if grant.grantable}
        done += ready
        waiting = rest
    return done


def described(grant: Grant) -> str:
    column = f" ({grant.column})" if grant.column else ""
    return f"{grant.right}{column} on {grant.place.name} to {grant.grantee or 'PUBLIC'} by {grant.grantor}"


def bypassing(cursor: Any) -> list[str]:
    """Roles that write whatever is revoked: superusers, pg_write_all_data, and who may become such or our own login."""
    return [name for (name,) in rows(cursor, _BYPASSING)]


def prove(cursor: Any, frozen: Sequence[Place], patience: float) -> list[str]:
    """Once the rights are gone for all to see: nobody who had them writes any more. The sessions that were ended."""
    began = time.monotonic()
    since = rows(cursor, "select clock_timestamp()")[0][0]
    exempt = [*bypassing(cursor), rows(cursor, _ME)[0][0]]
    oids = [place.oid for place in frozen]
    _refuse_subscriptions(cursor, oids)
    ended: set[str] = set()
    while True:
        sessions = dict(rows(cursor, _HOLDING, oids)) | dict(rows(cursor, _OPEN, exempt, since))
        prepared = [gid for (gid,) in rows(cursor, _PREPARED, oids)]
        if not sessions and not prepared and _locked(cursor, frozen):
            return sorted(ended)
        now = time.monotonic()
        if now > began + patience:
            raise not_frozen(sessions, prepared)
        if now > began + GRACE:
            ended |= end(cursor, sessions)
        time.sleep(_STEP)


def _refuse_subscriptions(cursor: Any, oids: list[int]) -> None:
    names = [name for (name,) in rows(cursor, SUBSCRIBED, oids)]
    if names:
        raise Terminal(
            f"subscriptions write to the source whatever is revoked: {listed(names)}",
            mend=" ".join(f"alter subscription {quote(name)} disable;" for name in names[:10]),
        )


def _locked(cursor: Any, frozen: Sequence[Place]) -> bool:
    """Whether each table could be had for a moment in a mode that no writer lets pass."""
    for place in frozen:
        try:
            cursor.execute(f"begin; set local lock_timeout = 500; lock table only {place} in share mode")
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
            return False
        finally:
            cursor.execute("rollback")
    return True


def not_frozen(sessions: dict[int, str], prepared: list[str]) -> Terminal:
    names = [f"pid {pid} of {user}" for pid, user in sessions.items()]
    names += [f"prepared transaction {gid}" for gid in prepared]
    ends = [f"select pg_terminate_backend({pid});" for pid in sessions]
    ends += ["commit prepared or rollback prepared each;"] if prepared else []
    return Terminal(
        f"the source still has writers, or sessions that may become such: {listed(names) or 'held by locks'}",
        mend=f"{' '.join(ends[:10])} then again",
    )


def rows(cursor: Any, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    cursor.execute(sql, parameters or None)
    return list(cursor.fetchall())


def end(cursor: Any, sessions: dict[int, str]) -> set[str]:
    ended = set()
    for pid, user in sessions.items():
        try:
            cursor.execute("select pg_catalog.pg_terminate_backend(%s)", (pid,))
            ended.add(f"pid {pid} of {user}")
        except psycopg2.errors.InsufficientPrivilege:
            continue  # a superuser's: it is named when time is up
    return ended
