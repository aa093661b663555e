"""An index from what the server prints of it: only that text has all of a part (operator class, collation, order)."""

from collections.abc import Iterator, Mapping
from typing import Any

from landbridge.errors import Terminal
from landbridge.model import Index, IndexPart

_DESCENDING = 1
"""INDOPTION_DESC, the first bit of pg_index.indoption."""


def index_of(row: Mapping[str, Any]) -> Index:
    """A row of sql/indexes.sql as an Index."""
    parts, rest = _split(row["definition"], row["head"])
    count = row["parts"]
    names, texts, options = row["columns"], row["texts"], row["options"]
    if len(parts) != count or not all(map(str.startswith, parts, texts)):
        raise Terminal(
            f"the definition of index {row['name']} was not understood",
            mend="drop the index before the migration and create it on the target afterwards",
        )
    return Index(
        name=row["name"],
        parts=tuple(_part(*each) for each in zip(names[:count], texts, options[:count], parts, strict=True)),
        unique=row["unique"],
        constraint=row["is_constraint"],
        method=row["method"],
        include=tuple(names[count:]),
        where=row["predicate"],
        comment=row["comment"],
        deferrable=row["deferrable"],
        deferred=row["deferred"],
        settings=tuple(row["settings"]),
        nulls_distinct=" NULLS NOT DISTINCT" not in _outside_quotes(rest).partition(" WHERE ")[0],
    )


def _part(column: str | None, text: str, option: int, native: str) -> IndexPart:
    return IndexPart(
        column=column,
        expression=None if column else text,
        descending=bool(option & _DESCENDING),
        native=native,
    )


def _split(definition: str, head: str) -> tuple[list[str], str]:
    """The parts between the parentheses that `head` opens, and what stands behind them."""
    if not definition.startswith(head):
        return [], definition
    text = definition[len(head) :]
    parts, begin = [], 0
    for place, character, depth in _walk(text):
        if depth < 0 or (depth == 0 and character == ","):
            parts.append(text[begin:place].strip())
            begin = place + 1
        if depth < 0:
            break
    return parts, text[begin:]


def _walk(text: str) -> Iterator[tuple[int, str, int]]:
    """Every character outside quotes with the depth of parentheses after it."""
    depth, quote = 0, ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote  # a doubled quote closes and opens again
            continue
        if character in "'\"":
            quote = character
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        yield place, character, depth


def _outside_quotes(text: str) -> str:
    return "".join(character for _, character, _ in _walk(text))
