"""ON UPDATE to the current time, which another family's columns have, as a trigger; it fires from the switch on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from landbridge import kinds
from landbridge.endpoints.abc import Statement
from landbridge.endpoints.postgres.names import literal, qualified, quote, shorten
from landbridge.endpoints.postgres.schema import acting
from landbridge.model import Column, TableMap


def statements(tables: Sequence[TableMap]) -> Iterator[Statement]:
    for each in tables:
        columns = [column.target for column in each.columns if column.source.on_update_now and not each.plain]
        if columns:
            yield from _of_table(each, columns)


def _of_table(each: TableMap, columns: Sequence[Column]) -> Iterator[Statement]:
    table = each.target.name
    name = replace(table, name=shorten(f"{table.name}_on_update"))
    sets = "".join(map(_set, columns))
    body = f"BEGIN\n{sets}  RETURN NEW;\nEND"
    yield Statement(
        phase="triggers",
        kind="function",
        name=name,
        sql=f"CREATE FUNCTION {qualified(name)}() RETURNS trigger LANGUAGE plpgsql AS {literal(body)}",
        exists=acting.function(name),
        table=each.number,
    )
    yield Statement(
        phase="triggers",
        kind="trigger",
        name=name,
        sql=(
            f"CREATE TRIGGER {quote(name.name)} BEFORE UPDATE ON {qualified(table)} FOR EACH ROW"
            f" WHEN ({_any_change(each)}) EXECUTE FUNCTION {qualified(name)}()"
        ),
        exists=acting.trigger(table, name.name),
        undo=acting.drop_trigger(table, name.name),
        table=each.number,
    )


def _set(column: Column) -> str:
    """Only where the statement did not set it. The source's clock stands still within a statement, and is cut."""
    clock = "statement_timestamp()" + ("::timestamp" if isinstance(column.kind, kinds.Timestamp) else "")
    fsp = column.kind.fsp if isinstance(column.kind, kinds.Timestamp | kinds.TimestampTz) else 6
    if fsp in (0, 3):
        clock = f"date_trunc({literal('second' if fsp == 0 else 'milliseconds')}, {clock})"
    name = quote(column.name)
    return f"  IF NEW.{name} IS NOT DISTINCT FROM OLD.{name} THEN NEW.{name} := {clock}; END IF;\n"


def _any_change(each: TableMap) -> str:
    """By name: before the row is written its generated columns are not known. json has no equality of its own."""
    cast = {"json": "::text"}
    columns = [(quote(column.target.name), cast.get(column.target.native, "")) for column in each.columns]
    return " OR ".join(f"OLD.{name}{text} IS DISTINCT FROM NEW.{name}{text}" for name, text in columns)
