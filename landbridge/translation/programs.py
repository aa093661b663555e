"""
The body of a trigger: assignments to the new row, INSERT, UPDATE and DELETE of single tables, and IF around them, which
two families write alike. Whatever else it holds makes it untranslatable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from landbridge.translation.dialect import Dialect
from landbridge.translation.terms import Untranslatable
from landbridge.translation.views import tokens, words


@dataclass(frozen=True, kw_only=True)
class Assignment:
    column: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Change:
    statement: exp.Expression


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The change fails with this message."""

    message: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Branch:
    """conditions: a text for each arm; `otherwise` when none holds."""

    arms: tuple[tuple[str, tuple["Action", ...]], ...]
    otherwise: tuple["Action", ...] = ()


Action = Assignment | Change | Refusal | Branch
_ANY_STATE = "45000"
"""'Unhandled user-defined exception', which no server raises by itself."""


def actions(text: str, reads: Dialect, *, result: str = "") -> tuple[Action, ...]:
    """One statement, or a block of them. result: the row that it must end with, empty when that does not matter."""
    return tuple(_Body(text, reads, result).block())


class _Body:
    def __init__(self, text: str, reads: Dialect, result: str) -> None:
        self._result = result
        self._text = text
        self._reads = reads
        self._tokens = tokens(text, reads)
        self._words = words(self._tokens)
        self._at = 0

    def block(self) -> Iterator[Action]:
        if self._words[:1] != ["BEGIN"]:
            yield from self._until(())
            return
        self._at = 1
        yield from self._until(("END",))
        rest = [word for word in self._words[self._at + 1 :] if word != ";"]
        if rest:
            raise Untranslatable("there is more behind its block")

    def _word(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._words[place] if place < len(self._words) else ""

    def _until(self, ends: Sequence[str]) -> Iterator[Action]:
        """Statements up to one of these words, at which it stops."""
        while self._at < len(self._tokens):
            if self._word() in ends:
                return
            if self._word() == ";":
                self._at += 1
            elif self._word() == "IF":
                yield self._branch()
            elif self._word() == "RETURN":
                self._return()
            else:
                yield from self._statement()
        if ends:
            raise Untranslatable("its end was not found")

    def _return(self) -> None:
        """Only as the last word of all."""
        self._at += 1
        value = self._take(";").upper()
        if self._result and value != self._result:
            raise Untranslatable("it returns another row than the one at hand")
        if self._words[self._at : self._at + 1] != ["END"] or len(self._words) > self._at + 2:
            raise Untranslatable("it ends early in some cases")

    def _branch(self) -> Branch:
        arms = []
        otherwise: tuple[Action, ...] = ()
        while self._word() in ("IF", "ELSEIF", "ELSIF"):
            self._at += 1
            condition = self._take("THEN")
            arms.append((condition, tuple(self._until(("ELSEIF", "ELSIF", "ELSE", "END")))))
        if self._word() == "ELSE":
            self._at += 1
            otherwise = tuple(self._until(("END",)))
        if (self._word(), self._word(1)) != ("END", "IF"):
            raise Untranslatable("the end of an IF was not found")
        self._at += 2
        return Branch(arms=tuple(arms), otherwise=otherwise)

    def _take(self, end: str) -> str:
        """The text up to a word, which is passed; a CASE may have the word inside."""
        begin, depth = self._at, 0
        while self._at < len(self._tokens):
            word = self._word()
            if word == end and not depth:
                break
            depth += (word == "CASE") - (word == "END")
            self._at += 1
        found = self._tokens[begin : self._at]
        self._at += 1
        if not found:
            raise Untranslatable("a part of it was not understood")
        return self._text[found[0].start : found[-1].end + 1]

    def _statement(self) -> Iterator[Action]:
        if self._word() == "SET":
            self._at += 1
            yield from _assignments(self._take(";"), self._reads)
        elif self._word() == "NEW":
            yield from _assignments(self._take(";"), self._reads)
        elif self._word() in ("SIGNAL", "RAISE"):
            yield self._refusal()
        elif self._word() in ("INSERT", "UPDATE", "DELETE"):
            yield Change(statement=_parsed(self._take(";"), self._reads))
        else:
            raise Untranslatable(f"it does more than to change rows: {self._word() or 'a name'}")

    def _refusal(self) -> Refusal:
        """SIGNAL SQLSTATE 'x' SET MESSAGE_TEXT = 'y', or RAISE EXCEPTION 'y', with nothing put into the message."""
        begin = self._at
        self._take(";")
        found = self._tokens[begin : self._at - 1]
        shape = [word or "''" for word in self._words[begin : self._at - 1]]
        if shape == ["SIGNAL", "SQLSTATE", "''", "SET", "MESSAGE_TEXT", "=", "''"]:
            return Refusal(message=found[6].text, state=found[2].text)
        if shape == ["RAISE", "EXCEPTION", "''"] and "%" not in found[2].text:
            return Refusal(message=found[2].text, state=_ANY_STATE)
        raise Untranslatable("it fails in a way that is not known here")


def _assignments(text: str, reads: Dialect) -> Iterator[Assignment]:
    """NEW.a = …, NEW.b = …; the commas in calls are not between them."""
    found = tokens(text, reads)
    depth, begin = 0, 0
    for place, token in enumerate([*found, None]):
        if token is not None:
            depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if token is None or (token.token_type == TokenType.COMMA and not depth):
            yield _assignment(text, found[begin:place])
            begin = place + 1


def _assignment(text: str, found: Sequence[Token]) -> Assignment:
    if words(found[:1]) != ["NEW"] or len(found) < 5 or found[1].text != "." or found[3].text not in ("=", ":="):
        raise Untranslatable("it sets what is no column of the new row")
    return Assignment(column=found[2].text, value=text[found[4].start : found[-1].end + 1])


def _parsed(text: str, reads: Dialect) -> exp.Expression:
    try:
        parsed = sqlglot.parse_one(text, read=reads.grammar)
    except (SqlglotError, RecursionError):
        raise Untranslatable("a statement in it was not understood") from None
    if not isinstance(parsed, exp.Insert | exp.Update | exp.Delete):
        raise Untranslatable("a statement in it was not understood")
    return parsed
