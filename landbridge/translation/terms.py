"""
The neutral form of an expression: a tree of operations that each have one exact meaning. A family's dialect says which
of its functions mean which operation, and how it writes each operation; what no dialect names cannot be translated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from landbridge import kinds
from landbridge.kinds import Kind

Texts = Literal["exact", "padded", "folded", ""]
"""
How a text compares: byte by byte, the same but for blanks at the end, or without regard to case or accents. Empty: as
whatever it is compared with (a constant).
"""


class Untranslatable(Exception):
    """There is no text of the same meaning. The message says why, as the end of a sentence."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """
    kind: what it yields, None for NULL. value: what the operation needs beside its arguments (a name, a constant, a
    unit). texts: of a text, how it compares.
    """

    op: str
    kind: Kind | None
    args: tuple["Term", ...] = ()
    value: str = ""
    texts: Texts = ""

    def walk(self) -> Iterator["Term"]:
        yield self
        for arg in self.args:
            yield from arg.walk()


BOOL = kinds.Bool()
INT = kinds.Int(bits=64)
TEXT = kinds.Text()
DATE = kinds.Date()
NULL = Term(op="null", kind=None)
ZERO = Term(op="number", kind=INT, value="0")

AGGREGATES = ("count", "count_distinct", "sum", "avg", "average", "min", "max", "join_texts", "any")
NUMBERS = (kinds.Int, kinds.Decimal, kinds.Float, kinds.Year)
MOMENTS = (kinds.Date, kinds.Timestamp, kinds.TimestampTz)


def call(op: str, kind: Kind | None, *args: Term, value: str = "", texts: Texts | None = None) -> Term:
    """texts: when not given, that of the arguments."""
    if texts is None:
        texts = blend(*args) if isinstance(kind, kinds.Text) else ""
    return Term(op=op, kind=kind, args=args, value=value, texts=texts)


def blend(*terms: Term) -> Texts:
    """How texts compare with one another: the laxest decides."""
    found = {term.texts for term in terms}
    ranks: tuple[Texts, ...] = ("folded", "padded", "exact")
    return next((rank for rank in ranks if rank in found), "")


def string(text: str) -> Term:
    return Term(op="string", kind=TEXT, value=text)


def number(text: str) -> Term:
    if "e" in text.lower():
        return Term(op="number", kind=kinds.Float(bits=64), value=text)
    whole, point, part = text.partition(".")
    digits = kinds.Decimal(precision=max(len(whole) + len(part), 1), scale=len(part))
    return Term(op="number", kind=digits if point or len(whole) > 18 else INT, value=text)


def integer(term: Term) -> int | None:
    """The value of a whole constant."""
    if term.op == "neg" and (value := integer(term.args[0])) is not None:
        return -value
    return int(term.value) if term.op == "number" and term.value.isdigit() else None


def common(*terms: Term) -> Kind | None:
    """The kind that all of the values have together, as branches of one CASE. Raises Untranslatable without one."""
    found = [term.kind for term in terms if term.kind is not None]
    if not found:
        return None
    if all(isinstance(kind, NUMBERS) for kind in found):
        return widest(*found)
    if len({type(kind) for kind in found}) > 1:
        raise Untranslatable("it mixes kinds of values")
    first = found[0]
    if isinstance(first, kinds.Text):
        return TEXT
    unnamed = isinstance(first, kinds.Enum) and not first.name and len(found) > 1
    if unnamed or any(kind != first for kind in found):
        raise Untranslatable("it mixes kinds of values")
    return first


def widest(*found: Kind) -> Kind:
    if any(isinstance(kind, kinds.Float) for kind in found):
        return kinds.Float(bits=64)
    scales = [kind.scale for kind in found if isinstance(kind, kinds.Decimal)]
    if not scales:
        return kinds.Int(bits=64, unsigned=any(getattr(kind, "unsigned", False) for kind in found))
    known = [scale for scale in scales if scale is not None]
    return kinds.Decimal(precision=65, scale=max(known)) if len(known) == len(scales) else kinds.Decimal()
