"""What our login may do in a database, and what it must be able to do there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, refuse, warn
from landbridge.endpoints.postgres.names import quote
from landbridge.model import TableMap

_SELF = """
select r.rolname, r.rolsuper, r.rolreplication, r.rolbypassrls,
    exists (
        select from pg_catalog.pg_roles m
        where m.rolname in ('rds_replication', 'azure_pg_admin') and pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER')
    ),
    pg_catalog.has_database_privilege(d.oid, 'CREATE'),
    pg_catalog.pg_has_role(d.datdba, 'USAGE'),
    pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'),
    pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
    d.datname
from pg_catalog.pg_roles r, pg_catalog.pg_database d
where r.rolname = current_user and d.datname = current_database()"""

_TABLES = """
select n.nspname, c.relname, o.rolname,
    pg_catalog.pg_has_role(c.relowner, 'USAGE'),
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT'),
    pg_catalog.row_security_active(c.oid)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_roles o on o.oid = c.relowner
where (n.nspname, c.relname) in %s
order by 1, 2"""

_SUPERUSERS = """
select distinct r.rolname::text from pg_catalog.pg_stat_activity a join pg_catalog.pg_roles r on r.oid = a.usesysid
where a.datname = current_database() and r.rolsuper and r.rolname <> current_user order by 1"""


@dataclass(frozen=True, kw_only=True)
class Login:
    name: str
    superuser: bool
    replication: bool
    bypasses_policies: bool
    member_of_managed_replication: bool
    may_create: bool
    owns_database: bool
    may_signal: bool
    sees_sessions: bool
    database: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the checks look at. settings: as current_setting says them."""

    cursor: Any
    settings: dict[str, str]
    version: int
    login: Login
    tables: Sequence[TableMap]
    freeze: str

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        self.cursor.execute(sql, parameters or None)
        return list(self.cursor.fetchall())


def login(cursor: Any) -> Login:
    cursor.execute(_SELF)
    fields = Login.__dataclass_fields__
    return Login(**dict(zip(fields, cursor.fetchone(), strict=True)))


def check_rights(facts: Facts) -> Iterator[Finding]:
    me = facts.login
    if not (me.superuser or me.replication or me.member_of_managed_replication):
        yield refuse(
            "right-replication",
            found=f"{me.name} may not replicate",
            wanted="the REPLICATION attribute, to read the log",
            mend=f"ALTER ROLE {quote(me.name)} REPLICATION;",
        )
    yield from may_create(facts, "for the publication and the note that the source is frozen")
    yield from _tables(facts)
    if facts.freeze in ("read-only", "fence"):
        yield from _freezing(facts)


def may_create(facts: Facts, purpose: str) -> Iterator[Finding]:
    me = facts.login
    if not me.may_create:
        yield refuse(
            "right-create",
            found=f"{me.name} may not create schemas and publications in {me.database}",
            wanted=f"CREATE on the database, {purpose}",
            mend=f"GRANT CREATE ON DATABASE {quote(me.database)} TO {quote(me.name)};",
        )


def _tables(facts: Facts) -> Iterator[Finding]:
    names = tuple((each.source.name.schema, each.source.name.name) for each in facts.tables)
    for schema, name, owner, owned, readable, filtered in facts.query(_TABLES, names) if names else ():
        table, me = f"{quote(schema)}.{quote(name)}", quote(facts.login.name)
        if not owned:
            yield refuse(
                "right-owner",
                found=f"{schema}.{name} belongs to {owner}, and only its owner may publish it",
                wanted=f"{facts.login.name} to be a member of {owner}",
                mend=f"GRANT {quote(owner)} TO {me};",
            )
        if not readable:
            yield refuse(
                "right-select",
                found=f"{schema}.{name} cannot be read by {facts.login.name}",
                wanted="SELECT on every planned table and USAGE on its schema",
                mend=f"GRANT USAGE ON SCHEMA {quote(schema)} TO {me}; GRANT SELECT ON {table} TO {me};",
            )
        if filtered:
            yield refuse(
                "row-security",
                found=f"row security hides rows of {schema}.{name} from {facts.login.name}, without a word",
                wanted="a login that sees every row",
                mend=f"ALTER ROLE {me} BYPASSRLS;",
            )


def _freezing(facts: Facts) -> Iterator[Finding]:
    me = facts.login
    if me.superuser:
        return
    if not me.owns_database:
        owner = facts.query(
            "select pg_catalog.pg_get_userbyid(datdba)::text from pg_catalog.pg_database "
            "where datname = current_database()"
        )[0][0]
        yield refuse(
            "right-freeze",
            found=f"{me.name} does not own the database {me.database}, so it cannot make it read-only",
            wanted="to stop the writers at the cutover",
            mend=f"GRANT {quote(owner)} TO {quote(me.name)};",
        )
    lacking = [
        role
        for role, held in (("pg_signal_backend", me.may_signal), ("pg_read_all_stats", me.sees_sessions))
        if not held
    ]
    if lacking:
        yield refuse(
            "right-freeze",
            found=f"{me.name} is no member of {', '.join(lacking)}, so it cannot see and end the sessions of others",
            wanted="to end the writers at the cutover",
            mend=f"GRANT {', '.join(lacking)} TO {quote(me.name)};",
        )
    rulers = [name for (name,) in facts.query(_SUPERUSERS)]
    if rulers:
        yield warn(
            "freeze-superuser",
            found=f"sessions of superusers are open, which {me.name} cannot end: {listed(rulers)}",
            wanted="none at the cutover",
            mend="end them before the cutover, or let the migration log in as a superuser",
        )
