"""What can be told of a plan's tables without asking a server again (docs/checks.md)."""

from collections import Counter
from collections.abc import Callable, Iterator

from landbridge import endpoints
from landbridge.assessment.travel import told
from landbridge.assessment.workload import Workload
from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, warn
from landbridge.endpoints.surveying import Survey
from landbridge.kinds import Bytes, Json, Text
from landbridge.mapping import Resolved
from landbridge.model import Index, Table
from landbridge.plan import Plan

MANY_TABLES = 10_000
LARGE_BYTES = 100 << 30
LARGE_ROWS = 1_000_000_000
_ROOM = 0.8
_SETTLED = 86_400
"""Statistics of less than a day say nothing of what is not used."""

Check = Callable[[Plan, Resolved], Iterator[Finding]]


def look(plan: Plan, resolved: Resolved) -> Iterator[Finding]:
    for check in _CHECKS:
        yield from check(plan, resolved)


def _places(plan: Plan, _: Resolved) -> Iterator[Finding]:
    ends = (plan.source, plan.target)
    open_ends = [end.host for end in ends if end.effective_tls == "disable" and not end.loopback]
    if open_ends:
        yield warn(
            "tls-off",
            found=f"rows and passwords travel in the clear to {listed(open_ends)}",
            wanted="TLS with the server's certificate verified",
            mend="leave `tls` out of the plan, or write verify-full and `ca`",
        )
    if len({(end.host, end.port, end.database) for end in ends}) == 1:
        yield warn(
            "same-database",
            found="source and target are one database",
            wanted="two, or another schema for every table (`to`)",
            mend="correct host, port or database in the plan",
        )


