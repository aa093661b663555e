"""
Unlogged foreign key actions before the consistent point (docs/decisions/0006): the target's rows are then of different
moments, some ahead of the change at hand. An action carried out there could hit a row that took the parent's old key
only later, and could not reach a row that is in neither place yet. So nothing is carried out: every row that may be
concerned is read again from the source.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from landbridge.cascades import Action, Cascades, Image
from landbridge.change import INSERT, Change, Value
from landbridge.endpoints.applying import ReadsAgain, Reread, Writer
from landbridge.model import TableMap

_AT_ONCE = 500

Key = tuple[Value, ...]


@dataclass(kw_only=True)
class Concerned:
    """keys: to be read again, by table, each once. found: rows of the source that were read already."""

    keys: dict[int, dict[Key, None]] = field(default_factory=dict)
    found: list[tuple[int, Reread]] = field(default_factory=list)
    moved: set[tuple[int, Key]] = field(default_factory=set)


class Ahead:
    def __init__(self, cascades: Cascades, tables: Sequence[TableMap], writer: Writer, source: ReadsAgain) -> None:
        self._cascades, self._writer, self._source = cascades, writer, source
        self._tables = {table.number: table for table in tables}
        self._children = {action.child for found in cascades.actions.values() for action in found}
        self._true: set[tuple[int, Key]] = set()

    def concerned(self, changes: Sequence[Change]) -> Concerned:
        """Of changes that are written already."""
        gone: dict[int, list[Image]] = {}
        come: dict[int, list[Image]] = {}
        for change in changes:
            event, number = self._cascades.event(change), change[1]
            if event is not None:
                gone.setdefault(number, []).append(event.old)
                if event.new is not None:
                    come.setdefault(number, []).append(event.new)
            elif change[0] == INSERT and number in self._children and number in self._cascades.actions:
                # The key may be that of a row that went with its own parent: whatever still points to that is stale.
                gone.setdefault(number, []).append(self._key(number, change[3] or ()))
        concerned = Concerned()
        for number, keys in gone.items():
            self._stale(number, keys, concerned)
        for number, keys in come.items():
            self._moved(number, keys, concerned)
        return concerned

    def astray(self) -> dict[int, list[Key]]:
        """
        Rows that point to no parent: what was left behind by a parent that had gone from the target before it was said
        to go. Those that the source has so itself are not named (`settled`).
        """
        found: dict[int, list[Key]] = {}
        for parent, action in self._all():
            others = [self._tables[parent].key[place] for place in action.order]
            keys = self._writer.astray(action.child, action.places, parent, others)
            found.setdefault(action.child, []).extend(k for k in keys if (action.child, k) not in self._true)
        return {number: list(dict.fromkeys(keys)) for number, keys in found.items() if keys}

    def settled(self, rows: dict[int, list[Key]]) -> None:
        """Read again, these still point nowhere: so they do in the source."""
        self._true |= {(number, key) for number, keys in rows.items() for key in keys}

    def _all(self) -> Iterator[tuple[int, Action]]:
        return ((parent, action) for parent, found in self._cascades.actions.items() for action in found)

    def _stale(self, parent: int, keys: Sequence[Image], concerned: Concerned) -> None:
        """Rows of the target that point to one of these keys, and those that point to them."""
        for action in self._cascades.actions.get(parent, ()):
            for values in _portions([action.pointing(key) for key in keys]):
                known = concerned.keys.setdefault(action.child, {})
                new = [key for key in self._writer.find(action.child, action.places, values) if key not in known]
                known |= dict.fromkeys(new)
                if new:
                    self._stale(action.child, new, concerned)

    def _moved(self, parent: int, keys: Sequence[Image], concerned: Concerned) -> None:
        """
        Children whose own key holds the parent's: under the new one they are other rows, which the target may lack
        though it never had them under the old one.
        """
        for action in self._cascades.actions.get(parent, ()):
            key = self._tables[action.child].key
            if action.on_update == "CASCADE" and set(action.places) & set(key):
                table = self._tables[action.child].source_side
                for values in _portions([action.pointing(image) for image in keys]):
                    found = self._source.read_matching(table, action.places, values)
                    concerned.found.append((action.child, found))
                    moved = [self._key(action.child, row) for row in found.rows]
                    moved = [key for key in moved if (action.child, key) not in concerned.moved]
                    concerned.moved |= {(action.child, key) for key in moved}
                    if moved:
                        self._stale(action.child, moved, concerned)
                        self._moved(action.child, moved, concerned)

    def _key(self, number: int, image: Image) -> Image:
        return tuple(image[place] for place in self._tables[number].key)


def _portions(values: Sequence[Image]) -> Iterator[list[Image]]:
    distinct = list(dict.fromkeys(values))
    return (distinct[start : start + _AT_ONCE] for start in range(0, len(distinct), _AT_ONCE))
