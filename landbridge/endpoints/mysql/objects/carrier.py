"""
Views, routines, triggers and events of a server of this family on another one: the source's own text, in the session it
was written in. What the target's parser would refuse is known before anything is made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from landbridge import kinds
from landbridge.endpoints.abc import Carried, Phase, Statement
from landbridge.endpoints.mysql import FAMILY
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.objects import translated
from landbridge.endpoints.mysql.objects.accepts import Target
from landbridge.endpoints.mysql.objects.adapted import Adaptation, Adapted
from landbridge.endpoints.mysql.objects.definitions import INVALID_VIEW, PROGRAMS
from landbridge.endpoints.mysql.objects.settled import settled
from landbridge.endpoints.mysql.schema import hidden
from landbridge.endpoints.mysql.schema.granting import Granting
from landbridge.endpoints.mysql.schema.versioning import BY_TRANSACTION
from landbridge.model import SchemaObject, TableMap, TableName

_RANKS = {
    kind: rank for rank, kind in enumerate(("library", "function", "procedure", "package", "package body", "view"))
}
_PHASES: dict[str, Phase] = {"trigger": "triggers", "event": "triggers"}
_RIGHTS = {"view": "CREATE VIEW", "trigger": "TRIGGER", "event": "EVENT"}
_NEEDED = ("view", INVALID_VIEW, "function")
"""Kinds that views need, which are there once they are carried."""

_REASONS = {
    INVALID_VIEW: "the source cannot open it: something it names is gone; repair it there, or drop it",
    BY_TRANSACTION: "the server logs its changes as statements, without the rows, as its history counts transactions:"
    " make it anew with ROW START and ROW END of the type TIMESTAMP(6), or without history",
    "grant": "rights are carried with `grants: true` only, to accounts that the target has; else repeat it there: ",
}
_UNREADABLE = (
    "the source shows no text of it: its login may not read it (grant SHOW VIEW, TRIGGER, EVENT, and on MySQL"
    " SHOW_ROUTINE, on MariaDB SELECT on mysql.proc), or the text is no UTF-8 (a string of raw bytes, say)"
)
_EXACT = (
    kinds.Int, kinds.Decimal, kinds.Bool, kinds.Date, kinds.Time, kinds.Timestamp, kinds.TimestampTz, kinds.Text,
    kinds.Bytes, kinds.Uuid, kinds.Enum, kinds.Set, kinds.Bit, kinds.Year, kinds.Inet,
)  # fmt: skip
"""Kinds that every server of the family prints alike."""


class Carrier:
    def __init__(self, database: Database) -> None:
        self._database = database

    def carry(
        self,
        objects: Sequence[SchemaObject],
        family: str,
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap] = (),
        *,
        rights: bool = False,
    ) -> Sequence[Carried]:
        if family != FAMILY:
            return translated.carry(objects, family, names, tables)
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            return list(_Carrying(objects, names, tables, Target.of(connection), rights=rights).all())


class _Carrying:
    """One list of objects on its way to one target."""

    def __init__(
        self,
        objects: Sequence[SchemaObject],
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap],
        target: Target,
        *,
        rights: bool,
    ) -> None:
        self._objects = objects
        self._names = names
        self._tables = tables
        self._target = target
        self._adaptation = Adaptation(objects, names, tables, target)
        self._granting = Granting(target, names, self._adaptation.schemas) if rights else None
        self._collations = dict(self._adaptation.new_collations())
        needed = {found.name for found in objects if found.kind in _NEEDED}
        self._there = {name for name in names if name not in needed}
        self._settled = {table.source.name: _unsure(table) for table in tables if _is_kept(table)}

    def all(self) -> Iterator[Carried]:
        for found in _ordered(self._objects):
            made = self._one(found)
            if made.statements:
                self._there.add(found.name)
            yield made

    def _one(self, found: SchemaObject) -> Carried:
        if with_its_table := hidden.carried(found, self._tables):
            return with_its_table
        if self._granting and found.kind == "grant":
            return self._granting.carry(found)
        schema = self._adaptation.schemas.get(found.name.schema, found.name.schema)
        name = TableName(schema=schema, name=self._names.get(found.name, found.name).name)
        if why := self._missing(found, schema):
            return Carried(source=found, name=name, reason=why)
        adapted = self._adaptation.adapt(found)
        if adapted.why:
            return Carried(source=found, name=name, reason=adapted.why, effort="small")
        return self._carried(found, name, adapted)

    def _missing(self, found: SchemaObject, schema: str) -> str:
        """What it would need and has not, whatever its text says."""
        if found.kind in _REASONS:
            return _REASONS[found.kind] + "; ".join(found.definition)
        if found.name.schema not in self._adaptation.schemas:
            return "the plan leaves its database out"
        if not found.definition:
            return _UNREADABLE if found.kind in (*PROGRAMS, "view") else _unknown(found)
        needs = [found.parent] if found.parent else found.needs  # of other triggers it needs no more than their order
        gone = [str(needed) for needed in needs if needed not in self._there]
        if gone:
            return f"it needs {', '.join(gone)}, which is not carried"
        right = _RIGHTS.get(found.kind, "CREATE ROUTINE")
        return "" if self._target.grants.has(right, schema) else f"the target's login lacks {right} on {schema}"

    def _carried(self, found: SchemaObject, name: TableName, adapted: Adapted) -> Carried:
        statement = Statement(
            phase=_PHASES.get(found.kind, "objects"),
            kind=found.kind,
            name=name,
            sql=adapted.sql,
            exists=_exists(found.kind, name),
            session=(f"use {quote(name.schema)}", *adapted.session.statements),
            undo=f"DROP {found.kind.upper()} {qualified(name)}" if found.kind in _PHASES else "",
        )
        check = self._check(found, name) if found.kind == "view" else None
        statements = (*self._database(name), statement)
        return Carried(source=found, name=name, statements=statements, reason="; ".join(adapted.notes), check=check)

    def _check(self, found: SchemaObject, name: TableName) -> tuple[str, str] | None:
        """Of the columns that say the same on both sides; none where it rests on a view of which some do not."""
        if not all(needed in self._settled for needed in found.needs):
            return None
        unsure = [self._settled[needed] for needed in found.needs]
        vague = {column for columns, _ in unsure for column in columns}
        loose = {column for _, columns in unsure for column in columns}
        sure = settled(found.definition[-1], vague, loose)
        if sure.whole:
            self._settled[found.name] = frozenset(), frozenset(sure.columns)
        if not sure.columns:
            return None
        columns = ", ".join(map(quote, sure.columns))
        return f"select {columns} from {qualified(found.name)}", f"select {columns} from {qualified(name)}"

    def _database(self, name: TableName) -> Iterator[Statement]:
        """Before the first object of a database that is made for this plan: what its routines' texts fall back to."""
        collation = self._collations.pop(name.schema, None)
        if collation:
            yield Statement(
                phase="tables",
                kind="database",
                name=name,
                sql=f"alter database {quote(name.schema)} collate {collation}",
                exists=(
                    f"select 1 from information_schema.schemata where schema_name = {literal(name.schema)}"
                    f" and default_collation_name = '{collation}'"
                ),
            )


