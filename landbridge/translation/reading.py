"""A parsed expression as a tree of exact operations. What is not named here or in its family's dialect is refused."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from landbridge import kinds
from landbridge.kinds import Kind
from landbridge.model import Column
from landbridge.translation import comparing
from landbridge.translation.dialect import Dialect
from landbridge.translation.terms import (
    BOOL,
    INT,
    NULL,
    NUMBERS,
    TEXT,
    ZERO,
    Term,
    Untranslatable,
    call,
    common,
    number,
    string,
    widest,
)

Columns = Mapping[str, Kind | Column]


class Scope:
    """
    Where names of columns lead: by qualifier and name. outer: the query around this one; `escaped` collects what was
    found there. transparent: outer is the same query. qualified_only: nothing is found without a qualifier.
    """

    def __init__(
        self,
        sources: Mapping[str, Mapping[str, Term]],
        outer: "Scope | None" = None,
        *,
        transparent: bool = False,
        qualified_only: bool = False,
    ) -> None:
        self._sources = sources
        self.outer = outer
        self._transparent = transparent
        self._qualified_only = qualified_only
        self.escaped: list[Term] = []

    def find(self, qualifier: str, name: str, fold: Callable[[str], str]) -> Term:
        found = self.here(qualifier, name, fold)
        beside = self.outer.here(qualifier, name, fold) if self.outer and self._transparent else []
        if len(found) == 1 and all(term == found[0] for term in beside):
            return found[0]
        if found or self.outer is None:
            raise Untranslatable(f"what it means by {qualifier + '.' if qualifier else ''}{name} is not known")
        term = self.outer.find(qualifier, name, fold)
        if not self._transparent:
            self.escaped.append(term)
        return term

    def here(self, qualifier: str, name: str, fold: Callable[[str], str]) -> list[Term]:
        wanted = fold(name)
        return [
            term
            for source, columns in self._sources.items()
            if (not qualifier and not self._qualified_only) or fold(source) == fold(qualifier)
            for column, term in columns.items()
            if fold(column) == wanted
        ]


class Reader:
    """
    strict: a comparison of texts that is laxer in the source is refused, and not only noted. subquery: what reads a
    query inside the expression.
    """

    def __init__(
        self,
        dialect: Dialect,
        scope: Scope,
        *,
        strict: bool = True,
        subquery: Callable[[exp.Expression, Scope], Term] | None = None,
        notes: set[str] | None = None,
    ) -> None:
        self.dialect = dialect
        self.scope = scope
        self.strict = strict
        self.notes: set[str] = set() if notes is None else notes
        self._subquery = subquery

    def term(self, node: Any) -> Term:
        special = self.dialect.nodes.get(type(node)) or _NODES.get(type(node))
        if special is None:
            raise Untranslatable(f"it uses {type(node).__name__}, whose meaning here is not known")
        return special(self, node)

    def truth(self, node: Any) -> Term:
        return self.as_truth(self.term(node))

    def number(self, node: Any) -> Term:
        return self.as_number(self.term(node))

    def text(self, node: Any) -> Term:
        return self.as_text(self.term(node))

    def as_truth(self, term: Term) -> Term:
        if term.kind is None or isinstance(term.kind, kinds.Bool):
            return term
        if self.dialect.numbers_are_truths and isinstance(term.kind, NUMBERS):
            return comparing.compare(self, "ne", term, ZERO)
        raise Untranslatable("it takes a value that is none for a condition")

    def as_number(self, term: Term) -> Term:
        if term.kind is None or isinstance(term.kind, NUMBERS):
            return term
        if self.dialect.numbers_are_truths and isinstance(term.kind, kinds.Bool):
            return call("whole", INT, term)
        raise Untranslatable("it calculates with a value that is no number")

    def as_text(self, term: Term) -> Term:
        kind = term.kind
        if kind is None or isinstance(kind, kinds.Text):
            return term
        if isinstance(kind, kinds.Bool) and self.dialect.numbers_are_truths:
            return call("text", TEXT, self.as_number(term), texts="")
        exact = isinstance(kind, kinds.Decimal) and kind.scale is not None and term.op in ("column", "cast")
        plain = isinstance(kind, kinds.Timestamp) and kind.fsp == 0
        if exact or plain or isinstance(kind, kinds.Int | kinds.Enum | kinds.Set | kinds.Date):
            texts = term.texts or ("exact" if isinstance(kind, kinds.Enum | kinds.Set) else "")
            return call("text", TEXT, term, texts=texts)
        raise Untranslatable("it takes a value for a text that has another form here")

    def subquery(self, node: exp.Expression) -> Term:
        if self._subquery is None:
            raise Untranslatable("it holds a query")
        return self._subquery(node, self.scope)

    def condition_as_value(self, term: Term) -> Term:
        """A comparison's result where a value is wanted: a number in the dialects that have no other truth."""
        computed = isinstance(term.kind, kinds.Bool) and term.op not in ("column", "case", "coalesce")
        return self.as_number(term) if computed and self.dialect.numbers_are_truths else term


