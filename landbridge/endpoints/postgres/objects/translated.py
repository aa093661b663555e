"""Views and triggers of another family as this one makes them: a trigger is a function here, and what calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from landbridge.endpoints.abc import Carried, Statement
from landbridge.endpoints.postgres import FAMILY
from landbridge.endpoints.postgres.names import literal, qualified, quote, shorten
from landbridge.endpoints.postgres.schema import acting, presence
from landbridge.model import SchemaObject, TableMap, TableName
from landbridge.translation.objects import Making, NewTrigger
from landbridge.translation.objects import carry as translate
from landbridge.translation.views import View

INVOKER_RIGHTS = 150_000
"""The first version with views that have the rights of their user."""


def carry(
    objects: Sequence[SchemaObject],
    family: str,
    names: Mapping[TableName, TableName],
    tables: Sequence[TableMap] = (),
    version: int = INVOKER_RIGHTS,
) -> Sequence[Carried]:
    """version: the target's, as the server counts it."""

    def view(name: TableName, columns: Sequence[str], query: str, source: View) -> Sequence[Statement]:
        return (_view(name, columns, query, source, version),)

    return translate(objects, (family, FAMILY), names, tables, Making(view=view, trigger=_trigger))


def _view(name: TableName, columns: Sequence[str], query: str, source: View, version: int) -> Statement:
    rights = " WITH (security_invoker = true)" if source.invoker and version >= INVOKER_RIGHTS else ""
    option = f" {source.option}" if source.option else ""
    return Statement(
        phase="objects",
        kind="view",
        name=name,
        sql=f"CREATE VIEW {qualified(name)} ({', '.join(columns)}){rights} AS {query}{option}",
        exists=presence.relation(name, "v"),
    )


def _trigger(new: NewTrigger) -> Sequence[Statement]:
    return [
        statement
        for event, lines in new.bodies.items()
        for statement in _for_event(new, event, lines, alone=len(new.bodies) == 1)
    ]


def _for_event(new: NewTrigger, event: str, lines: Sequence[str], *, alone: bool) -> Sequence[Statement]:
    own = new.name.name if alone else f"{new.name.name}_{event.lower()}"
    trigger = replace(new.name, name=shorten(own))
    function = TableName(schema=new.table.schema, name=shorten(f"{new.table.name}_{own}"))
    result = "NULL" if new.timing == "AFTER" else "OLD" if event == "DELETE" else "NEW"
    body = "\n".join(["BEGIN", *lines, f"  RETURN {result};", "END"])
    # What it does to other tables is done with its owner's rights, as in the source.
    rights = " SECURITY DEFINER SET search_path = pg_catalog, pg_temp" if new.changes_others else ""
    when = f" WHEN ({new.condition})" if new.condition else ""
    return (
        Statement(
            phase="triggers",
            kind="function",
            name=function,
            sql=f"CREATE FUNCTION {qualified(function)}() RETURNS trigger LANGUAGE plpgsql{rights} AS {literal(body)}",
            exists=acting.function(function),
        ),
        Statement(
            phase="triggers",
            kind="trigger",
            name=trigger,
            sql=(
                f"CREATE TRIGGER {quote(trigger.name)} {new.timing} {event} ON {qualified(new.table)} FOR EACH ROW"
                f"{when} EXECUTE FUNCTION {qualified(function)}()"
            ),
            exists=acting.trigger(new.table, trigger.name),
            undo=acting.drop_trigger(new.table, trigger.name),
        ),
    )
