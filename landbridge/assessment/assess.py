"""One plan's assessment, put together from precheck, the catalog, the server's statistics and the translation."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge.assessment import checks
from landbridge.assessment.checklist import Checked, outcomes
from landbridge.assessment.effort import HOURS, Work, work
from landbridge.assessment.standin import is_nowhere, nowhere, standing_in
from landbridge.assessment.travel import Loss, Travel, told, travels
from landbridge.assessment.waves import Wave, waves
from landbridge.assessment.workload import Workload, read
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import refuse
from landbridge.endpoints.surveying import Assesses, Survey
from landbridge.errors import MigrationError, PlanError
from landbridge.mapping import Resolved
from landbridge.model import TableName
from landbridge.plan import EndpointRef, Plan, parse_plan, read_yaml
from landbridge.precheck import precheck
from landbridge.translation.places import places

_DAY = 86_400.0
_SHORTEST = 3_600.0
"""Statistics of less than an hour say nothing about a day."""


@dataclass(frozen=True, kw_only=True)
class TableFacts:
    """Rates by day, None where nobody counts or has not for long. growth: bytes by day, from rows come and gone."""

    name: TableName
    target: TableName
    rows: int
    bytes: int
    index_bytes: int
    reads: float | None
    writes: float | None
    growth: float | None


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """
    What could be found out. source_only: a private server answered for the target. tables and below are empty where
    an end could not be reached. workload None: the server does not count statements.
    """

    plan: str
    source: str
    target: str
    source_only: bool
    when: float
    server: str
    checks: tuple[Checked, ...]
    findings: tuple[Finding, ...]
    bytes: int = 0
    since: float = 0.0
    tables: tuple[TableFacts, ...] = ()
    travels: tuple[Travel, ...] = ()
    losses: tuple[Loss, ...] = ()
    work: tuple[Work, ...] = ()
    workload: Workload | None = None
    waves: tuple[Wave, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def refusals(self) -> int:
        return sum(finding.level == "refuse" for finding in self.findings)

    @property
    def hours(self) -> float:
        statements = self.workload.untranslatable if self.workload else 0
        return sum(each.hours for each in self.work) + HOURS["statement"] * statements

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def growth(self) -> float | None:
        """Bytes by day."""
        known = [table.growth for table in self.tables if table.growth is not None]
        return sum(known) if known else None

    @property
    def writes(self) -> float | None:
        """Rows by day."""
        known = [table.writes for table in self.tables if table.writes is not None]
        return sum(known) if known else None


def read_plan_for_assessment(path: Path, *, source_only: bool) -> Plan:
    """The plan; source_only: without the secret of its target. Raises PlanError."""
    data = read_yaml(path)
    if isinstance(data, dict) and data.get("target") is None:
        return parse_plan(data | {"target": nowhere()}, str(path))
    plan = parse_plan(data, str(path))
    without = plan.target.model_copy(update={"password": None})
    return plan.model_copy(update={"target": without}) if source_only else plan


def assess(plan: Plan, *, source_only: bool = False) -> Assessment:
    """
    Writes nothing. source_only: the plan's target is not looked at, nor is one that is nowhere. Raises PlanError for
    rules that match nothing, Terminal where no server can stand in.
    """
    if not (source_only or is_nowhere(plan.target)):
        return _assessed(plan, plan, source_only=False)
    with standing_in(plan) as virtual:
        return _assessed(plan, virtual, source_only=True)


def failed(plan: Plan, error: MigrationError, *, source_only: bool) -> Assessment:
    """Of one among several that could not be assessed: the others are worth having."""
    finding = refuse("unchecked", found=error.found, wanted="a database that can be assessed", mend=error.mend)
    return _of(plan, source_only=source_only, findings=(finding,), reached=False)


def _assessed(plan: Plan, towards: Plan, *, source_only: bool) -> Assessment:
    looked = precheck(towards)
    aside = _of_target_only(plan) if source_only else ()
    findings = [each for each in looked.findings if each.name not in aside]
    if looked.resolved is None:
        return _of(plan, source_only=source_only, findings=tuple(findings), reached=False)
    resolved, capable = looked.resolved, connect(plan.source).get(Assesses)
    source, target = connect(plan.source).family, connect(plan.target).family
    survey = capable.survey(resolved.tables)
    workload = _workload(resolved, survey, source, target)
    findings += capable.assess(resolved.tables)
    findings += checks.look(plan, resolved)
    findings += checks.compared_otherwise(resolved, source, target)
    findings += checks.unused(survey)
    findings += checks.statements(workload) if workload else ()
    return _of(
        plan,
        source_only=source_only,
        findings=tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.level != "refuse", each.name))),
        reached=True,
        server=survey.server,
        bytes=survey.bytes,
        since=survey.since,
        tables=tuple(table_facts(resolved, survey)),
        travels=travels(resolved.tables, resolved.losses),
        losses=told(resolved.losses),
        work=work(resolved),
        workload=workload,
        waves=waves(resolved.tables),
        unknown=survey.unknown,
    )


def _of(plan: Plan, *, source_only: bool, findings: tuple[Finding, ...], reached: bool, **more: Any) -> Assessment:
    skipped = ("S", "T") if not reached else ("T",) if source_only else ()
    source, target = connect(plan.source).family, connect(plan.target).family
    given = {"server": plan.source.engine} | more
    return Assessment(
        plan=plan.name,
        source=_where(plan.source),
        target=f"{plan.target.engine} (no server looked at)" if source_only else _where(plan.target),
        source_only=source_only,
        when=time.time(),
        checks=outcomes(findings, source, target, skipped),
        findings=findings,
        **given,
    )


def _of_target_only(plan: Plan) -> set[str]:
    """Names of checks that a server which only stands in cannot answer."""
    made = outcomes((), connect(plan.source).family, connect(plan.target).family, ())
    return {each.check.name for each in made if each.check.sides == ("T",)}


def _workload(resolved: Resolved, survey: Survey, source: str, target: str) -> Workload | None:
    if survey.statements is None:
        return None
    names = {each.source.name: each.target.name for each in resolved.tables}
    names |= {each.source.name: each.name for each in resolved.objects if each.statements}
    return read(survey.statements, source, target, names, places(resolved.tables))


def table_facts(resolved: Resolved, survey: Survey) -> Iterator[TableFacts]:
    use = {each.name: each for each in survey.tables}
    days = survey.since / _DAY if survey.since >= _SHORTEST else None
    for each in resolved.tables:
        table, found = each.source, use.get(each.source.name)
        counted = found is not None and found.writes is not None and days is not None
        size = found.bytes if found else table.bytes
        growth = None
        if found and counted and days and table.rows > 0:
            growth = ((found.inserts or 0) - (found.deletes or 0)) * (size / table.rows) / days
        yield TableFacts(
            name=table.name,
            target=each.target.name,
            rows=max(table.rows, 0),
            bytes=size,
            index_bytes=found.index_bytes if found else 0,
            reads=(found.reads or 0) / days if found and counted and days else None,
            writes=(found.writes or 0) / days if found and counted and days else None,
            growth=growth,
        )


def _where(ref: EndpointRef) -> str:
    return f"{ref.engine} at {ref.host}{f':{ref.port}' if ref.port else ''}{f'/{ref.database}' if ref.database else ''}"


def sums(assessments: Sequence[Assessment]) -> dict[str, float]:
    """Of an estate."""
    return {
        "databases": len(assessments),
        "tables": sum(len(each.tables) for each in assessments),
        "rows": sum(each.rows for each in assessments),
        "bytes": sum(table.bytes + table.index_bytes for each in assessments for table in each.tables),
        "refusals": sum(each.refusals for each in assessments),
        "warnings": sum(len(each.findings) - each.refusals for each in assessments),
        "hours": sum(each.hours for each in assessments),
    }


def distinct(plans: Sequence[Plan]) -> None:
    """Raises PlanError when two plans bear one name: nobody could tell them apart in a report."""
    names = [plan.name for plan in plans]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanError(f"several plans are called {', '.join(twice)}", mend="give each plan a name of its own")
