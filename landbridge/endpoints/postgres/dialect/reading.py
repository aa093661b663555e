"""What the functions and the syntax of this family mean, as neutral operations (landbridge/translation)."""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from landbridge import kinds
from landbridge.endpoints.postgres.kinds import kind_of
from landbridge.translation import comparing
from landbridge.translation import functions as known
from landbridge.translation.dialect import Reading
from landbridge.translation.functions import Nodes, expect
from landbridge.translation.reading import Reader, calculate, only
from landbridge.translation.terms import (
    BOOL,
    DATE,
    INT,
    MOMENTS,
    Term,
    Untranslatable,
    call,
)

_NAMED_AGAIN = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "decimal": "numeric",
    "varchar": "text",
}


def _cast(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "to")
    value = reader.term(node.this)
    kind = _kind(node.args["to"])
    if value.kind is None:
        return value
    if value.op == "string":
        return _constant(value, kind)
    if isinstance(kind, kinds.Text) and kind.length is None and not kind.fixed:
        return reader.as_text(value)
    if isinstance(value.kind, kinds.Int | kinds.Decimal):
        return _cast_number(value, kind)
    if isinstance(value.kind, kinds.Timestamp | kinds.Date) and isinstance(kind, kinds.Date):
        return call("cast", DATE, value)
    if isinstance(value.kind, kinds.Bool) and isinstance(kind, kinds.Int):
        return call("whole", INT, value)
    raise Untranslatable(f"it casts to {node.args['to'].sql()}")


def _cast_number(value: Term, kind: kinds.Kind) -> Term:
    constant = value.op == "number"
    if isinstance(kind, kinds.Decimal) and kind.precision is None:
        return value if constant or isinstance(value.kind, kinds.Decimal) else call("cast", _decimal(0), value)
    if isinstance(kind, kinds.Float):
        return Term(op="number", kind=kind, value=f"{value.value}e0") if constant else call("cast", kind, value)
    if isinstance(kind, kinds.Int | kinds.Decimal):
        return call("cast", kind, value)
    raise Untranslatable("it casts a number to what is none")


def _decimal(scale: int) -> kinds.Decimal:
    return kinds.Decimal(precision=65 - scale, scale=scale)


def _kind(to: exp.Expression) -> kinds.Kind:
    native = to.sql(dialect="postgres").lower()
    head, bracket, rest = native.partition("(")
    native = _NAMED_AGAIN.get(head, head) + bracket + rest.replace(" ", "")
    if native in ("timestamp", "timestamptz"):
        native = f"timestamp with{'' if native.endswith('z') else 'out'} time zone"
    return kinds.Text() if native in ("text", "bpchar") else kind_of(native)


def _constant(value: Term, kind: kinds.Kind) -> Term:
    """Of a type that is a user's: only what it is compared with says what it means."""
    if isinstance(kind, kinds.Text) and len(value.value) <= (kind.length or len(value.value)):
        return value
    if isinstance(kind, kinds.Other):
        return Term(op="string", kind=kind, value=value.value)
    if isinstance(kind, kinds.Int) and re.fullmatch(r"-?\d+", value.value):
        return known.signed(value.value)
    if isinstance(kind, kinds.Decimal) and re.fullmatch(r"-?\d+(\.\d+)?", value.value):
        number = known.signed(value.value)
        return number if kind.precision is None else call("cast", kind, number)
    if isinstance(kind, kinds.Bool) and value.value in ("t", "f", "true", "false"):
        return Term(op="true" if value.value[0] == "t" else "false", kind=BOOL)
    if isinstance(kind, MOMENTS) and "." not in value.value:
        column = Term(op="column", kind=kind)
        return comparing.with_constant("eq", column, value).args[1]
    raise Untranslatable("it has a constant of a type that is not known there")


def _any(reader: Reader, node: exp.Expression) -> Term:
    """x = ANY (ARRAY[…]), as the server prints IN."""
    only(node, "this", "expression")
    if not isinstance(node.expression, exp.Any):
        return comparing.compare(reader, "eq", reader.term(node.this), reader.term(node.expression))
    return _among(reader, node.this, node.expression.this)


