"""System-versioned tables of MariaDB: found, and made ordinary ones for a server that has none."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from landbridge import history
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.schema import definition
from landbridge.model import Table, Versioning

HIDDEN = ("row_start", "row_end")
"""What MariaDB calls the columns of rows' time where the table names none; the log has them behind all others."""

CURRENT = (b"2038-01-19 03:14:07.999999+00", b"2106-02-07 06:28:15.999999+00")
"""Ends of time: of servers before 11.5, and since then."""

BY_TRANSACTION = "table versioned by transactions"


def found(expressions: Sequence[tuple[str, str | None]], text: Sequence[str]) -> Versioning:
    """expressions: columns by name, with what they are generated from. text: the table's definition."""
    named = {expression: name for name, expression in expressions if expression in ("ROW START", "ROW END")}
    by = definition.partitioning(text)
    return Versioning(
        start=named.get("ROW START", HIDDEN[0]),
        end=named.get("ROW END", HIDDEN[1]),
        partitioned=by is not None and by.by.startswith("SYSTEM_TIME"),
    )


def counted(versioning: Versioning, rows: Any, current: Any) -> Versioning:
    """rows: with those of history."""
    return replace(versioning, rows=int(rows) - int(current))


def without_end(rows: Iterable[tuple[Any, ...]], versioning: Versioning) -> list[tuple[Any, ...]]:
    """Of a unique key's rows in information_schema: the server adds the end of a row's time to every key."""
    return [row for row in rows if row[1] or row[2] != versioning.end]


def ordinary(table: Table) -> Table:
    """With its own text, too."""
    made, text = history.without(table), definition.parse(table.definition)
    kept = {column.name for column in made.columns}
    indexes = {index.name for index in made.indexes}
    end = f",{quote(table.versioning.end)}" if table.versioning else ""
    plain = replace(
        text,
        columns={name: _unversioned(each) for name, each in text.columns.items() if name in kept},
        primary_key=text.primary_key.replace(end, ""),
        keys={name: each.replace(end, "") for name, each in text.keys.items() if name in indexes},
        others=tuple(each for each in text.others if not each.startswith("PERIOD FOR SYSTEM_TIME")),
        partitioning=text.partitioning if made.partitioning else "",
        versioned=False,
    )
    return replace(made, definition=plain.elements)


def _unversioned(column: str) -> str:
    found = definition.words(column)
    spoken = [word.text for word in found]
    for place in range(len(spoken) - 2):
        if spoken[place] in ("WITH", "WITHOUT") and spoken[place + 1 : place + 3] == ["SYSTEM", "VERSIONING"]:
            return definition.join(found[:place] + found[place + 3 :])
    return column
