"""
Random expressions in the words of one family, as a person writes them and as its server prints them in a view: what is
translated has the same values on the other side. What is refused is no failure; too much refused is.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from landbridge import translation
from landbridge.model import TableName
from landbridge.translation.places import Place
from tests.engines.test_translated_values import KINDS, on_mariadb, on_mysql, on_postgres, plain
from tests.support import rows

__all__ = ["on_mariadb", "on_mysql", "on_postgres"]

Grammar = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""For integers, decimals, conditions, texts and dates: what is simple, and what is made of others."""

MYSQL: Grammar = {
    "I": (
        ("a", "b", "id", "1", "0", "-3", "y", "7"),
        ("{I} + {I}", "{I} - {I}", "{I} * a", "{I} div {I}", "{I} % {I}", "-{I}", "({I})", "if({B}, {I}, {I})", "ifnull({I}, {I})",
         "abs({I})", "case when {B} then {I} when {B} then {I} else {I} end", "char_length({T})", "month({D})", "({B})",
         "greatest({I}, {I})", "datediff({D}, {D})", "nullif({I}, {I})", "round({C})", "floor({C})", "cast({C} as signed)"),
    ),
    "C": (
        ("p", "1.5", "0.05", "-2.345"),
        ("{C} + {I}", "{C} * p", "({C} - {C})", "round({C}, 1)", "ifnull({C}, {I})", "if({B}, {C}, {I})", "round({C} / {I}, 2)"),
    ),
    "B": (
        ("f", "a > 0", "b is null", "a = b", "f = 1", "e = 'new'", "x = 'x'", "not f", "1", "a", "y > 1999"),
        ("{B} and {B}", "{B} or {B}", "not {B}", "!({B})", "({B}) is not true", "{I} < {I}", "{I} <=> {I}", "{I} between {I} and {I}",
         "{I} not in ({I}, {I})", "{C} > {I}", "{D} < {D}", "({B}) is null", "({B}) = ({B})", "{D} >= '2000-02-29'"),
    ),
    "T": (
        ("t", "x", "'abc'", "'it''s'", "''", "' b '"),
        ("concat({T}, {T})", "concat({T}, a)", "upper({T})", "trim({T})", "substring({T}, 2)", "left({T}, 2)", "if({B}, {T}, {T})",
         "coalesce({T}, {T})", "concat_ws('-', {T}, {T})", "replace({T}, 'a', 'bb')", "lpad({T}, 4, '*')", "cast({I} as char)"),
    ),
    "D": (
        ("d",),
        ("{D} + interval 1 month", "{D} + interval a % 5 day", "date(m)", "if({B}, {D}, {D})", "{D} - interval 2 day"),
    ),
}  # fmt: skip
POSTGRES: Grammar = {
    "I": (
        ("a", "b", "id", "1", "0", "(-3)", "7"),
        ("({I} + {I})", "({I} - {I})", "({I} / nullif({I}, 0))", "({I} % nullif({I}, 0))", "(- {I})", "coalesce({I}, {I})", "abs({I})",
         "case when {B} then {I} else {I} end", "length({T})", "extract(month from {D})", "({B})::integer", "nullif({I}, {I})",
         "round({C})", "({C})::bigint"),
    ),
    "C": (
        ("p", "1.5", "0.05", "(-2.345)"),
        ("({C} + {I})", "({C} * p)", "({C} - {C})", "round({C}, 1)", "coalesce({C}, {I})", "({C})::numeric(14,1)"),
    ),
    "B": (
        ("f", "a > 0", "b is null", "e = 'new'", "x = 'x'", "t like 'A%'", "x <> 'X'"),
        ("({B} and {B})", "({B} or {B})", "(not {B})", "({B}) is not false", "({I} < {I})", "({I} is distinct from {I})",
         "({I} between {I} and {I})", "({I} not in ({I}, {I}))", "({C} > {I})", "({D} < {D})", "({T} = {T})", "({T} not like '%b_c')"),
    ),
    "T": (
        ("t", "x", "'abc'::text", "'it''s'::text", "''::text", "' b '::text"),
        ("({T} || {T})", "({T} || a)", "upper({T})", "btrim({T})", "substring({T}, 2)", "left({T}, 2)", "coalesce({T}, {T})",
         "concat({T}, {T})", "concat_ws('-', {T}, {T})", "replace({T}, 'a', 'bb')", "lpad({T}, 4, '*')", "({I})::text", "(d)::text"),
    ),
    "D": (("d",), ("(m)::date", "case when {B} then {D} else {D} end")),
}  # fmt: skip

HERE = TableName(schema="translated", name="v")


def draw(chance: random.Random, grammar: Grammar, kind: str, depth: int) -> str:
    simple, made = grammar[kind]
    text = chance.choice(made if depth else simple)
    return re.sub(r"\{([ICBTD])\}", lambda inner: draw(chance, grammar, inner[1], depth - 1), text)


def drawn(grammar: Grammar, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [draw(chance, grammar, chance.choice("ICBTD"), chance.choice((1, 2, 2, 3))) for _ in range(150)]


def values(connection: Any, query: str) -> list[object]:
    return [plain(value) for (value,) in rows(connection, query)]


def compare(
    families: tuple[str, str], expressions: Sequence[str], there: Any, here: Any, printed: Callable[[], str]
) -> int:
    """How many were translated."""
    done = 0
    for expression in expressions:
        try:
            wanted = values(there, f"SELECT {expression} AS val FROM v ORDER BY v.id")
        except Exception:  # noqa: BLE001  (the source itself refuses it: an overflow, a division by zero)
            continue
        rows(there, "DROP VIEW IF EXISTS drawn")
        rows(there, f"CREATE VIEW drawn AS SELECT id, {expression} AS val FROM v")
        own = translation.expression(expression, *families, KINDS)
        whole = translation.query(printed(), *families, {HERE: HERE}, {HERE: Place(columns=KINDS)})
        if own is not None:
            assert values(here, f"SELECT {own} AS val FROM v ORDER BY v.id") == wanted, expression
        if whole is not None:
            assert values(here, f"SELECT val FROM ({whole}) AS shown ORDER BY id") == wanted, expression
        done += (own is not None) + (whole is not None)
    return done


@pytest.mark.parametrize("source", ["on_mysql", "on_mariadb"])
def test_from_mysql(source: str, on_postgres: Any, request: pytest.FixtureRequest) -> None:
    there = request.getfixturevalue(source)

    def printed() -> str:
        text: str = rows(there, "SHOW CREATE VIEW drawn")[0][1]
        return text[text.index(" AS select ") + 4 :].replace("from `v`", "from `translated`.`v`")

    assert compare(("mysql", "postgres"), drawn(MYSQL, 1), there, on_postgres, printed) > 200


@pytest.mark.parametrize("target", ["on_mysql", "on_mariadb"])
def test_from_postgres(target: str, on_postgres: Any, request: pytest.FixtureRequest) -> None:
    def printed() -> str:
        rows(on_postgres, "SET search_path = ''")
        text: str = rows(on_postgres, "SELECT pg_get_viewdef('translated.drawn'::regclass)")[0][0]
        rows(on_postgres, "SET search_path = translated")
        return text.rstrip(";")

    here = request.getfixturevalue(target)
    assert compare(("postgres", "mysql"), drawn(POSTGRES, 1), on_postgres, here, printed) > 200
