"""Views and triggers of another family as this one makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from landbridge.endpoints.abc import Carried, Statement
from landbridge.endpoints.mysql import FAMILY
from landbridge.endpoints.mysql.dialect import LONGEST_NAME
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.names import qualified
from landbridge.model import SchemaObject, TableMap, TableName
from landbridge.translation.objects import Making, NewTrigger
from landbridge.translation.objects import carry as translate
from landbridge.translation.views import View


def carry(
    objects: Sequence[SchemaObject],
    family: str,
    names: Mapping[TableName, TableName],
    tables: Sequence[TableMap] = (),
) -> Sequence[Carried]:
    return translate(objects, (family, FAMILY), names, tables, Making(view=_view, trigger=_trigger))


def _view(name: TableName, columns: Sequence[str], query: str, source: View) -> Sequence[Statement]:
    rights = "INVOKER" if source.invoker else "DEFINER"
    option = f" {source.option}" if source.option else ""
    sql = f"CREATE SQL SECURITY {rights} VIEW {qualified(name)} ({', '.join(columns)}) AS {query}{option}"
    return (Statement(phase="objects", kind="view", name=name, sql=sql, exists=_exists("views", "table", name)),)


def _trigger(new: NewTrigger) -> Sequence[Statement]:
    """One for each event, which is all that a trigger has here; its name is one in the whole database."""
    return [
        _for_event(new, event, lines, f"{new.table.name}_{new.name.name}" + ("" if alone else f"_{event.lower()}"))
        for alone in [len(new.bodies) == 1]
        for event, lines in new.bodies.items()
    ]


def _for_event(new: NewTrigger, event: str, lines: Sequence[str], own: str) -> Statement:
    name = replace(
        new.table, name=own if len(own) <= LONGEST_NAME else own[:55] + f"_{sha256(own.encode()).hexdigest()[:8]}"
    )
    inner = [f"  {line}" for line in lines] if new.condition else list(lines)
    guarded = [f"  IF {new.condition} THEN", *inner, "  END IF;"] if new.condition else inner
    body = "\n".join(["BEGIN", *guarded, "END"])
    return Statement(
        phase="triggers",
        kind="trigger",
        name=name,
        sql=f"CREATE TRIGGER {qualified(name)} {new.timing} {event} ON {qualified(new.table)} FOR EACH ROW {body}",
        exists=_exists("triggers", "trigger", name),
        undo=f"DROP TRIGGER {qualified(name)}",
    )


def _exists(view: str, kind: str, name: TableName) -> str:
    places = f"{kind}_schema = {literal(name.schema)} and {kind}_name = {literal(name.name)}"
    return f"select 1 from information_schema.{view} where {places}"
