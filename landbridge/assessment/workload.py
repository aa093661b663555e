"""The application's statements, as its server has counted them: which of them have no like on the target, and why."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError

from landbridge import endpoints
from landbridge.endpoints.surveying import SeenStatement
from landbridge.model import TableName
from landbridge.translation import Untranslatable
from landbridge.translation.dialect import Dialect
from landbridge.translation.parsing import guarded, parse
from landbridge.translation.places import Tables
from landbridge.translation.queries import Queries
from landbridge.translation.reading import only

_LOOKED_AT = ("select", "with", "insert", "update", "delete", "replace", "(")
_EXAMPLES = 3
_VALUE = re.compile(r"'(?:[^']|'')*'|(?<![\w.])\d+(?:\.\d+)?")
"""A reason may quote the statement, and a server may have left a value in that."""
_HIDDEN = "it depends on a value that the server does not show (a format, a pattern, a path)"
_USING = "it joins by USING, which every engine has"
_WINDOW = "it uses window functions, which every engine has"
_UNSURE = (_HIDDEN, _USING, _WINDOW)
_PLAINLY = {
    "it uses Join with using": _USING,
    "it uses Window, whose meaning here is not known": _WINDOW,
    "it uses Select with operation_modifiers": "it uses words between SELECT and the columns (SQL_CALC_FOUND_ROWS …)",
    "it uses Table with hints": "it tells the server which index to use",
    "it uses Distinct with on": "it uses DISTINCT ON",
}
_SAID = {
    "conflict": "it handles duplicate keys (ON CONFLICT, ON DUPLICATE KEY UPDATE)",
    "ignore": "it uses INSERT IGNORE",
    "returning": "it uses RETURNING",
    "order": "it changes rows in an order (ORDER BY, LIMIT)",
    "limit": "it changes rows in an order (ORDER BY, LIMIT)",
}


@dataclass(frozen=True, kw_only=True)
class Feature:
    """
    Statements that are not translated for one reason. sure: the target has nothing of the same meaning as far as is
    known; else a person must look. examples: their texts, every value a question mark.
    """

    reason: str
    sure: bool
    statements: int
    calls: int
    seconds: float
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """fine: statements that the target can have, if need be in its own words. aside: those of no table that moves."""

    fine: int
    aside: int
    features: tuple[Feature, ...]

    @property
    def untranslatable(self) -> int:
        return sum(feature.statements for feature in self.features if feature.sure)

    @property
    def unsure(self) -> int:
        return sum(feature.statements for feature in self.features if not feature.sure)


def read(
    seen: Iterable[SeenStatement], source: str, target: str, names: Mapping[TableName, TableName], tables: Tables
) -> Workload:
    """source, target: families. Within one family every statement counts as fine."""
    reads, writes = endpoints.dialect(source), endpoints.dialect(target)
    found: dict[str, list[SeenStatement]] = {}
    fine = aside = 0
    for each in seen:
        if not each.text.lstrip().lower().startswith(_LOOKED_AT):
            aside += 1
            continue
        reason = "" if source == target else _why_not(each, reads, writes, names, tables)
        if reason is None:
            aside += 1
        elif reason:
            found.setdefault(reason, []).append(each)
        else:
            fine += 1
    features = [_feature(reason, those, reads) for reason, those in found.items()]
    return Workload(
        fine=fine,
        aside=aside,
        features=tuple(sorted(features, key=lambda each: (not each.sure, -each.calls, each.reason))),
    )


def _feature(reason: str, those: list[SeenStatement], reads: Dialect) -> Feature:
    return Feature(
        reason=reason,
        sure=reason not in _UNSURE,
        statements=len(those),
        calls=sum(each.calls for each in those),
        seconds=sum(each.seconds for each in those),
        examples=tuple(shown(each.text, reads) for each in those[:_EXAMPLES]),
    )


def shown(text: str, reads: Dialect, limit: int = 240) -> str:
    """The statement without its values and comments, whatever the server left in."""
    try:
        tokens = reads.grammar().tokenize(f"({text}")[1:]  # else the rest of a REPLACE would be one token
    except SqlglotError:
        return "(its text was not understood)"
    words: list[str] = []
    for token in tokens:
        kind = token.token_type.name
        value = kind.endswith(("STRING", "NUMBER")) or kind == "PLACEHOLDER"
        if value and words and words[-1] == "$":
            words.pop()
        words.append("?" if value else token.text)
    line = re.sub(r" ([.,)])|([.(]) ", r"\1\2", " ".join(words))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _why_not(
    seen: SeenStatement, reads: Dialect, writes: Dialect, names: Mapping[TableName, TableName], tables: Tables
) -> str | None:
    """Why it has no translation, empty where it has one. None where it reads no table that moves."""
    mentioned = {name.name for name in names} & set(re.findall(r"\w+", seen.text))
    if not mentioned:
        return None
    if re.match(r"\s*replace\b", seen.text, re.IGNORECASE):
        return "it uses REPLACE"
    try:
        with guarded():
            node = parse(seen.text, reads, whole=True)
            if not _qualified(node, seen.schemas, names):
                return None
            for query in _queries(node):
                Queries(reads, writes, names, tables).parsed(_filled(query).sql(reads.grammar))
    except Untranslatable as why:
        plainly = _PLAINLY.get(str(why), _VALUE.sub("?", str(why)))
        return _HIDDEN if "no constant" in plainly else plainly
    return ""


def _qualified(node: exp.Expression, schemas: Iterable[str], names: Mapping[TableName, TableName]) -> bool:
    """Bare names get the schema they are found in. Whether any table is one that moves."""
    common = {each.alias for each in node.find_all(exp.CTE)}
    found = False
    for table in node.find_all(exp.Table):
        candidates = [table.db] if table.db else [] if table.name in common else list(schemas)
        for schema in candidates:
            if TableName(schema=schema, name=table.name) in names:
                table.set("db", exp.to_identifier(schema, quoted=True))
                found = True
                break
    return found


def _queries(node: exp.Expression) -> list[exp.Expression]:
    """The statement as queries that ask for all it computes. Raises Untranslatable for what it says beyond that."""
    if isinstance(node, exp.Insert):
        _refuse(node)
        only(node, "this", "expression", "columns")
        inner = node.expression
        if not isinstance(inner, exp.Values):
            return [inner]
        values = [value for row in inner.expressions for value in getattr(row, "expressions", [row])]
        return [exp.select(*values)] if values else []
    if isinstance(node, exp.Update):
        _refuse(node)
        only(node, "this", "expressions", "where")
        return [_with(node, [each.expression for each in node.expressions])]
    if isinstance(node, exp.Delete):
        _refuse(node)
        only(node, "this", "where")
        return [_with(node, [exp.Literal.number(1)])]
    return [node]


def _refuse(node: exp.Expression) -> None:
    """In words that the application's developers know."""
    for part, said in _SAID.items():
        if node.args.get(part):
            raise Untranslatable(said)


def _with(node: exp.Expression, values: list[exp.Expression]) -> exp.Expression:
    query = exp.select(*[value.copy() for value in values]).from_(node.this.copy())
    where = node.args.get("where")
    return query.where(where.this.copy()) if where else query


def _filled(node: exp.Expression) -> exp.Expression:
    """With a value for every parameter and a name for every column: a query of an application needs neither."""
    node = node.copy()
    for gap in list(node.find_all(exp.Placeholder, exp.Parameter)):
        if isinstance(gap.parent, exp.Limit | exp.Offset):
            gap.replace(exp.Literal.number(1))
        elif isinstance(gap.parent, exp.Like | exp.ILike):
            gap.replace(exp.Literal.string("x"))
        elif isinstance(gap.parent, exp.Interval):
            gap.replace(exp.Literal.string("1"))
        else:
            gap.replace(exp.Null())
    for select in list(node.find_all(exp.Select)):
        select.set("locks", None)  # every engine has them
        for number, item in enumerate(list(select.expressions)):
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                item.replace(exp.alias_(exp.Literal.number(1), f"all_{number}", quoted=True))
            elif not isinstance(item, exp.Alias | exp.Column):
                item.replace(exp.alias_(item.copy(), f"column_{number}", quoted=True))
    return node
