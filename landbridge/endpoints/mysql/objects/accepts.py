"""What a target server takes of what an object brings along: session, definer, syntax. It is asked, not assumed."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.objects.definitions import DATABASE_COLLATION
from landbridge.endpoints.mysql.rights import Grants

_SETTING = re.compile(r"set session (\w+) = '(.*)'")
_NAME = r"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")"
_DEFINER = re.compile(rf"(CREATE\s(?:OR REPLACE )?(?:ALGORITHM=\w+ )?)DEFINER=({_NAME})(?:@({_NAME}))? ", re.IGNORECASE)
_DEFINES_FOR_OTHERS = ("SUPER", "SET USER", "SET_ANY_DEFINER", "SET_USER_ID")
_HARMLESS_MODES = {"NO_AUTO_CREATE_USER", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS"}
"""Modes that say how GRANT or SHOW CREATE TABLE works."""

_REFUSED = {
    ER.PARSE_ERROR, ER.SYNTAX_ERROR, ER.UNKNOWN_CHARACTER_SET, ER.UNKNOWN_COLLATION, ER.UNKNOWN_SYSTEM_VARIABLE,
    ER.NOT_SUPPORTED_YET, ER.SP_UNDECLARED_VAR, ER.COLLATION_CHARSET_MISMATCH, ER.WRONG_VALUE_FOR_VAR,
}  # fmt: skip
"""What a statement's text alone is refused for. Other errors come of what is not there yet."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """settings: by name, those the target takes. why: what it does not take and the object cannot do without."""

    settings: dict[str, str]
    notes: tuple[str, ...] = ()
    why: str = ""

    @property
    def statements(self) -> tuple[str, ...]:
        return tuple(f"set session {name} = '{value}'" for name, value in self.settings.items())


