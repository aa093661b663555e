"""
The text of SHOW CREATE TABLE, taken apart: columns, keys and checks one by one, then the options with the partitions.
Foreign keys are left out, for the neutral ones say all, and so is the counter of AUTO_INCREMENT.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from landbridge.endpoints.mysql.kinds import QUOTED
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.schema import partitions
from landbridge.kinds import Bytes, Enum, Set
from landbridge.model import Column, IndexPart, Partitioning

_TOKEN = re.compile(
    r"""(?P<open>/\*M?!\d*\s?)|(?P<close>\s?\*/)|(?P<quoted>`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
      |(?P<word>[\w$]+)|(?P<blank>\s+)|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_VERSIONED = "WITH SYSTEM VERSIONING"
_KEYS = ("PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "KEY")
_OPTION = re.compile(
    r"(?:DEFAULT )?(?P<name>`?\w+`?)(?:\s?=\s?|(?<=TABLESPACE) )(?P<value>'(?:[^'\\]|''|\\.)*'|\([^)]*\)|[^\s,]+)",
    re.DOTALL,
)


def read(ddl: str, collation: str | None, columns: Sequence[Column]) -> tuple[str, ...]:
    """
    What `Table.definition` is to be. collation: the table's, which is not printed where it is its character set's
    default on this server. columns: their labels and defaults are exact, the printed ones in three-byte UTF-8.
    """
    if not ddl:
        return ()
    _, *parts, end = _outermost(_plain(ddl))
    options = _COUNTER.sub("", end.strip())
    if collation and "COLLATE=" not in options:
        options = re.sub(r"(DEFAULT CHARSET=\w+)", rf"\1 COLLATE={collation}", options)
    by_name = {quote(column.name): column for column in columns}
    kept = [part.strip() for part in parts]
    kept = [part for part in kept if not re.match(r"CONSTRAINT `(?:[^`]|``)*` FOREIGN KEY", part)]
    return (*(_exact(_inheriting(part, collation), by_name.get(words(part)[0].text)) for part in kept), options)


def _inheriting(element: str, collation: str | None) -> str:
    """A column has the table's collation by saying nothing: what it says, its server would print in other words."""
    found = words(element)
    spoken = [word.text for word in found]
    if not spoken[0].startswith("`") or "COLLATE" not in spoken or "CHARACTER" in spoken:
        return element
    place = spoken.index("COLLATE")
    return join(found[:place] + found[place + 2 :]) if spoken[place + 1] == collation else element


def _exact(element: str, column: Column | None) -> str:
    """A column's element with the labels and the default that it has in truth."""
    vague = "?" in element or not element.isprintable()
    if column is None or not (vague or isinstance(column.kind, Bytes)):
        return element
    found = words(element)
    if isinstance(column.kind, Enum | Set) and "?" in found[2].text:
        labels = ",".join(map(literal, column.kind.labels))
        found[2] = replace(found[2], text=f"({labels})")
    value = column.default.literal if column.default else None
    place = next((n for n, word in enumerate(found) if word.text == "DEFAULT"), None)
    if value is not None and place is not None and not found[place + 1].is_group:
        binary = isinstance(column.kind, Bytes)
        if binary or "?" in found[place + 1].text or found[place + 1].text.startswith("0x"):
            text = f"x'{value[2:]}'" if binary else literal(value)
            behind = 3 if found[place + 1].text in ("x", "b") else 2
            found[place : place + behind] = [found[place], Word(text=text)]
    return join(found)


def _plain(ddl: str) -> list[str]:
    """
    The tokens, without the marks of what only newer versions execute: within one version all of it is executed, and
    what another server cannot take is told apart by name.
    """
    kept, inside = [], False
    for found in _TOKEN.finditer(ddl):
        if found["open"]:
            inside = True
        elif found["close"] and inside:
            inside = False
        else:
            kept.append(found[0])
    return kept


def _deeper(text: str) -> int:
    return {"(": 1, ")": -1}.get(text, 0)


def _outermost(tokens: Sequence[str]) -> Iterator[str]:
    """What stands before the first parenthesis, its parts between commas, what stands behind it."""
    depth, behind, part = 0, False, ""
    for token in tokens:
        depth += _deeper(token)
        opens, closes = (_deeper(token), depth) == (1, 1), (_deeper(token), depth) == (-1, 0)
        divides = (token[:1], depth) == (",", 1)
        if not behind and (opens or closes or divides):
            yield part
            part, behind = "", closes
        else:
            part += token
    yield part


@dataclass(frozen=True, kw_only=True)
class Word:
    """A token of an element, a parenthesis with all inside being one; blank: what stands before it."""

    text: str
    blank: str = " "

    @property
    def upper(self) -> str:
        return self.text.upper()

    @property
    def is_group(self) -> bool:
        return self.text.startswith("(")


def words(text: str) -> list[Word]:
    found: list[Word] = []
    depth, blank, group = 0, "", ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        before, depth = depth, depth + _deeper(token)
        if before or depth:
            group += token
            if not depth:
                found.append(Word(text=group, blank=blank))
                blank = group = ""
        elif match["blank"]:
            blank += token
        else:
            found.append(Word(text=token, blank=blank))
            blank = ""
    return found


def without_introducers(text: str) -> str:
    """
    Strings of the session's own character set, not said before each: MariaDB (10.11 to 11.8) stores a string with an
    introducer without the escapes in it, and cannot read the table then.
    """
    found = [match[0] for match in _TOKEN.finditer(text)]
    following = [*found[1:], ""]
    return "".join(t for t, then in zip(found, following, strict=True) if not (t == "_utf8mb4" and then[:1] == "'"))


def join(parts: Sequence[Word]) -> str:
    return "".join(part.blank + part.text for part in parts).strip()


@dataclass(frozen=True, kw_only=True)
class Definition:
    """columns and keys by name; checks: of the table; others: what is none of these, PERIOD FOR."""

    columns: dict[str, str]
    primary_key: str
    keys: dict[str, str]
    checks: dict[str, str]
    others: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    partitioning: str
    versioned: bool = False

    @property
    def elements(self) -> tuple[str, ...]:
        """As `Table.definition` has them."""
        key = (self.primary_key,) if self.primary_key else ()
        options = " ".join(f"{'DEFAULT ' * (name == 'CHARSET')}{name}={value}" for name, value in self.options)
        last = f"{options}{f' {_VERSIONED}' * self.versioned}\n{self.partitioning}".strip()
        return (*self.columns.values(), *self.others, *key, *self.keys.values(), *self.checks.values(), last)


def parse(elements: Sequence[str]) -> Definition:
    """Elements of `Table.definition`."""
    columns: dict[str, str] = {}
    keys: dict[str, str] = {}
    checks: dict[str, str] = {}
    others: list[str] = []
    primary = ""
    for element in elements[:-1]:
        first, second, third = ([word.text for word in words(element)] + ["", ""])[:3]
        if first.startswith("`"):
            columns[unquote(first)] = element
        elif first == "PRIMARY":
            primary = element
        elif first in _KEYS:
            keys[unquote(second if first == "KEY" else third)] = element
        elif first == "CONSTRAINT":
            checks[unquote(second)] = element
        else:
            others.append(element)
    options, partitioning = divide(elements[-1])
    versioned = _VERSIONED in re.sub(QUOTED, "", elements[-1])
    return Definition(
        columns=columns, primary_key=primary, keys=keys, checks=checks, others=tuple(others), options=options,
        partitioning=partitioning, versioned=versioned,
    )  # fmt: skip


def divide(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """The options with their values, and the partitioning."""
    place = len(text)
    parts = words(text)
    for number, word in enumerate(parts):
        if word.text == "PARTITION":
            place = len("".join(part.blank + part.text for part in parts[:number]))
            break
    options = tuple((found["name"].strip("`"), found["value"]) for found in _OPTION.finditer(text[:place]))
    return options, text[place:].strip()


def partitioning(elements: Sequence[str]) -> Partitioning | None:
    """The partitions are parts of the text: they are no tables of their own here."""
    text = divide(elements[-1])[1] if elements else ""
    by = text.removeprefix("PARTITION BY").strip()
    return Partitioning(by=by, partitions=(), split=partitions.split(by)) if text else None


def part(column: str) -> IndexPart:
    return IndexPart(column=column, native=quote(column))


def unquote(identifier: str) -> str:
    return identifier[1:-1].replace("``", "`")
