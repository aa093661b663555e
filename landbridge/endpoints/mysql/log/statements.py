"""
What a statement in the log means for the planned tables. Rows are changed by row events; a statement is transaction
control, DDL, or a change that was logged as text and so cannot be followed.

A statement is harmless only when what it names is understood. Where it is not, naming a planned table is a stop.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from landbridge.model import TableName

ANSI_QUOTES, NO_BACKSLASH_ESCAPES = 1 << 2, 1 << 20
"""Bits of the sql_mode that decide how a statement is read."""

_TOKEN = re.compile(
    r"""
      (?P<skip> \s+ | --(?=\s|$)[^\n]* | \#[^\n]* | /\*M?!\d* | \*/ | /\*.*?(?:\*/|$) )
    | (?P<name> `(?:[^`]|``)*` )
    | (?P<single> '(?:[^'\\]|''|\\.)*' )
    | (?P<double> "(?:[^"\\]|""|\\.)*" )
    | (?P<word> [\w$\u0080-\uffff]+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)

_OBJECTS = {
    "TABLE", "TABLES", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "INDEX", "DATABASE", "SCHEMA", "USER",
    "ROLE", "SEQUENCE", "SERVER", "TABLESPACE", "LOGFILE", "PACKAGE", "INSTANCE", "RESOURCE", "REFERENCE", "LIBRARY",
}  # fmt: skip
_CHANGES = {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "WITH", "CALL", "DO", "SELECT", "VALUES", "HANDLER"}
_HARMLESS = {
    "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK", "CHECKSUM", "FLUSH", "GRANT", "REVOKE", "SET", "INSTALL", "UNINSTALL",
    "LOCK", "UNLOCK", "KILL", "PURGE", "RESET", "USE", "SHOW", "EXPLAIN", "BACKUP", "CACHE",
}  # fmt: skip
_KEEPS_COLUMNS = (
    ("ADD", "INDEX"), ("ADD", "KEY"), ("ADD", "UNIQUE"), ("ADD", "FULLTEXT"), ("ADD", "SPATIAL"), ("ADD", "FOREIGN"),
    ("ADD", "CHECK"), ("DROP", "INDEX"), ("DROP", "KEY"), ("DROP", "CHECK"), ("RENAME", "INDEX"), ("RENAME", "KEY"),
    ("ALTER", "INDEX"), ("DISABLE", "KEYS"), ("ENABLE", "KEYS"), ("AUTO_INCREMENT",), ("COMMENT",), ("ROW_FORMAT",),
    ("STATS_PERSISTENT",), ("STATS_AUTO_RECALC",), ("STATS_SAMPLE_PAGES",), ("KEY_BLOCK_SIZE",), ("ALGORITHM",),
    ("LOCK",), ("FORCE",),
)  # fmt: skip
"""How the parts of an ALTER TABLE begin that are not followed because nothing need be."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """
    none: nothing for us. truncate: the table is emptied. drift: the table becomes another one. statement: rows were
    changed by a statement. table: the planned table that it is about, when it is about one. alters: the planned tables
    that may be followed through it, by the parts of an ALTER TABLE where it is one.
    """

    effect: Literal["none", "truncate", "drift", "statement"]
    what: str = ""
    table: TableName | None = None
    alters: tuple[TableName, ...] = ()
    parts: "tuple[tuple[Token, ...], ...]" = ()


NOTHING = Meaning(effect="none")


@dataclass(frozen=True)
class Token:
    """
    kind: word, name (quoted) or other; strings are `other` without text: nothing in them is SQL. start and end: where
    it stands in the statement, quotes included.
    """

    kind: str
    text: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


class Statements:
    """Judges statements. folded: names are compared without regard to case (lower_case_table_names)."""

    def __init__(self, tables: Collection[TableName], *, folded: bool) -> None:
        self._fold: Callable[[str], str] = str.lower if folded else str
        self._tables = {(self._fold(table.schema), self._fold(table.name)): table for table in tables}
        self._schemas = {schema for schema, _ in self._tables}

    def judge(self, text: str, schema: str, sql_mode: int = 0) -> Meaning:
        """schema: the session's, where names without one belong."""
        return _Reading(self, list(tokens(text, sql_mode)), schema).meaning()

    def find(self, schema: str, name: str) -> TableName | None:
        return self._tables.get((self._fold(schema), self._fold(name)))

    def in_schema(self, schema: str) -> TableName | None:
        """Any planned table of that schema."""
        return next((table for (its, _), table in self._tables.items() if its == self._fold(schema)), None)

    def named(self, schema: str, names: Collection[str]) -> TableName | None:
        """A planned table one of whose names occurs, whatever else the statement says."""
        folded = {self._fold(name) for name in names}
        for (its_schema, its_name), table in self._tables.items():
            if its_name in folded and (its_schema in folded or its_schema == self._fold(schema)):
                return table
        return None


def tokens(text: str, sql_mode: int) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _PLAIN_STRINGS.match(text, at) if sql_mode & NO_BACKSLASH_ESCAPES else None
        found = found or _TOKEN.match(text, at)
        assert found is not None
        start, at, part = at, found.end(), found[0]
        if part[0] == "`":
            yield Token("name", part[1:-1].replace("``", "`"), start, at)
        elif part[0] == '"' and len(part) > 1 and sql_mode & ANSI_QUOTES:
            yield Token("name", part[1:-1].replace('""', '"'), start, at)
        elif part[0] in "'\"":
            yield Token("other", "", start, at)
        elif found.lastgroup in ("word", "other"):
            yield Token(found.lastgroup, part, start, at)


