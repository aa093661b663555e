"""Updates of a batch, sorted for statements that each set the same columns."""

from collections.abc import Iterable, Sequence

from landbridge.change import Value

Row = tuple[Value, ...]
Update = tuple[Row, Row]
"""A row's key on the target, and its image."""

Places = tuple[int, ...]
"""Columns by their places in an image."""


def key_of(image: Row, key: Sequence[int]) -> Row:
    return tuple(image[place] for place in key)


def grouped(updates: Iterable[Update], key: Sequence[int], columns: Places) -> dict[tuple[Places, bool], list[Update]]:
    """By the columns that they name, and whether they change the key."""
    groups: dict[tuple[Places, bool], list[Update]] = {}
    for update in updates:
        old, image = update
        places = columns if ... not in image else tuple(place for place in columns if image[place] is not ...)
        groups.setdefault((places, key_of(image, key) != old), []).append(update)
    return groups
