"""Whether the plan's databases can be frozen by rights, and who would not be stopped by that."""

from collections.abc import Iterator

import pymysql

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, refuse, warn
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.freeze import revoke
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.rights import LEDGER, Facts, Grants
from landbridge.errors import Terminal

_NOTE = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER")
_DEFINERS = """
select concat(event_schema, '.', event_name), definer from information_schema.events where status = 'ENABLED'
union all
select concat(routine_schema, '.', routine_name), definer from information_schema.routines
where security_type = 'DEFINER' and routine_schema not in ('mysql', 'sys')"""


def check_revoke(facts: Facts) -> Iterator[Finding]:
    lacking = list(_lacking(facts))
    yield from lacking
    try:
        grants = revoke.writing(facts.connection, facts.tables)
    except pymysql.MySQLError:
        if lacking:
            return
        raise
    for judge in (revoke.refuse_broad, lambda found: revoke.refuse_namesakes(facts.connection, found)):
        try:
            judge(grants)
        except Terminal as error:
            yield refuse(
                "freeze-mode", found=error.found, wanted="rights on the planned databases alone", mend=error.mend
            )
    yield from _grantable(facts, grants)
    yield from _not_stopped(facts)


def _lacking(facts: Facts) -> Iterator[Finding]:
    """What it takes to see the rights and the sessions of others, to end these, and to note the freeze."""
    admin = "CONNECTION ADMIN" if facts.mariadb else "CONNECTION_ADMIN"
    wanted: list[tuple[str, str | None, str]] = [(right, None, "*.*") for right in (admin, "SHOW DATABASES")]
    wanted += [("SELECT", "mysql", "mysql.*")]
    wanted += [(right, LEDGER, f"{quote(LEDGER)}.*") for right in _NOTE]
    wanted += [("LOCK TABLES", schema, f"{quote(schema)}.*") for schema in facts.schemas]
    for right, schema, place in wanted:
        if not (facts.grants.has(right, schema) or (right == admin and facts.grants.has("SUPER"))):
            yield _refused(facts, right, place)


def _grantable(facts: Facts, grants: list[revoke.Grant]) -> Iterator[Finding]:
    """To take a right and to give it back one must have it, with the option to grant it."""
    held = Grants(row[0] for row in fetch(facts.connection, "show grants") if "WITH GRANT OPTION" in row[0])
    rights = sorted({right.partition(" (")[0] for grant in grants for right in grant.rights})
    for schema in facts.schemas:
        if not all(held.has(right, schema) for right in rights):
            yield _refused(facts, ", ".join(rights), f"{quote(schema)}.*", " WITH GRANT OPTION")


def _refused(facts: Facts, right: str, place: str, option: str = "") -> Finding:
    return refuse(
        "right-freeze",
        found=f"{facts.account} lacks {right} on {place}{option.lower()}",
        wanted="to take the rights of the writers at the cutover, to end their sessions, and to give the rights back",
        mend=f"GRANT {right} ON {place} TO {facts.account}{option};",
    )


def _not_stopped(facts: Facts) -> Iterator[Finding]:
    rulers, others = revoke.bypassing(facts.connection)
    if others:
        yield refuse(
            "freeze-bypass",
            found=f"accounts that are no administrators' may write to every database: {listed(others)}; that right "
            "cannot be narrowed to the planned ones",
            wanted="applications with rights on their databases alone",
            mend="GRANT them what they need ON their databases and REVOKE it ON *.*, or write `freeze: read-only`",
        )
    if rulers:
        yield warn(
            "freeze-bypass",
            found=f"administrators are not stopped: {listed(rulers)}; a row they write then undoes the cutover",
            wanted="no application that logs in as one of them",
            mend="let the application log in as an ordinary account, or write `freeze: read-only` in the plan",
        )
    free = {*rulers, *others, facts.account}
    acting = [name for name, definer in facts.query(_DEFINERS) if revoke.spelled(*definer.rsplit("@", 1)) in free]
    if acting:
        yield warn(
            "freeze-definer",
            found=f"routines and events act with the rights of accounts that are not stopped: {listed(acting)}",
            wanted="none that writes to planned tables at the cutover",
            mend="give them a definer that is no administrator, or write `freeze: read-only` in the plan",
        )
