"""Triggers of one family as lines of a body for another: what they do with the new row and with other tables' rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import Token, exp

from landbridge.kinds import Kind
from landbridge.model import Column, TableName
from landbridge.translation.dialect import Dialect
from landbridge.translation.parsing import parse
from landbridge.translation.places import Place, Tables
from landbridge.translation.programs import Action, Assignment, Branch, Change, Refusal, actions
from landbridge.translation.reading import Reader, Scope, only
from landbridge.translation.terms import Term, Untranslatable, string
from landbridge.translation.views import tokens, words
from landbridge.translation.writing import column, stored, write

_WORDS = {"BEFORE", "AFTER", "INSERT", "UPDATE", "DELETE"}


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """events: INSERT, UPDATE, DELETE. calls: the text behind EXECUTE FUNCTION, where the body is a function's."""

    timing: str
    events: tuple[str, ...]
    body: str
    condition: str = ""
    calls: str = ""


def take_apart(text: str, reads: Dialect) -> Trigger:
    """CREATE TRIGGER name timing event ON table FOR EACH ROW, then what it does. Raises Untranslatable."""
    found = tokens(text.rstrip().rstrip(";"), reads)
    upper = words(found)
    try:
        begin = upper.index("TRIGGER")
        on = upper.index("ON", begin)
        row = upper.index("ROW", on)
    except ValueError:
        raise Untranslatable("it is not of the kind that is done for each row") from None
    said = [word for word in upper[begin:on] if word in _WORDS]
    if upper[row - 2 : row] != ["FOR", "EACH"] or not said or said[0] not in ("BEFORE", "AFTER") or "OF" in upper[:on]:
        raise Untranslatable("it is not of the kind that is done before or after each row")
    if {"REFERENCING", "DEFERRABLE"} & set(upper[on:row]):
        raise Untranslatable("it waits for the end of the statement or transaction")
    at = row + (3 if upper[row + 1 : row + 2] in (["FOLLOWS"], ["PRECEDES"]) else 1)
    condition, at = _condition(text, found, upper, at)
    called = upper[at : at + 1] == ["EXECUTE"]
    rest = text[found[at + 2 if called else at].start : found[-1].end + 1]
    return Trigger(
        timing=said[0],
        events=tuple(said[1:]),
        body="" if called else rest,
        condition=condition,
        calls=rest if called else "",
    )


def _condition(text: str, found: Sequence[Token], upper: Sequence[str], at: int) -> tuple[str, int]:
    """What stands behind WHEN, and where it goes on."""
    if upper[at : at + 1] != ["WHEN"] or "EXECUTE" not in upper[at:]:
        return "", at
    end = upper.index("EXECUTE", at)
    return text[found[at + 1].start : found[end].start].strip(), end


