"""
Partitions in the words of this server and in neutral ones (MySQL manual, "Partitioning Types" and "Restrictions and
Limitations on Partitioning"), and those that a plan writes itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from landbridge import kinds
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.names import quote, quote_all, shorten
from landbridge.kinds import Kind, Loss
from landbridge.model import Column, Partitioning, Share, Split, Table
from landbridge.partitions import unreadable

_NAME = r"(?:`(?:[^`]|``)+`|[A-Za-z_][\w$]*)"
_STRING = r"'(?:[^'\\]|''|\\.)*'"
_HEAD = re.compile(
    rf"(?:LINEAR\s+)?(?P<method>RANGE|LIST|HASH|KEY)(?P<columns>\s+COLUMNS)?(?:\s+ALGORITHM\s*=\s*[12])?"
    rf"\s*\(\s*(?P<names>{_NAME}(?:\s*,\s*{_NAME})*)\s*\)\s*(?:PARTITIONS\s+(?P<count>[0-9]+)\s*)?(?P<parts>\(.*\))?",
    re.DOTALL | re.IGNORECASE,
)
_PART = re.compile(
    rf"""(?P<skipped>{_STRING})|\bPARTITION\s+(?P<name>{_NAME})
    (?:\s+(?P<rest>DEFAULT\b)|\s+VALUES\s+(?:LESS\s+THAN|IN)\s*(?:(?P<most>MAXVALUE\b)|\((?P<values>(?:{_STRING}|[^()'])*)\)))?""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = r"(?:NULL|MAXVALUE|'(?:[^'\\]|'')*'|-?[0-9]+)"
_VALUES = re.compile(rf"{_VALUE}(?:\s*,\s*{_VALUE})*")
_FITTING = re.compile(r"(?:tiny|small|medium)?int\b|bigint\b|date\b|datetime\b")
_SHORT = re.compile(r"(?:var)?char\(")
_HASHED = re.compile(rf"{_FITTING.pattern}|(?:var)?char\(|decimal\b|uuid\b|(?:var)?binary\(")


def split(by: str) -> Split | None:
    """by: what SHOW CREATE TABLE has after PARTITION BY; None where it has no neutral meaning."""
    head = _HEAD.fullmatch(by.strip())
    if head is None:
        return None
    names = re.findall(_NAME, head["names"])
    columns = tuple(map(_unquoted, names))
    parts = [part for part in _PART.finditer(head["parts"] or "") if part["name"]]
    if head["method"].upper() in ("HASH", "KEY"):
        own = [_unquoted(part["name"]) for part in parts]
        found = own or [f"p{number}" for number in range(int(head["count"] or 1))]
        return Split(method="hash", columns=columns, shares=tuple(Share(name=name) for name in found))
    if len(columns) > 1 or not parts:
        return None
    method = head["method"].upper()
    made = list(_ranges(parts)) if method == "RANGE" else list(_lists(parts))
    shares = tuple(share for share in made if share)
    if len(shares) != len(parts):
        return None
    return Split(method="range" if method == "RANGE" else "list", columns=columns, shares=shares)


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _ranges(parts: Sequence[re.Match[str]]) -> Iterator[Share | None]:
    low = None
    for part in parts:
        text = (part["values"] or "").strip()
        last = part["most"] is not None or text == "MAXVALUE"
        if not last and (not re.fullmatch(_VALUE, text) or text == "NULL"):
            yield None
            return
        high = None if last else _plain(text)
        yield Share(name=_unquoted(part["name"]), low=low, high=high)
        low = high


def _lists(parts: Sequence[re.Match[str]]) -> Iterator[Share | None]:
    for part in parts:
        text = (part["values"] or "").strip()
        if part["rest"]:
            yield Share(name=_unquoted(part["name"]), rest=True)
        elif _VALUES.fullmatch(text):
            yield Share(name=_unquoted(part["name"]), values=tuple(map(_plain, re.findall(_VALUE, text))))
        else:
            yield None


def _plain(value: str) -> str | None:
    if value == "NULL":
        return None
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def across(adopted: Table, source: Table, *, mariadb: bool) -> tuple[Table, list[Loss]]:
    """The table with the partitions that it has at the source, where they are safe here; else with none, told."""
    wanted = source.partitioning
    if wanted is None:
        return adopted, []
    if wanted.given:
        return as_given(replace(adopted, partitioning=wanted))
    why = _obstacle(adopted, source, wanted.split, mariadb=mariadb) or next(_unfit(adopted, wanted), "")
    if why or wanted.split is None:
        return adopted, [_told(f"the table is not partitioned here; its rows are all in one table: {why}")]
    made, told = _by(wanted.split, source.column(wanted.split.columns[0]).kind)
    partitioning = replace(wanted, by=made, partitions=())
    return replace(adopted, partitioning=partitioning), [_told(told)] if told else []


def _obstacle(adopted: Table, source: Table, described: Split | None, *, mariadb: bool) -> str:
    if described is None:
        return "they are not of bare columns and constants"
    if why := unreadable(described, source):
        return why
    if described.method == "list" and not mariadb:
        return "a partition of lists has no place here for the values of new ones"
    there = {column.name: column for column in adopted.columns}
    if unfit := [name for name in described.columns if not _divides(there.get(name), described.method)]:
        return f"{unfit[0]} has a type that cannot divide rows here"
    return _keys_without(adopted, described.columns)


def _divides(column: Column | None, method: str) -> bool:
    if column is None or column.generated:
        return False
    pattern = _HASHED if method == "hash" else _FITTING
    short = method == "list" and _SHORT.match(column.native)
    return bool(pattern.match(column.native) or short)


def _keys_without(table: Table, columns: Sequence[str]) -> str:
    """Every unique key must have the columns by which the rows are divided."""
    keys = [("the primary key", table.primary_key.columns)] if table.primary_key else []
    keys += [(f"the unique {i.name}", tuple(p.column or "" for p in i.parts)) for i in table.indexes if i.unique]
    lacking = [name for name, held in keys if not set(columns) <= set(held)]
    return f"{', '.join(lacking)} would need the columns {', '.join(columns)}" if lacking else ""


def _unfit(table: Table, wanted: Partitioning) -> Iterator[str]:
    """What the server refuses of any partitioned table, some of it in the switch only."""
    if table.foreign_keys:
        yield "a partitioned table has no foreign keys here"
    if wanted.referenced:
        yield "foreign keys of other tables point at it, which none can to a partitioned table"
    if any(index.method in ("fulltext", "spatial", "vector") for index in table.indexes):
        yield "a partitioned table has no full-text, spatial or vector index here"
    if any(isinstance(column.kind, kinds.Geometry) for column in table.columns):
        yield "a partitioned table has no geometries here"


def _by(described: Split, kind: Kind) -> tuple[str, str]:
    """The text after PARTITION BY, and what is to be told of it."""
    columns = quote_all(described.columns)
    names = [quote(shorten(share.name)) for share in described.shares]
    if described.method == "hash":
        parts = ", ".join(f"PARTITION {name}" for name in names)
        return f"KEY ({columns}) PARTITIONS {len(names)} ({parts})", ""
    rest = next((share.name for share in described.shares if share.rest), "")
    others = [share for share in described.shares if not share.rest]
    added = quote(shorten(rest or next(n for n in ("rest", "rest_of_rows") if quote(n) not in names)))
    if described.method == "list":
        lists = [
            f"PARTITION {quote(shorten(s.name))} VALUES IN ({', '.join(_value(v, kind) for v in s.values)})"
            for s in others
        ]
        told = "" if rest else "a DEFAULT partition takes the rows that are in no other, which the source refuses"
        return f"LIST COLUMNS({columns}) ({', '.join([*lists, f'PARTITION {added} DEFAULT'])})", told
    ordered = sorted(others, key=lambda share: _place(share.low, kind))
    ranges = [f"PARTITION {quote(shorten(s.name))} VALUES LESS THAN ({_most(s, kind)})" for s in ordered]
    said = "rows that are in no range of the source go into the one above here"
    if not ordered or ordered[-1].high is not None:
        ranges.append(f"PARTITION {added} VALUES LESS THAN (MAXVALUE)")
        said += ": a new range is made by REORGANIZE of the last"
    return f"RANGE COLUMNS({columns}) ({', '.join(ranges)})", said


def _place(low: str | None, kind: Kind) -> tuple[bool, int, str]:
    if low is None:
        return False, 0, ""
    return (True, int(low), "") if isinstance(kind, kinds.Int) else (True, 0, low)


def _most(share: Share, kind: Kind) -> str:
    return "MAXVALUE" if share.high is None else _value(share.high, kind)


def _value(value: str | None, kind: Kind) -> str:
    if value is None:
        return "NULL"
    return value if isinstance(kind, kinds.Int) else literal(value.removesuffix("+00") if _is_moment(kind) else value)


def _is_moment(kind: Kind) -> bool:
    return isinstance(kind, kinds.TimestampTz)


def bare(text: str) -> str:
    return re.sub(r"\A\s*PARTITION\s+BY\s+", "", text, flags=re.IGNORECASE).strip()


def as_given(table: Table) -> tuple[Table, list[Loss]]:
    """The table with the partitions that the plan writes; `partitioning.by` is the plan's text."""
    assert table.partitioning
    text = bare(table.partitioning.by)
    wanted = replace(table.partitioning, by=text)
    why = list(_unfit(table, wanted))
    mentioned = _mentioned(text, table)
    if not mentioned and not re.match(r"(?:LINEAR\s+)?KEY\b", text, re.IGNORECASE):
        why.append("no column of the table is named by it")
    elif lacking := _keys_without(table, mentioned):
        why.append(lacking)
    return replace(table, partitioning=wanted), [
        _refused(f"it cannot be partitioned as planned: {each}") for each in why
    ]


def _mentioned(text: str, table: Table) -> list[str]:
    """Columns by which rows are divided: those named before the list of partitions."""
    method = r"(?:LINEAR\s+)?(?:RANGE|LIST|HASH|KEY)(?:\s+COLUMNS)?"
    text = re.sub(_STRING, "''", re.sub(method, "", text, count=1, flags=re.IGNORECASE), flags=re.DOTALL)
    head = re.split(r"\(\s*PARTITION\b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    names = {_unquoted(name).lower() for name in re.findall(rf"{_NAME}(?![\w$]|\s*\()", head)}
    return [column.name for column in table.columns if column.name.lower() in names]


def _told(what: str) -> Loss:
    return Loss(column="", part="table", what=what, blocking=False)


def _refused(what: str) -> Loss:
    choices = ("partitions: flatten", "another text of partitions")
    return Loss(column="", part="table", what=what, blocking=True, choices=choices)
