"""
Counting on the source what the target has no place for: one query a table, the smallest tables first, so long at most.
What the target would refuse stops the plan where there is such a row, before the load would stop at it.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from landbridge.census import TableLoss
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Views
from landbridge.endpoints.inspecting import TOO_LONG, Inspects
from landbridge.errors import MigrationError
from landbridge.kinds import Loss, Unfit
from landbridge.model import Column, Table, TableMap, TableName

A_TABLE = 10.0
ALL = 60.0
"""Seconds that counting may take."""

_LEAST = 0.1

_Asked = list[tuple[Column, Unfit]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    table: float = A_TABLE
    all: float = ALL


def counted(
    losses: Sequence[TableLoss], tables: Sequence[TableMap], source: Endpoint, limits: Limits = Limits()
) -> tuple[TableLoss, ...]:
    """The losses with their numbers of rows, or why there is none; without those of values that do not travel."""
    columns = {(t.source.name, c.target.name): c.source for t in tables if not t.plain for c in t.columns}
    asked: dict[TableName, _Asked] = {}
    for found in losses:
        column = columns.get((found.table, found.loss.column))
        if found.loss.unfit and column:
            asked.setdefault(found.table, []).append((column, found.loss.unfit))
    known = _ask(sorted((t.source for t in tables if t.source.name in asked), key=_size), asked, source, limits)
    left = (each for each in losses if each.loss.unfit is None or (each.table, each.loss.column) in columns)
    return tuple(replace(found, loss=_with(found, columns, known)) for found in left)


def _size(table: Table) -> tuple[int, str]:
    return table.bytes, str(table.name)


_Known = dict[tuple[TableName, Column, Unfit], int | str]


def _ask(tables: Iterable[Table], asked: dict[TableName, _Asked], source: Endpoint, limits: Limits) -> _Known:
    """Numbers, or why there is none."""
    known: _Known = {}
    end = time.monotonic() + limits.all
    for table in tables:
        questions = list(dict.fromkeys(asked[table.name]))
        seconds = min(limits.table, end - time.monotonic())
        found = _answers(source, source.get(Inspects).unfit(table, questions), seconds)
        for place, (column, unfit) in enumerate(questions):
            known[table.name, column, unfit] = found if isinstance(found, str) else _known(found[place])
    return known


def _known(count: int) -> int | str:
    return "a value is too long for the source to look at" if count >= TOO_LONG else count


def _answers(source: Endpoint, select: str | None, seconds: float) -> list[int] | str:
    """In a transaction of its own: whoever alters a table waits for it, and everybody else for them."""
    if select is None:
        return "the source cannot know it"
    if seconds < _LEAST:  # no limit at all for a server
        return "there was no time left"
    started = time.monotonic()
    try:
        with source.get(Views).view() as view:
            (row,) = view.answers(select, seconds)
    except MigrationError as error:
        late = time.monotonic() - started >= seconds
        return f"it would take more than {seconds:.3g} s" if late else error.found
    return [int(count or 0) for count in row]


def _with(found: TableLoss, columns: dict[tuple[TableName, str], Column], known: _Known) -> Loss:
    loss = found.loss
    if loss.unfit is None:
        return loss
    answer = known[found.table, columns[found.table, loss.column], loss.unfit]
    if isinstance(answer, str):
        return replace(loss, uncounted=answer)
    return replace(loss, rows=answer, blocking=loss.blocking or (answer > 0 and not loss.unfit.keeps))
