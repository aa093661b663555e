"""Names in SQL text: the one place that quotes them, and the one that shortens them."""

import hashlib

from landbridge.model import TableName

MAX_LENGTH = 64
"""Characters (manual, "Identifier Length Limits")."""


def quote(name: str) -> str:
    """A name as an identifier in SQL, exactly as it is."""
    return "`" + name.replace("`", "``") + "`"


def qualified(name: TableName) -> str:
    return f"{quote(name.schema)}.{quote(name.name)}"


def quote_all(names: tuple[str, ...]) -> str:
    return ",".join(map(quote, names))


def fits(name: str) -> bool:
    """Whether the server takes it: no supplementary characters, no blank at the end (manual, "Schema Object Names")."""
    return 0 < len(name) <= MAX_LENGTH and not name.endswith(" ") and all(letter < "\U00010000" for letter in name)


def shorten(name: str, told_by: str = "") -> str:
    """The name when it fits; else cut, with a hash behind. `told_by`: what tells it from its likes, hashed always."""
    if fits(name) and not told_by:
        return name
    mark = "_" + hashlib.sha256((told_by or name).encode()).hexdigest()[:8]
    kept = "".join(letter for letter in name if letter < "\U00010000")
    return kept[: MAX_LENGTH - len(mark)] + mark
