"""
Partitions in the words of this server and in neutral ones (manual, "CREATE TABLE", PARTITION BY and PARTITION OF), and
those that a plan writes itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from landbridge.endpoints.postgres.names import literal, unquote
from landbridge.kinds import Loss
from landbridge.model import Partition, Partitioning, Share, Split, Table, TableName
from landbridge.partitions import unreadable

_NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_BY = re.compile(rf"(RANGE|LIST|HASH)\s*\(\s*({_NAME}(?:\s*,\s*{_NAME})*)\s*\)", re.IGNORECASE)
_VALUE = r"(?:NULL|MINVALUE|MAXVALUE|'(?:[^']|'')*'|-?[0-9]+)"
_RANGE = re.compile(rf"FOR VALUES FROM \(({_VALUE})\) TO \(({_VALUE})\)")
_LIST = re.compile(rf"FOR VALUES IN \(({_VALUE}(?:, {_VALUE})*)\)")
_HASH = re.compile(r"FOR VALUES WITH \(modulus ([0-9]+), remainder [0-9]+\)")
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]|[^'"(),]+""")
_ELEMENT = re.compile(rf"PARTITION\s+({_NAME})\s+(DEFAULT|FOR\s+VALUES\s.*)", re.IGNORECASE | re.DOTALL)
_SPELLING = "RANGE (column) (PARTITION a FOR VALUES FROM (…) TO (…), PARTITION rest DEFAULT)"


def split(by: str, partitions: Sequence[Partition]) -> Split | None:
    """by and bounds as the server prints them; None where they have no neutral meaning."""
    columns = _columns(by)
    if not columns or not partitions or any(each.by or each.parent for each in partitions):
        return None
    partitions = sorted(partitions, key=lambda each: each.name.name)
    if len({each.name.name.lower() for each in partitions}) < len(partitions):  # of several schemas, or by letter case
        return None
    method = by.partition(" ")[0]
    if method == "HASH":
        moduli = {found[1] if (found := _HASH.fullmatch(each.bound)) else "" for each in partitions}
        even = moduli == {str(len(partitions))}
        shares = tuple(Share(name=each.name.name) for each in partitions)
        return Split(method="hash", columns=columns, shares=shares) if even else None
    shares = tuple(share for each in partitions if (share := _share(each)))
    if len(columns) > 1 or len(shares) < len(partitions):
        return None
    return Split(method="range" if method == "RANGE" else "list", columns=columns, shares=shares)


def _columns(by: str) -> tuple[str, ...]:
    found = _BY.fullmatch(by.strip())
    names = re.findall(_NAME, found[2]) if found else []
    return tuple(unquote(name) if name.startswith('"') else name.lower() for name in names)


def _share(partition: Partition) -> Share | None:
    name = partition.name.name
    if partition.bound == "DEFAULT":
        return Share(name=name, rest=True)
    if found := _RANGE.fullmatch(partition.bound):
        low, high = (None if value in ("MINVALUE", "MAXVALUE") else _plain(value) for value in found.groups())
        return None if found[1] == "MAXVALUE" or found[2] == "MINVALUE" else Share(name=name, low=low, high=high)
    if found := _LIST.fullmatch(partition.bound):
        return Share(name=name, values=tuple(map(_plain, re.findall(_VALUE, found[1]))))
    return None


def _plain(value: str) -> str | None:
    if value == "NULL":
        return None
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def across(adopted: Table, source: Table, own: Callable[[str], str]) -> tuple[Table, list[Loss]]:
    """The table with the partitions that it has at the source, where they are safe here; else with none, told."""
    wanted = source.partitioning
    if wanted is None:
        return adopted, []
    if wanted.given:
        return as_given(replace(adopted, partitioning=wanted))
    why = _obstacle(adopted, source, wanted.split)
    if why or wanted.split is None:
        return adopted, [_told(f"the table is not partitioned here; its rows are all in one table: {why}")]
    described = wanted.split
    taken = {column.name for column in source.columns} | {index.name for index in source.indexes}
    bounds = dict(_bounds(described, source))
    partitions = tuple(
        Partition(name=replace(adopted.name, name=own(f"{name}_part" if name in taken else name)), bound=bound)
        for name, bound in bounds.items()
    )
    columns = ", ".join(_spelled(name) for name in described.columns)
    made = Partitioning(by=f"{described.method.upper()} ({columns})", partitions=partitions)
    added = "DEFAULT" in bounds.values() and not any(share.rest for share in described.shares)
    told = "a DEFAULT partition takes the rows that are in no other, which the source refuses"
    return replace(adopted, partitioning=made), [_told(told)] if added else []


