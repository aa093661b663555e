"""
What a statement says of a column or an index, in the words of the recorded schema. Types that the server spells in ways
of its own are left to its catalog: they raise Unread.
"""

import re
from collections.abc import Sequence

from landbridge.endpoints.mysql import kinds
from landbridge.endpoints.mysql.log.statements import Token
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.schema import definition
from landbridge.kinds import Kind
from landbridge.model import Column, Default, Index, IndexPart, Table

_NAMES = {
    "integer": "int", "int4": "int", "int8": "bigint", "int2": "smallint", "int1": "tinyint", "int3": "mediumint",
    "middleint": "mediumint", "dec": "decimal", "numeric": "decimal", "fixed": "decimal", "character": "char",
    "bool": "tinyint(1)", "boolean": "tinyint(1)",
}  # fmt: skip
_IMPLIED = {"decimal": "(10,0)", "char": "(1)", "binary": "(1)", "bit": "(1)"}
_LETTERED = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
_PLAIN = {
    "tinyint", "smallint", "mediumint", "int", "bigint", "float", "double", "date", "datetime", "time", "decimal",
    "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", *_LETTERED,
}  # fmt: skip
_ENDS = {"FIRST", "AFTER"}
_METHODS = {"FULLTEXT": "fulltext", "SPATIAL": "spatial"}


class Unread(Exception):
    """What a statement makes of a table cannot be known from it."""


def column(name: str, said: Sequence[Token], text: str, table: Table) -> Column:
    """said: what stands behind the column's name in the statement `text`."""
    native, at = _type(said, text)
    reading = _Attributes(said[at:], text)
    collation = reading.collation or (_usual(table) if native.partition("(")[0] in _LETTERED else None)
    kind = kinds.kind_of(native + " unsigned" * reading.unsigned)
    given = reading.default
    return Column(
        name=name, kind=kind, native=native + " unsigned" * reading.unsigned, nullable=reading.nullable,
        default=kinds.default_of_expression(kind, given) if given is not None else None,
        identity="auto" if reading.counts else None, collation=collation, comment=reading.comment,
    )  # fmt: skip


def default(said: Sequence[Token], text: str, kind: Kind) -> Default | None:
    """said: DEFAULT and what stands behind it, or nothing where it was dropped."""
    value = _Attributes(said, text).default if said else None
    return kinds.default_of_expression(kind, value) if value is not None else None


def _type(said: Sequence[Token], text: str) -> tuple[str, int]:
    if not said or said[0].kind != "word":
        raise Unread("a column without a type")
    base = _NAMES.get(said[0].text.lower(), said[0].text.lower())
    at, numbers = 1, ""
    if len(said) > 1 and said[1].text == "(":
        end = next((n for n, token in enumerate(said) if token.text == ")"), 1)
        numbers = re.sub(r"\s", "", text[said[1].start : said[end].end])
        at = end + 1
    if base.partition("(")[0] not in _PLAIN or (numbers and not re.fullmatch(r"\(\d+(,\d+)?\)", numbers)):
        raise Unread(f"the type {base}")
    if base == "decimal" and "," not in numbers and numbers:
        numbers = f"{numbers[:-1]},0)"
    return base + (numbers or _IMPLIED.get(base, "")), at


