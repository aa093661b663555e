"""Names of foreign keys and checks, which here must be unique in their database and elsewhere only on their table."""

import re

from landbridge.endpoints.mysql.names import shorten
from landbridge.model import TableName

_UNNAMED = re.compile(r"CONSTRAINT_(\d+)")
"""What MariaDB calls a check without a name, the same on every table."""


class ConstraintNames:
    """Hands out names: the first to ask for one gets it, and the same one when it asks again."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str, str], tuple[TableName, str]] = {}

    def name(self, kind: str, table: TableName, name: str) -> str:
        """kind: foreign keys and checks do not meet."""
        unnamed = _UNNAMED.fullmatch(name)
        wanted = shorten(f"{table.name}_chk_{unnamed[1]}" if unnamed else name)
        asking = (table, name)
        if self._taken.setdefault((kind, table.schema, wanted.lower()), asking) == asking:
            return wanted
        other = shorten(f"{table.name}_{name}", told_by=f"{table.name}\0{name}")
        self._taken.setdefault((kind, table.schema, other.lower()), asking)
        return other
