"""What the target server can do and already has: expressions of a source may need functions, types or collations."""

import re
from collections.abc import Collection, Container
from dataclasses import dataclass, replace
from typing import Any

import psycopg2

from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.names import quote, references
from landbridge.endpoints.postgres.queries import reading, rows
from landbridge.model import TableName

_SYSTEM = ("pg_catalog", "information_schema")


@dataclass(frozen=True, kw_only=True)
class Target:
    """
    version as the server counts it (160003). names: what there is: function, operator, collation or other. brought:
    what extensions will bring, without the schemas, which are the source's.
    """

    version: int
    names: frozenset[tuple[str, TableName]]
    keywords: frozenset[str]
    brought: frozenset[tuple[str, str]] = frozenset()

    def spell(self, name: str) -> str:
        """The name as the server itself prints it: quoted where it must be. So what is planned equals what is read."""
        plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in self.keywords
        return name if plain else quote(name)

    def spell_qualified(self, name: TableName) -> str:
        return f"{self.spell(name.schema)}.{self.spell(name.name)}"

    def extensions(self, *types: str) -> dict[str, str]:
        """Those of these types, which extensions bring, that there are, as the server prints them."""
        there = sorted(name for what, name in self.names if what == "other" and name.name in types)
        return {name.name: self.spell_qualified(name) for name in there}

    def missing(self, expression: str, coming: Container[TableName]) -> tuple[str, ...]:
        """
        What an expression needs and the target has not. `coming`: source names that the migration itself makes, those
        of routines as names.with_calls has them.
        """
        needed = dict.fromkeys(references(expression))
        return tuple(str(name) for what, name in needed if not self._has(what, name, coming))

    def _has(self, what: str, name: TableName, coming: Container[TableName]) -> bool:
        called = what in ("function", "operator")
        if (what, name) in self.names or (what, name.name) in self.brought:
            return True
        if name in coming or (called and replace(name, name=f"{name.name}(") in coming):
            return True
        return name.schema in _SYSTEM and what != "collation"


def read(database: Database, extensions: Collection[str] = ()) -> Target:
    """
    `extensions`: those that the migration will make. What they hold is known only when they are there: they are made in
    a transaction that is rolled back, and one that cannot be made is left out.
    """
    with reading(database, write=bool(extensions)) as cursor:
        names = _names(cursor)
        for extension in sorted(extensions):
            _try(cursor, extension)
        brought = _names(cursor) - names if extensions else frozenset()
        cursor.execute("select word from pg_get_keywords() where catcode <> 'U'")
        keywords = frozenset(row["word"] for row in cursor.fetchall())
        cursor.execute("select current_setting('server_version_num')::int as version")
        return Target(
            version=cursor.fetchone()["version"],
            names=names,
            keywords=keywords,
            brought=frozenset((what, name.name) for what, name in brought),
        )


def _names(cursor: Any) -> frozenset[tuple[str, TableName]]:
    found = rows(cursor, "target")
    return frozenset((row["what"], TableName(schema=row["schema"], name=row["name"])) for row in found)


def _try(cursor: Any, extension: str) -> None:
    """Some may stand in one schema only, and say so themselves."""
    for schema in ("schema public", ""):
        cursor.execute("savepoint extension")
        try:
            cursor.execute(f"create extension if not exists {quote(extension)} {schema} cascade")
            return
        except psycopg2.Error:
            cursor.execute("rollback to savepoint extension")
