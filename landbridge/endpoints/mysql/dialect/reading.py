"""What the functions and the syntax of this family mean, as neutral operations (landbridge/translation)."""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from landbridge import kinds
from landbridge.translation import comparing
from landbridge.translation import functions as known
from landbridge.translation.dialect import Reading
from landbridge.translation.functions import Nodes, expect
from landbridge.translation.reading import Reader, calculate, choice, only
from landbridge.translation.terms import (
    DATE,
    INT,
    TEXT,
    ZERO,
    Term,
    Texts,
    Untranslatable,
    call,
    integer,
    string,
)

_UTF8 = ("_utf8", "_utf8mb3", "_utf8mb4")
_LIMIT = kinds.Other(native="length in bytes")
_DIVISION_DIGITS = 4
"""div_precision_increment, the digits that a quotient has behind those of the dividend (manual, 14.6.1)."""


def texts(collation: str | None) -> Texts:
    """Only the newest binary collations heed blanks at the end (manual, "The binary Collation Compared to _bin")."""
    if collation is None or not collation.endswith(("_bin", "binary")):
        return "folded"
    return "exact" if collation == "binary" or re.search("nopad_bin|0900_bin", collation) else "padded"


def _introducer(reader: Reader, node: exp.Expression) -> Term:
    if str(node.this).lower() not in _UTF8:
        raise Untranslatable(f"it has a text in {str(node.this).lstrip('_')}")
    return reader.term(node.expression)


def _sum(op: str, sign: int) -> Callable[[Reader, exp.Expression], Term]:
    def read(reader: Reader, node: exp.Expression) -> Term:
        only(node, "this", "expression")
        if isinstance(node.expression, exp.Interval):
            return known.shifted(reader, known.moment(reader, node.this), node.expression, sign)
        return calculate(op, reader.number(node.this), reader.number(node.expression))

    return read


def _divide(reader: Reader, node: exp.Expression) -> Term:
    """NULL by zero; an exact dividend gives a quotient of four more digits."""
    left, right = reader.number(node.this), reader.number(node.expression)
    divisor = _not_zero(right)
    kind = calculate("add", left, right).kind
    if isinstance(kind, kinds.Float):
        return call("quotient", kind, left, divisor)
    scale = left.kind.scale if isinstance(left.kind, kinds.Decimal) else 0
    if scale is None:
        raise Untranslatable("it divides a number whose digits are not known")
    digits = scale + _DIVISION_DIGITS
    return call("ratio", kinds.Decimal(precision=65, scale=digits), left, divisor, value=str(digits))


def _whole(op: str) -> Callable[[Reader, exp.Expression], Term]:
    """DIV and %: NULL by zero."""

    def read(reader: Reader, node: exp.Expression) -> Term:
        return _of_whole(op, reader.number(node.this), reader.number(node.expression))

    return read


def _of_whole(op: str, left: Term, right: Term) -> Term:
    if not isinstance(left.kind, kinds.Int) or not isinstance(right.kind, kinds.Int):
        raise Untranslatable("it divides, with a remainder, what is no integer")
    return call(op, INT, left, _not_zero(right))


def _not_zero(term: Term) -> Term:
    return term if integer(term) else call("nullif", term.kind, term, ZERO)


def _mod(reader: Reader, args: Nodes) -> Term:
    expect(args, 2, 2)
    return _of_whole("mod", reader.number(args[0]), reader.number(args[1]))


def _cast(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "to")
    value, to = reader.term(node.this), node.args["to"]
    name = str(to.this.name if hasattr(to.this, "name") else to.this)
    if isinstance(node.this, exp.Literal) and name in ("DATE", "DATETIME"):
        raise Untranslatable("it makes a date of a text")
    if name == "CHARACTER_SET" and str(to.args["kind"].name).startswith("utf8"):
        return reader.as_text(value)
    if name in ("CHAR", "NCHAR", "VARCHAR", "TEXT") and not to.expressions:
        return reader.as_text(value)
    comparing.refuse_quotients(value)
    if name == "BIGINT" and isinstance(value.kind, kinds.Int | kinds.Bool | kinds.Decimal):
        return call("cast", INT, reader.as_number(value))
    if name == "DECIMAL" and isinstance(value.kind, kinds.Int | kinds.Decimal):
        precision, scale = [*(int(each.name) for each in to.expressions), 10, 0][:2] if to.expressions else (10, 0)
        return call("cast", kinds.Decimal(precision=precision, scale=scale), value)
    if name == "DATE" and isinstance(value.kind, kinds.Timestamp | kinds.Date):
        return call("cast", DATE, value)
    raise Untranslatable(f"it casts to {name.lower()}")


