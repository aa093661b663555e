"""Following the DDL that the log holds: the planned tables that a statement makes others, and what they become."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from landbridge.endpoints.altering import Drift, Follow
from landbridge.endpoints.mysql.log.alter_table import altered, replaced
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.declared import Unread
from landbridge.endpoints.mysql.log.statements import Meaning
from landbridge.errors import SchemaDrift
from landbridge.model import Position, Table, TableMap, TableName

_SHOWN = 1000
"""Characters of a statement that are kept."""


@dataclass(frozen=True, kw_only=True)
class Drifts:
    """describe: a table as the catalog has it now. charsets: all that these tables need."""

    follow: Follow
    describe: Callable[[TableName], Table | None]
    charsets: Callable[[Sequence[Table]], Charsets]

    def taken(
        self, meaning: Meaning, text: str, position: Position, tables: Mapping[TableName, TableMap]
    ) -> list[TableMap]:
        """The new shapes of the tables that the statement makes others. Raises SchemaDrift."""
        return [self._one(tables[name], meaning, text, position) for name in meaning.alters if name in tables]

    def _one(self, table: TableMap, meaning: Meaning, text: str, position: Position) -> TableMap:
        now = self.describe(table.source.name)
        try:
            made = (
                altered(table.source, meaning.parts, text, now) if meaning.parts else replaced(table.source, now, text)
            )
        except Unread as why:
            raise SchemaDrift(
                f"the source ran {meaning.what} on {table.source.name}, and its shape after that cannot be told: {why}",
                mend="begin the migration of this plan anew",
            ) from None
        if made.table == table.source and not made.obstacle:
            return table
        statement = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
        return self.follow(
            Drift(
                position=position, table=table.number, statement=statement, changed=made.table, renamed=made.renamed,
                obstacle=made.obstacle,
            )
        )  # fmt: skip