@dataclass(kw_only=True)
class Target:
    """One connection to the target, on which only the session is ever set."""

    connection: Any
    account: str
    grants: Grants
    accounts: Collection[str] | None
    protected: Collection[str]
    variables: dict[str, str]
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Any) -> "Target":
        fetch(connection, "use information_schema")  # a text is only parsed inside of some database
        return cls(
            connection=connection,
            account=str(fetch(connection, "select current_user()")[0][0]),
            grants=Grants(row[0] for row in fetch(connection, "show grants")),
            accounts=_accounts(connection),
            protected=_protected(connection),
            variables=dict(fetch(connection, "show global variables")),
        )

    def session(self, wanted: Iterable[str]) -> Session:
        settings: dict[str, str] = {}
        notes: list[str] = []
        for name, value in settings_of(wanted).items():
            if name == DATABASE_COLLATION:
                continue
            settings[name] = value
            if name == "sql_mode":
                settings[name] = ",".join(mode for mode in value.split(",") if self.takes(name, mode))
                lost = {mode for mode in value.split(",") if not self.takes(name, mode)}
                if "ORACLE" in lost:
                    return Session(settings=settings, why="it is written in sql_mode ORACLE, which the target lacks")
                notes += [f"the target has no sql_mode {mode}" for mode in sorted(lost - _HARMLESS_MODES)]
            elif not self.takes(name, value):
                if name == "time_zone":
                    why = f"the target does not know the time zone {value}: load its time zone tables"
                    return Session(settings=settings, why=why)
                settings[name] = self.variables[name]
                notes.append(f"the target has no {name} {value}, it gets {settings[name]}")
        return Session(settings=settings, notes=tuple(notes))

    def database_collation(self, schema: str) -> str:
        """Empty where there is no such database yet."""
        query = "select default_collation_name from information_schema.schemata where schema_name = %s"
        rows = fetch(self.connection, query, (schema,))
        return str(rows[0][0]) if rows else ""

    def takes(self, name: str, value: str) -> bool:
        if (name, value) not in self._known:
            try:
                fetch(self.connection, f"set session {name} = '{value}'")
            except pymysql.MySQLError:
                self._known[name, value] = False
            else:
                self._known[name, value] = True
        return self._known[name, value]

    def refuses(self, session: Session, text: str) -> str:
        """What the target's parser says against a text; it is prepared, not run."""
        fetch(self.connection, f"set @landbridge_text = convert(x'{text.encode().hex()}' using utf8mb4)")
        try:
            for statement in session.statements:
                fetch(self.connection, statement)
            fetch(self.connection, "prepare landbridge_text from @landbridge_text")
        except pymysql.MySQLError as error:
            return str(error.args[1]) if error.args[0] in _REFUSED else ""
        fetch(self.connection, "deallocate prepare landbridge_text")
        return ""

    def lacks_function(self, name: str) -> bool:
        """Whether a name that is called is none of the server's own functions."""
        try:
            fetch(self.connection, f"prepare landbridge_text from 'do {name}()'")
        except pymysql.MySQLError as error:
            return bool(error.args[0] == ER.SP_DOES_NOT_EXIST)
        return False

    def defined(self, text: str) -> tuple[str, str]:
        """The text with a definer that the target has, and what is to be said of it."""
        found = _DEFINER.match(text)
        if found is None:
            return text, ""
        definer = _account(found[2], found[3])
        why = self._no_definer(definer)
        if not why:
            return text, ""
        own = "@".join(quote(part) for part in self.account.rsplit("@", 1))
        return (
            f"{found[1]}DEFINER={own} {text[found.end() :]}",
            f"its definer {definer} {why}: it is {self.account} now",
        )

    def _no_definer(self, definer: str) -> str:
        if definer == self.account:
            return ""
        if self.accounts is None:
            return "could not be looked up on the target (GRANT SELECT ON mysql.* to its login)"
        if definer not in self.accounts:
            return "does not exist on the target"
        if not any(self.grants.has(right) for right in _DEFINES_FOR_OTHERS):
            return "may not be named by the target's login (it lacks SET USER or SET_ANY_DEFINER)"
        if definer in self.protected and self.account not in self.protected:
            return "may not be named by the target's login (it lacks SYSTEM_USER)"
        return ""

    def distrusts(self, kind: str, text: str) -> str:
        """The binlog's rule about functions and triggers, which may write other things on a replica."""
        variables = self.variables
        if variables["log_bin"] != "ON" or variables["log_bin_trust_function_creators"] == "ON":
            return ""
        lines = {line.strip() for line in text.splitlines()}
        declared = lines & {"DETERMINISTIC", "NO SQL", "READS SQL DATA"}
        if (kind == "function" and not declared) or (kind in ("function", "trigger") and not self.grants.has("SUPER")):
            return "the target's binlog is on: SET GLOBAL log_bin_trust_function_creators = 1; there"
        return ""


def settings_of(session: Iterable[str]) -> dict[str, str]:
    return {found[1]: found[2] for found in map(_SETTING.fullmatch, session) if found}


def definer_end(text: str) -> int:
    """Where the definer of a definition ends."""
    found = _DEFINER.match(text)
    return found.end() if found else 0


def _account(user: str, host: str | None) -> str:
    return "@".join(part[1:-1].replace(part[0] * 2, part[0]) for part in (user, host or "``"))


def _accounts(connection: Any) -> set[str] | None:
    """None where this login may not see them. A role has no host."""
    try:
        rows: Sequence[Any] = fetch(connection, "select user, host from mysql.user")
    except pymysql.MySQLError:
        return None
    return {f"{user}@{host}" for user, host in rows}


def _protected(connection: Any) -> set[str]:
    """Accounts that only others of their kind may act for; MariaDB has none."""
    query = "select grantee from information_schema.user_privileges where privilege_type = 'SYSTEM_USER'"
    return {str(grantee)[1:-1].replace("'@'", "@") for (grantee,) in fetch(connection, query)}
