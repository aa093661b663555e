"""How this family writes each neutral operation (landbridge/translation)."""

import re
from collections.abc import Mapping, Sequence

from landbridge import kinds
from landbridge.endpoints.postgres.names import literal
from landbridge.translation.dialect import Writing
from landbridge.translation.terms import (
    Term,
    Untranslatable,
)


def _write_case(_: Term, texts: Sequence[str]) -> str:
    pairs = "".join(f" WHEN {when} THEN {then}" for when, then in zip(texts[0::2], texts[1::2], strict=False))
    return f"CASE{pairs}{f' ELSE {texts[-1]}' if len(texts) % 2 else ''} END"


def _write_product(operator: str) -> Writing:
    """Two integers in the width of the source's arithmetic, which is 64 bits."""

    def write(term: Term, texts: Sequence[str]) -> str:
        return f"({_wide(term, texts[0])} {operator} {texts[1]})"

    return write


def _wide(term: Term, text: str) -> str:
    constant = term.args[0].op == "number"
    return f"{text}::{type_name(term.kind)}" if isinstance(term.kind, kinds.Int) and not constant else text


def _write_cast(term: Term, texts: Sequence[str]) -> str:
    return f"({texts[0]})::{type_name(term.kind)}"


_TYPE_NAMES: Mapping[type, str] = {
    kinds.Date: "date",
    kinds.Timestamp: "timestamp",
    kinds.TimestampTz: "timestamptz",
    kinds.Time: "time",
    kinds.Uuid: "uuid",
}


def type_name(kind: kinds.Kind | None) -> str:
    if isinstance(kind, kinds.Int):
        return "numeric" if kind.unsigned else "bigint"
    if isinstance(kind, kinds.Decimal):
        return "numeric" if kind.precision is None else f"numeric({kind.precision},{kind.scale or 0})"
    name = _TYPE_NAMES.get(type(kind))
    if name is None:
        raise Untranslatable("it casts to a type that is none here")
    return name


def _write_constant(term: Term, _: Sequence[str]) -> str:
    if isinstance(term.kind, kinds.Enum):
        return literal(term.value)
    return f"{literal(term.value)}::{type_name(term.kind)}"


def _write_extract(term: Term, texts: Sequence[str]) -> str:
    part = f"extract({term.value} FROM {texts[0]})"
    return f"trunc({part})::integer" if term.value == "second" else f"({part})::integer"


def _write_shift(term: Term, texts: Sequence[str]) -> str:
    """Past the year 9999 the operation has no value, here the date goes on; LEAST passes over NULL."""
    kind = type_name(term.kind)
    shifted = f"({texts[0]} + {texts[1]} * interval '1 {term.value}')::{kind}"
    end = f"'10000-01-01'::{kind}"
    return f"NULLIF(LEAST({shifted}, {end}), {end})"


_FORMAT = {
    "%Y": "YYYY", "%y": "YY", "%m": "MM", "%c": "FMMM", "%d": "DD", "%e": "FMDD", "%H": "HH24", "%k": "FMHH24",
    "%h": "HH12", "%I": "HH12", "%l": "FMHH12", "%i": "MI", "%s": "SS", "%S": "SS", "%f": "US", "%p": "AM",
    "%j": "DDD", "%M": "FMMonth", "%b": "Mon", "%W": "FMDay", "%a": "Dy", "%T": "HH24:MI:SS", "%%": "%",
}  # fmt: skip
"""What the formats of DATE_FORMAT are for to_char (manual, 9.8)."""


def _write_format(term: Term, texts: Sequence[str]) -> str:
    written = []
    for part in re.findall(r"%.|[^%]+", term.value, re.DOTALL):
        if part.startswith("%") and part not in _FORMAT:
            raise Untranslatable(f"it formats a date by {part}")
        plain = re.sub(r'(["\\])', r"\\\1", part)
        written.append(_FORMAT[part] if part.startswith("%") else f'"{plain}"' if re.search(r"\w", part) else part)
    return f"to_char({texts[0]}, {literal(''.join(written))})"


def _write_join(term: Term, texts: Sequence[str]) -> str:
    if term.value and any(key.args[0] != term.args[0] for key in term.args[2:]):
        return _write_distinct_join(term, texts)
    distinct = "DISTINCT " if term.value else ""
    order = f" ORDER BY {', '.join(texts[2:])}" if texts[2:] else ""
    return f"string_agg({distinct}{texts[0]}, {texts[1]}{order})"


def _write_distinct_join(term: Term, texts: Sequence[str]) -> str:
    """DISTINCT takes no order by anything else here: the values are made distinct first, each with its least key."""
    keys, sorts = [], []
    for number, (key, text) in enumerate(zip(term.args[2:], texts[2:], strict=True)):
        suffix = order("", bool(key.value), nulls_first=not key.value)
        keys.append(text.removesuffix(suffix))
        sorts.append(f"d.k{number}{suffix}")
    columns = "".join(f", k{number}" for number in range(len(keys)))
    least = "".join(f", min(u.k{number}) AS k{number}" for number in range(len(keys)))
    rows = f"unnest({', '.join(f'array_agg({text})' for text in (texts[0], *keys))}) AS u (v{columns})"
    inner = f"SELECT u.v{least} FROM {rows} GROUP BY u.v"
    return f"(SELECT string_agg(d.v, {texts[1]} ORDER BY {', '.join(sorts)}) FROM ({inner}) AS d)"


