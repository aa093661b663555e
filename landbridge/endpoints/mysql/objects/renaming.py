"""
Other names for schemas inside of SQL texts, where it can be proven which words are schemas. A view's text comes from
the server, which writes names in full; the text of a program is its author's.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from landbridge.endpoints.mysql.log.statements import ANSI_QUOTES, NO_BACKSLASH_ESCAPES, Token, tokens
from landbridge.endpoints.mysql.names import quote

_END = Token("other", "")


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """why: what stands against the new text, which is then not to be used. note: what a reader must know of it."""

    text: str
    why: str = ""
    note: str = ""


def mode_bits(sql_mode: str) -> int:
    modes = sql_mode.split(",")
    return ANSI_QUOTES * ("ANSI_QUOTES" in modes) | NO_BACKSLASH_ESCAPES * ("NO_BACKSLASH_ESCAPES" in modes)


def rename(text: str, schemas: Mapping[str, str], changed: Mapping[str, str], sql_mode: int) -> Renamed:
    """schemas: old names to new ones. changed: other names that are not the same on the target, and what of them."""
    schemas = {old: new for old, new in schemas.items() if old != new}
    if not schemas and not changed:
        return Renamed(text=text)
    places = []
    found = list(tokens(text, sql_mode))
    for before, token, after in zip([_END, *found], found, [*found[1:], _END], strict=False):
        if token.kind == "other" or before.text == "@":
            continue
        if token.text in changed:
            return Renamed(text=text, why=f"it names {token.text}, {changed[token.text]}")
        if token.text in schemas:
            if before.text == "." or after.text != ".":
                return Renamed(text=text, why=f"{token.text} in it may be the renamed database or something else")
            places.append(token)
    return Renamed(text=_replaced(text, places, schemas), note=_mentions(text, schemas, found))


def _replaced(text: str, places: Collection[Token], schemas: Mapping[str, str]) -> str:
    parts, at = [], 0
    for token in places:
        parts += [text[at : token.start], quote(schemas[token.text])]
        at = token.end
    return "".join([*parts, text[at:]])


def _mentions(text: str, schemas: Mapping[str, str], found: Collection[Token]) -> str:
    """Strings may be statements that are put together as the program runs."""
    strings = [text[token.start : token.end].lower() for token in found if token.kind == "other" and not token.text]
    for old in schemas:
        if any(old.lower() in string for string in strings):
            return f"a string in it holds {old}, the database's old name: see whether it means the database"
    return ""


def foreign_literals(text: str, sql_mode: int) -> Iterator[str]:
    """Strings whose bytes are read in a character set that their introducer names, where they are not plain ASCII."""
    found = list(tokens(text, sql_mode))
    for token, after in pairwise(found):
        string = text[after.start : after.end]
        if token.kind == "word" and token.text[0] == "_" and string[:1] in ("'", '"') and not string.isascii():
            yield token.text
