"""Queries: their structure stays, names become the target's, and every expression in them is translated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from landbridge.kinds import Kind, Text
from landbridge.model import TableName
from landbridge.translation import comparing
from landbridge.translation.dialect import Dialect
from landbridge.translation.parsing import parse
from landbridge.translation.places import Tables
from landbridge.translation.reading import Reader, Scope, only
from landbridge.translation.terms import AGGREGATES, Term, Untranslatable, call, common
from landbridge.translation.writing import column, write

_VAGUE = ("any", "now", "today", "uuid")


@dataclass(frozen=True, kw_only=True)
class Query:
    """
    columns: what it yields. settled: those of them that are the same whenever and wherever the query is run on the same
    rows. notes: what may differ from the source for some values.
    """

    text: str
    columns: Mapping[str, Kind | None]
    settled: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Item:
    name: str
    term: Term


class _Sources(dict[str, dict[str, Term]]):
    """The columns of everything in a FROM, by alias. equal: what inner joins make so. primary: the keys' columns."""

    def __init__(self) -> None:
        super().__init__()
        self.primary: dict[str, list[Term]] = {}
        self.equal: list[tuple[Term, Term]] = []


class Queries:
    def __init__(self, reads: Dialect, writes: Dialect, names: Mapping[TableName, TableName], tables: Tables) -> None:
        self._reads, self._writes = reads, writes
        self._names, self._tables = names, tables
        self._notes: set[str] = set()
        self._vague: set[str] = set()
        self._common: dict[str, dict[str, Term]] = {}

    def parsed(self, text: str) -> Query:
        """Raises Untranslatable."""
        return self.translate(parse(text, self._reads, whole=True))

    def translate(self, node: exp.Expression) -> Query:
        text, items = self._query(node, None)
        if not all(item.name for item in items):
            raise Untranslatable("one of its columns has no name")
        settled = [item.name for item in items if not self._is_vague(item.term)]
        return Query(
            text=text,
            columns={item.name: item.term.kind for item in items},
            settled=() if _is_limited(node) else tuple(settled),
            notes=tuple(sorted(self._notes)),
        )

    def subquery(self, node: exp.Expression, scope: Scope) -> Term:
        inner = Scope({}, scope)
        text, items = self._query(node, inner)
        first = items[0].term
        found = Term(op="query", kind=first.kind, args=tuple(inner.escaped), value=f"({text})", texts=first.texts)
        if _is_limited(node) or self._is_vague(first):
            self._vague.add(found.value)
        return found

    def _is_vague(self, term: Term) -> bool:
        """Whether the same rows may give another value another time, or where texts sort in another order."""
        return any(
            part.op in _VAGUE
            or (part.op == "join_texts" and _sorts_freely(part))
            or (part.op == "query" and part.value in self._vague)
            for part in term.walk()
        )

    def _query(self, node: exp.Expression, outer: Scope | None) -> tuple[str, list[_Item]]:
        if isinstance(node, exp.Subquery):
            only(node, "this")
            return self._query(node.this, outer)
        if isinstance(node, exp.SetOperation):
            return self._combined(node, outer)
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        raise Untranslatable(f"it uses {type(node).__name__}")

    def _with(self, node: exp.Expression, outer: Scope | None) -> str:
        clause = node.args.get("with_") or node.args.get("with")
        if clause is None:
            return ""
        only(clause, "expressions")
        parts = []
        for each in clause.expressions:
            only(each, "this", "alias")
            text, items = self._query(each.this, outer)
            self._common[each.alias] = self._columns_of(each.alias, items, each.args["alias"])
            parts.append(f"{self._alias(each.alias, each.args['alias'])} AS ({text})")
        return f"WITH {', '.join(parts)} "

    def _alias(self, name: str, alias: exp.Expression) -> str:
        columns = ", ".join(self._writes.quote(each.name) for each in alias.args.get("columns") or ())
        return self._writes.quote(name) + (f" ({columns})" if columns else "")

    def _columns_of(self, alias: str, items: Sequence[_Item], named: exp.Expression | None) -> dict[str, Term]:
        renamed = [each.name for each in (named.args.get("columns") or ())] if named is not None else []
        names = renamed or [item.name for item in items]
        if not all(names):
            raise Untranslatable("one of its columns has no name")
        quote = self._writes.quote
        return {
            name: Term(op="column", kind=item.term.kind, value=f"{quote(alias)}.{quote(name)}", texts=item.term.texts)
            for name, item in zip(names, items, strict=True)
        }

    def _combined(self, node: exp.SetOperation, outer: Scope | None) -> tuple[str, list[_Item]]:
        only(node, "this", "expression", "distinct", "order", "limit", "offset", "with_")
        before = self._with(node, outer)
        left, items = self._query(node.this, outer)
        right, others = self._query(node.expression, outer)
        merged = [
            _Item(name=one.name, term=replace(one.term, kind=common(one.term, two.term)))
            for one, two in zip(items, others, strict=True)
        ]
        if node.args.get("distinct"):
            self._note_texts(item.term for item in merged)
        word = type(node).__name__.upper() + ("" if node.args.get("distinct") else " ALL")
        named = {item.name: replace(item.term, op="column", value=self._writes.quote(item.name)) for item in merged}
        reader = self._reader(Scope({"": named}))
        return f"{before}({left}) {word} ({right}){self._tail(node, reader)}", merged

    def _reader(self, scope: Scope) -> Reader:
        return Reader(self._reads, scope, strict=False, subquery=self.subquery, notes=self._notes)

    def _select(self, node: exp.Select, outer: Scope | None) -> tuple[str, list[_Item]]:
        only(
            node, "expressions", "from_", "from", "joins", "where", "group", "having", "order", "limit", "offset",
            "distinct", "with_", "with", "kind",
        )  # fmt: skip
        before = self._with(node, outer)
        sources = _Sources()
        reader = self._reader(Scope(sources, outer))
        origin = self._from(node, sources, reader)
        items = [self._item(each, reader) for each in node.expressions]
        where = f" WHERE {write(reader.truth(node.args['where'].this), self._writes)}" if node.args.get("where") else ""
        named = self._reader(Scope({"": {item.name: item.term for item in items}}, reader.scope, transparent=True))
        grouping = self._grouping(node, named, sources, items)
        items = [_Item(name=item.name, term=grouping.fit(item.term)) for item in items]
        having = ""
        if condition := node.args.get("having"):
            having = f" HAVING {write(grouping.fit(named.truth(condition.this)), self._writes)}"
        distinct = self._distinct(node, items)
        shown = ", ".join(map(self._shown, items))
        tail = self._tail(node, named, grouping)
        group = f" GROUP BY {', '.join(write(key, self._writes) for key in grouping.keys)}" if grouping.keys else ""
        return f"{before}SELECT {distinct}{shown}{origin}{where}{group}{having}{tail}", items

    def _distinct(self, node: exp.Select, items: Sequence[_Item]) -> str:
        if not node.args.get("distinct"):
            return ""
        only(node.args["distinct"])
        self._note_texts(item.term for item in items)
        return "DISTINCT "

    def _item(self, node: exp.Expression, reader: Reader) -> _Item:
        inner = node.this if isinstance(node, exp.Alias) else node
        name = node.alias if isinstance(node, exp.Alias) else node.name if isinstance(node, exp.Column) else ""
        return _Item(name=name, term=reader.condition_as_value(reader.term(inner)))

    def _shown(self, item: _Item) -> str:
        text = write(item.term, self._writes)
        return f"{text} AS {self._writes.quote(item.name)}" if item.name else text

    def _note_texts(self, terms: Iterator[Term]) -> None:
        for term in terms:
            if isinstance(term.kind, Text) and term.texts in ("folded", "padded"):
                self._notes.add(comparing.BYTEWISE)

    def _grouping(self, node: exp.Select, reader: Reader, sources: _Sources, items: Sequence[_Item]) -> "_Grouping":
        group = node.args.get("group")
        if group is None:
            whole = any(part.op in AGGREGATES for item in items for part in item.term.walk())
            return _Grouping(keys=[], covered=[] if whole else None)
        only(group, "expressions")
        keys = [reader.term(each) for each in group.expressions]
        comparing.refuse_quotients(*keys)
        self._note_texts(iter(keys))
        covered = [
            term for alias, key in sources.items() if _within(sources.primary.get(alias), keys) for term in key.values()
        ]
        return _Grouping(keys=keys, covered=covered, determined=_determined(sources, keys))

    def _tail(self, node: exp.Expression, reader: Reader, grouping: "_Grouping | None" = None) -> str:
        text = ""
        if order := node.args.get("order"):
            keys = [self._sorted(each, reader, grouping) for each in order.expressions]
            text += f" ORDER BY {', '.join(keys)}"
        for name in ("limit", "offset"):
            if part := node.args.get(name):
                only(part, "expression")
                if not isinstance(part.expression, exp.Literal) or not part.expression.name.isdigit():
                    raise Untranslatable(f"its {name.upper()} is no constant")
                text += f" {name.upper()} {part.expression.name}"
        return text

    def _sorted(self, node: exp.Expression, reader: Reader, grouping: "_Grouping | None") -> str:
        term = reader.term(node.this)
        comparing.refuse_quotients(term)
        if isinstance(term.kind, Text):
            self._notes.add(comparing.ORDERED)
        descending = bool(node.args.get("desc"))
        first = self._reads.nulls_first != descending
        explicit = node.args.get("nulls_first")
        text = write(grouping.fit(term) if grouping else term, self._writes)
        return self._writes.order(text, descending, bool(explicit) if explicit is not None else first)

    def _from(self, node: exp.Select, sources: _Sources, reader: Reader) -> str:
        origin = node.args.get("from_") or node.args.get("from")
        if origin is None:
            return ""
        joins = node.args.get("joins") or ()
        if any(each.args.get("side") == "RIGHT" for each in joins) and not all(each.args.get("on") for each in joins):
            raise Untranslatable("it joins with a comma and to the right at once")
        text = self._source(origin.this, sources, reader)
        return f" FROM {text}" + "".join(self._join(each, sources, reader) for each in joins)

    def _source(self, node: exp.Expression, sources: _Sources, reader: Reader) -> str:
        only(node, "this", "db", "alias", "joins")
        joins = node.args.get("joins") or ()
        if isinstance(node, exp.Table):
            text = self._table(node, sources)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Select | exp.SetOperation):
            inner, items = self._query(node.this, reader.scope.outer)
            sources[node.alias] = self._columns_of(node.alias, items, node.args.get("alias"))
            text = f"({inner}) AS {self._alias(node.alias, node.args['alias'])}"
        elif isinstance(node, exp.Subquery | exp.Paren):
            inner = self._source(node.this, sources, reader)
            text = f"({inner})" if node.this.args.get("joins") else inner
        else:
            raise Untranslatable(f"it reads from {type(node).__name__}")
        return text + "".join(self._join(each, sources, reader) for each in joins)

    def _table(self, node: exp.Table, sources: _Sources) -> str:
        alias = node.alias or node.name
        if node.args.get("alias") and node.args["alias"].args.get("columns"):
            raise Untranslatable("it gives a table's columns other names")
        quoted = self._writes.quote(alias)
        if not node.db:
            if node.name not in self._common:
                raise Untranslatable(f"what it reads from {node.name} is not known")
            kept = self._common[node.name]
            sources[alias] = {
                name: replace(term, value=f"{quoted}.{self._writes.quote(name)}") for name, term in kept.items()
            }
            return f"{self._writes.quote(node.name)} AS {quoted}"
        source = TableName(schema=node.db, name=node.name)
        if source not in self._names or source not in self._tables:
            raise Untranslatable(f"it reads {source}, which does not arrive")
        place, target = self._tables[source], self._names[source]
        sources[alias] = {
            name: column(self._reads, self._writes, quoted, place.targets.get(name, name), kind)
            for name, kind in place.columns.items()
        }
        sources.primary[alias] = [sources[alias][name] for name in place.key]
        return f"{self._writes.quote(target.schema)}.{self._writes.quote(target.name)} AS {quoted}"

    def _join(self, node: exp.Join, sources: _Sources, reader: Reader) -> str:
        only(node, "this", "on", "side", "kind")
        side, kind = str(node.args.get("side") or ""), str(node.args.get("kind") or "")
        if side not in ("", "LEFT", "RIGHT") or kind not in ("", "INNER", "CROSS", "OUTER"):
            raise Untranslatable(f"it uses {side} {kind} JOIN")
        text = self._source(node.this, sources, reader)
        text = f"({text})" if node.this.args.get("joins") and not text.startswith("(") else text
        if (on := node.args.get("on")) is None:
            return f" CROSS JOIN {text}"
        condition = reader.truth(on)
        if not side:
            sources.equal += _equalities(condition)
        return f"{f' {side}' if side else ''} JOIN {text} ON {write(condition, self._writes)}"


