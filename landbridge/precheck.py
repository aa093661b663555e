"""Everything that must be so before anything is written: all findings in one list."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from landbridge import ledger, reversal
from landbridge.cascades import unfollowable
from landbridge.census import TableLoss
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Carried, Carries, Checks, Connects, Describes, Finding, Prepares
from landbridge.errors import CheckFailed
from landbridge.mapping import Resolved, resolve, schemas_wanted
from landbridge.model import TableName
from landbridge.plan import Plan
from landbridge.unfit import counted


@dataclass(frozen=True, kw_only=True)
class Prechecked:
    """resolved is None when an end could not be reached."""

    findings: tuple[Finding, ...]
    resolved: Resolved | None

    @property
    def refusals(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "refuse")

    def refuse(self) -> None:
        """Raises CheckFailed with every refusal, when there is one."""
        if not self.refusals:
            return
        lines = [f"{f.name}: found {f.found}; wanted {f.wanted}\n      mend: {f.mend}" for f in self.refusals]
        raise CheckFailed(
            f"precheck refused, {len(lines)} finding(s):\n  - " + "\n  - ".join(lines),
            mend="put these right and run the same command again; docs/checks.md explains each check",
        )


def precheck(plan: Plan) -> Prechecked:
    """Look at both ends; writes nothing. Raises PlanError for a missing secret and for rules that match nothing."""
    plan.require_secrets("env", "file", "block")
    source, target = connect(plan.source), connect(plan.target)
    unreachable = [found for end in (source, target) if (found := end.get(Checks).reach()) is not None]
    if unreachable:
        return Prechecked(findings=tuple(unreachable), resolved=None)
    resolved = look(plan, source, target)
    findings = [
        _blocking(found.table, found.loss.column, found.loss.told, found.loss.choices) for found in resolved.blocking
    ]
    findings += _uncounted(resolved.losses)
    findings += [_rested_on(each) for each in resolved.objects if each.source.early and not each.statements]
    findings += [_unfollowable(key, parent) for key, parent in unfollowable(resolved.tables).items()]
    findings += source.get(Checks).check_source(resolved.tables, plan.cutover.freeze)
    findings += target.get(Checks).check_target(resolved.tables, _owned(plan, target))
    findings += reversal.check(plan, resolved, source, target)
    return Prechecked(findings=tuple(findings), resolved=resolved)


def look(plan: Plan, source: Endpoint, target: Endpoint) -> Resolved:
    """What the plan would do, from the source's catalog of this moment."""
    describes = source.get(Describes)
    catalog = describes.describe(schemas_wanted(plan, describes.schemas()))
    count = partial(counted, source=source)
    return resolve(plan, catalog, target.family, target.get(Prepares), target.get(Carries), count)


def _owned(plan: Plan, target: Endpoint) -> Collection[TableName]:
    with target.get(Connects).engine().connect() as connection:
        return ledger.owned_tables(connection, plan.name) if ledger.exists(connection) else ()


def _blocking(table: TableName, column: str, what: str, choices: tuple[str, ...]) -> Finding:
    return Finding(
        name="column-kind",
        level="refuse",
        found=f"{table}.{column}: {what}",
        wanted="a column that the target can hold",
        mend=f"choose one of: {', '.join(choices)}" if choices else f"leave the table out: {{exclude: {table}}}",
    )


def _uncounted(losses: Iterable[TableLoss]) -> Iterator[Finding]:
    """What may stop the load, for nobody knows whether there is such a row; one finding a table."""
    left: dict[tuple[TableName, str], list[str]] = {}
    for table, loss in ((found.table, found.loss) for found in losses):
        if loss.uncounted and loss.unfit and not (loss.unfit.keeps or loss.blocking):
            left.setdefault((table, loss.uncounted), []).append(f"{loss.column} ({loss.what})")
    for (table, why), columns in left.items():
        yield Finding(
            name="uncounted-values",
            level="warn",
            found=f"{table}: not counted, {why}: {', '.join(columns)}",
            wanted="to know whether a row has a value that the target refuses",
            mend="look for such values yourself, or let the load find them: it stops at the first one and names it",
        )


def _rested_on(lost: Carried) -> Finding:
    return Finding(
        name="needed-object",
        level="refuse",
        found=f"tables rest on the {lost.source.kind} {lost.source.name}, which is not carried: {lost.reason}",
        wanted="everything that tables rest on",
        mend=f"make it on the target by hand and leave it out here: {{exclude: {lost.source.name}}}",
    )


def _unfollowable(key: str, parent: str) -> Finding:
    return Finding(
        name="hidden-cascade",
        level="refuse",
        found=f"foreign key {key} acts when {parent} changes, the server does not log it, and the key does not point to"
        " the primary key, or its own table has none, so it cannot be followed",
        wanted="foreign keys with CASCADE or SET NULL that point to a primary key, between tables that have one",
        mend=f"recreate {key} with ON DELETE RESTRICT ON UPDATE RESTRICT until the cutover, or leave its table out",
    )
