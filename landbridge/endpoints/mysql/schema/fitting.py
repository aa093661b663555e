"""What of another family's table cannot be said here: names, and types with the lengths that keys and rows can have."""

from collections.abc import Iterator
from dataclasses import replace

from landbridge import kinds
from landbridge.endpoints.mysql.kinds import render
from landbridge.endpoints.mysql.names import fits
from landbridge.endpoints.mysql.schema import indexes, lengths
from landbridge.endpoints.mysql.schema.target import Target
from landbridge.kinds import Loss, Unfit
from landbridge.model import Table, TableName

_BUILT_IN = (*kinds.SORTED_ALIKE, kinds.Float, kinds.Text, kinds.Bytes, kinds.Json, kinds.Uuid, kinds.Bit, kinds.Inet)
"""Kinds of types without a schema: a column of theirs that has one is of a domain."""


def refused(table: Table, name: TableName) -> Iterator[Loss]:
    """Names of columns are compared without case here."""
    for each in (name.schema, name.name):
        if not fits(each):
            what = f"the name {each} has more than 64 characters or such as no name can have"
            yield Loss(column="", part="table", what=what, blocking=True, choices=("another `to`",))
    if not table.columns:
        what = "a table without columns cannot be here"
        yield Loss(column="", part="table", what=what, blocking=True, choices=("exclude the table",))
    seen: dict[str, str] = {}
    for column in table.columns:
        if not fits(column.name):
            yield _refused(column.name, "its name is too long or has characters that none can have")
        other = seen.setdefault(column.name.lower(), column.name)
        if other != column.name:
            yield _refused(column.name, f"its name differs from {other} by case only, which does not tell them apart")
    comments = "".join([table.comment, *(column.comment for column in table.columns)])
    if any(letter >= "\U00010000" for letter in comments):
        yield _told("", "comments of the table or its columns hold characters beyond U+FFFF, which become ?")


def _refused(column: str, what: str) -> Loss:
    return Loss(column=column, what=what, blocking=True, choices=("rename the column in the plan", "exclude the table"))


def _told(column: str, what: str) -> Loss:
    return Loss(column=column, part="column" if column else "table", what=what, blocking=False)


def types(table: Table, target: Target) -> tuple[dict[str, str], list[Loss]]:
    """The types of all columns, and what is lost. A generated column never stops the plan: it carries no data."""
    natives: dict[str, str] = {}
    losses: list[Loss] = []
    for column in table.columns:
        natives[column.name], told = render(column.kind, mariadb=target.mariadb, vectors=target.has_type("vector"))
        stops = column.generated is None
        losses += [replace(loss, column=column.name, blocking=loss.blocking and stops) for loss in told]
        if isinstance(column.kind, _BUILT_IN) and "." in column.native:
            losses.append(_told(column.name, f"what its domain {column.native} checks is not checked here"))
    losses += _fit(table, natives)
    return natives, losses


def _fit(table: Table, natives: dict[str, str]) -> Iterator[Loss]:
    keys = list(indexes.exact_keys(table, natives))
    for name, most in lengths.limits(keys, natives).items():
        natives[name] = f"varbinary({most})" if lengths.is_bytes(natives[name]) else f"varchar({most // 4})"
        what = f"it is in a key, so it becomes {natives[name]}: longer values are refused when they are loaded"
        room = most if lengths.is_bytes(natives[name]) else most // 4
        choices = ("shorten them on the source", "exclude the table")
        yield replace(_told(name, what), unfit=Unfit(what="too long", most=room), choices=choices)
    for name in lengths.too_large(natives, {name for key in keys for name in key}):
        natives[name] = "longblob" if lengths.is_bytes(natives[name]) else "longtext"
        yield _told(name, f"the row would be too long, so it becomes {natives[name]} without a limit of its own")
