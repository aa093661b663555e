"""
The fence around a source that is read-only: nobody but our own login, and superusers, can connect to the database.

CONNECT (manual, 5.8 "Privileges") is taken from everybody whom the owner gave it, PUBLIC and the owner too, and given
back exactly. A connection limit would be no fence: it keeps our own login out, and no superuser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from landbridge.endpoints.findings import listed
from landbridge.endpoints.postgres.freeze.revoke import Step, do, rows
from landbridge.endpoints.postgres.names import quote
from landbridge.errors import Terminal

_HELD = """
select pg_catalog.pg_get_userbyid(d.datdba)::text, pg_catalog.pg_get_userbyid(x.grantor)::text,
    case when x.grantee <> 0 then pg_catalog.pg_get_userbyid(x.grantee)::text end, x.is_grantable
from pg_catalog.pg_database d,
    pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) x
where d.datname = current_database() and x.privilege_type = 'CONNECT' order by 2, 3"""
_ADMITTED = """
select r.rolname::text from pg_catalog.pg_roles r where r.rolcanlogin and r.rolname <> current_user
    and (r.rolsuper or pg_catalog.pg_has_role(r.oid, current_user, 'USAGE')) order by 1"""


@dataclass(frozen=True, kw_only=True)
class Right:
    """To connect. grantee None: PUBLIC."""

    owner: str
    grantor: str
    grantee: str | None
    grantable: bool


def rights(cursor: Any) -> list[Right]:
    """Who may connect to the database. Terminal where somebody else than its owner has let others in."""
    found = [
        Right(owner=owner, grantor=grantor, grantee=grantee, grantable=grantable)
        for owner, grantor, grantee, grantable in rows(cursor, _HELD)
    ]
    others = sorted({f"{right.grantee} by {right.grantor}" for right in found if right.grantor != right.owner})
    if others:
        raise Terminal(
            f"CONNECT on the database was granted by others than its owner: to {listed(others)}",
            mend="let the owner grant it instead, or write `freeze: read-only` in the plan",
        )
    return found


def shut(cursor: Any, database: str) -> list[Step]:
    """In the transaction that is open; what opens it again."""
    me = str(rows(cursor, "select current_user::text")[0][0])
    held = rights(cursor)
    owner = held[0].owner if held else me
    steps: list[Step] = []
    back: list[Step] = []
    if me not in {right.grantee for right in held}:
        steps.append((owner, f"grant connect on database {database} to {quote(me)}"))
    for right in held:
        if right.grantee != me:
            who = quote(right.grantee) if right.grantee else "public"
            steps.append((owner, f"revoke connect on database {database} from {who}"))
            option = " with grant option" if right.grantable else ""
            back.append((owner, f"grant connect on database {database} to {who}{option}"))
    if len(steps) > len(back):
        back.append((owner, f"revoke connect on database {database} from {quote(me)}"))
    for step in steps:
        do(cursor, step)
    return back


def admitted(cursor: Any) -> Sequence[str]:
    """Logins that come through: superusers, and who has our own login's rights."""
    return [name for (name,) in rows(cursor, _ADMITTED)]
