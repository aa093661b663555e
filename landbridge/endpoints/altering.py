"""What endpoints tell of, and do about, tables that the source alters while a run goes on. A part of abc.py."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from landbridge.change import ALTER, Change
from landbridge.errors import MigrationError
from landbridge.model import Position, Table, TableMap, TableName

if TYPE_CHECKING:
    from landbridge.endpoints.abc import Statement


@dataclass(frozen=True, kw_only=True)
class Drift:
    """
    A planned table is another one from `position` on, which is past every transaction before. changed: as it is now, in
    its source's words. renamed: columns, old name to new. obstacle: why the engine would not follow this by itself.
    """

    position: Position
    table: int
    statement: str
    changed: Table
    renamed: Mapping[str, str]
    obstacle: str = ""


Follow = Callable[[Drift], TableMap]
"""Notes the drift and gives the table's new shape. The same drift, met again, gives the same. Raises SchemaDrift."""

UNREAD = "a change that cannot be read from the log"
"""In place of a statement: the table's shape is what it was, but what happened to its rows here is not known."""


def unread(table: TableMap, position: Position, error: MigrationError) -> Drift:
    return Drift(
        position=position, table=table.number, statement=UNREAD, changed=table.source, renamed={},
        obstacle=f"{error.found}; {error.mend}",
    )  # fmt: skip


def noted(table: TableMap, position: Position) -> Change:
    """What stands in the stream where the table's shape changes, or cannot be followed."""
    return ALTER, table.number, None, (position.encode(),)


class Alters(Protocol):
    """Following the source's DDL on a target that is made already."""

    transactional: bool
    """Whether DDL is part of the transaction that it stands in; else it commits by itself."""

    def completed(self, old: Table, new: Table, adopted: Table) -> Table:
        """
        `new`, columns and indexes of which are settled, with what the engine keeps beside them. old: the target's table
        before; adopted: what `adopt` made of the source's altered table.
        """

    def alter(self, number: int, old: Table, new: Table, renamed: Mapping[str, str]) -> Iterator["Statement"]:
        """What makes `new` of `old`, in order; each may be run again when `exists` has no row. renamed: columns."""

    def differences(self, table: Table) -> Sequence[str]:
        """How the target's table, as it is there, differs from `table`: columns, their types, what must not be NULL."""

    def altered(self, tables: Sequence[Table]) -> Sequence[TableName]:
        """Of a source: tables whose columns are not these by now, where its log may not have told of it yet."""