def only(node: exp.Expression, *known: str) -> None:
    """Raises Untranslatable when the node says more than what is looked at."""
    if more := [name for name, value in node.args.items() if value and name not in known and not name.startswith("_")]:
        raise Untranslatable(f"it uses {type(node).__name__} with {more[0]}")


def _column(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "table", "db")
    if not isinstance(node.this, exp.Identifier):
        raise Untranslatable("it names all columns")
    if not node.this.quoted and (clock := reader.dialect.functions.get(f"{node.name.lower()}!")):
        return clock(reader, ())
    return reader.scope.find(node.args["table"].name if node.args.get("table") else "", node.name, str.lower)


def _literal(_: Reader, node: exp.Expression) -> Term:
    return string(node.name) if node.args["is_string"] else number(node.name)


def _junction(op: str) -> Callable[[Reader, exp.Expression], Term]:
    def read(reader: Reader, node: exp.Expression) -> Term:
        only(node, "this", "expression")
        return call(op, BOOL, reader.truth(node.this), reader.truth(node.expression))

    return read


def _comparison(op: str) -> Callable[[Reader, exp.Expression], Term]:
    def read(reader: Reader, node: exp.Expression) -> Term:
        only(node, "this", "expression")
        return comparing.compare(reader, op, reader.term(node.this), reader.term(node.expression))

    return read


def _negated(term: Term, node: exp.Expression) -> Term:
    return call("not", BOOL, term) if node.args.get("negate") else term


def _is(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "expression", "negate")
    if isinstance(node.expression, exp.Null):
        return _negated(call("isnull", BOOL, reader.term(node.this)), node)
    if isinstance(node.expression, exp.Boolean):
        op = "istrue" if node.expression.this else "isfalse"
        return _negated(call(op, BOOL, reader.truth(node.this)), node)
    raise Untranslatable("it uses IS with a value")


def _between(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "low", "high", "negate")
    value = reader.term(node.this)
    low = comparing.compare(reader, "ge", value, reader.term(node.args["low"]))
    high = comparing.compare(reader, "le", value, reader.term(node.args["high"]))
    return _negated(call("and", BOOL, low, high), node)


def _in(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "expressions", "query", "negate")
    value = reader.term(node.this)
    if query := node.args.get("query"):
        inner = reader.subquery(query)
        like = comparing.compare(reader, "eq", value, inner)
        if like.args != (value, inner):
            raise Untranslatable("it looks for a value among those of another kind")
        return _negated(call("among", BOOL, value, inner), node)
    equal = [comparing.compare(reader, "eq", value, reader.term(each)) for each in node.expressions]
    if len({each.args[0] for each in equal}) == 1 and all(each.op == "eq" for each in equal):
        return _negated(call("in", BOOL, equal[0].args[0], *(each.args[1] for each in equal)), node)
    either = equal[0]
    for each in equal[1:]:
        either = call("or", BOOL, either, each)
    return _negated(either, node)


def _like(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "expression", "negate")
    value, pattern = reader.text(node.this), reader.term(node.expression)
    if pattern.op != "string":
        raise Untranslatable("it uses LIKE with a pattern that is no constant")
    if not pattern.value.strip("%"):
        return _negated(call("like", BOOL, value, pattern), node)
    comparing.check_texts(reader, value, pattern)  # LIKE heeds blanks at the end everywhere
    return _negated(call("like", BOOL, value, pattern), node)


def _case(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "ifs", "default")
    pairs: list[Term] = []
    for branch in node.args["ifs"]:
        when = _same(reader, node.this, branch.this) if node.args.get("this") else reader.truth(branch.this)
        pairs += [when, _value(reader, branch.args["true"])]
    default = node.args.get("default")
    return choice(reader, pairs, _value(reader, default) if default else None)


def _same(reader: Reader, value: exp.Expression, other: exp.Expression) -> Term:
    return comparing.compare(reader, "eq", reader.term(value), reader.term(other))


def _value(reader: Reader, node: exp.Expression) -> Term:
    return reader.condition_as_value(reader.term(node))


