"""
Foreign key actions that the source carries out without a word in its log (docs/decisions/0006): which changes cause
them, how far they may be put off, and carrying them out on the target, down to the last grandchild. Before the
consistent point landbridge/cascades_ahead.py takes their place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from landbridge.change import DELETE, INSERT, UPDATE, Change, Value
from landbridge.endpoints.applying import Writer
from landbridge.model import ForeignKey, TableMap

Image = tuple[Value, ...]

_ACTING = ("CASCADE", "SET NULL")


@dataclass(frozen=True, kw_only=True)
class Action:
    """
    One foreign key of `child`. places: its columns in the child's image. order: for each of them where the column it
    points to stands in the parent's key.
    """

    child: int
    places: tuple[int, ...]
    order: tuple[int, ...]
    on_delete: str
    on_update: str

    def pointing(self, key: Image) -> Image:
        """What a child that points to the parent's key holds at `places`."""
        return tuple(key[place] for place in self.order)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A parent's key is gone (`new` None) or has become another."""

    parent: int
    old: Image
    new: Image | None


@dataclass(kw_only=True)
class Part:
    """Changes to apply first, then the events to follow."""

    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Cascades:
    """Those of one run's tables. Empty for sources that log what they do. actions: by the parent's number."""

    def __init__(self, tables: Sequence[TableMap]) -> None:
        self._keys = {table.number: table.key for table in tables}
        self.actions: dict[int, list[Action]] = {}
        numbers = {table.source.name: table for table in tables if not table.source.logs_cascades}
        for child in tables:
            for key in child.source.foreign_keys:
                parent = numbers.get(key.target)
                if parent is not None and (key.on_delete in _ACTING or key.on_update in _ACTING):
                    self.actions.setdefault(parent.number, []).append(_action(child, parent, key))
        self._places = {action.child: action for found in self.actions.values() for action in found}

    def __bool__(self) -> bool:
        return bool(self.actions)

    def parts(self, changes: Sequence[Change], *, careful: bool) -> Iterator[Part]:
        """
        Events wait for the end of the batch unless a later change gives a child a parent that is to be followed.
        careful: any later change of a child ends the part.
        """
        part, pending = Part(), set[tuple[int, Image]]()
        for change in changes:
            if pending and self._must_follow_first(change, pending, careful=careful):
                yield part
                part, pending = Part(), set()
            part.changes.append(change)
            event = self.event(change)
            if event is not None:
                part.events.append(event)
                pending.add((event.parent, event.old))
        yield part

    def follow(self, writer: Writer, events: Sequence[Event]) -> None:
        """Carry them out, in order; what they do to a child is an event for its own children."""
        for event in events:
            for action in self.actions.get(event.parent, ()):
                self.follow(writer, list(self._carry_out(writer, action, event)))

    def event(self, change: Change) -> Event | None:
        operation, number, old, new = change
        if operation == INSERT or old is None or number not in self.actions:
            return None
        if operation == DELETE:
            return Event(parent=number, old=old, new=None)
        if operation == UPDATE and new is not None:
            return Event(parent=number, old=old, new=tuple(new[place] for place in self._keys[number]))
        return None

    def _must_follow_first(self, change: Change, pending: set[tuple[int, Image]], *, careful: bool) -> bool:
        _, number, _, new = change
        if number not in self._places:
            return False
        if careful:
            return True
        return new is not None and any(
            action.child == number and (parent, _pointed_at(action, new)) in pending
            for parent, found in self.actions.items()
            for action in found
        )

    def _carry_out(self, writer: Writer, action: Action, event: Event) -> Iterator[Event]:
        values = action.pointing(event.old)
        what = action.on_delete if event.new is None else action.on_update
        if what not in _ACTING:
            return
        if what == "SET NULL":
            to: Image | None = (None,) * len(values)
        else:
            to = None if event.new is None else action.pointing(event.new)
        for old, new in writer.follow(action.child, action.places, values, to):
            if new is None or new != old:
                yield Event(parent=action.child, old=old, new=new)


def _action(child: TableMap, parent: TableMap, key: ForeignKey) -> Action:
    names = [column.source.name for column in child.columns]
    primary = parent.source.primary_key.columns if parent.source.primary_key else ()
    return Action(
        child=child.number,
        places=tuple(names.index(name) for name in key.columns),
        order=tuple(primary.index(name) for name in key.target_columns),
        on_delete=key.on_delete,
        on_update=key.on_update,
    )


def _pointed_at(action: Action, image: Image) -> Image:
    """The parent's key that the image points to, in the parent's key order."""
    pointed: list[Value] = [None] * len(action.order)
    for place, position in zip(action.places, action.order, strict=True):
        pointed[position] = image[place]
    return tuple(pointed)


def unfollowable(tables: Sequence[TableMap]) -> Mapping[str, str]:
    """Foreign keys whose actions cannot be followed, by name: they point to columns that are not the parent's key."""
    numbers = {table.source.name: table for table in tables if not table.source.logs_cascades}
    found = {}
    for child in tables:
        for key in child.source.foreign_keys:
            parent = numbers.get(key.target)
            acting = key.on_delete in _ACTING or key.on_update in _ACTING
            if parent is not None and acting:
                primary = parent.source.primary_key.columns if parent.source.primary_key else ()
                if set(key.target_columns) != set(primary) or not child.key:
                    found[f"{child.source.name}.{key.name}"] = str(key.target)
    return found
