"""Names and literals in SQL text: the one place that quotes, and the one that shortens and renames."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

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
        elif match["schema"] and not _is_row(match):
            what = "function" if match["call"] else "operator" if match["operator"] else "other"
            yield what, TableName(schema=unquote(match["schema"]), name=match["operator"] or unquote(match["name"]))


def _is_row(match: re.Match[str]) -> bool:
    """`t.*`: an operator has the word before it, or nothing."""
    before = match.string[: match.start()]
    return match["operator"] is not None and bool(before) and not before.endswith(("OPERATOR(", "OPERATOR "))


def _is_definition(match: re.Match[str]) -> bool:
    """A parenthesis that opens columns or options; that of a call follows at once."""
    return (match["call"] or "").startswith(" ") or match.string[: match.start()].endswith(" REFERENCES ")


def alone(expression: str) -> Iterator[str]:
    """Every name or word that has no schema before it and is none itself."""
    for match in _TOKEN.finditer(expression):
        if not (match["string"] or match["schema"] or match["collation"]):
            yield unquote(match[0])


def rename(expression: str, names: Mapping[TableName, TableName], spell: Callable[[str], str] = quote) -> str:
    """The expression with what is in `names` called by its new name; routines as `with_calls` has them."""

    def replaced(match: re.Match[str]) -> str:
        if match["object"]:
            return literal(rename(_inside(match["string"]), names, spell)) + match["object"]
        if not match["schema"] or _is_row(match):
            return match[0]
        name = match["operator"] or unquote(match["name"])
        old = TableName(schema=unquote(match["schema"]), name=name)
        new = names.get(old, old)
        if match["operator"] or match["call"]:
            new = names.get(replace(old, name=f"{name}("), new if _is_definition(match) else old)
        if (new.schema, new.name.removesuffix("(")) == (old.schema, old.name):
            return match[0]
        end = match["operator"] or spell(new.name.removesuffix("(")) + (match["call"] or "")
        return f"{spell(new.schema)}.{end}"

    return _TOKEN.sub(replaced, expression)


def with_calls(names: Mapping[TableName, TableName]) -> dict[TableName, TableName]:
    """The names, and those of routines and operators also as expressions have them: up to the parenthesis, or bare."""
    heads = {old: old.name.partition("(")[0] for old in names if "(" in old.name}
    called = {
        replace(old, name=head + end): TableName(schema=names[old].schema, name=head + end)
        for old, head in heads.items()
        for end in ("(", "")
    }
    return {**called, **names}


def _inside(string: str) -> str:
    return string[1:-1].replace("''", "'")