def _write_extreme(name: str) -> Writing:
    """NULL when one is, which the functions here pass over."""

    def write(_: Term, texts: Sequence[str]) -> str:
        either = " OR ".join(f"{text} IS NULL" for text in texts)
        return f"CASE WHEN {either} THEN NULL ELSE {name}({', '.join(texts)}) END"

    return write


def _write_json(_: Term, texts: Sequence[str]) -> str:
    return f"({texts[0]} #> ARRAY[{', '.join(texts[1:])}]::text[])"


def _write_json_text(term: Term, texts: Sequence[str]) -> str:
    """JSON null is the text null in the family that has this operation; NULL by #>>."""
    path = f"ARRAY[{', '.join(texts[1:])}]::text[]"
    null = f"{term.value}_typeof({texts[0]} #> {path}) = 'null'"
    return f"CASE WHEN {null} THEN 'null' ELSE {texts[0]} #>> {path} END"


def order(text: str, descending: bool, nulls_first: bool) -> str:
    """NULL is the greatest value here."""
    direction = " DESC" if descending else ""
    if nulls_first == descending:
        return f"{text}{direction}"
    return f"{text}{direction} NULLS {'FIRST' if nulls_first else 'LAST'}"


def _write_concat(_: Term, texts: Sequence[str]) -> str:
    return f"({' || '.join(texts)})" if len(texts) > 1 else f"{texts[0]}::text"


WRITES: Mapping[str, Writing] = {
    "string": lambda term, _: literal(term.value),
    "constant": _write_constant,
    "number": lambda term, _: f"{term.value}{'::double precision' if isinstance(term.kind, kinds.Float) else ''}",
    "null": "NULL",
    "true": "true",
    "false": "false",
    "and": "({0} AND {1})",
    "or": "({0} OR {1})",
    "not": "(NOT {0})",
    "eq": "({0} = {1})",
    "ne": "({0} <> {1})",
    "same": "({0} IS NOT DISTINCT FROM {1})",
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "isnull": "({0} IS NULL)",
    "istrue": "({0} IS TRUE)",
    "isfalse": "({0} IS FALSE)",
    "in": lambda _, texts: f"({texts[0]} IN ({', '.join(texts[1:])}))",
    "among": "({0} IN {1})",
    "exists": "EXISTS {0}",
    "any": "(array_agg({0}))[1]",
    "query": lambda term, _: term.value,
    "like": "({0} LIKE {1})",
    "case": _write_case,
    "coalesce": "COALESCE({all})",
    "nullif": "NULLIF({0}, {1})",
    "greatest": _write_extreme("greatest"),
    "least": _write_extreme("least"),
    "add": _write_product("+"),
    "sub": _write_product("-"),
    "mul": _write_product("*"),
    "neg": lambda term, texts: f"(- {_wide(term, texts[0])})",
    "idiv": _write_product("/"),
    "mod": _write_product("%"),
    "quotient": "({0} / {1})",
    "ratio": lambda term, texts: f"round({texts[0]}::numeric / {texts[1]}, {term.value})",
    "whole": "({0})::integer",
    "text": "({0})::text",
    "cast": _write_cast,
    "concat": _write_concat,
    "concat_ws": "concat_ws({all})",
    "upper": "upper({0})",
    "lower": "lower({0})",
    "length": "char_length({0})",
    "octets": "octet_length({0})",
    "trim": "btrim({0})",
    "ltrim": "ltrim({0})",
    "rtrim": "rtrim({0})",
    "reverse": "reverse({0})",
    "left": '"left"({0}, {1})',
    "right": '"right"({0}, {1})',
    "repeat": "repeat({0}, {1})",
    "lpad": "lpad({all})",
    "rpad": "rpad({all})",
    "replace": "replace({all})",
    "substring": '"substring"({all})',
    "piece": lambda term, texts: f"split_part({texts[0]}, {texts[1]}, {term.value})",
    "abs": lambda term, texts: f"abs({_wide(term, texts[0])})",
    "ceil": "ceil({0})",
    "floor": "floor({0})",
    "round": lambda term, texts: f"round(({texts[0]})::numeric, {term.value})",
    "extract": _write_extract,
    "shift": _write_shift,
    "day_number": "({0} - '0001-01-01'::date + 366)",
    "days": "({0} - {1})",
    "format_date": _write_format,
    "today": "CURRENT_DATE",
    "now": lambda term, _: "LOCALTIMESTAMP" if term.value == "6" else "date_trunc('second', LOCALTIMESTAMP)",
    "uuid": "gen_random_uuid()::text",
    "json_get": _write_json,
    "json_text": _write_json_text,
    "count": lambda _, texts: f"count({texts[0] if texts else '*'})",
    "count_distinct": "count(DISTINCT {0})",
    "sum": "sum({0})",
    "avg": "avg({0})",
    "average": lambda term, texts: f"round(avg({texts[0]}), {term.value})",
    "min": "min({0})",
    "max": "max({0})",
    "join_texts": _write_join,
    "sort": lambda term, texts: order(texts[0], bool(term.value), nulls_first=not term.value),
}


def stable(term: Term) -> bool:
    """What no generated column and no index may rest on: the functions that are not immutable."""
    inner = term.args[0].kind if term.args else None
    if term.op == "text":
        return isinstance(inner, kinds.Enum | kinds.Date | kinds.Timestamp | kinds.TimestampTz)
    if term.op in ("extract", "cast", "shift"):
        return any(isinstance(part.kind, kinds.TimestampTz) for part in (term, *term.args))
    if term.op == "constant":
        return isinstance(term.kind, kinds.TimestampTz)
    return term.op in ("now", "today", "uuid", "format_date", "concat_ws")