@dataclass(frozen=True, kw_only=True)
class _Grouping:
    """
    covered: columns that depend on the keys as the target knows it too; None: nothing is grouped. determined: those
    that depend on them through joins: to group by them as well changes nothing.
    """

    keys: list[Term]
    covered: Sequence[Term] | None
    determined: Sequence[Term] = ()

    def fit(self, term: Term) -> Term:
        """A column that does not depend on the group's keys is that of any of its rows, as in the source."""
        if self.covered is None or term in self.keys or term in self.covered or term.op in AGGREGATES:
            return term
        if term in self.determined:
            self.keys.append(term)
            return term
        if term.op == "column":
            return call("any", term.kind, term)
        args = tuple(self.fit(arg) for arg in term.args)
        if term.op == "query" and args != term.args:
            raise Untranslatable("a query inside it asks for a column by which it does not group")
        return replace(term, args=args)


def _determined(sources: _Sources, keys: Sequence[Term]) -> list[Term]:
    """By primary keys, and by what inner joins make equal."""
    known = [key for key in keys if key.op == "column"]
    before = -1
    while len(known) > before:
        before = len(known)
        for left, right in sources.equal:
            known += [two for one, two in ((left, right), (right, left)) if one in known and two not in known]
        for alias, columns in sources.items():
            if _within(sources.primary.get(alias), known):
                known += [column for column in columns.values() if column not in known]
    return known


def _equalities(condition: Term) -> Iterator[tuple[Term, Term]]:
    if condition.op == "and":
        for arg in condition.args:
            yield from _equalities(arg)
    elif condition.op == "eq" and all(arg.op == "column" for arg in condition.args):
        yield condition.args[0], condition.args[1]


def _within(key: Sequence[Term] | None, keys: Sequence[Term]) -> bool:
    return bool(key) and all(part in keys for part in key or ())


def _sorts_freely(joined: Term) -> bool:
    keys = joined.args[2:]
    return not keys or any(isinstance(key.kind, Text) for key in keys)


def _is_limited(node: exp.Expression) -> bool:
    return any(node.args.get(part) for part in ("limit", "offset"))
