"""An object's text as the target is to read it, or why it cannot be had: names, columns, definer, session, letters."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from landbridge.endpoints.mysql.log.statements import tokens
from landbridge.endpoints.mysql.objects.accepts import Session, Target, definer_end, settings_of
from landbridge.endpoints.mysql.objects.definitions import DATABASE_COLLATION, PROGRAMS
from landbridge.endpoints.mysql.objects.renaming import foreign_literals, mode_bits, rename
from landbridge.model import SchemaObject, TableMap, TableName

_LETTERED = {"CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "ENUM"}
_NAMES_FOLLOW = {
    "INTO", "TABLE", "EXISTS", "ON", "CALL", "INSERT", "REPLACE", "REFERENCES", "KEY", "INDEX", "UNIQUE", "AS", "WITH",
    "RECURSIVE", "PROCEDURE", "FUNCTION", "AGGREGATE", "CONSTRAINT", "FOREIGN", "PARTITION", "BODY",
}  # fmt: skip
"""Words before a name that has a list in parentheses behind it and is no function."""


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """why: what stands against it; there is no text then. notes: what is not quite as it was."""

    sql: str = ""
    session: Session
    why: str = ""
    notes: tuple[str, ...] = ()


class Adaptation:
    """Of all objects of one plan to one target. schemas: the source's to the target's."""

    def __init__(
        self,
        objects: Sequence[SchemaObject],
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap],
        target: Target,
    ) -> None:
        self.schemas = {source.schema: place.schema for source, place in reversed(list(names.items()))}
        self._target = target
        beside = {found.name for found in objects}
        self._tables = {
            source.name: f"which is {to.name} on the target"
            for source, to in names.items()
            if source.name != to.name and source not in beside
        }
        self._columns = {table.source.name: _changed(table) for table in tables}
        self._calls = {found.name.name.lower() for found in objects if found.kind in PROGRAMS}
        self._collations = {old: self._collation(objects, old, new) for old, new in self.schemas.items()}

    def new_collations(self) -> Mapping[str, str]:
        """Those that databases get which are not there yet, by their names on the target."""
        return {self.schemas[old]: collation for old, (collation, new) in self._collations.items() if new}

    def adapt(self, found: SchemaObject) -> Adapted:
        """The steps from the source's text to the target's; the first that fails says why."""
        session = self._target.session(found.session)
        if session.why:
            return Adapted(session=session, why=session.why)
        bits = mode_bits(session.settings.get("sql_mode", ""))
        session, why = _in_utf8(session, found.definition[-1], bits)
        if why:
            return Adapted(session=session, why=why)
        sql, note = self._target.defined(found.definition[-1])
        begin, end = definer_end(sql), _foreign_body(sql)  # the definer's name may be that of a database
        renamed = rename(sql[begin:end], self.schemas, self._tables | self._columns_of(found), bits)
        sql = sql[:begin] + renamed.text + sql[end:]
        if why := renamed.why or self._target.distrusts(found.kind, sql):
            return Adapted(session=session, why=why)
        if refused := self._target.refuses(session, sql):
            return Adapted(session=session, why=f"the target does not understand it: {refused}")
        notes = (*session.notes, note, renamed.note, *self._warnings(found, sql, bits))
        return Adapted(sql=sql, session=session, notes=tuple(note for note in notes if note))

    def _columns_of(self, found: SchemaObject) -> dict[str, str]:
        """The changed columns of the tables without which it cannot even be made."""
        needs = [found.parent] if found.parent else found.needs
        return {word: what for name in needs if name for word, what in self._columns.get(name, {}).items()}

    def _warnings(self, found: SchemaObject, sql: str, bits: int) -> Iterator[str]:
        if found.kind == "event" and self._target.variables["event_scheduler"] != "ON":
            yield "the target's event_scheduler is off, so that no event runs there"
        if found.kind not in PROGRAMS:
            return
        if _foreign_body(sql) < len(sql):
            yield "it is not written in SQL, so nothing is known of what it names"
            return
        yield self._other_letters(found, sql, bits)
        words = {token.text for token in tokens(sql, bits) if token.kind != "other"}
        for name, columns in self._columns.items():
            if called := words & columns.keys():
                yield f"it may mean {', '.join(sorted(called))} of {name}, which the plan leaves out or renames"
        unknown = [name for name in _called(sql, bits) - self._calls if self._target.lacks_function(name)]
        if unknown:
            yield f"the target has no function {', '.join(sorted(unknown))}"

    def _other_letters(self, found: SchemaObject, sql: str, bits: int) -> str:
        here = settings_of(found.session).get(DATABASE_COLLATION, "")
        there, _ = self._collations[found.name.schema]
        if not there or there == here or not _LETTERED & {token.upper for token in tokens(sql, bits)}:
            return ""
        return f"its texts without a character set of their own are in {here}, and in {there} on the target"

    def _collation(self, objects: Sequence[SchemaObject], old: str, new: str) -> tuple[str, bool]:
        """
        What texts without a character set of their own will be in on the target: as most of a database's objects have
        it, where the database is still to be made and the target knows it (then True); empty: not known yet.
        """
        there = self._target.database_collation(new)
        found = (settings_of(each.session).get(DATABASE_COLLATION) for each in objects if each.name.schema == old)
        usual = Counter(collation for collation in found if collation).most_common(1)
        if there or not usual or not self._target.takes("collation_connection", usual[0][0]):
            return there, False
        return usual[0][0], True


def _in_utf8(session: Session, text: str, bits: int) -> tuple[Session, str]:
    """A text with letters of another character set arrives in UTF-8: the same letters, unless bytes are meant."""
    client = session.settings.get("character_set_client", "utf8mb4")
    if text.isascii() or client.startswith("utf8"):
        return session, ""
    if introducers := list(foreign_literals(text, bits)):
        return session, f"its {introducers[0]} string has letters that only a session in {client} writes as they are"
    note = f"its character_set_client {client} is utf8mb4 now: its text has letters beyond ASCII"
    settings = session.settings | {"character_set_client": "utf8mb4"}
    return replace(session, settings=settings, notes=(*session.notes, note)), ""


def _foreign_body(sql: str) -> int:
    """Where the body of a program in another language than SQL begins, which is a string; else the end."""
    head, _, _ = sql.partition("\nAS $")
    return len(head) if "\n    LANGUAGE " in head and "\n    LANGUAGE SQL" not in head else len(sql)


def _called(sql: str, bits: int) -> set[str]:
    """Names with an opening parenthesis right behind them, in lower case, where they are not qualified."""
    found = list(tokens(sql, bits))
    return {
        token.text.lower()
        for before, token, after in zip(found, found[1:], found[2:], strict=False)
        if token.kind == "word" and after.text == "(" and token.text.isidentifier()
        if before.text != "." and before.upper not in _NAMES_FOLLOW
    }


def _changed(table: TableMap) -> dict[str, str]:
    """Columns that the plan leaves out or renames."""
    names = {pair.source.name: pair.target.name for pair in table.columns}
    names |= {column.name: column.name for column in table.target.columns if column.generated}
    return {
        column.name: f"which is {names[column.name]} on the target" if column.name in names else "which is left out"
        for column in table.source.columns
        if names.get(column.name) != column.name
    }