class Body:
    """One trigger's lines. indent and assignment are the target's: `write_assignment` gets column and value."""

    def __init__(
        self, reads: Dialect, writes: Dialect, names: Mapping[TableName, TableName], tables: Tables, of: TableName
    ) -> None:
        self._reads, self._writes = reads, writes
        self._names, self._tables = names, tables
        self._of = of
        self.notes: set[str] = set()
        self.changes_others = False

    def lines(self, text: str, event: str, timing: str) -> list[str]:
        own = self._tables.get(self._of)
        if own is None:
            raise Untranslatable("its table does not arrive")
        present = {"INSERT": ("new",), "UPDATE": ("new", "old"), "DELETE": ("old",)}[event]
        self._rows = {row: self._columns(own, row.upper()) for row in present}
        self._own = own
        result = "" if timing == "AFTER" else "OLD" if event == "DELETE" else "NEW"
        return list(self._actions(actions(text, self._reads, result=result), "  "))

    def condition(self, text: str) -> str:
        return write(self._reader({}).truth(parse(text, self._reads)), self._writes)

    def _columns(self, place: Place, qualifier: str) -> dict[str, Term]:
        return {
            name: column(self._reads, self._writes, qualifier, place.targets.get(name, name), kind)
            for name, kind in place.columns.items()
        }

    def _reader(self, columns: Mapping[str, Term]) -> Reader:
        rows = Scope(self._rows, qualified_only=True)
        return Reader(self._reads, Scope({"": columns}, rows, transparent=True), strict=False, notes=self.notes)

    def _actions(self, found: Sequence[Action], indent: str) -> Iterator[str]:
        for action in found:
            if isinstance(action, Branch):
                yield from self._branch(action, indent)
            elif isinstance(action, Assignment):
                yield indent + self._assignment(action)
            elif isinstance(action, Refusal):
                message, state = (write(string(text), self._writes) for text in (action.message, action.state))
                yield indent + self._writes.refuse.format(message=message, state=state)
            else:
                yield indent + self._change(action) + ";"

    def _branch(self, branch: Branch, indent: str) -> Iterator[str]:
        word = "IF"
        for condition, inner in branch.arms:
            yield f"{indent}{word} {self.condition(condition)} THEN"
            yield from self._actions(inner, indent + "  ")
            word = self._writes.otherwise_if
        if branch.otherwise:
            yield f"{indent}ELSE"
            yield from self._actions(branch.otherwise, indent + "  ")
        yield f"{indent}END IF;"

    def _assignment(self, action: Assignment) -> str:
        name, kind = _named(self._own, action.column)
        reader = self._reader({})
        value = write(stored(reader, reader.term(parse(action.value, self._reads)), kind), self._writes)
        return self._writes.assign.format(column=self._writes.quote(self._own.targets.get(name, name)), value=value)

    def _change(self, action: Change) -> str:
        statement = action.statement
        if isinstance(statement, exp.Insert):
            return self._insert(statement)
        if isinstance(statement, exp.Update):
            return self._update(statement)
        assert isinstance(statement, exp.Delete)
        return self._delete(statement)

    def _table(self, node: exp.Expression) -> tuple[Place, str]:
        only(node, "this", "db")
        source = TableName(schema=node.args["db"].name if node.args.get("db") else self._of.schema, name=node.name)
        if source not in self._tables or source not in self._names:
            raise Untranslatable(f"it changes {source}, which does not arrive")
        if source == self._of:
            raise Untranslatable("it changes its own table")
        self.changes_others = True
        target = self._names[source]
        return self._tables[source], f"{self._writes.quote(target.schema)}.{self._writes.quote(target.name)}"

    def _insert(self, node: exp.Insert) -> str:
        only(node, "this", "expression")
        if not isinstance(node.this, exp.Schema) or not isinstance(node.expression, exp.Values):
            raise Untranslatable("it inserts by another form than columns and their values")
        place, target = self._table(node.this.this)
        columns = [_named(place, each.name) for each in node.this.expressions]
        rows = []
        reader = self._reader({})
        for row in node.expression.expressions:
            pairs = zip(columns, row.expressions, strict=True)
            values = [write(stored(reader, reader.term(value), kind), self._writes) for (_, kind), value in pairs]
            rows.append(f"({', '.join(values)})")
        named = ", ".join(self._writes.quote(place.targets.get(name, name)) for name, _ in columns)
        return f"INSERT INTO {target} ({named}) VALUES {', '.join(rows)}"

    def _update(self, node: exp.Update) -> str:
        """All values are those before the statement on one side, and change from left to right on the other."""
        only(node, "this", "expressions", "where")
        place, target = self._table(node.this)
        reader = self._reader(self._columns(place, ""))
        sets: list[str] = []
        changed: set[str] = set()
        for each in node.expressions:
            name, kind = _named(place, each.this.name)
            value = stored(reader, reader.term(each.expression), kind)
            if changed & {part.value for part in value.walk() if part.op == "column"}:
                raise Untranslatable("an UPDATE in it uses a column that it has just set")
            quoted = self._writes.quote(place.targets.get(name, name))
            changed.add(quoted)
            sets.append(f"{quoted} = {write(value, self._writes)}")
        return f"UPDATE {target} SET {', '.join(sets)}{self._where(node, reader)}"

    def _delete(self, node: exp.Delete) -> str:
        only(node, "this", "where")
        place, target = self._table(node.this)
        return f"DELETE FROM {target}{self._where(node, self._reader(self._columns(place, '')))}"

    def _where(self, node: exp.Expression, reader: Reader) -> str:
        where = node.args.get("where")
        return f" WHERE {write(reader.truth(where.this), self._writes)}" if where else ""


def _named(place: Place, name: str) -> tuple[str, Kind]:
    found = [each for each in place.columns if each.lower() == name.lower()]
    if len(found) != 1:
        raise Untranslatable(f"what it means by {name} is not known")
    kind = place.columns[found[0]]
    return found[0], kind.kind if isinstance(kind, Column) else kind
