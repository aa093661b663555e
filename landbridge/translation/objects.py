"""Views and triggers of one family on a server of another; what cannot be translated is told with its effort."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from landbridge import endpoints, kinds
from landbridge.endpoints.abc import Carried, Statement
from landbridge.kinds import Kind
from landbridge.model import SchemaObject, TableMap, TableName
from landbridge.translation import triggers, views
from landbridge.translation.dialect import Dialect
from landbridge.translation.parsing import guarded
from landbridge.translation.places import Place, places
from landbridge.translation.queries import Queries, Query
from landbridge.translation.terms import Untranslatable

VIEWS = ("view", "materialized view")
_PROGRAMS = ("function", "procedure", "trigger", "event", "package", "package body", "aggregate", "rule")
_HARD = re.compile(
    r"\b(?:CURSOR|LOOP|WHILE|REPEAT|HANDLER|PREPARE|EXECUTE\s+(?!FUNCTION|PROCEDURE)|TEMPORARY|CALL|PERFORM|EXCEPTION)\b",
    re.IGNORECASE,
)
_COMPARED = (kinds.Int, kinds.Decimal, kinds.Bool, kinds.Date, kinds.Text, kinds.Enum, kinds.Set)
"""Kinds of which both servers print equal values alike, but for a condition's name and zeros behind a number."""

_REASONS = {
    "event": "nothing here runs by the clock: let a scheduler beside the server do it",
    "partitioning": "the table is not partitioned here; its rows are all in one table",
    "grant": "accounts and their rights are not carried: grant them anew on the target",
    "table versioned by transactions": "the server logs its changes as statements, without the rows: make it anew with"
    " ROW START and ROW END of the type TIMESTAMP(6), or without history",
    "unenforced check": "the source does not enforce it, and every check here is enforced",
    "invisible index": "the source's optimizer passes it over",
}

Effort = Literal["", "small", "medium", "large"]


@dataclass(frozen=True, kw_only=True)
class NewTrigger:
    """A trigger as the target is to make it. bodies: the lines of each event. condition: in the target's words."""

    name: TableName
    table: TableName
    timing: str
    bodies: Mapping[str, Sequence[str]]
    condition: str
    changes_others: bool


@dataclass(frozen=True, kw_only=True)
class Making:
    """
    The target's statements. view: from its name, quoted column names, query, option for writes and whether it has the
    rights of its user.
    """

    view: Callable[[TableName, Sequence[str], str, views.View], Sequence[Statement]]
    trigger: Callable[[NewTrigger], Sequence[Statement]]


def carry(
    objects: Sequence[SchemaObject],
    family: tuple[str, str],
    names: Mapping[TableName, TableName],
    tables: Sequence[TableMap],
    making: Making,
) -> Sequence[Carried]:
    """family: the source's and the target's."""
    return list(_Carrying(objects, family, names, tables, making).all())


