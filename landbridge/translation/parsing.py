"""Text to sqlglot's tree, without its knowledge of functions; what it does not understand is refused, not guessed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from landbridge.translation.dialect import Dialect
from landbridge.translation.terms import Untranslatable


@contextmanager
def guarded() -> Iterator[None]:
    """
    sqlglot's trees have more shapes than anyone has listed: one that does not hold what is looked for in it is no more
    than a text that cannot be translated.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        raise Untranslatable("its text was not understood") from None


def parse(text: str, reads: Dialect, *, whole: bool = False) -> Any:
    """whole: a query, else an expression."""
    try:
        parsed = sqlglot.parse_one(text if whole else f"SELECT {text}", read=reads.grammar)
    except (SqlglotError, RecursionError):
        raise Untranslatable("its text was not understood") from None
    if whole:
        return parsed
    extra = [name for name, value in parsed.args.items() if value and name != "expressions"]
    if not isinstance(parsed, exp.Select) or len(parsed.expressions) != 1 or extra:
        raise Untranslatable("its text was not understood")
    return parsed.expressions[0]