def _now(_: Reader, args: Nodes) -> Term:
    fsp = int(args[0].name) if args and isinstance(args[0], exp.Literal) else 0
    return call("now", kinds.Timestamp(fsp=fsp), value=str(fsp))


def _condition(reader: Reader, args: Nodes) -> Term:
    expect(args, 3, 3)
    first, *rest = args
    values = [reader.condition_as_value(reader.term(each)) for each in rest]
    return choice(reader, [reader.truth(first), values[0]], values[1])


def _octets(reader: Reader, args: Nodes) -> Term:
    """
    LENGTH, as the length of all of a text only: how many bytes it has depends on its character set, but they are never
    fewer than its characters.
    """
    expect(args, 1, 1)
    return call("limit", _LIMIT, reader.text(args[0]))


def _average(reader: Reader, args: Nodes) -> Term:
    expect(args, 1, 1)
    value = reader.number(args[0])
    comparing.refuse_quotients(value)
    scale = value.kind.scale if isinstance(value.kind, kinds.Decimal) else 0
    if isinstance(value.kind, kinds.Float):
        return call("avg", value.kind, value)
    if scale is None:
        raise Untranslatable("it divides a number whose digits are not known")
    digits = scale + _DIVISION_DIGITS
    return call("average", kinds.Decimal(precision=65, scale=digits), value, value=str(digits))


def _shift(sign: int) -> Reading:
    def read(reader: Reader, args: Nodes) -> Term:
        expect(args, 2, 2)
        if not isinstance(args[1], exp.Interval):
            raise Untranslatable("it adds to a date what is no interval")
        return known.shifted(reader, known.moment(reader, args[0]), args[1], sign)

    return read


def _days_between(reader: Reader, args: Nodes) -> Term:
    expect(args, 2, 2)
    return call("days", INT, *(call("cast", DATE, known.moment(reader, each)) for each in args))


def _day_number(reader: Reader, args: Nodes) -> Term:
    """As the server prints DATEDIFF: days since a year 0."""
    expect(args, 1, 1)
    return call("day_number", INT, call("cast", DATE, known.moment(reader, args[0])))


def _formatted(reader: Reader, args: Nodes) -> Term:
    expect(args, 2, 2)
    form = reader.term(args[1])
    if form.op != "string":
        raise Untranslatable("it formats a date by what is no constant")
    return call("format_date", TEXT, known.moment(reader, args[0]), value=form.value, texts="")


def _piece(reader: Reader, args: Nodes) -> Term:
    """SUBSTRING_INDEX, for the first and the last piece."""
    expect(args, 3, 3)
    text, mark, count = reader.text(args[0]), reader.term(args[1]), integer(reader.term(args[2]))
    if mark.op != "string" or not mark.value or count not in (1, -1):
        raise Untranslatable("it takes another piece of a text than the first or the last")
    return call("piece", TEXT, text, mark, value=str(count))


def _path(text: str) -> tuple[str, ...]:
    """Names only: a number would here find the value itself where it is no array, and an array's element there."""
    steps = re.findall(r'\.(?:([A-Za-z_]\w*)|"([^"\\]+)")', text)
    exact = "$" + "".join(f".{plain}" if plain else f'."{quoted}"' for plain, quoted in steps) == text
    if not exact or any(quoted.lstrip("-").isdigit() for _, quoted in steps):
        raise Untranslatable("it looks into JSON by a path of a form that is not known here")
    return tuple(plain or quoted for plain, quoted in steps)


def _extracted(reader: Reader, args: Nodes) -> Term:
    expect(args, 2, 2)
    document, path = reader.term(args[0]), reader.term(args[1])
    if not isinstance(document.kind, kinds.Json) or path.op != "string":
        raise Untranslatable("it looks for JSON in what is none")
    return call("json_get", document.kind, document, *map(string, _path(path.value)))