def _unsure(table: TableMap) -> tuple[frozenset[str], frozenset[str]]:
    """Columns whose values may be printed differently by other servers, and those of letters."""
    columns = table.source.columns
    vague = frozenset(column.name for column in columns if not isinstance(column.kind, _EXACT))
    return vague, frozenset(column.name for column in columns if column.collation)


def _is_kept(table: TableMap) -> bool:
    """Whether its values arrive as they are."""
    return all(column.zero_dates == column.nul == "error" for column in table.source.columns)


def _ordered(objects: Iterable[SchemaObject]) -> Iterator[SchemaObject]:
    """What others need comes before them; else routines, views, then what acts by itself."""
    ranked = sorted(objects, key=lambda found: (_RANKS.get(found.kind, len(_RANKS)), found.name))
    places: dict[TableName, list[int]] = {}
    for place, found in enumerate(ranked):
        places.setdefault(found.name, []).append(place)
    needs = {
        place: [n for needed in found.needs for n in places.get(needed, ()) if _may_need(found, ranked[n])]
        for place, found in enumerate(ranked)
    }
    sorter = TopologicalSorter(needs)
    try:
        yield from (ranked[place] for place in sorter.static_order())
    except CycleError:  # two names that only look like a need
        yield from ranked


def _may_need(found: SchemaObject, other: SchemaObject) -> bool:
    """A trigger and a view may bear one name; a trigger follows triggers, a view needs views and functions."""
    return other is not found and (other.kind == "trigger") == (found.kind == "trigger")


def _unknown(found: SchemaObject) -> str:
    return f"this version does not carry objects of the kind {found.kind}"


def _exists(kind: str, name: TableName) -> str:
    if kind == "view":
        return _listed("views", "table", name)
    if kind in ("trigger", "event", "library"):
        return _listed("libraries" if kind == "library" else f"{kind}s", kind, name)
    return f"{_listed('routines', 'routine', name)} and routine_type = '{kind.upper()}'"


def _listed(view: str, kind: str, name: TableName) -> str:
    places = f"{kind}_schema = {literal(name.schema)} and {kind}_name = {literal(name.name)}"
    return f"select 1 from information_schema.{view} where {places}"
