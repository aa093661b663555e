"""A tree of neutral operations as the target's text."""

from dataclasses import replace

from landbridge import kinds
from landbridge.kinds import Kind
from landbridge.model import Column
from landbridge.translation import comparing
from landbridge.translation.dialect import Dialect
from landbridge.translation.reading import Reader
from landbridge.translation.terms import MOMENTS, NUMBERS, Term, Untranslatable, call


def column(reads: Dialect, writes: Dialect, qualifier: str, name: str, kind: Kind | Column) -> Term:
    """qualifier: as the target's text calls the table; empty for none."""
    value = f"{qualifier}.{writes.quote(name)}" if qualifier else writes.quote(name)
    if isinstance(kind, Column):
        return Term(op="column", kind=kind.kind, value=value, texts=reads.texts(kind.collation))
    text = isinstance(kind, kinds.Text | kinds.Enum | kinds.Set)
    return Term(op="column", kind=kind, value=value, texts=reads.texts(None) if text else "")


def write(term: Term, dialect: Dialect) -> str:
    if term.op == "column":
        return term.value
    rule = dialect.writes.get(term.op)
    if rule is None:
        raise Untranslatable(f"it uses {term.op.replace('_', ' ')}, which has no counterpart here")
    texts = [write(arg, dialect) for arg in term.args]
    return rule.format(*texts, all=", ".join(texts)) if isinstance(rule, str) else rule(term, texts)


def is_stable(term: Term, dialect: Dialect) -> bool:
    return any(dialect.stable(part) for part in term.walk())


def stored(reader: Reader, term: Term, into: Kind | None) -> Term:
    """The value as a column of kind `into` takes it; a condition when that is Bool."""
    if into is None or term.kind is None:
        return reader.condition_as_value(term) if into is None else term
    term = _rounded_once(term, into)
    for kind, take in ((kinds.Bool, reader.as_truth), (NUMBERS, reader.as_number), (kinds.Text, reader.as_text)):
        if isinstance(into, kind):
            return take(term)
    labelled = isinstance(into, kinds.Enum | kinds.Set) and into != term.kind
    if type(into) is type(term.kind) and not labelled:
        return term
    if isinstance(into, MOMENTS) and isinstance(term.kind, MOMENTS):
        return call("cast", into, term)
    if isinstance(into, kinds.Enum) and term.op == "string" and term.value in into.labels:
        return Term(op="constant", kind=into, value=term.value)
    raise Untranslatable("its value has another form than its column")


def _rounded_once(term: Term, into: Kind) -> Term:
    """A quotient goes into a column of fewer digits at once, not by way of those that it would be shown with."""
    digits = (into.scale or 0) if isinstance(into, kinds.Decimal) else 0
    if isinstance(into, kinds.Float):
        comparing.refuse_quotients(term)
    elif term.op in ("ratio", "average") and digits < int(term.value):
        return replace(term, value=str(digits))
    elif term.op not in ("ratio", "average"):
        comparing.refuse_quotients(term)
    return term
