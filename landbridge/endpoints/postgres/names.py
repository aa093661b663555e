"""Names and literals in SQL text: the one place that quotes, and the one that shortens and renames."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping

from landbridge.model import TableName

MAX_BYTES = 63
"""NAMEDATALEN - 1: the server cuts longer names with a mere notice (manual, 4.1.1)."""

_NAME = r'(?:"(?:[^"]|"")++"|[A-Za-z_][A-Za-z0-9_$]*+)'
_TOKEN = re.compile(
    rf"""(?P<string>'(?:[^']|'')*+')(?P<object>::reg\w+)?
      | (?P<schema>{_NAME})\.(?:(?P<name>{_NAME})(?P<call>\s*\()?|(?P<operator>[-+*/<>=~!@#%^&|`?]+))
      | \bCOLLATE\s+(?P<collation>{_NAME})(?!\s*\.)
      | {_NAME}""",
    re.VERBOSE,
)


def quote(name: str) -> str:
    """A name as an identifier in SQL, exactly as it is. NUL cannot occur: the server has no such names."""
    return '"' + name.replace('"', '""') + '"'


def qualified(name: TableName) -> str:
    return f"{quote(name.schema)}.{quote(name.name)}"


def literal(text: str) -> str:
    """A string constant; backslashes are plain (standard_conforming_strings is asserted on)."""
    return "'" + text.replace("'", "''") + "'"


def quote_all(names: tuple[str, ...]) -> str:
    return ", ".join(map(quote, names))


def fits(name: str) -> bool:
    return len(name.encode()) <= MAX_BYTES


def shorten(name: str, told_by: str = "") -> str:
    """The name when it fits; else cut, with a hash behind. `told_by`: what tells it from its likes, hashed always."""
    if fits(name) and not told_by:
        return name
    mark = "_" + hashlib.sha256((told_by or name).encode()).hexdigest()[:8]
    return name.encode()[: MAX_BYTES - len(mark)].decode(errors="ignore") + mark


def unquote(identifier: str) -> str:
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier


def references(expression: str) -> Iterator[tuple[str, TableName]]:
    """
    Every name with a schema in an expression of the server's (it prints all names with their schema but those of
    pg_catalog): ('function' | 'operator' | 'collation' | 'other', name).
    """
    for match in _TOKEN.finditer(expression):
        if match["object"]:
            yield from references(_inside(match["string"]))
        elif match["collation"]:
            yield "collation", TableName(schema="pg_catalog", name=unquote(match["collation"]))
        elif match["schema"]:
            what = "function" if match["call"] else "operator" if match["operator"] else "other"
            yield what, TableName(schema=unquote(match["schema"]), name=match["operator"] or unquote(match["name"]))


def rename(expression: str, names: Mapping[TableName, TableName], spell: Callable[[str], str] = quote) -> str:
    """The expression with the relations and types in `names` called by their new names."""

    def replaced(match: re.Match[str]) -> str:
        if match["object"]:
            return literal(rename(_inside(match["string"]), names, spell)) + match["object"]
        if not match["name"] or match["call"]:
            return match[0]
        old = TableName(schema=unquote(match["schema"]), name=unquote(match["name"]))
        new = names.get(old, old)
        return match[0] if new == old else f"{spell(new.schema)}.{spell(new.name)}"

    return _TOKEN.sub(replaced, expression)


def _inside(string: str) -> str:
    return string[1:-1].replace("''", "'")
