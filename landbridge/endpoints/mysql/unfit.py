"""What no target of another family holds, as conditions in SQL: for counting such rows before anything moves."""

from collections.abc import Callable, Sequence

from landbridge.endpoints.inspecting import TOO_LONG
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.kinds import Json, Unfit
from landbridge.model import Column, Table

_NUL, _ESCAPED_NUL, _ESCAPED_BACKSLASH = "x'00'", "x'5c7530303030'", "x'5c5c'"


class Inspector:
    def unfit(self, table: Table, asked: Sequence[tuple[Column, Unfit]]) -> str | None:
        if any(unfit.what not in _CONDITIONS for _, unfit in asked):
            return None
        counts = (_count(column, _CONDITIONS[unfit.what](column)) for column, unfit in asked)
        return f"select {', '.join(counts)} from {qualified(table.name)}"


def _count(column: Column, condition: str) -> str:
    """A function whose result would pass max_allowed_packet is NULL, with no more than a warning."""
    return f"ifnull(sum(ifnull({condition}, ({quote(column.name)} is not null) * {TOO_LONG})), 0)"


def _nul(column: Column) -> str:
    """In bytes, for a collation may pass over NUL; of JSON, which escapes it, without the backslashes in pairs."""
    text = f"convert(convert({quote(column.name)} using utf8mb4) using binary)"
    if isinstance(column.kind, Json):  # one that is too long to be handed out is an empty text (see expressions.py)
        return f"locate({_ESCAPED_NUL}, replace(nullif({text}, ''), {_ESCAPED_BACKSLASH}, '')) > 0"
    return f"locate({_NUL}, {text}) > 0"


def _loose_json(column: Column) -> str:
    r"""What MariaDB's JSON_VALID lets pass and the standard does not (measured on 11.8): "\x", and 1. as a number."""
    text = f"convert({quote(column.name)} using utf8mb4)"
    escape = rf"replace({text}, {_ESCAPED_BACKSLASH}, '') regexp '\\x5c[^\"/bfnrtu]'"
    outside = rf"regexp_replace({text}, '\"(?:[^\"\\x5c]|\\x5c.)*\"', '')"
    return f"{escape} or {outside} regexp '[0-9][.]([^0-9]|$)'"


def _no_day(column: Column) -> str:
    return f"{quote(column.name)} < '00:00:00' or {quote(column.name)} > '24:00:00'"


_CONDITIONS: dict[str, Callable[[Column], str]] = {
    "nul": _nul,
    "loose json": _loose_json,
    "no label": lambda column: f"{quote(column.name)} + 0 = 0",
    "no day": _no_day,
}
