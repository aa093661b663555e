"""
SQL text of one engine family as text of another that means the same, or nothing: never a guess.

The text is parsed by sqlglot, read as neutral operations in the source's dialect and written in the target's: so each
family says once what its functions mean, and once how it writes what others have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from landbridge import endpoints
from landbridge.errors import PlanError
from landbridge.kinds import Kind
from landbridge.model import TableName
from landbridge.translation.dialect import Dialect
from landbridge.translation.parsing import guarded, parse
from landbridge.translation.places import Tables
from landbridge.translation.queries import Queries, Query
from landbridge.translation.reading import Columns, Reader, Scope
from landbridge.translation.terms import AGGREGATES, Untranslatable
from landbridge.translation.writing import column, is_stable, stored, write

__all__ = ["Expression", "Query", "Untranslatable", "expression", "query", "translate_expression", "translate_query"]

_NONE: Columns = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Expression:
    """stable: its value depends on more than its arguments, so that no generated column or index can rest on it."""

    text: str
    kind: Kind | None
    stable: bool


def expression(text: str, source: str, target: str, columns: Columns = _NONE) -> str | None:
    """
    The expression for the target, None when its meaning cannot be kept. columns: those it may name; with a Column its
    collation is known, without it texts count as compared in the laxest way of the source.
    """
    try:
        return translate_expression(text, source, target, columns).text
    except Untranslatable:
        return None


def query(
    text: str,
    source: str,
    target: str,
    names: Mapping[TableName, TableName],
    tables: Tables = MappingProxyType({}),
) -> str | None:
    """names: what the tables are called on the target. tables: the columns of each, by its source name."""
    try:
        return translate_query(text, source, target, names, tables).text
    except Untranslatable:
        return None


def translate_expression(
    text: str,
    source: str,
    target: str,
    columns: Columns = _NONE,
    *,
    into: Kind | None = None,
    qualifiers: Mapping[str, str] = MappingProxyType({"": ""}),
    strict: bool = True,
) -> Expression:
    """
    into: the kind of what the value is stored in; Bool for a condition. qualifiers: how the columns are called in the
    source's text (NEW, OLD, or nothing), and how on the target. Raises Untranslatable.
    """
    reads, writes = _dialect(source), _dialect(target)
    scope = Scope(
        {
            theirs: {name: column(reads, writes, ours, name, kind) for name, kind in columns.items()}
            for theirs, ours in qualifiers.items()
        }
    )
    reader = Reader(reads, scope, strict=strict)
    with guarded():
        term = stored(reader, reader.term(parse(text, reads)), into)
        if any(part.op in AGGREGATES for part in term.walk()):
            raise Untranslatable("it takes many rows for one value")
        return Expression(text=write(term, writes), kind=term.kind, stable=is_stable(term, writes))


def translate_query(
    text: str,
    source: str,
    target: str,
    names: Mapping[TableName, TableName],
    tables: Tables = MappingProxyType({}),
) -> Query:
    """A SELECT. Raises Untranslatable."""
    reads, writes = _dialect(source), _dialect(target)
    with guarded():
        return Queries(reads, writes, names, tables).parsed(text)


def _dialect(family: str) -> Dialect:
    try:
        return endpoints.dialect(family)
    except PlanError:
        raise Untranslatable(f"the language of {family} is not known") from None
