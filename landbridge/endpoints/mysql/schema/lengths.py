"""What fits into keys and rows: a key has 3072 bytes, a row 65,535 (manual, "InnoDB Limits", "Row Size Limits")."""

import re
from collections.abc import Collection, Iterable, Mapping
from math import ceil

LONGEST_KEY = 3072
LONGEST_ROW = 65_535
LONGEST_PREFIX = 255
MOST_PARTS = 16

_WIDTH = 4
"""Bytes that a character of utf8mb4 may take."""

_SIZED = re.compile(r"(?P<name>\w+)(?:\((?P<first>\d+)(?:,\d+)?\))?")
_FIXED = {
    "tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8, "float": 4, "double": 8, "date": 3, "time": 6,
    "datetime": 8, "timestamp": 7, "year": 1, "uuid": 16, "enum": 2, "set": 8,
}  # fmt: skip
_POINTER = 12
"""What a long value takes of its row."""


def is_long(native: str) -> bool:
    return native in ("longtext", "longblob")


def is_bytes(native: str) -> bool:
    return native.startswith(("varbinary", "binary", "longblob"))


def can_be_key(native: str) -> bool:
    return native != "json" and not re.match(r"vector|geom|point|linestring|polygon|multi", native)


def size(native: str) -> int:
    """Bytes at most, of what stands in the row."""
    found = _SIZED.match(native)
    assert found
    name, first = found["name"], int(found["first"] or 0)
    if name in ("varchar", "char"):
        return first * _WIDTH
    if name in ("varbinary", "binary"):
        return first
    if name == "decimal":
        return ceil(first / 2) + 2
    if name == "bit":
        return ceil(first / 8)
    return _FIXED.get(name, _POINTER)


def limits(keys: Iterable[Collection[str]], natives: Mapping[str, str]) -> dict[str, int]:
    """The lengths, in bytes, that texts in keys may have at most; of those only that must be shortened."""
    found: dict[str, int] = {}
    for key in keys:
        for column, most in (share(key, natives) or {}).items():
            found[column] = min(most, found.get(column, most))
    return found


def share(key: Collection[str], natives: Mapping[str, str]) -> dict[str, int] | None:
    """What each long column of one key can have; the others keep what they need. None: there can be no such key."""
    if len(key) > MOST_PARTS or not all(can_be_key(natives[column]) for column in key):
        return None
    needs = {column: LONGEST_KEY + 1 if is_long(natives[column]) else size(natives[column]) for column in key}
    free, waiting = LONGEST_KEY, sorted(needs, key=lambda column: needs[column])
    shares: dict[str, int] = {}
    while waiting:
        column = waiting.pop(0)
        most = free // (len(waiting) + 1)
        if needs[column] > most:
            if not is_long(natives[column]) and not natives[column].startswith(("var", "char", "binary")):
                return None
            shares[column] = most
        free -= min(needs[column], most)
    return shares


def too_large(natives: Mapping[str, str], kept: Collection[str]) -> list[str]:
    """The columns that must be stored outside of the row so that it fits, the largest first; `kept` cannot be."""
    sizes = {column: size(native) + 2 for column, native in natives.items()}
    total = sum(sizes.values()) + ceil(len(sizes) / 8)
    moved = []
    for column in sorted(sizes, key=lambda column: -sizes[column]):
        if total <= LONGEST_ROW:
            break
        if column not in kept and natives[column].startswith("var"):
            total -= sizes[column] - _POINTER
            moved.append(column)
    return moved
