"""
The shape that a table has after a statement of the log: the recorded one, changed as the statement says. Where the
server spells something in a way of its own it is taken from the catalog, which may be further than the log: only where
that still says what the statement said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from landbridge.endpoints.mysql.log import declared
from landbridge.endpoints.mysql.log.declared import Unread
from landbridge.endpoints.mysql.log.statements import Token
from landbridge.endpoints.mysql.names import quote, quote_all
from landbridge.endpoints.mysql.schema import clauses, definition
from landbridge.model import Column, Index, IndexPart, Table

_NOT_COLUMNS = {
    "INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK", "PARTITION", "PERIOD",
    "SYSTEM", "VECTOR",
}  # fmt: skip
_INDEXES = {"INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"}
_NOTHING = {
    "AUTO_INCREMENT", "ROW_FORMAT", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES", "KEY_BLOCK_SIZE",
    "ALGORITHM", "LOCK", "FORCE", "DISABLE", "ENABLE", "WAIT", "NOWAIT",
}  # fmt: skip


@dataclass(kw_only=True)
class Altered:
    """renamed: columns, old name to new. obstacle: as of Drift."""

    table: Table
    renamed: dict[str, str] = field(default_factory=dict)
    obstacle: str = ""


def altered(table: Table, parts: Sequence[tuple[Token, ...]], text: str, now: Table | None) -> Altered:
    """text: the statement. now: the table as the catalog has it. Raises Unread."""
    reading = _Altering(table, text, now)
    for part in parts:
        reading.take(part)
    return reading.done()


def replaced(table: Table, now: Table | None, what: str) -> Altered:
    """Another table took its name, or it is gone: what follows in the log is about what has the name now."""
    taken = replace(now, old_image=table.old_image, logs_cascades=table.logs_cascades) if now else table
    return Altered(table=taken, obstacle=f"{what}: rows may have come or gone without a word in the log")


class _Altering:
    def __init__(self, table: Table, text: str, now: Table | None) -> None:
        self._table, self._text, self._now = table, text, now
        self._columns = [(column.name, column) for column in table.columns]
        self._touched: set[str] = set()
        self._written: dict[str, Column] = {}
        self._indexes = list(table.indexes)
        self._new_constraints = self._commented = False
        self._renamed: dict[str, str] = {}
        self._gone_constraints: set[str] = set()
        self._keyless = False
        self._obstacle = ""

    def take(self, part: tuple[Token, ...]) -> None:
        words = [token.upper for token in part]
        first, second = (*words, "", "")[:2]
        if first == "ADD":
            self._add(part, words)
        elif first in ("MODIFY", "CHANGE"):
            self._define(part, words, changed=first == "CHANGE")
        elif first == "DROP":
            self._drop(part, words)
        elif first == "RENAME" and second in ("COLUMN", "INDEX", "KEY"):
            self._rename(part, words, column=second == "COLUMN")
        elif first == "ALTER" and second not in ("INDEX", "KEY", "CHECK", "CONSTRAINT"):
            self._defaulted(part, words)
        elif first == "COMMENT":
            self._commented = True
        elif first not in _NOTHING and not (first == "ENGINE" and "INNODB" in words):
            self._obstacle = self._obstacle or f"{' '.join(words[:3]).strip()} is not followed by itself"
            if first in ("RENAME", "CONVERT", "ORDER"):
                self._all_from_catalog()

    def done(self) -> Altered:
        table, now = self._table, self._now
        columns = tuple(replace(column, name=name) for name, column in self._columns)
        checks = [each for each in table.checks if each.name.lower() not in self._gone_constraints]
        keys = [each for each in table.foreign_keys if each.name.lower() not in self._gone_constraints]
        if now and self._new_constraints:
            checks += [each for each in now.checks if each.name not in {c.name for c in checks}]
            keys += [each for each in now.foreign_keys if each.name not in {k.name for k in keys}]
        primary = table.primary_key
        if primary:
            primary = replace(primary, columns=tuple(self._renamed.get(name, name) for name in primary.columns))
        if self._keyless or self._new_constraints:
            primary = now.primary_key if now else None
        made = replace(
            table, columns=columns, primary_key=primary, indexes=tuple(self._all_indexes()), checks=tuple(checks),
            foreign_keys=tuple(keys), comment=now.comment if now and self._commented else table.comment,
        )  # fmt: skip
        made = replace(made, definition=self._definition(made))
        return Altered(table=made, renamed=self._renamed, obstacle=self._obstacle)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _add(self, part: tuple[Token, ...], words: list[str]) -> None:
        at = 2 if words[1] == "COLUMN" and part[1].kind == "word" else 1
        at += 3 * (words[at : at + 3] == ["IF", "NOT", "EXISTS"])
        if at == 1 and words[1] in _NOT_COLUMNS and part[1].kind == "word":
            if set(words[1:4]) & _INDEXES and not set(words[1:4]) & {"PRIMARY", "FOREIGN"}:
                self._add_index(part)
            self._new_constraints |= bool(set(words[1:4]) & {"CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK"})
            if words[1] in ("PARTITION", "PERIOD", "SYSTEM"):
                self._obstacle = f"ADD {words[1]} is not followed by itself"
            return
        if part[at].text == "(":
            for each in _inside(part[at:]):
                self._put(each, len(self._columns))
            return
        self._put(part[at:], self._place(part, len(self._columns)))

    def _add_index(self, part: tuple[Token, ...]) -> None:
        columns = tuple(replace(column, name=name) for name, column in self._columns)
        made = declared.index(part, replace(self._table, columns=columns, indexes=tuple(self._indexes)))
        if made is None:
            self._obstacle = self._obstacle or "it adds an index of expressions"
        elif made.name.lower() not in {index.name.lower() for index in self._indexes}:
            self._indexes.append(made)

    def _put(self, named: tuple[Token, ...], place: int) -> None:
        if named[0].upper in _NOT_COLUMNS and named[0].kind == "word":
            raise Unread("ADD with keys among columns")
        name = named[0].text
        if self._find(name) is not None:  # IF NOT EXISTS, and it does
            return
        column = self._described(name, named[1:])
        self._columns.insert(place, (column.name, column))
        self._inline(column.name, named[1:])

    def _define(self, part: tuple[Token, ...], words: list[str], *, changed: bool) -> None:
        at = 2 if words[1] == "COLUMN" and part[1].kind == "word" else 1
        at += 2 * (words[at : at + 2] == ["IF", "EXISTS"])
        old = self._find(part[at].text)
        at += changed
        if old is None:
            return
        column = self._described(part[at].text, part[at + 1 :])
        was, known = self._columns.pop(old)
        if column.native == known.native:  # what its data said of it still holds
            known_of = {"odd_dates": known.odd_dates, "zero_dates": known.zero_dates, "nul": known.nul}
            column = replace(column, kind=known.kind, **known_of)  # type: ignore[arg-type]
        if column.name != was:
            self._renamed[was] = column.name
        self._columns.insert(self._place(part, old), (column.name, column))
        self._inline(column.name, part[at + 1 :])

    def _drop(self, part: tuple[Token, ...], words: list[str]) -> None:
        word = words[1] if part[1].kind == "word" else ""
        exists = 2 * (words[2:4] == ["IF", "EXISTS"])
        if word in ("INDEX", "KEY") and part[2 + exists].text.upper() != "PRIMARY":
            gone = part[2 + exists].text.lower()
            self._indexes = [index for index in self._indexes if index.name.lower() != gone]
        elif word == "PRIMARY" or word in ("INDEX", "KEY"):
            self._keyless = True
        elif word in ("FOREIGN", "CHECK", "CONSTRAINT"):
            self._gone_constraints.add(part[-1].text.lower())
            self._obstacle = self._obstacle or f"it drops the constraint {part[-1].text}"
        elif word == "PARTITION":
            self._obstacle = "DROP PARTITION takes rows along without a word in the log"
        else:
            at = 2 if word == "COLUMN" else 1
            at += 2 * (words[at : at + 2] == ["IF", "EXISTS"])
            self._drop_column(part[at].text)

    def _drop_column(self, name: str) -> None:
        place = self._find(name)
        if place is None:
            return
        gone, _ = self._columns.pop(place)
        for index in [index for index in self._indexes if any(part.column == gone for part in index.parts)]:
            self._indexes.remove(index)
            if len(index.parts) > 1:
                self._obstacle = self._obstacle or f"it drops {gone} from the index {index.name}"

    def _rename(self, part: tuple[Token, ...], words: list[str], *, column: bool) -> None:
        at = 2 + 2 * (words[2:4] == ["IF", "EXISTS"])
        old, new = part[at].text, part[-1].text
        if not column:
            self._indexes = [replace(i, name=new) if i.name.lower() == old.lower() else i for i in self._indexes]
            self._obstacle = self._obstacle or f"it renames the index {old}"
            return
        place = self._find(old)
        if place is None:
            return
        was, described = self._columns[place]
        self._columns[place] = (new, described)
        self._renamed[was] = new

    def _defaulted(self, part: tuple[Token, ...], words: list[str]) -> None:
        at = 2 if words[1] == "COLUMN" and part[1].kind == "word" else 1
        place = self._find(part[at].text)
        if "DEFAULT" not in words[at + 1 :]:
            self._obstacle = self._obstacle or f"ALTER COLUMN {part[at].text} is not followed by itself"
        if place is None or "DEFAULT" not in words:
            return
        name, column = self._columns[place]
        given = part[words.index("DEFAULT") :] if "SET" in words else ()
        try:
            default = declared.default(given, self._text, column.kind)
        except Unread:
            there = next((c for c in (self._now.columns if self._now else ()) if c.name.lower() == name.lower()), None)
            if there is None or there.native != column.native:
                raise Unread(f"the column {name} was altered again, and had a default that is no constant") from None
            default = there.default
        self._written[name] = replace(column, default=default)
        self._columns[place] = (name, self._written[name])

    def _inline(self, name: str, words: Sequence[Token]) -> None:
        """Keys and constraints in a column's own words."""
        said = {token.upper for token in words}
        if "UNIQUE" in said:
            part = IndexPart(column=name, native=quote(name))
            self._indexes.append(Index(name=name, parts=(part,), unique=True, constraint=True))
        self._new_constraints |= bool(said & {"PRIMARY", "REFERENCES", "CHECK"})

    def _place(self, part: tuple[Token, ...], otherwise: int) -> int:
        if part[-1].kind == "word" and part[-1].upper == "FIRST":
            return 0
        if len(part) > 2 and part[-2].kind == "word" and part[-2].upper == "AFTER":
            place = self._find(part[-1].text)
            return otherwise if place is None else place + 1
        return otherwise

    def _find(self, name: str) -> int | None:
        return next((n for n, (other, _) in enumerate(self._columns) if other.lower() == name.lower()), None)

    def _described(self, name: str, said: Sequence[Token]) -> Column:
        """As the statement says; as the catalog has it where that is in the server's own words."""
        columns = self._now.columns if self._now else ()
        there = next((column for column in columns if column.name.lower() == name.lower()), None)
        try:
            own = declared.column(name, said, self._text, self._table)
        except Unread as why:
            if there is None:
                raise Unread(f"the column {name} is not there any more, and it has {why}") from None
            self._touched.add(there.name)
            if there.default is not None and not any(token.upper == "DEFAULT" for token in said):
                raise Unread(f"the column {name} was altered again") from None
            return there
        if there and there.kind == own.kind and there.collation == own.collation:
            own = replace(own, native=there.native)  # the catalog's spelling, with display widths
        self._written[name] = own
        return own

    def _all_from_catalog(self) -> None:
        if self._now:
            self._columns = [(column.name, column) for column in self._now.columns]
            self._touched = {column.name for column in self._now.columns}

    # --- what is beside the columns -----------------------------------------------------------------------------------

    def _all_indexes(self) -> Iterator[Index]:
        for index in self._indexes:
            yield replace(index, parts=tuple(self._part(part) for part in index.parts))

    def _part(self, part: IndexPart) -> IndexPart:
        name = self._renamed.get(part.column or "")
        native = part.native.replace(quote(part.column or ""), quote(name or ""))
        return replace(part, column=name, native=native) if name else part

    def _definition(self, made: Table) -> tuple[str, ...]:
        """The recorded text with what the statement made of it; none where that cannot be said."""
        if not self._table.definition:
            return ()
        old = definition.parse(self._table.definition)
        now = definition.parse(self._now.definition) if self._now and self._now.definition else old
        origins = {new: name for name, new in self._renamed.items()}
        usual = dict(old.options).get("COLLATE")
        columns, keys = {}, {}
        for column in made.columns:
            was = origins.get(column.name, column.name)
            if column.name in self._touched:
                text = now.columns.get(column.name, "")
            elif column.name in self._written:
                text = clauses.column(column, usual)
            else:
                text = quote(column.name) + old.columns[was].removeprefix(quote(was))
            columns[column.name] = text
        for index in made.indexes:
            known = "" if self._renamed else old.keys.get(index.name, "")
            keys[index.name] = known or clauses.index(index)
        kept = {each.name: now.checks.get(each.name) or old.checks.get(each.name, "") for each in made.checks}
        key = f"PRIMARY KEY ({quote_all(made.primary_key.columns)})" if made.primary_key else ""
        return replace(
            old, columns=columns, keys=keys, checks={name: text for name, text in kept.items() if text},
            primary_key=old.primary_key if made.primary_key == self._table.primary_key else key,
            options=now.options if self._commented else old.options,
        ).elements  # fmt: skip


def _inside(part: tuple[Token, ...]) -> Iterator[tuple[Token, ...]]:
    """The elements of a list in parentheses."""
    depth, found = 0, list[Token]()
    for token in part:
        before = depth
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "other" else 0
        if (before, depth) in ((0, 1), (1, 0)) or (token.text == "," and depth == 1 and token.kind == "other"):
            if found:
                yield tuple(found)
            found = []
        else:
            found.append(token)
