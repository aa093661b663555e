"""
Which columns of a view say the same wherever it is asked over the same rows, so that both sides can be compared.
In doubt a column is left out: a difference that is none would stop a cutover.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from landbridge.endpoints.mysql.log.statements import Token, tokens

_VARIES = {
    "NOW", "SYSDATE", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "CURDATE", "CURTIME", "LOCALTIME",
    "LOCALTIMESTAMP", "UTC_TIMESTAMP", "UTC_DATE", "UTC_TIME", "UNIX_TIMESTAMP", "RAND", "UUID", "UUID_SHORT", "USER",
    "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "CURRENT_ROLE", "CONNECTION_ID", "VERSION", "DATABASE", "SCHEMA",
    "LAST_INSERT_ID", "FOUND_ROWS", "ROW_COUNT", "SYS_GUID", "RANDOM_BYTES", "LIMIT", "FETCH", "OVER", "GROUP_CONCAT",
    "JSON_ARRAYAGG", "JSON_OBJECTAGG", "ANY_VALUE", "NEXTVAL", "LASTVAL", "UUID_V4", "UUID_V7",
}  # fmt: skip
"""Words of what depends on time, session, version or the order of rows."""

_AGGREGATES = {"COUNT", "MIN", "MAX", "SUM", "AVG", "BIT_AND", "BIT_OR", "BIT_XOR"}
_JOINED = {"UNION", "EXCEPT", "INTERSECT", "MINUS"}
_AFTER_GROUPS = {"HAVING", "ORDER", "LIMIT", "WITH", "PROCEDURE", "FOR", "INTO"}

_Texts = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """whole: these are all of its columns."""

    columns: tuple[str, ...] = ()
    whole: bool = False


def settled(view: str, vague: Collection[str], loose: Collection[str]) -> Settled:
    """
    view: a definition as the server prints it. vague: names of columns whose values may be printed differently. loose:
    of those whose values may be equal and not the same ('a' and 'A'), so that a group of them shows either.
    """
    found = list(tokens(view, 0))
    depths = list(_depths(found))
    top = [place for place, depth in enumerate(depths) if depth == 0]
    start = next((place for place in top if found[place].upper == "AS"), len(found)) + 1
    if start >= len(found) or found[start].upper != "SELECT":
        return Settled()
    stop = next((place for place in top if place > start and found[place].upper == "FROM"), len(found))
    rest = found[stop:]
    inner = [token.upper for token, depth in zip(found[stop:], depths[stop:], strict=True) if depth]
    if {token.upper for token in rest} & (_VARIES | _JOINED) or "GROUP" in inner:
        return Settled()
    groups = _groups(view, rest, depths[stop:])
    items = _split(found[start + 1 : stop], depths[start + 1 : stop])
    names = _listed(found[:start]) or [item[-1].text if item else "" for item in items]
    grouped = groups is not None or any(token.upper == "DISTINCT" for token in found[start + 1 : start + 2])
    unsure = {*vague, *loose} if grouped else set(vague)
    good = [_is_settled(view, item, unsure, groups) for item in items]
    columns = tuple(name for name, sure in zip(names, good, strict=False) if sure)
    return Settled(columns=columns, whole=all(good))


def _depths(found: Iterable[Token]) -> Iterable[int]:
    """Of a parenthesis itself that of what is around it."""
    depth = 0
    for token in found:
        depth -= token.kind == "other" and token.text == ")"
        yield depth
        depth += token.kind == "other" and token.text == "("


def _split(found: Sequence[Token], depths: Sequence[int]) -> list[list[Token]]:
    items: list[list[Token]] = [[]]
    for token, depth in zip(found, depths, strict=True):
        if depth == 0 and token.kind == "other" and token.text == ",":
            items.append([])
        else:
            items[-1].append(token)
    return items


def _listed(head: Sequence[Token]) -> list[str]:
    """The columns that stand behind the view's own name, if they do."""
    place = next((n for n, token in enumerate(head) if token.kind == "other" and token.text == "("), None)
    return [] if place is None else [token.text for token in head[place:] if token.kind == "name"]


def _groups(view: str, rest: Sequence[Token], depths: Sequence[int]) -> set[_Texts] | None:
    """What is grouped by; None without groups."""
    words = [token.upper if depth == 0 else "" for token, depth in zip(rest, depths, strict=True)]
    if "GROUP" not in words:
        return None
    start = words.index("GROUP") + 2
    stop = next((place for place in range(start, len(words)) if words[place] in _AFTER_GROUPS), len(words))
    return {_texts(view, part) for part in _split(rest[start:stop], depths[start:stop])}


def _texts(view: str, found: Iterable[Token]) -> _Texts:
    return tuple(view[token.start : token.end] for token in found)


def _is_settled(view: str, item: Sequence[Token], vague: set[str], groups: set[_Texts] | None) -> bool:
    """Where there are groups, only what is grouped by and aggregates: other columns may be those of any row."""
    if len(item) < 3 or item[-1].kind != "name" or item[-2].upper != "AS":
        return False
    expression = item[1:-2] if item[0].upper == "DISTINCT" else item[:-2]
    words = {token.upper for token in expression}
    if words & _VARIES or "SELECT" in words or any(t.text in vague for t in expression if t.kind == "name"):
        return False
    if groups is None or _texts(view, expression) in groups:
        return True
    closing = [place for place, depth in enumerate(_depths(expression)) if depth == 0][2:]
    return expression[0].upper in _AGGREGATES and closing == [len(expression) - 1]
