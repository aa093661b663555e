"""Indexes of another family: columns as far as keys can hold them, expressions translated."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from landbridge.endpoints.mysql.names import quote, shorten
from landbridge.endpoints.mysql.schema import lengths
from landbridge.model import ForeignKey, Index, IndexPart, Table

Translated = Callable[..., tuple[str, str]]
"""An expression to its text here, or nothing and why."""

_METHODS = ("btree", "hash")


def exact_keys(table: Table, natives: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """The columns of each key that must hold whole values; those that cannot be keys at all are left to be told of."""
    keys = [table.primary_key.columns] if table.primary_key else []
    keys += [tuple(part.column for part in i.parts if part.column) for i in table.indexes if i.unique]
    keys += [key.columns for key in table.foreign_keys]
    for key in keys:
        if key and lengths.share(key, natives) is not None:
            yield key


@dataclass(frozen=True)
class Maker:
    """natives: the types here, of the columns that are carried. expressions: whether the target can index them."""

    natives: Mapping[str, str]
    translated: Translated
    expressions: bool

    def make(self, index: Index) -> tuple[Index | None, str]:
        """The index here, or None and why."""
        if index.method not in _METHODS:
            return None, f"there is no {index.method} index in this form here"
        if index.where:
            return None, f"there are no partial indexes here: {index.where}"
        names = [part.column for part in index.parts if part.column]
        if any(name not in self.natives for name in names):
            return None, "it is on a generated column that is not carried"
        shares = lengths.share(names, self.natives)
        if shares is None or (index.unique and shares):
            return None, "its columns cannot be a key here"
        parts = []
        for part in index.parts:
            made, why = self._part(part, shares)
            if why:
                return None, why
            parts.append(made)
        return Index(
            name=shorten(index.name),
            parts=tuple(parts),
            unique=index.unique,
            constraint=index.unique and all(part.column for part in parts),
            comment=index.comment,
        ), ""

    def _part(self, part: IndexPart, shares: Mapping[str, int]) -> tuple[IndexPart, str]:
        if part.column:
            prefix = self._prefix(part.column, shares)
            native = quote(part.column) + (f"({prefix})" if prefix else "") + " DESC" * part.descending
            return IndexPart(column=part.column, descending=part.descending, prefix=prefix, native=native), ""
        text, why = self.translated(part.expression, None, fixed=True)
        if any(lengths.is_long(native) and quote(name) in text for name, native in self.natives.items()):
            why = "it is made of texts of any length"
        if not self.expressions:
            why = "the target has no indexes of expressions"
        if why:
            return part, f"{why}: {part.expression}"
        return IndexPart(expression=text, descending=part.descending, native=f"({text})"), ""

    def _prefix(self, column: str, shares: Mapping[str, int]) -> int | None:
        """A text that is too long for the index is in it with its first characters, which finds it as well."""
        if column not in shares:
            return None
        width = 1 if lengths.is_bytes(self.natives[column]) else 4
        return min(shares[column] // width, lengths.LONGEST_PREFIX)

    def told(self, index: Index) -> Iterator[str]:
        """What an index is not, though it is made."""
        if index.include:
            yield f"the index {index.name} does not hold {', '.join(index.include)} beside its key"
        if index.deferrable:
            yield f"the unique key {index.name} is not deferrable here"
        if not index.nulls_distinct:
            yield f"the unique key {index.name} takes several rows with NULL here"


def renamed(found: Iterable[Index]) -> Iterator[Index]:
    """Names are compared without case here, and those of foreign keys' indexes may be taken."""
    taken: set[str] = set()
    for index in found:
        name = index.name if index.name.lower() not in taken else shorten(index.name, told_by=f"{len(taken)}")
        taken.add(name.lower())
        yield replace(index, name=name)


def of_foreign_keys(table: Table, natives: Mapping[str, str]) -> Iterator[Index]:
    """
    A foreign key needs an index that begins with its columns. The server would make it with the key, in the switch; so
    it is made with the others.
    """
    heads = [table.primary_key.columns] if table.primary_key else []
    heads += [tuple(part.column or "" for part in index.parts) for index in table.indexes if not index.where]
    for key in table.foreign_keys:
        covered = any(head[: len(key.columns)] == key.columns for head in heads)
        if not covered and set(key.columns) <= set(natives) and lengths.share(key.columns, natives) == {}:
            heads.append(key.columns)
            yield _index(key)


def _index(key: ForeignKey) -> Index:
    parts = tuple(IndexPart(column=column, native=quote(column)) for column in key.columns)
    return Index(name=shorten(key.name), parts=parts)
