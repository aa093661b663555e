"""
Partial updates of JSON (binlog_row_value_options PARTIAL_JSON): the differences that the log has instead of the value,
carried out on the value before.

Format: MySQL source documentation, sql-common/json_diff.h: for each difference the operation, the length of its path
and the path as SQL writes it, and but for a removal the length and the bytes of a binary value.
"""

import json
import re
from typing import Any

from landbridge.change import Value
from landbridge.endpoints.mysql.log import jsonb
from landbridge.endpoints.mysql.log.events import Cursor

_REPLACE, _INSERT, _REMOVE = range(3)
_LEG = re.compile(r'\.("(?:[^"\\]|\\.)*"|[^.\["]+)|\[(?:(\d+)|last(?:-(\d+))?)\]')


class _Number(str):
    """As it was written: 2.50 is not 2.5."""

    __slots__ = ()


_decoder = json.JSONDecoder(parse_int=_Number, parse_float=_Number)


def patched(old: Value, differences: bytes) -> bytes:
    """The text after, as CAST(json AS CHAR) gives it. Raises LookupError or ValueError where they do not fit."""
    if old is None:
        raise ValueError("a difference to NULL")
    root = [_decoder.decode(old.decode())]
    cursor = Cursor(differences)
    while cursor.more:
        operation = cursor.fixed(1)
        path = cursor.string().decode()
        value = None if operation == _REMOVE else _decoder.decode(jsonb.text(cursor.string()).decode())
        _change(root, path, operation, value)
    return _text(root[0])


def _change(root: list[Any], path: str, operation: int, value: Any) -> None:
    holder, place = _find(root, path)
    if operation == _INSERT and isinstance(holder, list):
        holder.insert(place, value)
    elif operation == _REMOVE:
        del holder[place]
    else:
        if operation == _REPLACE:
            holder[place]  # which must be there
        holder[place] = value


def _find(root: list[Any], path: str) -> tuple[Any, Any]:
    """The object or array that holds what the path leads to, and where in it."""
    holder: Any = root
    place: Any = 0
    at = 1  # after the $
    while at < len(path):
        leg = _LEG.match(path, at)
        if leg is None:
            raise ValueError("a path that is not understood")
        at, node = leg.end(), holder[place]
        key, index, before_last = leg.groups()
        if key is not None:
            holder, place = node, json.loads(key) if key.startswith('"') else key
        elif isinstance(node, list):
            holder, place = node, int(index) if index else max(0, len(node) - 1 - int(before_last or 0))
        elif int(index or before_last or 0):
            raise LookupError("no array")
        # Else the path takes what is no array for one of one element.
    return holder, place


def _text(node: Any) -> bytes:
    if isinstance(node, dict):
        # The server keeps members sorted by their keys' lengths first.
        members = sorted(((key.encode(), value) for key, value in node.items()), key=lambda m: (len(m[0]), m[0]))
        return b"{" + b", ".join(b"%b: %b" % (jsonb.quoted(key), _text(value)) for key, value in members) + b"}"
    if isinstance(node, list):
        return b"[" + b", ".join(map(_text, node)) + b"]"
    if isinstance(node, _Number):
        return node.encode()
    if isinstance(node, str):
        return jsonb.quoted(node.encode())
    return json.dumps(node).encode()
