"""Which object needs which, and on which of them tables rest, by the server's own record of it."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from landbridge.endpoints.postgres.queries import Row, rows
from landbridge.model import TableName

Node = tuple[int, int]
"""An object as pg_depend names it: the oids of its catalog and of itself."""

_ROUTINES = ("function", "procedure", "aggregate")
_WORD = re.compile(r"\w+")


class Dependencies:
    def __init__(self, cursor: Any, named: Mapping[Node, TableName]) -> None:
        """named: the objects that have a name of their own, whatever the server calls them."""
        self._named = named
        self._needs: dict[Node, set[Node]] = defaultdict(set)
        self._names: dict[Node, TableName] = {}
        self._tables: set[Node] = set()
        self._domains: set[Node] = set()
        for row in rows(cursor, "dependencies"):
            self._take(row)

    def _take(self, row: Row) -> None:
        node, other = (row["classid"], row["oid"]), (row["ref_classid"], row["ref_oid"])
        if node != other:
            self._needs[node].add(other)
        if row["ref_name"]:
            self._names[other] = TableName(schema=row["ref_schema"], name=row["ref_name"])
        if row["is_table"]:
            self._tables.add(node)
        if row["ref_is_table"]:
            self._tables.add(other)
        if row["is_domain"]:
            self._domains.add(node)

    def needs(self, node: Node) -> tuple[TableName, ...]:
        names = (self._named.get(other) or self._names.get(other) for other in self._needs.get(node, ()))
        return tuple(sorted({name for name in names if name and name != self._named.get(node)}))

    def rests_on_objects(self, node: Node) -> bool:
        """A domain may: on a function in a check, on a composite type, on an extension."""
        return not self._reached([node]).isdisjoint(self._named)

    def early(self, listed: Collection[Row]) -> set[Node]:
        """
        What must be there before tables: what the record says, and routines that these call in their bodies, of which
        there is no record. Nothing that needs a table itself can be among them.
        """
        found = self._reached([*self._tables, *self._domains]) & self._named.keys()
        routines = [row for row in listed if row["kind"] in _ROUTINES]
        waiting = [row for row in routines if (row["classid"], row["oid"]) in found]
        while waiting:
            called = [row for row in _called(waiting.pop(), routines) if (row["classid"], row["oid"]) not in found]
            waiting += called
            found |= {(row["classid"], row["oid"]) for row in called}
        return {node for node in found if not self._reached([node]) & self._tables}

    def late(self, early: Collection[Node]) -> set[TableName]:
        """What tables rest on though it needs a table itself: it can only come after them."""
        return {self._named[node] for node in self._reached(self._tables) & self._named.keys() - early}

    def _reached(self, start: Iterable[Node]) -> set[Node]:
        found: set[Node] = set()
        waiting = list(start)
        while waiting:
            for other in self._needs.get(waiting.pop(), set()) - found:
                found.add(other)
                waiting.append(other)
        return found


def _called(routine: Row, routines: Iterable[Row]) -> Iterator[Row]:
    words = {word for statement in routine["definition"] for word in _WORD.findall(statement)}
    return (row for row in routines if row["name"].partition("(")[0] in words)