class _Carrying:
    def __init__(
        self,
        objects: Sequence[SchemaObject],
        family: tuple[str, str],
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap],
        making: Making,
    ) -> None:
        self._objects = objects
        self._reads, self._writes = (endpoints.dialect(each) for each in family)
        self._names = names
        self._maps = {each.source.name: each for each in tables}
        self._known: dict[TableName, Place] = places(tables)
        self._making = making
        self._made: set[tuple[str, TableName]] = set()

    def all(self) -> Iterator[Carried]:
        for found in _ordered(self._objects):
            try:
                with guarded():
                    made = self._one(found)
            except Untranslatable as why:
                made = self._left(found, str(why))
            yield made

    def _one(self, found: SchemaObject) -> Carried:
        if found.kind in VIEWS and found.definition:
            return self._view(found)
        if found.kind == "trigger" and found.definition:
            return self._trigger(found)
        if found.kind in _REASONS:
            raise Untranslatable(_REASONS[found.kind])
        if found.kind in _PROGRAMS:
            if re.search(r"\bRETURNS trigger\b", " ".join(found.definition)):
                raise Untranslatable("a trigger holds its own text here: see those that call it")
            raise Untranslatable(f"a text of the kind {found.kind} is its engine's own: write it anew for the target")
        raise Untranslatable(f"objects of the kind {found.kind} are not translated to another engine")

    def _left(self, found: SchemaObject, reason: str) -> Carried:
        text = "\n".join(found.definition)
        return Carried(source=found, name=self._target(found), reason=reason, effort=_effort(found.kind, text))

    def _target(self, found: SchemaObject) -> TableName:
        if found.name in self._names:
            return self._names[found.name]
        schemas = {name.schema: to.schema for name, to in reversed(list(self._names.items()))}
        return TableName(schema=schemas.get(found.name.schema, found.name.schema), name=found.name.name)

    def _view(self, found: SchemaObject) -> Carried:
        view = views.take_apart(found.definition[0], self._reads)
        query = Queries(self._reads, self._writes, self._names, self._known).parsed(view.query)
        listed = view.columns or tuple(query.columns)
        if len(listed) != len(query.columns):
            raise Untranslatable("its text was not understood")
        name = self._target(found)
        quoted = [self._writes.quote(column) for column in listed]
        statements = tuple(self._making.view(name, quoted, query.text, view))
        renamed = dict(zip(query.columns, listed, strict=True))
        self._known[found.name] = Place(
            columns={renamed[column]: kind or kinds.Text() for column, kind in query.columns.items()}
        )
        notes = list(query.notes)
        if any("SET DEFAULT" in each for each in found.definition[1:]):
            notes.append("the defaults of its columns are left out")
        if found.kind != "view":
            notes.append("a plain view here: it is computed anew by each query, and needs no refresh")
        return Carried(
            source=found,
            name=name,
            statements=statements,
            translated=True,
            reason="; ".join(notes),
            # what a materialized view holds is as old as its last refresh, so it is no measure
            check=self._check(found.name, name, query, renamed) if found.kind == "view" else None,
        )

    def _check(
        self, source: TableName, target: TableName, query: Query, renamed: Mapping[str, str]
    ) -> tuple[str, str] | None:
        settled = [renamed[column] for column in query.settled if _prints_alike(query.columns[column])]
        if not settled:
            return None
        first, second = ((self._reads, source), (self._writes, target))
        return _selection(*first, settled), _selection(*second, settled)

    def _trigger(self, found: SchemaObject) -> Carried:
        if found.parent is None or found.parent not in self._names:
            raise Untranslatable("its table does not arrive")
        if why := self._reads.distrusts(found.session):
            raise Untranslatable(why)
        if len(found.definition) > 1:
            raise Untranslatable("it is switched off, or set otherwise, by a statement of its own")
        trigger = triggers.take_apart(found.definition[0], self._reads)
        self._refuse_order(found)
        body = self._body(trigger)
        making = triggers.Body(self._reads, self._writes, self._names, self._known, found.parent)
        bodies = {event: making.lines(body, event, trigger.timing) for event in trigger.events}
        new = NewTrigger(
            name=self._target(found),
            table=self._names[found.parent],
            timing=trigger.timing,
            bodies=bodies,
            condition=making.condition(trigger.condition) if trigger.condition else "",
            changes_others=making.changes_others,
        )
        notes = sorted(making.notes) + self._cascades(found.parent, trigger)
        statements = tuple(self._making.trigger(new))
        made = {(each.kind, each.name) for each in statements}
        if made & self._made:
            raise Untranslatable("another one has the name that it would get here")
        self._made |= made
        return Carried(source=found, name=new.name, statements=statements, translated=True, reason="; ".join(notes))

    def _body(self, trigger: triggers.Trigger) -> str:
        """Its own, or that of the function it calls."""
        if not trigger.calls:
            return trigger.body
        called = trigger.calls.replace('"', "").partition("(")
        if called[2].strip() != ")":
            raise Untranslatable("it gives arguments to the function that it calls")
        wanted = (called[0].strip(), f"{called[0].strip()}()")
        function = next((each for each in self._objects if str(each.name) in wanted), None)
        text = re.search(r"\bAS (\$\w*\$)(.*)\1", function.definition[0], re.DOTALL) if function else None
        if text is None or not function or not re.search(r"\bLANGUAGE plpgsql\b", function.definition[0]):
            raise Untranslatable(f"the function {called[0]} that it calls cannot be read")
        return text[2].strip()

    def _refuse_order(self, found: SchemaObject) -> None:
        """Of triggers for the same event the source has an order of its own; the target goes by their names."""
        before = [each for each in found.needs if each not in (found.parent, found.name) and self._is_trigger(each)]
        if any(each.name > found.name.name for each in before):
            raise Untranslatable(f"it fires after {before[0]}, and triggers fire in the order of their names here")

    def _is_trigger(self, name: TableName) -> bool:
        return any(each.kind == "trigger" and each.name == name for each in self._objects)

    def _cascades(self, table: TableName, trigger: triggers.Trigger) -> list[str]:
        keys = self._maps[table].source.foreign_keys if table in self._maps else ()
        acts = any({key.on_delete, key.on_update} & {"CASCADE", "SET NULL", "SET DEFAULT"} for key in keys)
        if acts and set(trigger.events) & {"UPDATE", "DELETE"}:
            return ["the actions of its table's foreign keys may fire it on one side only"]
        return []


def _prints_alike(kind: Kind | None) -> bool:
    return isinstance(kind, _COMPARED) or (isinstance(kind, kinds.Timestamp) and kind.fsp == 0)


def _selection(dialect: Dialect, name: TableName, columns: Sequence[str]) -> str:
    listed = ", ".join(map(dialect.quote, columns))
    return f"{dialect.select} {listed} FROM {dialect.quote(name.schema)}.{dialect.quote(name.name)}"


def _effort(kind: str, text: str) -> Effort:
    """How much work it is for a person, by its length and by what it does row by row or by the clock."""
    if kind not in (*_PROGRAMS, *VIEWS):
        return ""
    lines, hard = text.count("\n") + 1, len(_HARD.findall(text))
    if lines > 80 or hard > 3:
        return "large"
    return "medium" if lines > 20 or hard else "small"


def _ordered(objects: Iterable[SchemaObject]) -> Iterator[SchemaObject]:
    """Views after those that they read, then the rest."""
    found = {each.name: each for each in objects if each.kind in VIEWS}
    sorter = TopologicalSorter({name: [n for n in each.needs if n in found] for name, each in found.items()})
    try:
        yield from (found[name] for name in sorter.static_order())
    except CycleError:
        yield from found.values()
    yield from (each for each in objects if each.kind not in VIEWS)