class _Attributes:
    def __init__(self, said: Sequence[Token], text: str) -> None:
        self.unsigned = self.counts = False
        self.nullable = True
        self.collation: str | None = None
        self.default: str | None = None
        self.comment = ""
        self._said, self._text, self._at = said, text, 0
        while self._at < len(said) and self._take():
            pass

    def _word(self, offset: int = 0) -> str:
        place = self._at + offset
        return self._said[place].upper if place < len(self._said) else ""

    def _take(self) -> bool:
        word = self._word()
        if word in _ENDS:
            return False
        if word in ("UNSIGNED", "AUTO_INCREMENT"):
            self.unsigned, self.counts = self.unsigned or word == "UNSIGNED", self.counts or word != "UNSIGNED"
        elif word == "NOT" and self._word(1) == "NULL":
            self.nullable = False
            self._at += 1
        elif word == "COLLATE":
            self._at += 1
            self.collation = self._said[self._at].text
        elif word == "DEFAULT":
            self._default()
            return True
        elif word == "COMMENT":
            self._at += 1
            token = self._said[self._at]
            self.comment = kinds.unquote(self._text[token.start : token.end])
        elif word == "PRIMARY":
            self.nullable = False
        elif word not in ("NULL", "UNIQUE", "KEY", "SIGNED"):
            raise Unread(f"{word or 'a sign'} in a column's words")
        self._at += 1
        return True

    def _default(self) -> None:
        """A constant: a string, a number, NULL."""
        self._at += 1
        start = self._at
        if self._said[self._at].text == "-":
            self._at += 1
        first = self._said[self._at]
        self._at += 1
        if self._word_text() == "." and first.text.isdigit():
            self._at += 2
        value = self._text[self._said[start].start : self._said[self._at - 1].end]
        if first.upper == "NULL":
            return
        if not re.fullmatch(rf"-?\d+(\.\d+)?|{kinds.QUOTED}", value, re.DOTALL):
            raise Unread("a default that is no constant")
        self.default = value

    def _word_text(self) -> str:
        return self._said[self._at].text if self._at < len(self._said) else ""


def _usual(table: Table) -> str:
    """The collation of a column that names none."""
    options = dict(definition.parse(table.definition).options) if table.definition else {}
    if "COLLATE" not in options:
        raise Unread("the table's collation")
    return options["COLLATE"]


def index(part: Sequence[Token], table: Table) -> Index | None:
    """Of ADD [UNIQUE | FULLTEXT | SPATIAL] [INDEX | KEY] [name] (columns); None where it is of expressions."""
    method, unique, at = "btree", False, 1
    while at < len(part) and part[at].upper in ("UNIQUE", "FULLTEXT", "SPATIAL", "INDEX", "KEY", "CONSTRAINT"):
        method = _METHODS.get(part[at].upper, method)
        unique |= part[at].upper == "UNIQUE"
        at += 1
    begin = next((n for n, token in enumerate(part) if token.text == "(" and token.kind == "other"), len(part))
    named = part[at].text if at < begin and part[at].upper != "USING" else ""
    parts = list(_index_parts(part[begin + 1 :], table))
    if not parts or any(each is None for each in parts):
        return None
    known = tuple(each for each in parts if each is not None)
    taken = {each.name.lower() for each in table.indexes}
    name = named or _free(known[0].column or "", taken)
    bare = all(each.prefix is None for each in known)
    return Index(name=name, parts=known, unique=unique, constraint=unique and bare, method=method)


def _free(name: str, taken: set[str]) -> str:
    """As the server names what has no name: after the first column, with a number from 2 on."""
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _index_parts(said: Sequence[Token], table: Table) -> list[IndexPart | None]:
    found: list[IndexPart | None] = []
    depth, at = 1, 0
    while at < len(said) and depth:
        token = said[at]
        if token.text == "(" and token.kind == "other":
            return [None]
        if token.text == ")" and token.kind == "other":
            return found
        if token.kind == "other" or token.upper in ("ASC", "DESC"):
            at += 1
            continue
        prefix = int(said[at + 2].text) if at + 3 < len(said) and said[at + 1].text == "(" else None
        at += 4 if prefix else 1
        descending = at < len(said) and said[at].upper == "DESC"
        name = next((c.name for c in table.columns if c.name.lower() == token.text.lower()), token.text)
        native = quote(name) + (f"({prefix})" if prefix else "") + " DESC" * descending
        found.append(IndexPart(column=name, descending=descending, prefix=prefix, native=native))
    return found
