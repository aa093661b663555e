"""What the target server is and has: types and collations differ between flavours and versions."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.mysql.catalog import fetch, logs_cascades
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.kinds import QUOTED

_CALL = re.compile(r"(\w+)\(")
_QUOTED = re.compile(rf"{QUOTED}|`(?:[^`]|``)*`", re.DOTALL)
_FUNCTION_DOES_NOT_EXIST = 1630
_SETTINGS = (
    "sql_generate_invisible_primary_key",
    "sql_require_primary_key",
    "restrict_fk_on_non_standard_key",
    "innodb_strict_mode",
)

_OWN = {
    "uuid": (10, 7),
    "inet6": (10, 5),
    "inet4": (10, 10),
    "vector": (11, 7),
}
"""Since when MariaDB has them. Of these MySQL has vectors only, since 9.0."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """
    collations: by name, with their character sets. engines: those with transactions. session: what makes tables come
    out as they are written.
    """

    mariadb: bool
    release: tuple[int, int]
    collations: dict[str, str]
    engines: frozenset[str]
    database: Database
    session: tuple[str, ...] = ()
    _functions: dict[str, bool] = field(default_factory=dict)

    def lacking(self, text: str) -> str:
        """The functions of an expression that the target has not, as words. What is quoted is none."""
        called = set(_CALL.findall(_QUOTED.sub("''", text)))
        unknown = called - self._functions.keys()
        if unknown:
            with driver_errors(self.database.ref), closing(self.database.open()) as connection:
                self._functions.update({name: _has_function(connection, name) for name in unknown})
        return ", ".join(sorted(name for name in called if not self._functions[name]))

    def has_type(self, name: str) -> bool:
        if name not in _OWN:
            return True
        return self.release >= _OWN[name] if self.mariadb else name == "vector" and self.release >= (9, 0)

    @property
    def logs_cascades(self) -> bool:
        return logs_cascades(self.release, mariadb=self.mariadb)

    @property
    def charsets(self) -> frozenset[str]:
        return frozenset(self.collations.values())

    @property
    def exact_collation(self) -> str:
        """The collation that tells every two texts apart, blanks at their ends included."""
        names = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin")
        return next(name for name in names if name in self.collations)

    def charset(self, name: str) -> str:
        """Itself where it is there, else what holds every character."""
        name = "utf8mb3" if name == "utf8" else name
        return name if name in self.charsets else "utf8mb4"

    def like(self, collation: str) -> str:
        """The nearest that is there: itself, or one that treats accents, case and blanks at the end alike."""
        collation = spelled(collation)
        if collation in self.collations:
            return collation
        charset = collation.partition("_")[0]
        if collation.endswith("bin"):
            return self.exact_collation if self.charset(charset) == "utf8mb4" else f"{charset}_bin"
        if self.mariadb:
            return self._first(charset, collation, ("uca1400{0}", "uca1400_nopad{0}", "unicode_nopad_ci", "unicode_ci"))
        return self._first(charset, collation, ("0900{0}", "unicode_520_ci", "unicode_ci", "general_ci"))

    def _first(self, charset: str, collation: str, patterns: tuple[str, ...]) -> str:
        """Accents and case are said at the end of the name; without accents it means neither counts."""
        found = re.search(r"(?:_(a[is]))?_(c[is])$", collation)
        accents, case = (found[1] or "ai", found[2]) if found else ("ai", "ci")
        nopad = "0900" in collation or "nopad" in collation
        names = [f"{charset}_{pattern.format(f'_{accents}_{case}')}" for pattern in patterns]
        if nopad and self.mariadb:
            names = [name for name in names if "nopad" in name] + names
        present = [name for name in names if name in self.collations]
        return next(iter(present), f"{charset}_bin" if charset in self.charsets else self.exact_collation)


def spelled(collation: str) -> str:
    """The name as newer servers have it: `utf8` was said for three bytes before MySQL 8.0.29 and MariaDB 10.6."""
    return re.sub(r"^utf8_", "utf8mb3_", collation)


def read(database: Database) -> Target:
    with driver_errors(database.ref), closing(database.open()) as connection:
        mariadb = database.is_mariadb(connection)
        release = re.match(r"(\d+)\.(\d+)", str(fetch(connection, "select version()")[0][0]))
        assert release
        engines = fetch(connection, "select engine from information_schema.engines where transactions = 'YES'")
        return Target(
            mariadb=mariadb,
            release=(int(release[1]), int(release[2])),
            collations=dict(fetch(connection, _COLLATIONS[mariadb])),
            engines=frozenset(row[0].lower() for row in engines),
            database=database,
            session=tuple(_settings(connection)),
        )


def _settings(connection: Any) -> Iterator[str]:
    """
    Against what would add a key to a table without one, or refuse options and foreign keys that the source allows; as
    far as there is such a setting and this login may change it.
    """
    for name in _SETTINGS:
        statement = f"set session {name} = 0"
        with suppress(pymysql.MySQLError):
            fetch(connection, statement)
            yield statement


def _has_function(connection: Any, name: str) -> bool:
    """Anything but a function that does not exist is refused for something else, or not at all."""
    try:
        fetch(connection, "use information_schema")
        fetch(connection, f"do {name}()")
    except pymysql.MySQLError as error:
        return bool(error.args[0] not in (ER.SP_DOES_NOT_EXIST, _FUNCTION_DOES_NOT_EXIST))
    return True


_COLLATIONS = {
    False: "select collation_name, character_set_name from information_schema.collations",
    # those for several character sets have no full name in the other table
    True: "select full_collation_name, character_set_name"
    " from information_schema.collation_character_set_applicability",
}