def _sizes(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    count = len(resolved.tables)
    if count > MANY_TABLES:
        yield warn(
            "many-tables",
            found=f"the plan moves {count:,} tables at once",
            wanted=f"{MANY_TABLES:,} or fewer in one plan",
            mend="make a plan for each wave of tables",
        )
    large = [str(each.source.name) for each in resolved.tables if _is_large(each.source)]
    if large:
        yield warn(
            "large-tables",
            found=f"tables of over {LARGE_BYTES >> 30} GB or {LARGE_ROWS:,} rows: {listed(large)}",
            wanted="a rehearsal that measures them",
            mend="rehearse with them first; archive what nobody reads, and raise load.workers",
        )


def _is_large(table: Table) -> bool:
    return table.bytes > LARGE_BYTES or table.rows > LARGE_ROWS


def _names(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    folded = Counter(str(each.target.name).lower() for each in resolved.tables)
    alike = sorted(str(each.target.name) for each in resolved.tables if folded[str(each.target.name).lower()] > 1)
    if alike:
        yield warn(
            "similar-names",
            found=f"tables whose names differ in upper and lower case only: {listed(alike)}",
            wanted="names that no tool can take for each other",
            mend="give one of them another name with `to`",
        )


def _references(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    moving = {each.source.name for each in resolved.tables}
    outside, slow = [], []
    for table in (each.source for each in resolved.tables):
        for key in table.foreign_keys:
            if key.target not in moving:
                outside.append(f"{table.name}.{key.name} to {key.target}")
            if not any(_leads(index, key.columns) for index in _all_indexes(table)):
                slow.append(f"{table.name}.{key.name}")
    if outside:
        yield warn(
            "reference-left-out",
            found=f"foreign keys point to tables that the plan leaves out: {listed(outside)}",
            wanted="tables that belong together in one plan",
            mend="include the tables they point to, or agree that the target does without these keys",
        )
    if slow:
        yield warn(
            "foreign-key-without-index",
            found=f"no index begins with the columns of {listed(slow)}: a delete of the parent reads the whole table",
            wanted="an index on the columns of every foreign key",
            mend="CREATE INDEX on them, before the migration or on the target",
        )


def _all_indexes(table: Table) -> list[tuple[str, ...]]:
    keys = [table.primary_key.columns] if table.primary_key else []
    return keys + [_columns(index) for index in table.indexes if not index.where]


def _columns(index: Index) -> tuple[str, ...]:
    """Up to its first part that is no whole column."""
    columns: list[str] = []
    for part in index.parts:
        if part.column is None or part.prefix is not None:
            break
        columns.append(part.column)
    return tuple(columns)


def _leads(index: tuple[str, ...], columns: tuple[str, ...]) -> bool:
    return set(index[: len(columns)]) == set(columns)


def _indexes(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    twice = [found for each in resolved.tables for found in _contained(each.source)]
    if twice:
        yield warn(
            "index-redundant",
            found=f"another index of the table begins with the same columns: {listed(twice)}",
            wanted="no index that costs every write and serves no read of its own",
            mend="drop them before the migration, or leave them out on the target",
        )


def _contained(table: Table) -> Iterator[str]:
    plain = [index for index in table.indexes if _is_plain(index)]
    others = [("", table.primary_key.columns)] if table.primary_key else []
    others += [(index.name, _columns(index)) for index in plain]
    for index in plain:
        columns = _columns(index)
        if index.unique:
            continue
        for name, longer in others:
            same = longer == columns and (not name or name < index.name or _is_unique(table, name))
            if name != index.name and (same or (len(longer) > len(columns) and longer[: len(columns)] == columns)):
                yield f"{table.name}.{index.name}"
                break


def _is_unique(table: Table, name: str) -> bool:
    return any(index.unique for index in table.indexes if index.name == name)


def _is_plain(index: Index) -> bool:
    whole = all(part.column is not None and part.prefix is None and not part.descending for part in index.parts)
    return whole and index.method.lower() == "btree" and not index.where and not index.include


def _values(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    keyless = [
        str(table.name)
        for table in (each.source for each in resolved.tables)
        if table.primary_key is None and any(_may_be_long(column.kind) for column in table.columns)
    ]
    if keyless:
        yield warn(
            "large-value-without-key",
            found=f"tables with long values and no primary key: {listed(keyless)}; each change compares whole rows",
            wanted="a primary key",
            mend="ALTER TABLE ... ADD PRIMARY KEY (...)",
        )
    odd = [
        f"{each.source.name}.{column.name} ({column.odd_dates:,})"
        for each in resolved.tables
        for column in each.source.columns
        if column.odd_dates
    ]
    if odd:
        yield warn(
            "odd-dates",
            found=f"values that are no date of the calendar: {listed(odd)}",
            wanted="dates, or NULL",
            mend="correct them in the source, or write zero_dates: null for these columns in the plan",
        )


def _may_be_long(kind: object) -> bool:
    return isinstance(kind, Json) or (isinstance(kind, Text | Bytes) and kind.length is None)


def _sequences(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    full = []
    for each in (pair.source for pair in resolved.sequences):
        if each.last_value is None or each.cycle or each.maximum == each.minimum:
            continue
        gone = (each.last_value - each.minimum) / (each.maximum - each.minimum)
        used = gone if each.increment > 0 else 1 - gone
        if used > _ROOM:
            full.append(f"{each.name} ({used:.0%})")
    if full:
        yield warn(
            "sequence-room",
            found=f"sequences that run out: {listed(full)}",
            wanted="room for years, in the sequence and in the column it numbers",
            mend="ALTER SEQUENCE ... AS bigint, and the column as well",
        )


def _losses(_: Plan, resolved: Resolved) -> Iterator[Finding]:
    lost = [f"{each.what} ({len(each.where)})" for each in told(resolved.losses)]
    if lost:
        yield warn(
            "told-losses",
            found=f"some things arrive otherwise than they are: {'; '.join(lost[:5])}",
            wanted="an owner who agrees",
            mend="see where in this report, and what the plan can say of a column in docs/plan.md",
        )
    by_hand = [f"{each.source.kind} {each.source.name}" for each in resolved.objects if not each.statements]
    if by_hand:
        yield warn(
            "objects-by-hand",
            found=f"{len(by_hand)} object(s) are not carried: {listed(by_hand)}",
            wanted="each written anew for the target, or given up",
            mend="see the reasons in this report; write `waive` in the plan for what may stay behind",
        )


def compared_otherwise(resolved: Resolved, source: str, target: str) -> Iterator[Finding]:
    """Texts that compare without regard to case in the source, where the target's dialect has no such collation."""
    if source == target:
        return
    theirs, ours = endpoints.dialect(source), endpoints.dialect(target)
    changed = [
        f"{each.source.name}.{pair.source.name}"
        for each in resolved.tables
        for pair in each.columns
        if pair.source.collation
        and isinstance(pair.source.kind, Text)
        and theirs.texts(pair.source.collation) != ours.texts(pair.target.collation)
    ]
    if changed:
        yield warn(
            "text-comparison",
            found=f"{len(changed)} column(s) will compare texts by other rules (case, accents, trailing blanks): "
            + listed(changed, 5),
            wanted="searches and unique keys of the application tested with this",
            mend="compare with LOWER() or a collation of the target where the application counts on it",
        )


def unused(survey: Survey) -> Iterator[Finding]:
    """What nobody has read since the statistics began. Nothing is said when they cover less than a day."""
    if survey.since < _SETTLED:
        return
    days = int(survey.since // _SETTLED)
    still = [str(each.name) for each in survey.tables if each.reads == 0 and not each.writes]
    if still:
        yield warn(
            "table-unused",
            found=f"neither read nor written in {days} day(s): {listed(still)}",
            wanted="only tables that somebody needs",
            mend="ask their owners; archive them, or leave them out: {exclude: SCHEMA.TABLE}",
        )
    idle = [f"{each.table}.{each.name}" for each in survey.indexes or () if each.reads == 0]
    if idle:
        yield warn(
            "index-unused",
            found=f"no statement has used these indexes in {days} day(s): {listed(idle)}",
            wanted="only indexes that serve a statement",
            mend="drop them before the migration, after a look at the replicas, which count for themselves",
        )


def statements(workload: Workload) -> Iterator[Finding]:
    sure = [feature for feature in workload.features if feature.sure]
    if sure:
        calls = sum(feature.calls for feature in sure)
        reasons = [f"{feature.reason} ({feature.statements})" for feature in sure]
        yield warn(
            "statement-untranslatable",
            found=f"{workload.untranslatable} statement(s), {calls:,} calls, mean nothing or something else on the "
            f"target: {listed(reasons, 5)}",
            wanted="an application that speaks the target's language",
            mend="rewrite them before the rehearsal; this report lists them by reason",
        )


_CHECKS: tuple[Check, ...] = (_places, _sizes, _names, _references, _indexes, _values, _sequences, _losses)
