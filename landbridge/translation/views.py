"""The statement that makes a view, taken apart: its columns' names, its query, and what stands behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import Token, TokenType
from sqlglot.errors import SqlglotError

from landbridge.translation.dialect import Dialect
from landbridge.translation.terms import Untranslatable

_BEHIND = {
    ("WITH", "CASCADED", "CHECK", "OPTION"): "WITH CASCADED CHECK OPTION",
    ("WITH", "LOCAL", "CHECK", "OPTION"): "WITH LOCAL CHECK OPTION",
    ("WITH", "CHECK", "OPTION"): "WITH CASCADED CHECK OPTION",
    ("WITH", "NO", "DATA"): "",
    ("WITH", "DATA"): "",
}


@dataclass(frozen=True, kw_only=True)
class View:
    """columns: their names where the statement lists them. option: checks on writes. invoker: has its user's rights."""

    query: str
    columns: tuple[str, ...]
    option: str
    invoker: bool


def tokens(text: str, reads: Dialect) -> list[Token]:
    try:
        return list(reads.grammar().tokenize(text))
    except SqlglotError:
        raise Untranslatable("its text was not understood") from None


def words(found: Sequence[Token]) -> list[str]:
    """In upper case; strings and quoted names, which are no words, empty."""
    quoted = (TokenType.STRING, TokenType.IDENTIFIER)
    return ["" if token.token_type in quoted else token.text.upper() for token in found]


def take_apart(text: str, reads: Dialect) -> View:
    found = tokens(text.rstrip().rstrip(";"), reads)
    upper = words(found)
    try:
        begin = upper.index("VIEW") + 1
        end = upper.index("AS", begin)
    except ValueError:
        raise Untranslatable("its text was not understood") from None
    tail = next((tail for tail in _BEHIND if tuple(upper[-len(tail) :]) == tail), ())
    last = found[len(found) - len(tail) - 1]
    header = found[begin:end]
    if "RECURSIVE" in upper[:begin]:
        raise Untranslatable("it is recursive")
    return View(
        query=text[found[end].end + 1 : last.end + 1],
        columns=_listed(header),
        option=_BEHIND[tail] if tail else "",
        invoker="INVOKER" in upper[:begin] or any("security_invoker" in token.text for token in header),
    )


def _listed(header: Sequence[Token]) -> tuple[str, ...]:
    """Names in the first parentheses, unless those hold settings."""
    opened = next((n for n, token in enumerate(header) if token.token_type == TokenType.L_PAREN), None)
    if opened is None or (opened and header[opened - 1].text.upper() == "WITH"):
        return ()
    names = [token for token in header[opened + 1 :] if token.token_type not in (TokenType.COMMA, TokenType.R_PAREN)]
    return tuple(token.text for token in names)