def _unquoted(reader: Reader, args: Nodes) -> Term:
    """JSON null becomes the text null here, numbers and texts what they are."""
    expect(args, 1, 1)
    inner = reader.term(args[0])
    if inner.op != "json_get":
        raise Untranslatable("it takes JSON for a text")
    return call("json_text", TEXT, *inner.args, texts="exact", value="json" if _exact(inner) else "jsonb")


def _exact(term: Term) -> bool:
    return isinstance(term.kind, kinds.Json) and term.kind.exact


def _by_arrow(unquote: bool) -> Callable[[Reader, exp.Expression], Term]:
    def read(reader: Reader, node: exp.Expression) -> Term:
        path = node.expression.sql(dialect="mysql") if isinstance(node.expression, exp.JSONPath) else ""
        extracted = exp.Anonymous(this="json_extract", expressions=[node.this, exp.Literal.string(path.strip("'"))])
        inner = _extracted(reader, extracted.expressions)
        if not unquote:
            return inner
        return call("json_text", TEXT, *inner.args, texts="exact", value="json" if _exact(inner) else "jsonb")

    return read


FUNCTIONS: Mapping[str, Reading] = {
    **dict.fromkeys(("upper", "ucase"), known.of_text("upper")),
    **dict.fromkeys(("lower", "lcase"), known.of_text("lower")),
    **dict.fromkeys(("char_length", "character_length"), known.of_text("length", INT)),
    **dict.fromkeys(("substring", "substr", "mid"), known.substring),
    **dict.fromkeys(("now", "current_timestamp", "localtime", "localtimestamp", "sysdate"), _now),
    **dict.fromkeys(("current_timestamp!", "localtimestamp!", "localtime!"), _now),
    **dict.fromkeys(("curdate", "current_date", "current_date!"), known.fixed(lambda: Term(op="today", kind=DATE))),
    **dict.fromkeys(("ifnull", "coalesce", "nvl"), known.coalesce),
    **dict.fromkeys(("day", "dayofmonth"), known.part_of("day")),
    **dict.fromkeys(("date_add", "adddate"), _shift(1)),
    **dict.fromkeys(("date_sub", "subdate"), _shift(-1)),
    **dict.fromkeys(("ceil", "ceiling"), known.of_number("ceil", floats=False)),
    **{unit: known.part_of(unit) for unit in ("year", "quarter", "month", "hour", "minute", "second")},
    "length": _octets,
    "octet_length": _octets,
    "trim": known.of_text("trim"),
    "ltrim": known.of_text("ltrim"),
    "rtrim": known.of_text("rtrim"),
    "reverse": known.of_text("reverse"),
    "left": known.of_text_and_count("left"),
    "right": known.of_text_and_count("right"),
    "repeat": known.of_text_and_count("repeat"),
    "lpad": known.pad("lpad"),
    "rpad": known.pad("rpad"),
    "replace": known.of_texts("replace", 3),
    "substring_index": _piece,
    "concat": known.concat,
    "concat_ws": known.concat_ws,
    "if": _condition,
    "nullif": known.nullif,
    "isnull": known.truth_of_null,
    "greatest": known.extreme("greatest"),
    "least": known.extreme("least"),
    "abs": known.of_number("abs"),
    "floor": known.of_number("floor", floats=False),
    "round": known.rounded,
    "mod": _mod,
    "dayofyear": known.part_of("doy"),
    "date": known.to_date,
    "datediff": _days_between,
    "to_days": _day_number,
    "date_format": _formatted,
    "uuid": known.fixed(lambda: Term(op="uuid", kind=TEXT)),
    "json_extract": _extracted,
    "json_unquote": _unquoted,
    "count": known.count,
    "sum": known.total,
    "avg": _average,
    "min": known.best("min"),
    "max": known.best("max"),
}

NODES: Mapping[type[exp.Expression], Callable[[Reader, exp.Expression], Term]] = {
    exp.Introducer: _introducer,
    exp.Add: _sum("add", 1),
    exp.Sub: _sum("sub", -1),
    exp.Div: _divide,
    exp.IntDiv: _whole("idiv"),
    exp.Mod: _whole("mod"),
    exp.Cast: _cast,
    exp.GroupConcat: known.joined,
    exp.JSONExtract: _by_arrow(unquote=False),
    exp.JSONExtractScalar: _by_arrow(unquote=True),
    exp.Extract: lambda reader, node: known.extract(
        str(node.this).lower(), known.moment(reader, node.args["expression"])
    ),
}
