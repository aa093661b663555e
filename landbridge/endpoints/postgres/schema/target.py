"""What the target server can do and already has: expressions of a source may need functions, types or collations."""

import re
from collections.abc import Container
from dataclasses import dataclass

from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.names import quote, references
from landbridge.endpoints.postgres.queries import reading, rows
from landbridge.model import TableName

_SYSTEM = ("pg_catalog", "information_schema")


@dataclass(frozen=True, kw_only=True)
class Target:
    """version as the server counts it (160003). names: what there is: function, operator, collation or other."""

    version: int
    names: frozenset[tuple[str, TableName]]
    keywords: frozenset[str]

    def spell(self, name: str) -> str:
        """The name as the server itself prints it: quoted where it must be. So what is planned equals what is read."""
        plain = re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in self.keywords
        return name if plain else quote(name)

    def spell_qualified(self, name: TableName) -> str:
        return f"{self.spell(name.schema)}.{self.spell(name.name)}"

    def missing(self, expression: str, coming: Container[TableName]) -> tuple[str, ...]:
        """What an expression needs and the target has not. `coming`: source names that the migration itself makes."""
        needed = dict.fromkeys(references(expression))
        return tuple(str(name) for what, name in needed if not self._has(what, name, coming))

    def _has(self, what: str, name: TableName, coming: Container[TableName]) -> bool:
        if what == "collation":
            return (what, name) in self.names
        return name.schema in _SYSTEM or (what == "other" and name in coming) or (what, name) in self.names


def read(database: Database) -> Target:
    with reading(database) as cursor:
        names = frozenset(
            (row["what"], TableName(schema=row["schema"], name=row["name"])) for row in rows(cursor, "target")
        )
        cursor.execute("select word from pg_get_keywords() where catcode <> 'U'")
        keywords = frozenset(row["word"] for row in cursor.fetchall())
        cursor.execute("select current_setting('server_version_num')::int as version")
        return Target(version=cursor.fetchone()["version"], names=names, keywords=keywords)