def _all(reader: Reader, node: exp.Expression) -> Term:
    """x <> ALL (ARRAY[…]), as the server prints NOT IN."""
    only(node, "this", "expression")
    right = node.expression
    if not (isinstance(right, exp.Anonymous) and str(right.this).upper() == "ALL" and len(right.expressions) == 1):
        return comparing.compare(reader, "ne", reader.term(node.this), reader.term(right))
    return call("not", BOOL, _among(reader, node.this, right.expressions[0]))


def _among(reader: Reader, value: exp.Expression, array: exp.Expression) -> Term:
    while isinstance(array, exp.Paren | exp.Cast):
        array = array.this
    if not isinstance(array, exp.Array):
        raise Untranslatable("it compares with the elements of an array")
    return reader.term(exp.In(this=value, expressions=array.expressions))


def _joined(reader: Reader, node: exp.Expression) -> Term:
    parts: list[exp.Expression] = []
    stack: list[exp.Expression] = [node]
    while stack:
        each = stack.pop()
        inner = each.unnest()
        if isinstance(inner, exp.DPipe):
            stack += [inner.expression, inner.this]
        else:
            parts.append(each)
    return known.concat(reader, parts)


def _divide(reader: Reader, node: exp.Expression) -> Term:
    left, right = reader.number(node.this), reader.number(node.expression)
    kind = calculate("add", left, right).kind
    if isinstance(kind, kinds.Int):
        return call("idiv", INT, left, right)
    if isinstance(kind, kinds.Float):
        return call("quotient", kind, left, right)
    raise Untranslatable("it divides numbers, which keeps other digits there")


def _mod(reader: Reader, node: exp.Expression) -> Term:
    left, right = reader.number(node.this), reader.number(node.expression)
    if not isinstance(left.kind, kinds.Int) or not isinstance(right.kind, kinds.Int):
        raise Untranslatable("it divides, with a remainder, what is no integer")
    return call("mod", INT, left, right)


def _now(fsp: int) -> Reading:
    return known.fixed(lambda: Term(op="now", kind=kinds.TimestampTz(fsp=fsp), value=str(fsp)))


def _length(reader: Reader, args: Nodes) -> Term:
    expect(args, 1, 1)
    return call("length", INT, reader.text(args[0]))


FUNCTIONS: Mapping[str, Reading] = {
    **dict.fromkeys(("length", "char_length", "character_length"), _length),
    **dict.fromkeys(("now", "transaction_timestamp", "current_timestamp!"), _now(6)),
    **dict.fromkeys(("substring", "substr"), known.substring),
    "upper": known.of_text("upper"),
    "lower": known.of_text("lower"),
    "btrim": known.of_text("trim"),
    "ltrim": known.of_text("ltrim"),
    "rtrim": known.of_text("rtrim"),
    "reverse": known.of_text("reverse"),
    "left": known.of_text_and_count("left"),
    "right": known.of_text_and_count("right"),
    "repeat": known.of_text_and_count("repeat"),
    "lpad": known.pad("lpad"),
    "rpad": known.pad("rpad"),
    "replace": known.of_texts("replace", 3),
    "octet_length": known.of_text("octets", INT),
    "concat": known.concat_skipping,
    "concat_ws": known.concat_ws,
    "coalesce": known.coalesce,
    "nullif": known.nullif,
    "abs": known.of_number("abs"),
    "floor": known.of_number("floor", floats=False),
    "ceil": known.of_number("ceil", floats=False),
    "ceiling": known.of_number("ceil", floats=False),
    "round": known.rounded,
    "localtimestamp!": known.fixed(lambda: Term(op="now", kind=kinds.Timestamp(fsp=6), value="6")),
    "current_date!": known.fixed(lambda: Term(op="today", kind=DATE)),
    "gen_random_uuid": known.fixed(lambda: Term(op="uuid", kind=kinds.Uuid())),
    "count": known.count,
    "sum": known.total,
    "min": known.best("min"),
    "max": known.best("max"),
}

NODES: Mapping[type[exp.Expression], Callable[[Reader, exp.Expression], Term]] = {
    exp.Cast: _cast,
    exp.EQ: _any,
    exp.NEQ: _all,
    exp.DPipe: _joined,
    exp.Div: _divide,
    exp.Mod: _mod,
    exp.GroupConcat: known.joined,
    exp.Extract: lambda reader, node: known.extract(
        str(node.this).lower(), known.moment(reader, node.args["expression"])
    ),
}