def _spelled(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _obstacle(adopted: Table, source: Table, described: Split | None) -> str:
    if described is None:
        return "they are not of bare columns and constants"
    if why := unreadable(described, source):
        return why
    return _keys_without(adopted, described.columns)


def _keys_without(table: Table, columns: Sequence[str]) -> str:
    """Every unique key must have the columns by which the rows are divided (manual, "Partitioning", Limitations)."""
    keys = [("the primary key", table.primary_key.columns)] if table.primary_key else []
    keys += [(f"the unique {i.name}", tuple(p.column or "" for p in i.parts)) for i in table.indexes if i.unique]
    lacking = [name for name, held in keys if not set(columns) <= set(held)]
    return f"{', '.join(lacking)} would need the columns {', '.join(columns)}" if lacking else ""


def _bounds(described: Split, source: Table) -> Iterator[tuple[str, str]]:
    """By the partition's name. NULL is in no range but that of the rest."""
    shares = described.shares
    if described.method == "hash":
        for number, share in enumerate(shares):
            yield share.name, f"FOR VALUES WITH (MODULUS {len(shares)}, REMAINDER {number})"
        return
    for share in shares:
        if share.rest:
            yield share.name, "DEFAULT"
        elif described.method == "range":
            low, high = _or(share.low, "MINVALUE"), _or(share.high, "MAXVALUE")
            yield share.name, f"FOR VALUES FROM ({low}) TO ({high})"
        else:
            yield share.name, f"FOR VALUES IN ({', '.join(_or(value, 'NULL') for value in share.values)})"
    whole = described.method == "range" and shares[0].low is None and shares[-1].high is None
    if not any(share.rest for share in shares) and not (whole and not source.column(described.columns[0]).nullable):
        names = {share.name for share in shares}
        yield next(name for name in ("rest", "rest_of_rows", "all_other_rows") if name not in names), "DEFAULT"


def _or(value: str | None, word: str) -> str:
    return word if value is None else literal(value)


def as_given(table: Table) -> tuple[Table, list[Loss]]:
    """The table with the partitions that the plan writes; `partitioning.by` is the plan's text."""
    assert table.partitioning
    text = re.sub(r"\A\s*PARTITION\s+BY\s+", "", table.partitioning.by, flags=re.IGNORECASE).strip()
    by, elements = _taken_apart(text)
    found = [_ELEMENT.fullmatch(each) for each in elements]
    nested = any(re.search(r"\bPARTITION\s+BY\b", each, re.IGNORECASE) for each in elements)
    if not by or not found or None in found or nested:
        return replace(table, partitioning=None), [_refused(f"the plan's partitions are not read: write {_SPELLING}")]
    partitions = tuple(_partition(table.name, match[1], match[2]) for match in found if match)
    kept = tuple(clause for clause in table.settings if clause.startswith("ALTER COLUMN "))
    left_out = [clause for clause in table.settings if clause not in kept]
    losses = [_told(f"the setting {clause} is left out: a partitioned table has none") for clause in left_out]
    losses += [_refused(f"it cannot be partitioned as planned: {why}") for why in _unfit(table, by)]
    if not by.upper().startswith("HASH") and not any(each.bound.upper() == "DEFAULT" for each in partitions):
        losses.append(_told("rows outside the plan's partitions are refused here: a DEFAULT partition would take them"))
    made = replace(table.partitioning, by=by, partitions=partitions)
    return replace(table, partitioning=made, settings=kept), losses


def _unfit(table: Table, by: str) -> Iterator[str]:
    columns = _columns(by)
    keyed = table.primary_key or any(index.unique for index in table.indexes)
    if unknown := set(columns) - {column.name for column in table.columns}:
        yield f"it has no column {', '.join(sorted(unknown))}"
    elif columns and (why := _keys_without(table, columns)):
        yield why
    if not columns and keyed:
        yield "its keys are unique only where the partitions are divided by bare columns"
    if table.inherits:
        yield "it inherits from another table"


def _partition(table: TableName, name: str, bound: str) -> Partition:
    plain = unquote(name) if name.startswith('"') else name.lower()
    return Partition(name=replace(table, name=plain), bound=" ".join(bound.split()) if "'" not in bound else bound)


def _taken_apart(text: str) -> tuple[str, list[str]]:
    """What stands before the last outermost parenthesis, and the parts between the commas in it."""
    depth, begin, groups = 0, 0, []
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            begin = token.start() if depth == 0 else begin
            depth += 1
        elif token[0] == ")":
            depth -= 1
            if depth == 0:
                groups.append((begin, token.end()))
    if depth != 0 or len(groups) < 2 or groups[-1][1] != len(text):
        return "", []
    return text[: groups[-1][0]].strip(), list(_between_commas(text[groups[-1][0] + 1 : -1]))


def _between_commas(text: str) -> Iterator[str]:
    depth, part = 0, ""
    for found in _TOKEN.findall(text):
        depth += {"(": 1, ")": -1}.get(found, 0)
        if found == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += found
    yield part.strip()


def _told(what: str) -> Loss:
    return Loss(column="", part="table", what=what, blocking=False)


def _refused(what: str) -> Loss:
    choices = ("partitions: flatten", "another text of partitions")
    return Loss(column="", part="table", what=what, blocking=True, choices=choices)
