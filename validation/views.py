"""
Views and whatever else can be asked on both sides: run there and here, at the comparison's position, and their rows
compared. A translation that says something else is found here and not by the application.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from landbridge.endpoints.abc import Carried, View
from landbridge.errors import Terminal

LONGEST = 60.0
"""Seconds that one query may take; a view over everything is not worth hours."""

_NUMBER = re.compile(rb"-?\d+\.\d+")
_TRUTHS = {b"t": b"1", b"f": b"0"}

_Row = tuple[bytes | None, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """why: what is wrong with it, empty where both sides gave the same rows. note: why nothing could be said."""

    carried: Carried
    why: str = ""
    note: str = ""


def ask(objects: Iterable[Carried], left: View, right: View) -> Iterator[Answer]:
    for carried in objects:
        if carried.check is not None:
            yield _answer(carried, carried.check, left, right)


def unasked(objects: Iterable[Carried], why: str) -> Iterator[Answer]:
    for carried in objects:
        if carried.check is not None:
            yield Answer(carried=carried, note=f"not compared, for {why}")


def _answer(carried: Carried, check: tuple[str, str], left: View, right: View) -> Answer:
    plain = _value if carried.translated else bytes
    try:
        theirs = _sum(left.answers(check[0], LONGEST), plain)
    except Terminal as error:
        return Answer(carried=carried, note=f"not compared, for on the source {error.found}")
    try:
        ours = _sum(right.answers(check[1], LONGEST), plain)
    except Terminal as error:
        return Answer(carried=carried, why=f"its rows cannot be had: {error.found}")
    if theirs == ours:
        return Answer(carried=carried)
    why = f"its rows differ: {theirs[0]:,} on the source, {ours[0]:,} on the target, and not the same"
    return Answer(carried=carried, why=why)


def _value(text: bytes) -> bytes:
    """Engines write what they compute in ways of their own: a truth as 1 or t, a quotient with more or fewer zeros."""
    if text in _TRUTHS:
        return _TRUTHS[text]
    if _NUMBER.fullmatch(text):
        whole, _, fraction = text.partition(b".")
        return b".".join(filter(None, (whole, fraction.rstrip(b"0"))))
    return text


def _sum(rows: Iterator[_Row], plain: Callable[[bytes], bytes]) -> tuple[int, int]:
    """Rows and the sum of their hashes, for no order is promised."""
    count = total = 0
    for row in rows:
        texts = [None if value is None else plain(value) for value in row]
        text = b"".join(b"n" if value is None else b"%d:%b" % (len(value), value) for value in texts)
        total += int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
        count += 1
    return count, total % 2**64
