"""What an engine family says of its SQL, in `dialect.py` of its folder: how it is read and how it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect as Grammar

from landbridge.translation.terms import Term, Texts

if TYPE_CHECKING:
    from landbridge.translation.reading import Reader

Reading = Callable[["Reader", Sequence[exp.Expression]], Term]
"""A function's call, from its arguments as they were parsed."""

Writing = str | Callable[[Term, Sequence[str]], str]
"""An operation as text: a template with {0}, {1} and {all} for its arguments, or what makes the text of them."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """
    grammar: sqlglot's. functions: those whose meaning is known, by lower name. nodes: what is special in its syntax.
    numbers_are_truths: a condition may be a number, and a condition is a number. texts: how a text of this collation
    compares. stable: whether the written operation depends on the session, so that no index can rest on it. assign,
    otherwise_if: how programs assign to a column of the new row, how they write ELSE IF,
    and how they refuse a change with a message and an SQLSTATE.
    select: how a query begins that is to show a view's rows whole, whatever the session. distrusts: why a text
    written in a session with these settings is read otherwise than here; empty where it is not.
    """

    grammar: type[Grammar]
    functions: Mapping[str, Reading]
    nodes: Mapping[type[exp.Expression], Callable[["Reader", exp.Expression], Term]]
    numbers_are_truths: bool
    texts: Callable[[str | None], Texts]
    nulls_first: bool
    writes: Mapping[str, Writing]
    stable: Callable[[Term], bool]
    quote: Callable[[str], str]
    order: Callable[[str, bool, bool], str]
    assign: str
    otherwise_if: str
    refuse: str
    select: str
    distrusts: Callable[[Sequence[str]], str]


def bare(base: type[Grammar]) -> type[Grammar]:
    """
    The grammar without its knowledge of functions: each call stays what it is called, so that none is taken for its
    like in another dialect.
    """
    parser = type("Parser", (base.parser_class,), {"FUNCTIONS": {}, "NO_PAREN_FUNCTIONS": {}})
    return type(f"Bare{base.__name__}", (base,), {"Parser": parser})