class _Reading:
    """One statement, read from left to right."""

    def __init__(self, statements: Statements, found: list[Token], schema: str) -> None:
        self._statements = statements
        self._tokens = found
        self._schema = schema
        self._at = 0

    def meaning(self) -> Meaning:
        if self._next("SET", "STATEMENT"):
            while self._at < len(self._tokens) and not self._next("FOR"):
                self._at += 1
        word = self._word()
        if word in ("CREATE", "DROP", "ALTER"):
            return self._definition(word)
        if word == "RENAME":
            return self._any_of("RENAME TABLE") if self._next("TABLE") or self._next("TABLES") else NOTHING
        if word == "TRUNCATE":
            self._next("TABLE")
            table = self._table()
            return Meaning(effect="truncate", what="TRUNCATE TABLE", table=table) if table else NOTHING
        if word in _CHANGES:
            return self._change(word)
        return NOTHING if word in _HARMLESS else self._unknown(word)

    def _definition(self, verb: str) -> Meaning:
        words: set[str] = set()
        while self._at < len(self._tokens):
            word = self._word()
            if word in _OBJECTS:
                return self._object(verb, word, words)
            words.add(word)
        return self._unknown(verb)

    def _object(self, verb: str, kind: str, modifiers: set[str]) -> Meaning:
        what = f"{verb} {kind}"
        if kind in ("DATABASE", "SCHEMA"):
            return self._database(what, verb == "DROP" or "REPLACE" in modifiers)
        if kind == "INDEX":
            return self._index(what, verb, modifiers)
        if kind not in ("TABLE", "TABLES") or "TEMPORARY" in modifiers:
            return NOTHING
        if verb == "CREATE":
            spared = self._if_exists() and "REPLACE" not in modifiers  # a planned table is there, so nothing happens
            return NOTHING if spared else self._drift(what, self._table())
        self._if_exists()
        return self._any_of(what) if verb == "DROP" else self._alter(what)

    def _database(self, what: str, removed: bool) -> Meaning:
        self._if_exists()
        name = self._tokens[self._at].text if removed and self._at < len(self._tokens) else ""
        return replace(self._drift(what, self._statements.in_schema(name)), alters=())

    def _index(self, what: str, verb: str, modifiers: set[str]) -> Meaning:
        """Without the primary key a table's changes have no key any more. As a part of ALTER TABLE would say it."""
        self._if_exists()
        name = self._at
        self._at += 1
        while self._at < len(self._tokens) and not self._next("ON"):
            self._at += 1
        table = self._table()
        if table is None or name >= len(self._tokens):
            return NOTHING
        said = ("ADD" if verb == "CREATE" else "DROP", *sorted(modifiers & {"UNIQUE", "FULLTEXT", "SPATIAL"}), "INDEX")
        part = (*(Token("word", word) for word in said), self._tokens[name], *self._tokens[self._at :])
        if verb == "DROP" and self._tokens[name].text.upper() == "PRIMARY":
            return replace(self._drift(what, table), parts=(part,))
        return Meaning(effect="none", what=what, alters=(table,), parts=(part,))

    def _alter(self, what: str) -> Meaning:
        table = self._table()
        if table is None:
            return self._alter_other(what)
        given = tuple(self._parts())
        parts = [_words(part) for part in given]
        if parts and all(map(_keeps_columns, parts)):
            return Meaning(effect="none", what=what, alters=(table,), parts=given)
        return replace(self._drift(what, table), parts=given)

    def _alter_other(self, what: str) -> Meaning:
        """A table that is not planned may take a planned one's name, or exchange its rows with it."""
        while self._at < len(self._tokens):
            leads = self._word() in ("RENAME", "TO", "AS", "TABLE")
            if leads and self._at < len(self._tokens) and self._tokens[self._at].text == "=":
                self._at += 1
            if leads and self._word_at(0) not in ("TO", "AS") and (table := self._table()):
                return self._drift(what, table)
        return NOTHING

    def _parts(self) -> Iterator[tuple[Token, ...]]:
        """Between the outermost commas."""
        part: list[Token] = []
        depth = 0
        for token in self._tokens[self._at :]:
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "other" else 0
            if token.kind == "other" and token.text == "," and depth == 0:
                yield tuple(part)
                part = []
            else:
                part.append(token)
        if part:
            yield tuple(part)

    def _change(self, word: str) -> Meaning:
        """Its triggers and functions may change more than it names: a planned table's schema is enough."""
        names = self._all_names()
        table = self._statements.named(self._schema, names)
        target = self._target() if word in ("INSERT", "REPLACE") else None
        if table is None and target is None:
            table = self._statements.in_schema(self._schema)
        if table is None and target is not None:
            table = self._statements.in_schema(target)
        return Meaning(effect="statement", what=word, table=table) if table else NOTHING

    def _target(self) -> str | None:
        """Schema of the table that an INSERT writes to."""
        while self._word_at(0) in ("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"):
            self._at += 1
        schema, _ = self._qualified()
        return schema

    def _unknown(self, word: str) -> Meaning:
        named = self._statements.named(self._schema, self._all_names())
        return replace(self._drift(f"{word or 'a statement'} (not understood)", named), alters=())

    def _any_of(self, what: str) -> Meaning:
        """Any name in a list of them, whatever stands between."""
        self._if_exists()
        found: list[TableName] = []
        while self._at < len(self._tokens):
            if self._tokens[self._at].kind == "other" or self._word_at(0) in ("TO", "IF", "EXISTS", "WAIT", "NOWAIT"):
                self._at += 1
            elif table := self._table():
                found.append(table)
        return replace(self._drift(what, found[0]), alters=tuple(dict.fromkeys(found))) if found else NOTHING

    @staticmethod
    def _drift(what: str, table: TableName | None) -> Meaning:
        return Meaning(effect="drift", what=what, table=table, alters=(table,)) if table else NOTHING

    def _all_names(self) -> set[str]:
        return {token.text for token in self._tokens if token.kind != "other"}

    def _table(self) -> TableName | None:
        schema, name = self._qualified()
        return self._statements.find(schema, name)

    def _qualified(self) -> tuple[str, str]:
        first = self._word_or_name()
        if self._at + 1 < len(self._tokens) and self._tokens[self._at] == Token("other", "."):
            self._at += 1
            return first, self._word_or_name()
        return self._schema, first

    def _word_or_name(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else Token("other", "")
        self._at += 1
        return "" if token.kind == "other" else token.text

    def _if_exists(self) -> bool:
        return self._next("IF", "NOT", "EXISTS") or self._next("IF", "EXISTS")

    def _word(self) -> str:
        self._at += 1
        return self._word_at(-1)

    def _word_at(self, offset: int) -> str:
        place = self._at + offset
        return self._tokens[place].upper if place < len(self._tokens) else ""

    def _next(self, *words: str) -> bool:
        """Steps over these words when they come next."""
        found = all(self._word_at(offset) == word for offset, word in enumerate(words))
        self._at += len(words) * found
        return found


def _words(part: tuple[Token, ...]) -> list[str]:
    """In upper case; quoted names with a backquote before, others as ''."""
    return [f"`{token.text}" if token.kind == "name" else token.upper for token in part]


def _keeps_columns(part: list[str]) -> bool:
    """Whether a part of ALTER TABLE leaves columns, rows, the primary key and foreign key actions as they are."""
    words = {word.lstrip("`").upper() for word in part}
    if "PRIMARY" in words or "CASCADE" in words or {"ON", "SET"} <= words:
        return False
    if part[:2] == ["ADD", "CONSTRAINT"]:
        return bool({"UNIQUE", "FOREIGN", "CHECK"} & set(part[2:4]))
    if part[:1] == ["ENGINE"]:
        return "INNODB" in words
    return any(tuple(part[: len(start)]) == start for start in _KEEPS_COLUMNS)
