"""Rights within the family, where the plan asks for them: repeated for accounts and roles that the target has."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from landbridge.endpoints.abc import Carried, Statement
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.objects.accepts import Target
from landbridge.endpoints.mysql.rights import Grants
from landbridge.model import SchemaObject, TableName

_IDENTIFIER = r"`(?:[^`]|``)+`"
_GRANT = re.compile(
    rf"GRANT (?P<rights>.+) ON (?P<routine>[A-Z ]+ )?(?P<place>{_IDENTIFIER})\.(?P<object>\*|{_IDENTIFIER})"
    r" TO '(?P<user>.*)'@'(?P<host>[^']*)'(?P<option> WITH GRANT OPTION)?",
    re.DOTALL,
)
_RIGHT = re.compile(rf"([A-Z][A-Z ]*[A-Z])(?: \(({_IDENTIFIER})\))?")


@dataclass(frozen=True, kw_only=True)
class _Grant:
    """What is to be given on the target. place: of a whole schema a LIKE pattern. rights: with their columns."""

    rights: tuple[tuple[str, str], ...]
    routine: str
    place: str
    object: str
    user: str
    host: str
    option: str

    @property
    def sql(self) -> str:
        rights = ", ".join(right + (f" ({quote(column)})" if column else "") for right, column in self.rights)
        on = f"{self.routine}{quote(self.place)}.{quote(self.object) if self.object else '*'}"
        account = f"{literal(self.user)}@{literal(self.host)}" if self.host else quote(self.user)  # a role
        return f"GRANT {rights} ON {on} TO {account}{self.option}"

    @property
    def exists(self) -> str:
        if self.routine:
            account = f"user = {literal(self.user)} and host = {literal(self.host)} and db = {literal(self.place)}"
            held = " and ".join(f"find_in_set({literal(right)}, proc_priv)" for right, _ in self.rights)
            return (
                f"select 1 from mysql.procs_priv where {account} and routine_name = {literal(self.object)} and {held}"
            )
        return f"select 1 from dual where {' and '.join(self._held())}"

    def _held(self) -> Iterator[str]:
        grantee = literal(f"'{self.user}'@'{self.host}'")
        for right, column in self.rights:
            view = "column" if column else "table" if self.object else "schema"
            place = f"table_schema = {literal(self.place)}"
            place += f" and table_name = {literal(self.object)}" if self.object else ""
            place += f" and column_name = {literal(column)}" if column else ""
            where = f"grantee = {grantee} and {place} and privilege_type = {literal(right)}"
            yield f"exists (select 1 from information_schema.{view}_privileges where {where})"


class Granting:
    def __init__(self, target: Target, names: Mapping[TableName, TableName], schemas: Mapping[str, str]) -> None:
        self._target = target
        self._names = names
        self._schemas = schemas
        own = (str(row[0]) for row in fetch(target.connection, "show grants"))
        self._ours = Grants(line for line in own if "WITH GRANT OPTION" in line)
        self._offered = {str(row[0]).upper() for row in fetch(target.connection, "show privileges")}

    def carry(self, found: SchemaObject) -> Carried:
        schema = self._schemas.get(found.name.schema, found.name.schema)
        name = TableName(schema=schema, name=found.name.name)
        given = _GRANT.fullmatch(found.definition[0])
        if given is None:
            return Carried(source=found, name=name, reason=f"it is not understood: {found.definition[0]}")
        account, why = self._account(given["user"], given["host"])
        place, wide = self._place(found, given)
        rights = tuple((right, column[1:-1].replace("``", "`")) for right, column in _RIGHT.findall(given["rights"]))
        kept = tuple(right for right in rights if right[0] in self._offered)
        why = why or wide or ("" if kept else "the target knows none of its rights")
        if lacking := sorted({right for right, _ in kept if not self._ours.has(right, schema)}):
            why = why or f"the target's login may not give {', '.join(lacking)} on {schema}"
        if why:
            return Carried(source=found, name=name, reason=f"{why}: {found.definition[0]}", effort="small")
        own = self._names.get(found.parent, found.parent) if found.parent else None
        made = _Grant(
            rights=kept,
            routine=given["routine"] or "",
            place=place,
            object=own.name if own else "",
            user=account[0],
            host=account[1],
            option=given["option"] or "",
        )
        statement = Statement(phase="objects", kind=found.kind, name=name, sql=made.sql, exists=made.exists)
        return Carried(source=found, name=name, statements=(statement,), reason=_told(rights, kept))

    def _account(self, user: str, host: str) -> tuple[tuple[str, str], str]:
        """User and host on the target. A role has no host in MariaDB, and any in MySQL."""
        accounts: Collection[str] | None = self._target.accounts
        if accounts is None:
            return ("", ""), "accounts could not be looked up on the target (GRANT SELECT ON mysql.* to its login)"
        for there in (host, {"": "%", "%": ""}.get(host, host)):
            if f"{user}@{there}" in accounts:
                return (user, there), ""
        return ("", ""), f"the target has no account {user}@{host}: make it there"

    def _place(self, found: SchemaObject, given: re.Match[str]) -> tuple[str, str]:
        """The schema, or the pattern of one, and why there is none."""
        pattern = given["place"][1:-1].replace("``", "`")
        new = self._schemas.get(found.name.schema, found.name.schema)
        if given["object"] != "*" or new == found.name.schema:
            return (new if given["object"] != "*" else pattern), ""
        if re.sub(r"\\(.)", r"\1", pattern) != found.name.schema:
            return "", "it is for all databases of a pattern, and the plan gives this one another name"
        return re.sub(r"([_%])", r"\\\1", new), ""


def _told(rights: Collection[tuple[str, str]], kept: Collection[tuple[str, str]]) -> str:
    lost = dict.fromkeys(right for right, column in rights if (right, column) not in kept)
    return f"the target knows no {', '.join(lost)}" if lost else ""
