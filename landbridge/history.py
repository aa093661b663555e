"""What becomes of the history of tables that keep what their rows were: it stays behind, which is told or refused."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from landbridge.census import TableLoss
from landbridge.kinds import Loss
from landbridge.model import Table

History = Literal["refuse", "leave"]


def without(table: Table) -> Table:
    """As an ordinary table of what is now, without the columns of its rows' time and whatever rests on them."""
    found = table.versioning
    if found is None:
        return table
    gone = {found.start, found.end}
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name not in gone),
        indexes=tuple(index for index in table.indexes if not gone & {part.column for part in index.parts}),
        partitioning=None if found.partitioned else table.partitioning,
        versioning=None,
    )


def losses(tables: Iterable[tuple[Table, Table, History]]) -> Iterator[TableLoss]:
    """Of the source's table, the target's, and what the plan says of history."""
    for source, target, wanted in tables:
        if source.versioning is None:
            continue
        kept, rows = target.versioning is not None, source.versioning.rows
        what = f"{rows} rows of its history stay behind"
        what += ": the target's begins with the load" if kept else ", and the target's table will keep none"
        choices = ("leave it behind: `history: leave` in the table's rule", "exclude the table")
        blocking = wanted == "refuse" and (rows > 0 or not kept)
        yield TableLoss(
            table=source.name,
            loss=Loss(
                column="", part="table", what=what, blocking=blocking, rows=rows, choices=choices if blocking else ()
            ),
        )
        for gone in () if kept else _of_time(source):
            yield TableLoss(table=source.name, loss=gone)


def _of_time(table: Table) -> Iterator[Loss]:
    """The columns of its rows' time, where they are not hidden, and their indexes."""
    ordinary, what = without(table), "it is of the time of its rows"
    for column in table.columns:
        if column not in ordinary.columns:
            yield Loss(column=column.name, what=what, blocking=False)
    for index in table.indexes:
        if index not in ordinary.indexes:
            yield Loss(column=index.name, part="index", what=what, blocking=False)
