"""
Indexes that the optimizer must not use and checks that are not enforced: objects of the inventory, though within the
family they come with their tables.
"""

from collections.abc import Iterable
from dataclasses import replace

from landbridge.endpoints.abc import Carried, Statement
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.schema import clauses, presence
from landbridge.endpoints.mysql.schema.definition import words
from landbridge.model import SchemaObject, TableMap

INDEX, CHECK = "invisible index", "unenforced check"

_HIDDEN = ("INVISIBLE", "IGNORED")
"""MySQL's word and MariaDB's."""


def carried(found: SchemaObject, tables: Iterable[TableMap]) -> Carried | None:
    """None for what is of another kind, or not on one of the tables."""
    each = next((each for each in tables if each.source.name == found.parent), None)
    if each is None or found.kind not in (INDEX, CHECK):
        return None
    table, name = each.target.name, replace(each.target.name, name=found.name.name)
    text = clauses.texts(each.target)
    if found.kind == INDEX:
        spoken = {word.text for word in words(text.keys.get(found.name.name, ""))}
        how = next((word for word in _HIDDEN if word in spoken), "")
        sql = f"ALTER TABLE {qualified(table)} ALTER INDEX {quote(name.name)} {how}"
        exists = presence.hidden_index(table, name.name, ignored=how == "IGNORED")
    else:
        how = "NOT ENFORCED" if text.checks.get(found.name.name, "").endswith("NOT ENFORCED") else ""
        sql = f"ALTER TABLE {qualified(table)} ALTER CHECK {quote(name.name)} {how}"
        exists = presence.unenforced_check(table, name.name)
    if not how:
        return Carried(source=found, name=name, reason="it is not with its table on the target: see what that loses")
    statement = Statement(phase="objects", kind=found.kind, name=name, sql=sql, exists=exists, table=each.number)
    return Carried(source=found, name=name, statements=(statement,))