def _if(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "true", "false")
    otherwise = _value(reader, node.args["false"]) if node.args.get("false") else None
    return choice(reader, [reader.truth(node.this), _value(reader, node.args["true"])], otherwise)


def choice(reader: Reader, pairs: Sequence[Term], otherwise: Term | None) -> Term:
    """CASE. pairs: condition, value, condition, value…"""
    values = [*pairs[1::2], *([otherwise] if otherwise else [])]
    mixed = {isinstance(value.kind, kinds.Bool) for value in values if value.kind is not None} == {True, False}
    if mixed and reader.dialect.numbers_are_truths:
        values = [reader.as_number(value) for value in values]
    kind = common(*values)
    if isinstance(kind, kinds.Enum):
        values, kind = [reader.as_text(value) for value in values], TEXT
    arms = [arm for pair in zip(pairs[0::2], values, strict=False) for arm in pair]
    return call("case", kind, *arms, *([values[-1]] if otherwise else []))


def _arithmetic(op: str) -> Callable[[Reader, exp.Expression], Term]:
    def read(reader: Reader, node: exp.Expression) -> Term:
        only(node, "this", "expression", "typed", "safe")
        left, right = reader.number(node.this), reader.number(node.expression)
        return calculate(op, left, right)

    return read


def calculate(op: str, left: Term, right: Term) -> Term:
    comparing.refuse_quotients(left, right)
    kind = widest(*(side.kind for side in (left, right) if side.kind is not None))
    if op == "mul" and isinstance(kind, kinds.Decimal) and kind.scale is not None:
        scales = [side.kind.scale or 0 for side in (left, right) if isinstance(side.kind, kinds.Decimal)]
        kind = kinds.Decimal(precision=65, scale=sum(scales))
    return call(op, kind, left, right)


def _negative(reader: Reader, node: exp.Expression) -> Term:
    value = reader.number(node.this)
    return call("neg", value.kind, value)


def _function(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "expressions")
    name = node.this.name if isinstance(node.this, exp.Identifier) else str(node.this)
    known = reader.dialect.functions.get(name.lower())
    if known is None:
        raise Untranslatable(f"it calls {name}, whose meaning here is not known")
    return known(reader, node.expressions)


def _dotted(_: Reader, node: exp.Expression) -> Term:
    raise Untranslatable(f"it calls {node.sql()[:60]}, which is not the server's own")


def _substring(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "start", "length")
    parts = (node.this, node.args.get("start"), node.args.get("length"))
    return reader.dialect.functions["substring"](reader, [part for part in parts if part is not None])


def _trim(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this", "position", "expression")
    given = node.args.get("expression")
    if given is not None and not (isinstance(given, exp.Literal) and given.name == " "):
        raise Untranslatable("it trims other characters than blanks")
    op = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    return call(op, TEXT, reader.text(node.this))


def _rounding(name: str) -> Callable[[Reader, exp.Expression], Term]:
    def read(reader: Reader, node: exp.Expression) -> Term:
        only(node, "this")
        return reader.dialect.functions[name](reader, [node.this])

    return read


def _exists(reader: Reader, node: exp.Expression) -> Term:
    only(node, "this")
    return call("exists", BOOL, reader.subquery(node.this))


_NODES: Mapping[type[exp.Expression], Callable[[Reader, Any], Term]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: lambda _reader, _node: NULL,
    exp.Boolean: lambda _, node: Term(op="true" if node.this else "false", kind=BOOL),
    exp.Paren: lambda reader, node: reader.term(node.this),
    exp.And: _junction("and"),
    exp.Or: _junction("or"),
    exp.Not: lambda reader, node: call("not", BOOL, reader.truth(node.this)),
    exp.EQ: _comparison("eq"),
    exp.NEQ: _comparison("ne"),
    exp.LT: _comparison("lt"),
    exp.LTE: _comparison("le"),
    exp.GT: _comparison("gt"),
    exp.GTE: _comparison("ge"),
    exp.NullSafeEQ: _comparison("same"),
    exp.NullSafeNEQ: lambda reader, node: call("not", BOOL, _comparison("same")(reader, node)),
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    exp.Case: _case,
    exp.If: _if,
    exp.Add: _arithmetic("add"),
    exp.Sub: _arithmetic("sub"),
    exp.Mul: _arithmetic("mul"),
    exp.Neg: _negative,
    exp.Anonymous: _function,
    exp.Dot: _dotted,
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.Ceil: _rounding("ceil"),
    exp.Floor: _rounding("floor"),
    exp.Exists: _exists,
    exp.Subquery: lambda reader, node: reader.subquery(node),
    exp.Select: lambda reader, node: reader.subquery(node),
}
