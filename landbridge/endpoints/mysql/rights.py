"""What our login may do on a server, and what it must be able to do there."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import refuse, warn
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.model import TableMap

LEDGER = "landbridge"
"""The database of the ledger, and on a source of the note that the freeze is on."""

_GRANT = re.compile(r"GRANT (.+?) ON (\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO ", re.DOTALL)
_EVERYTHING = {"ALL", "ALL PRIVILEGES"}

_WORK = {
    True: {
        "right-replication": "REPLICATION SLAVE",
        "right-log-position": "BINLOG MONITOR",
        "right-process": "PROCESS",
    },
    False: {
        "right-replication": "REPLICATION SLAVE",
        "right-log-position": "REPLICATION CLIENT",
        "right-process": "PROCESS",
        "right-xa": "XA_RECOVER_ADMIN",
        "right-lock": "RELOAD",
    },
}
_PURPOSE = {
    "right-replication": "to read the binlog",
    "right-log-position": "to ask where the binlog ends",
    "right-process": "to see the transactions and sessions of others",
    "right-xa": "to see prepared transactions",
    "right-lock": "to compare at an exact position, under a read lock of milliseconds",
}
_FREEZE = {True: ("READ_ONLY ADMIN", "CONNECTION ADMIN"), False: ("SYSTEM_VARIABLES_ADMIN", "CONNECTION_ADMIN")}
_NOTE = ("SELECT", "INSERT", "DELETE", "CREATE")
_INVENTORY = ("SHOW VIEW", "TRIGGER", "EVENT", "EXECUTE")


class Grants:
    """What SHOW GRANTS says, roles that are on included."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._grants = [
            ({part.strip().upper() for part in found[1].split(",")}, found[2], found[3])
            for found in map(_GRANT.match, lines)
            if found
        ]

    def has(self, right: str, schema: str | None = None) -> bool:
        """Whether the right is held on everything or, where a schema is named, at least on all of that schema."""
        return any(
            (right in rights or rights & _EVERYTHING) and table == "*" and (place == "*" or _names(place, schema))
            for rights, place, table in self._grants
        )


def _names(place: str, schema: str | None) -> bool:
    """A database in a grant is a LIKE pattern."""
    if schema is None:
        return False
    pattern = place[1:-1].replace("``", "`")
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(regex, schema, re.DOTALL) is not None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the checks look at. variables: the global ones."""

    connection: Any
    mariadb: bool
    variables: dict[str, str]
    grants: Grants
    account: str
    tables: Sequence[TableMap]
    freeze: str

    @property
    def schemas(self) -> list[str]:
        return sorted({table.source.name.schema for table in self.tables})

    @property
    def target_schemas(self) -> list[str]:
        return sorted({table.target.name.schema for table in self.tables})

    def query(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        return fetch(self.connection, sql, parameters)


def check_rights(facts: Facts) -> Iterator[Finding]:
    for name, right in _WORK[facts.mariadb].items():
        if not facts.grants.has(right):
            yield _missing(facts, name, (right,), _PURPOSE[name])
    yield from _select(facts)
    yield from _inventory(facts)
    if facts.freeze in ("read-only", "fence"):
        yield from _freezing(facts)


def _missing(facts: Facts, name: str, rights: Sequence[str], purpose: str, place: str = "*.*") -> Finding:
    names = ", ".join(rights)
    return refuse(
        name,
        found=f"{facts.account} lacks {names} on {place}",
        wanted=f"{names}, {purpose}",
        mend=f"GRANT {names} ON {place} TO {facts.account};",
    )


def _select(facts: Facts) -> Iterator[Finding]:
    """Tried, not read from the grants: on every column, hidden ones named."""
    for table in (each.source for each in facts.tables):
        hidden = "".join(f", {quote(column.name)}" for column in table.columns)
        try:
            facts.query(f"select *{hidden} from {qualified(table.name)} limit 0")
        except pymysql.MySQLError as error:
            place = qualified(table.name)
            yield refuse(
                "right-select",
                found=f"{table.name} cannot be read by {facts.account} (error {error.args[0]})",
                wanted="SELECT on every column of every planned table",
                mend=f"GRANT SELECT ON {place} TO {facts.account};",
            )


def _inventory(facts: Facts) -> Iterator[Finding]:
    """Without these, information_schema leaves out what we may not see, and nothing tells that it did."""
    for schema in facts.schemas:
        lacking = [right for right in _INVENTORY if not facts.grants.has(right, schema)]
        if lacking == ["EXECUTE"] and facts.grants.has("SHOW_ROUTINE"):
            continue
        if lacking:
            names, place = ", ".join(lacking), f"{quote(schema)}.*"
            yield warn(
                "right-inventory",
                found=f"{facts.account} lacks {names} on {place}: views, triggers, routines or events may be missing "
                "from the inventory",
                wanted="an inventory that lists every object",
                mend=f"GRANT {names} ON {place} TO {facts.account};",
            )


def _freezing(facts: Facts) -> Iterator[Finding]:
    supreme = facts.grants.has("SUPER") and not facts.mariadb
    lacking = [right for right in _FREEZE[facts.mariadb] if not supreme and not facts.grants.has(right)]
    if lacking:
        yield _missing(facts, "right-freeze", lacking, "to stop the writers at the cutover")
    lacking = [right for right in _NOTE if not facts.grants.has(right, LEDGER)]
    if lacking:
        purpose = "to note on the server that the freeze is on, so that any process can undo it"
        yield _missing(facts, "right-freeze", lacking, purpose, f"{quote(LEDGER)}.*")
    if facts.freeze == "fence" and facts.mariadb:
        for right, schema, place in (("CREATE USER", None, "*.*"), ("SELECT", "mysql", "mysql.*")):
            if not facts.grants.has(right, schema):
                yield _missing(facts, "right-freeze", (right,), "to lock the accounts of others at the cutover", place)


def bypassing(connection: Any) -> list[str] | None:
    """MariaDB's accounts that may write in spite of read_only; None when our login may not see them."""
    try:
        fetch(connection, "select 1 from mysql.global_priv limit 0")
    except pymysql.MySQLError:
        return None
    rows = fetch(
        connection,
        "select distinct grantee from information_schema.user_privileges where privilege_type = 'READ_ONLY ADMIN' "
        "order by grantee",
    )
    return [row[0] for row in rows]
