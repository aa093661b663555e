"""Whether the plan's tables can be frozen by rights, and who would not be stopped by that."""

from collections.abc import Iterator

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, refuse, warn
from landbridge.endpoints.postgres.freeze import revoke
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.postgres.rights import Facts
from landbridge.errors import Terminal
from landbridge.model import TableName

_ROLES = """
select r.rolname::text, r.rolsuper, pg_catalog.pg_has_role(r.oid, %s) from pg_catalog.pg_roles r
where r.rolname = any (%s) order by 1"""
_HIDDEN = """
select distinct r.rolname::text, n.nspname::text from pg_catalog.pg_roles r, pg_catalog.pg_namespace n
where r.rolname = any (%s) and n.nspname = any (%s) and not pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
order by 1, 2"""
_POINTING = """
select distinct n.nspname::text, c.relname::text from pg_catalog.pg_constraint f
join pg_catalog.pg_class c on c.oid = f.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where f.contype = 'f' and f.confrelid = any (%s::oid[]) and f.conrelid <> all (%s::oid[]) order by 1, 2"""


def check_revoke(facts: Facts) -> Iterator[Finding]:
    try:
        frozen = revoke.places(facts.cursor, facts.tables)
        grants = revoke.ordered(revoke.writing(facts.cursor, frozen))
    except Terminal as error:
        yield refuse("freeze-mode", found=error.found, wanted="rights that can be given back", mend=error.mend)
        return
    owners = {place.owner for place in frozen}
    grantors = {grant.grantor for grant in grants}
    yield from _membership(facts, owners, grantors)
    for role, schema in facts.query(_HIDDEN, sorted(owners | grantors), sorted({p.name.schema for p in frozen})):
        if any(p.name.schema == schema and role in (p.owner, *_grantors(grants, p)) for p in frozen):
            yield refuse(
                "freeze-mode",
                found=f"{role} has no USAGE on the schema {schema}, where it owns a table or granted rights on one",
                wanted="grantors that can grant again",
                mend=f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)};",
            )
    yield from _signals(facts)
    yield from _not_stopped(facts, [place.oid for place in frozen])


def _grantors(grants: list[revoke.Grant], place: revoke.Place) -> set[str]:
    return {grant.grantor for grant in grants if grant.place == place}


def _membership(facts: Facts, owners: set[str], grantors: set[str]) -> Iterator[Finding]:
    me = facts.login
    way = "SET" if facts.version >= 160000 else "MEMBER"
    for role, superuser, member in facts.query(_ROLES, way, sorted(owners | grantors)):
        if not (member or me.superuser):
            yield refuse(
                "right-freeze",
                found=f"{me.name} is no member of {role}, which owns planned tables or granted rights on them",
                wanted="to take rights and to give them back as who granted them",
                mend=f"GRANT {quote(role)} TO {quote(me.name)};",
            )
        if superuser and role not in owners:
            yield refuse(
                "freeze-mode",
                found=f"{role} granted rights on planned tables and is a superuser by now: what it grants counts as "
                "granted by the owner",
                wanted="rights that can be given back as they are",
                mend="revoke its grants and let the table's owner grant the rights",
            )


def _signals(facts: Facts) -> Iterator[Finding]:
    me = facts.login
    held = {"pg_signal_backend": me.may_signal, "pg_read_all_stats": me.sees_sessions}
    lacking = [role for role, member in held.items() if not (member or me.superuser)]
    if lacking:
        yield refuse(
            "right-freeze",
            found=f"{me.name} is no member of {', '.join(lacking)}, so it cannot see and end the sessions of others",
            wanted="to end the writers at the cutover",
            mend=f"GRANT {', '.join(lacking)} TO {quote(me.name)};",
        )


def _not_stopped(facts: Facts, oids: list[int]) -> Iterator[Finding]:
    exempt = revoke.bypassing(facts.cursor)
    if exempt:
        yield warn(
            "freeze-bypass",
            found=f"superusers, members of pg_write_all_data or of {facts.login.name} need no right: {listed(exempt)}; "
            "a row they write after the freeze undoes the cutover",
            wanted="no application that logs in as one of them",
            mend="let the application log in as an ordinary role, or write `freeze: read-only` in the plan",
        )
    for (name,) in facts.query(revoke.SUBSCRIBED, oids):
        yield warn(
            "freeze-replica",
            found=f"the subscription {name} writes to planned tables in spite of the freeze",
            wanted="no subscription at the cutover",
            mend=f"ALTER SUBSCRIPTION {quote(name)} DISABLE; before the cutover",
        )
    pointing = [qualified(TableName(schema=s, name=n)) for s, n in facts.query(_POINTING, oids, oids)]
    if pointing:
        yield warn(
            "freeze-foreign-keys",
            found=f"tables outside the plan refer to planned ones: {listed(pointing)}; for each check the server locks "
            "a row there, which the owner may no more, so they take no new references while the source is frozen",
            wanted="tables of one plan that belong together",
            mend="take them into the plan, or expect their writers to fail during the switch",
        )
