"""What functions of many dialects have in common: readings to be named in a dialect's table."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from landbridge import kinds
from landbridge.kinds import Kind
from landbridge.translation import comparing
from landbridge.translation.dialect import Reading
from landbridge.translation.reading import Reader
from landbridge.translation.terms import (
    BOOL,
    DATE,
    INT,
    MOMENTS,
    TEXT,
    Term,
    Untranslatable,
    call,
    common,
    integer,
    number,
    string,
)

Nodes = Sequence[exp.Expression]


def expect(args: Nodes, least: int, most: int) -> None:
    if not least <= len(args) <= most:
        raise Untranslatable("it calls a function with other arguments than are known here")


def of_text(op: str, kind: Kind = TEXT) -> Reading:
    """A function of one text."""

    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 1, 1)
        return call(op, kind, reader.text(args[0]))

    return read


def of_texts(op: str, count: int) -> Reading:
    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, count, count)
        return call(op, TEXT, *map(reader.text, args))

    return read


def of_text_and_count(op: str) -> Reading:
    """left, right, repeat: the count a constant that is not negative."""

    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 2, 2)
        return call(op, TEXT, reader.text(args[0]), constant(reader, args[1], 0))

    return read


def signed(text: str) -> Term:
    """A number that may be negative."""
    value = number(text.lstrip("-"))
    return call("neg", value.kind, value) if text.startswith("-") else value


def constant(reader: Reader, node: exp.Expression, least: int) -> Term:
    term = reader.term(node)
    value = integer(term)
    if value is None or value < least:
        raise Untranslatable("it needs a constant in a place where the dialects differ for some values")
    return term


def pad(op: str) -> Reading:
    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 3, 3)
        fill = reader.text(args[2])
        if fill.op != "string" or not fill.value:
            raise Untranslatable("it pads with what is no constant")
        return call(op, TEXT, reader.text(args[0]), constant(reader, args[1], 0), fill)

    return read


def substring(reader: Reader, args: Nodes) -> Term:
    expect(args, 2, 3)
    parts: tuple[Term, ...] = (reader.text(args[0]), constant(reader, args[1], 1))
    if len(args) == 3:
        length = reader.term(args[2])
        if length.op in ("length", "limit") and length.args == parts[:1]:
            return call("substring", TEXT, *parts)  # all the rest
        parts = (*parts, constant(reader, args[2], 0))
    return call("substring", TEXT, *parts)


def concat(reader: Reader, args: Nodes) -> Term:
    """NULL when one of them is."""
    return call("concat", TEXT, *map(reader.text, args))


def concat_skipping(reader: Reader, args: Nodes) -> Term:
    """NULL counts as an empty text."""
    return call("concat", TEXT, *(call("coalesce", TEXT, reader.text(each), string("")) for each in args))


def concat_ws(reader: Reader, args: Nodes) -> Term:
    """NULL is passed over, but for the separator."""
    return call("concat_ws", TEXT, *map(reader.text, args))


def coalesce(reader: Reader, args: Nodes) -> Term:
    terms = [reader.condition_as_value(reader.term(each)) for each in args]
    if {isinstance(term.kind, kinds.Bool) for term in terms if term.kind is not None} == {True, False}:
        terms = [reader.as_number(term) for term in terms]
    if any(isinstance(term.kind, kinds.Enum) for term in terms):
        terms = [reader.as_text(term) for term in terms]
    if len({type(term.kind) for term in terms if term.kind is not None}) > 1:
        texts = any(isinstance(term.kind, kinds.Text) for term in terms)
        terms = [reader.as_text(term) for term in terms] if texts else terms
    return call("coalesce", common(*terms), *terms)


def nullif(reader: Reader, args: Nodes) -> Term:
    expect(args, 2, 2)
    left, right = reader.term(args[0]), reader.term(args[1])
    equal = comparing.compare(reader, "eq", left, right)
    if equal.args != (left, right):
        raise Untranslatable("it uses NULLIF with values of different kinds")
    return call("nullif", left.kind, left, right)


def extreme(op: str) -> Reading:
    """GREATEST, LEAST."""

    def read(reader: Reader, args: Nodes) -> Term:
        terms = [reader.term(each) for each in args]
        comparing.refuse_quotients(*terms)
        kind = common(*terms)
        if isinstance(kind, kinds.Text | kinds.Enum):
            raise Untranslatable(comparing.ORDERED)
        return call(op, kind, *terms)

    return read


def of_number(op: str, kind: Kind | None = None, *, floats: bool = True) -> Reading:
    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 1, 1)
        value = reader.number(args[0])
        if not floats:
            comparing.refuse_quotients(value)
            if isinstance(value.kind, kinds.Float):
                raise Untranslatable("it rounds a floating-point number")
        return call(op, kind or value.kind, value)

    return read


def rounded(reader: Reader, args: Nodes) -> Term:
    expect(args, 1, 2)
    value = reader.number(args[0])
    digits = integer(reader.term(args[1])) if len(args) == 2 else 0
    if isinstance(value.kind, kinds.Float) or digits is None or digits < 0:
        raise Untranslatable("it rounds a floating-point number, or not to a constant number of digits")
    if value.op == "ratio" and digits <= int(value.value):
        return call("ratio", kinds.Decimal(precision=65, scale=digits), *value.args, value=str(digits))
    comparing.refuse_quotients(value)
    return call("round", kinds.Decimal(precision=65, scale=digits), value, value=str(digits))


def moment(reader: Reader, node: exp.Expression) -> Term:
    term = reader.term(node)
    if not isinstance(term.kind, MOMENTS):
        raise Untranslatable("it takes a value for a date that is none")
    return term


def part_of(unit: str) -> Reading:
    """YEAR(x), MONTH(x)…: a whole number."""

    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 1, 1)
        return extract(unit, moment(reader, args[0]))

    return read


_CLOCK = ("hour", "minute", "second")
UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")


def extract(unit: str, value: Term) -> Term:
    if unit not in ("year", "quarter", "month", "day", "dow", "isodow", "doy", *_CLOCK):
        raise Untranslatable(f"it takes the {unit} of a date")
    return call("extract", INT, value, value=unit)


def to_date(reader: Reader, args: Nodes) -> Term:
    expect(args, 1, 1)
    return call("cast", DATE, moment(reader, args[0]))


def shifted(reader: Reader, value: Term, interval: exp.Expression, sign: int) -> Term:
    """A date or a point in time, and INTERVAL n unit."""
    unit = str(interval.args.get("unit") or "").lower()
    count = reader.number(_count(interval.this))
    if unit not in UNITS or not isinstance(count.kind, kinds.Int):
        raise Untranslatable("it adds an interval of a form that is not known here")
    if unit == "quarter":
        unit, count = "month", call("mul", INT, count, Term(op="number", kind=INT, value="3"))
    clock = unit in _CLOCK
    kind: Kind | None = kinds.Timestamp() if clock and isinstance(value.kind, kinds.Date) else value.kind
    return call("shift", kind, value, count if sign > 0 else call("neg", INT, count), value=unit)


def _count(node: exp.Expression) -> exp.Expression:
    """sqlglot makes a string of a constant count."""
    quoted = isinstance(node, exp.Literal) and node.is_string and node.name.isdigit()
    return exp.Literal.number(node.name) if quoted else node


def count(reader: Reader, args: Nodes) -> Term:
    if len(args) == 1 and isinstance(args[0], exp.Star | exp.Literal):
        return call("count", INT)
    if len(args) == 1 and isinstance(args[0], exp.Distinct):
        expect(args[0].expressions, 1, 1)
        distinct = [reader.term(each) for each in args[0].expressions]
        if isinstance(distinct[0].kind, kinds.Text):
            comparing.check_texts(reader, distinct[0])
        return call("count_distinct", INT, distinct[0])
    expect(args, 1, 1)
    return call("count", INT, reader.term(args[0]))


def total(reader: Reader, args: Nodes) -> Term:
    expect(args, 1, 1)
    value = reader.number(args[0])
    comparing.refuse_quotients(value)
    kind = kinds.Decimal(precision=65, scale=0) if isinstance(value.kind, kinds.Int) else value.kind
    return call("sum", kind, value)


def best(op: str) -> Reading:
    """MIN, MAX."""

    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 1, 1)
        value = reader.term(args[0])
        comparing.refuse_quotients(value)
        if isinstance(value.kind, kinds.Text | kinds.Enum | kinds.Set):
            raise Untranslatable(comparing.ORDERED)
        if isinstance(value.kind, kinds.Bool):
            value = reader.as_number(value)
        return call(op, value.kind, value)

    return read


def joined(reader: Reader, node: exp.Expression) -> Term:
    """GROUP_CONCAT and string_agg, which sqlglot reads as one."""
    separator = reader.term(node.args["separator"]).value if node.args.get("separator") else ","
    inner = node.this
    order = inner.expressions if isinstance(inner, exp.Order) else []
    inner = inner.this if isinstance(inner, exp.Order) else inner
    distinct = isinstance(inner, exp.Distinct)
    values = inner.expressions if distinct else [inner]
    value = concat(reader, values) if len(values) > 1 else reader.text(values[0])
    keys = [_sort_key(reader, each) for each in order]
    if not keys:
        reader.notes.add(UNORDERED)
    return call("join_texts", TEXT, value, string(separator), *keys, value="distinct" if distinct else "")


UNORDERED = "texts are joined in no promised order"


def _sort_key(reader: Reader, node: exp.Expression) -> Term:
    key = reader.term(node.this)
    comparing.refuse_quotients(key)
    if isinstance(key.kind, kinds.Text):
        if reader.strict:
            raise Untranslatable(comparing.ORDERED)
        reader.notes.add(comparing.ORDERED)
    return call("sort", key.kind, key, value="desc" if node.args.get("desc") else "")


def fixed(make: Callable[[], Term]) -> Reading:
    def read(_: Reader, args: Nodes) -> Term:
        expect(args, 0, 0)
        return make()

    return read


def truth_of_null(reader: Reader, args: Nodes) -> Term:
    """ISNULL(x)."""
    expect(args, 1, 1)
    return call("isnull", BOOL, reader.term(args[0]))
