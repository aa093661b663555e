"""How this family writes each neutral operation (landbridge/translation)."""

from collections.abc import Mapping, Sequence

from landbridge import kinds
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.translation.dialect import Writing
from landbridge.translation.terms import (
    Term,
    Untranslatable,
)


def _write_case(_: Term, texts: Sequence[str]) -> str:
    pairs = "".join(f" WHEN {when} THEN {then}" for when, then in zip(texts[0::2], texts[1::2], strict=False))
    return f"CASE{pairs}{f' ELSE {texts[-1]}' if len(texts) % 2 else ''} END"


def _write_equality(operator: str) -> Writing:
    """Texts of another family's exact comparison are compared as bytes, whatever collation they have here."""

    def write(term: Term, texts: Sequence[str]) -> str:
        if any(isinstance(arg.kind, kinds.Text) for arg in term.args):
            texts = [f"CAST({text} AS BINARY)" for text in texts]
        return f"({texts[0]} {operator} {texts[1]})"

    return write


def _write_in(term: Term, texts: Sequence[str]) -> str:
    if isinstance(term.args[0].kind, kinds.Text):
        texts = [f"CAST({text} AS BINARY)" for text in texts]
    return f"({texts[0]} IN ({', '.join(texts[1:])}))"


def _write_among(term: Term, texts: Sequence[str]) -> str:
    value = f"CAST({texts[0]} AS BINARY)" if isinstance(term.args[0].kind, kinds.Text) else texts[0]
    return f"({value} IN {texts[1]})"


def _write_cast(term: Term, texts: Sequence[str]) -> str:
    _refuse_instants(*term.args)
    kind = term.kind
    if isinstance(kind, kinds.Int):
        return f"CAST({texts[0]} AS SIGNED)"
    if isinstance(kind, kinds.Decimal) and kind.precision and kind.precision <= 65:
        return f"CAST({texts[0]} AS DECIMAL({kind.precision},{kind.scale or 0}))"
    if isinstance(kind, kinds.Date):
        return f"CAST({texts[0]} AS DATE)"
    if isinstance(kind, kinds.Float):
        return f"({texts[0]} + 0e0)"
    if isinstance(kind, kinds.Timestamp):
        return f"CAST({texts[0]} AS DATETIME({kind.fsp}))"
    raise Untranslatable("it casts to a type that is none here")


def _write_constant(term: Term, _: Sequence[str]) -> str:
    if isinstance(term.kind, kinds.Date):
        return f"DATE {literal(term.value)}"
    if isinstance(term.kind, kinds.Timestamp):
        return f"TIMESTAMP {literal(term.value)}"
    if isinstance(term.kind, kinds.Enum | kinds.Uuid):
        return literal(term.value)
    raise Untranslatable("it has a constant that depends on the time zone")


def _refuse_instants(*terms: Term) -> None:
    """An instant of another family is kept in UTC here (kinds.TimestampTz), there its day depends on the session."""
    if any(isinstance(term.kind, kinds.TimestampTz) for term in terms):
        raise Untranslatable("it takes the date or clock of an instant, which depends on the session's time zone")


def _write_now(term: Term, _: Sequence[str]) -> str:
    clock = "UTC_TIMESTAMP" if isinstance(term.kind, kinds.TimestampTz) else "CURRENT_TIMESTAMP"
    return f"{clock}({term.value})"


def _write_shift(term: Term, texts: Sequence[str]) -> str:
    _refuse_instants(term)
    return f"({texts[0]} + INTERVAL {texts[1]} {term.value.upper()})"


def _write_extract(term: Term, texts: Sequence[str]) -> str:
    _refuse_instants(*term.args)
    written = {"dow": "(DAYOFWEEK({}) - 1)", "isodow": "(WEEKDAY({}) + 1)", "doy": "DAYOFYEAR({})"}
    return written.get(term.value, f"EXTRACT({term.value.upper()} FROM {{}})").format(texts[0])


def _write_join(term: Term, texts: Sequence[str]) -> str:
    distinct = "DISTINCT " if term.value else ""
    order = f" ORDER BY {', '.join(texts[2:])}" if texts[2:] else ""
    return f"GROUP_CONCAT({distinct}{texts[0]}{order} SEPARATOR {texts[1]})"


def _write_concat(_: Term, texts: Sequence[str]) -> str:
    return f"CONCAT({', '.join(texts)})"


def order(text: str, descending: bool, nulls_first: bool) -> str:
    """NULL is the least value here."""
    natural = nulls_first != descending
    direction = " DESC" if descending else ""
    return f"{text}{direction}" if natural else f"{text} IS NULL{' DESC' if nulls_first else ''}, {text}{direction}"


WRITES: Mapping[str, Writing] = {
    "string": lambda term, _: literal(term.value),
    "constant": _write_constant,
    "number": lambda term, _: term.value,
    "null": "NULL",
    "true": "TRUE",
    "false": "FALSE",
    "and": "({0} AND {1})",
    "or": "({0} OR {1})",
    "not": "(NOT {0})",
    "eq": _write_equality("="),
    "ne": _write_equality("<>"),
    "same": _write_equality("<=>"),
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "isnull": "({0} IS NULL)",
    "istrue": "({0} IS TRUE)",
    "isfalse": "({0} IS FALSE)",
    "in": _write_in,
    "among": _write_among,
    "exists": "EXISTS {0}",
    "any": "ANY_VALUE({0})",
    "query": lambda term, _: term.value,
    "like": "(CAST({0} AS BINARY) LIKE CAST({1} AS BINARY))",
    "case": _write_case,
    "coalesce": "COALESCE({all})",
    "nullif": "NULLIF({0}, {1})",
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "neg": "(-{0})",
    "idiv": "({0} DIV {1})",
    "mod": "({0} % {1})",
    "quotient": "({0} / {1})",
    "whole": "{0}",
    "text": "CAST({0} AS CHAR)",
    "cast": _write_cast,
    "concat": _write_concat,
    "concat_ws": "CONCAT_WS({all})",
    "upper": "UPPER({0})",
    "lower": "LOWER({0})",
    "length": "CHAR_LENGTH({0})",
    "octets": "LENGTH({0})",
    "trim": "TRIM({0})",
    "ltrim": "LTRIM({0})",
    "rtrim": "RTRIM({0})",
    "reverse": "REVERSE({0})",
    "left": "LEFT({0}, {1})",
    "right": "RIGHT({0}, {1})",
    "repeat": "REPEAT({0}, {1})",
    "lpad": "LPAD({all})",
    "rpad": "RPAD({all})",
    "replace": "REPLACE({all})",
    "substring": "SUBSTRING({all})",
    "abs": "ABS({0})",
    "ceil": "CEIL({0})",
    "floor": "FLOOR({0})",
    "round": lambda term, texts: f"ROUND({texts[0]}, {term.value})",
    "extract": _write_extract,
    "shift": _write_shift,
    "days": "DATEDIFF({0}, {1})",
    "today": "CURRENT_DATE",
    "now": _write_now,
    "uuid": "UUID()",
    "count": lambda _, texts: f"COUNT({texts[0] if texts else '*'})",
    "count_distinct": "COUNT(DISTINCT {0})",
    "sum": "SUM({0})",
    "avg": "AVG({0})",
    "min": "MIN({0})",
    "max": "MAX({0})",
    "join_texts": _write_join,
    "sort": lambda term, texts: order(texts[0], bool(term.value), nulls_first=bool(term.value)),
}
