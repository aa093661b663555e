"""What a source tells of itself for an assessment (see abc): sizes, rates, statements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from landbridge.endpoints.abc import Finding
from landbridge.model import TableMap, TableName


@dataclass(frozen=True, kw_only=True)
class TableUse:
    """bytes: rows without indexes. reads, inserts and so on: since the statistics began, None where nobody counts."""

    name: TableName
    bytes: int
    index_bytes: int
    reads: int | None = None
    inserts: int | None = None
    updates: int | None = None
    deletes: int | None = None

    @property
    def writes(self) -> int | None:
        counted = (self.inserts, self.updates, self.deletes)
        return sum(each or 0 for each in counted) if any(each is not None for each in counted) else None


@dataclass(frozen=True, kw_only=True)
class IndexUse:
    table: TableName
    name: str
    bytes: int
    reads: int


@dataclass(frozen=True, kw_only=True)
class SeenStatement:
    """A statement as the server counts it, without its values. schemas: where it looks for bare names, in order."""

    text: str
    schemas: tuple[str, ...]
    calls: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Survey:
    """since: seconds that the statistics cover. indexes: None where nobody counts. unknown: what is not known, why."""

    server: str
    bytes: int
    since: float
    tables: tuple[TableUse, ...]
    indexes: tuple[IndexUse, ...] | None
    statements: tuple[SeenStatement, ...] | None
    unknown: tuple[str, ...] = ()


class Assesses(Protocol):
    """What a source tells of itself before anybody decides to move it. Reads catalog and statistics, never rows."""

    def assess(self, tables: Sequence[TableMap]) -> Iterator[Finding]:
        """Beside what Checks looks at: what a migration can live with, and its owners want to know."""

    def survey(self, tables: Sequence[TableMap]) -> Survey: ...
