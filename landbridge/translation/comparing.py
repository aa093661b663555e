"""Comparisons: of like with like only, and of texts only where both sides mean the same by equal."""

import re
from typing import TYPE_CHECKING

from landbridge import kinds
from landbridge.translation.terms import BOOL, NUMBERS, Term, Untranslatable, blend, call, integer

if TYPE_CHECKING:
    from landbridge.translation.reading import Reader

LAX = "it compares texts by a collation to which case, accents or blanks at the end do not matter"
BYTEWISE = f"{LAX}; here they are compared byte by byte"
ORDERED = "it asks for the order of texts, which is another one here"

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENTS = kinds.Date | kinds.Timestamp | kinds.TimestampTz
_DAYS = kinds.Date | kinds.Timestamp
_EQUALITY = ("eq", "ne", "same")
_SWAPPED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


def compare(reader: "Reader", op: str, left: Term, right: Term) -> Term:
    refuse_quotients(left, right)
    _refuse_short_years(left, right)
    return _compare(reader, op, left, right)


def _refuse_short_years(*terms: Term) -> None:
    """What a year is compared with may itself be taken for one, of two digits even."""
    years = [term for term in terms if isinstance(term.kind, kinds.Year)]
    others = [term for term in terms if term.kind is not None and not isinstance(term.kind, kinds.Year)]
    if years and any(integer(term) is None or len(term.value) != 4 for term in others):
        raise Untranslatable("it compares a year with what is no number of four digits")


def refuse_quotients(*terms: Term) -> None:
    """A quotient is exact only where it is shown: what is calculated from it has other digits behind the last one."""
    if any(part.op in ("ratio", "average") for term in terms for part in term.walk()):
        raise Untranslatable("it uses a quotient further, which has another precision here")


def _compare(reader: "Reader", op: str, left: Term, right: Term) -> Term:
    if left.op == "string" and right.op != "string":
        return _compare(reader, _SWAPPED.get(op, op), right, left)
    if _alike(op, left, right):
        return call(op, BOOL, left, right)
    if isinstance(left.kind, kinds.Bool) and right.op == "number" and right.value in ("0", "1") and op in _EQUALITY:
        return call(op, BOOL, left, Term(op="true" if right.value == "1" else "false", kind=BOOL))
    as_one = _of_one_kind(reader, op, left, right)
    if as_one:
        return call(op, BOOL, *as_one)
    if right.op == "string" and not isinstance(left.kind, kinds.Text):
        return with_constant(op, left, right)
    if isinstance(left.kind, kinds.Text) and isinstance(right.kind, kinds.Text):
        return _texts(reader, op, left, right)
    raise Untranslatable("it compares values of different kinds")


def _alike(op: str, left: Term, right: Term) -> bool:
    """Values that every family compares in the same way."""
    if left.kind is None or right.kind is None:
        return True
    if isinstance(left.kind, MOMENTS | kinds.Bool):
        return type(left.kind) is type(right.kind)
    named = isinstance(left.kind, kinds.Uuid) or (isinstance(left.kind, kinds.Enum) and bool(left.kind.name))
    return named and left.kind == right.kind and op in _EQUALITY


def _of_one_kind(reader: "Reader", op: str, left: Term, right: Term) -> tuple[Term, ...]:
    """Numbers, conditions among them, days and points in time, or labels of two types; else nothing."""
    if _numeric(reader, left) and _numeric(reader, right):
        return reader.as_number(left), reader.as_number(right)
    if isinstance(left.kind, _DAYS) and isinstance(right.kind, _DAYS):
        return tuple(call("cast", kinds.Timestamp(fsp=6), side) for side in (left, right))
    if isinstance(left.kind, kinds.Enum) and left.kind == right.kind and op in _EQUALITY:
        return tuple(call("text", kinds.Text(), side, texts="exact") for side in (left, right))
    return ()


def _numeric(reader: "Reader", term: Term) -> bool:
    return isinstance(term.kind, NUMBERS) or (reader.dialect.numbers_are_truths and isinstance(term.kind, kinds.Bool))


def with_constant(op: str, left: Term, right: Term) -> Term:
    """A value with a text that stands for one of its kind."""
    kind, text = left.kind, right.value
    if isinstance(kind, kinds.Enum) and op in _EQUALITY and text in kind.labels:
        return call(op, BOOL, left, Term(op="constant", kind=kind, value=text))
    if isinstance(kind, kinds.Date) and _MOMENT.fullmatch(text):
        kind = kinds.Timestamp(fsp=6)
        return call(op, BOOL, call("cast", kind, left), Term(op="constant", kind=kind, value=text))
    if isinstance(kind, kinds.Time) and kind.long:
        raise Untranslatable("it compares a span of time with a text")
    forms = {kinds.Date: _DATE, kinds.Timestamp: _MOMENT, kinds.TimestampTz: _MOMENT, kinds.Time: _TIME}
    if isinstance(kind, kinds.Timestamp | kinds.TimestampTz) and _DATE.fullmatch(text):
        text += " 00:00:00"
    form = forms.get(type(kind)) or (_UUID if isinstance(kind, kinds.Uuid) and op in _EQUALITY else None)
    if form is None or not form.fullmatch(text) or text.startswith("0000") or "-00" in text[:10]:
        raise Untranslatable("it compares a value with a text of another form")
    return call(op, BOOL, left, Term(op="constant", kind=kind, value=text))


def _texts(reader: "Reader", op: str, left: Term, right: Term) -> Term:
    if op not in _EQUALITY:
        if reader.strict:
            raise Untranslatable(ORDERED)
        reader.notes.add(ORDERED)
        return call(op, BOOL, left, right)
    if check_texts(reader, left, right) == "padded":
        return call(op, BOOL, call("rtrim", left.kind, left), call("rtrim", right.kind, right))
    return call(op, BOOL, left, right)


def check_texts(reader: "Reader", *terms: Term) -> str:
    """How they compare. Two constants do it by the session's collation, which is the laxest."""
    how = blend(*terms)
    if how in ("folded", ""):
        if reader.strict:
            raise Untranslatable(LAX)
        reader.notes.add(BYTEWISE)
    return how
