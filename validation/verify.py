"""
One validation round: compare, judge, report, and write the verdict into the ledger. Comparing is a step of its own, for
while a source is frozen only that is waited for.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from landbridge import changed_keys, ledger
from landbridge.catch_up import Watch
from landbridge.changed_keys import Following
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.errors import Terminal
from landbridge.model import Position
from landbridge.plan import Plan, seconds
from landbridge.runfolder import RunFolder
from validation.changed import compare_changed
from validation.compare import Comparison, Progress, compare


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """
    since: only what changed after that position was compared. report: a page that needs no network; docs: the Data
    Docs; data: the same as JSON. counts: rows by table, at the `source` and on the `target`, and `differing`.
    """

    round: int
    passed: bool
    rows: int
    ranges: int
    differing: int
    seconds: float
    held: float
    position: str | None
    since: str | None
    counts: dict[str, dict[str, int]]
    report: str
    docs: str
    data: str


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A round that was compared and not yet judged."""

    round: int
    comparison: Comparison


def measure(
    plan: Plan,
    run: str,
    watch: Watch,
    *,
    still: bool = False,
    changed: Following | None = None,
    progress: Progress = lambda _table, _done, _all: None,
) -> Measured:
    """
    still: the source is frozen and everything is applied; with `changed` only that is compared. Raises Transient when
    both sides cannot be seen at one position in time.
    """
    source, target = connect(plan.source), connect(plan.target)
    engine = target.get(Connects).engine()
    with engine.begin() as connection:
        number = ledger.begin_round(connection, run)
    if still and changed is not None:
        return Measured(
            round=number,
            comparison=compare_changed(source, target, run, watch, changed.keys, changed.after, progress),
        )
    patience = seconds(plan.validation.timeout)
    comparison = compare(source, target, run, watch, patience=patience, still=still, progress=progress)
    return Measured(round=number, comparison=comparison)


def decide(plan: Plan, run: str, folder: Path, measured: Measured) -> Verdict:
    """The suites' word, the reports, and both into the ledger. Differences are no error here, they are the verdict."""
    verdict = _judge(plan, run, measured, folder / f"validation-{measured.round}")
    _note(RunFolder(folder), verdict)
    with connect(plan.target).get(Connects).engine().begin() as connection:
        ledger.record(connection, run, _objects(measured.comparison))
        ledger.add_differences(connection, run, measured.round, measured.comparison.differences)
        ledger.finish_round(
            connection,
            run,
            measured.round,
            position=measured.comparison.position,
            passed=verdict.passed,
            detail=asdict(verdict),
        )
    return verdict


def _note(folder: RunFolder, verdict: Verdict) -> None:
    """For the switch: from here on it is enough to look at what changes."""
    if not verdict.passed:
        changed_keys.forget(folder)
    elif verdict.position is not None:
        changed_keys.remember(folder, Position(verdict.position))


def following(plan: Plan, run: str, folder: Path) -> Following | None:
    """What changes since the last clean comparison; None where there was none or the spool does not reach back."""
    position = changed_keys.remembered(RunFolder(folder))
    if position is None:
        return None
    with connect(plan.target).get(Connects).engine().begin() as connection:
        tables = ledger.tables(connection, run)
    try:
        return Following(RunFolder(folder), run, position, tables, connect(plan.source))
    except Terminal:
        return None


def _objects(comparison: Comparison) -> Iterator[ledger.Item]:
    """A view that says something else than the source's has not arrived, whatever the target made of it."""
    for answer in comparison.answers:
        kind, name, parent = answer.carried.key
        arrived: ledger.Status = "translated" if answer.carried.translated else "migrated"
        reason = answer.why or "; ".join(filter(None, (answer.carried.reason, answer.note)))
        yield ledger.Item(
            kind=kind, name=name, parent=parent, status="failed" if answer.why else arrived, reason=reason
        )


def _judge(plan: Plan, run: str, measured: Measured, folder: Path) -> Verdict:
    from validation import frames, report, suites

    comparison = measured.comparison
    folder.mkdir(parents=True, exist_ok=True)
    target = connect(plan.target)
    with target.get(Connects).engine().begin() as connection:
        tables = ledger.tables(connection, run)
        rejects = ledger.rejects(connection, run)
        items, summary = ledger.items(connection, run), ledger.summary(connection, run)
    judged = suites.judge(
        {
            "ranges": frames.ranges_frame(comparison),
            "schema": frames.schema_frame(target, tables),
            "facts": frames.facts_frame(comparison, len(rejects)),
        },
        folder,
    )
    passed = judged.passed and comparison.equal
    page = report.Page(
        plan=plan.name, run=run, source=_where(plan.source.engine, plan.source.host),
        target=_where(plan.target.engine, plan.target.host), passed=passed, comparison=comparison,
        results=judged.results, items=items, summary=summary, docs=judged.docs,
    )  # fmt: skip
    path = report.write(page, folder / "report.html")
    data = folder / "report.json"
    verdict = Verdict(
        round=measured.round, passed=passed,
        rows=sum(r.source.rows for r in comparison.ranges), ranges=len(comparison.ranges),
        differing=sum(r.differing for r in comparison.ranges), seconds=comparison.seconds, held=comparison.held,
        position=comparison.position, since=comparison.since, counts=_counts(comparison), report=str(path),
        docs=str(judged.docs), data=str(data),
    )  # fmt: skip
    data.write_text(json.dumps({"verdict": asdict(verdict), "expectations": judged.results}, indent=2))
    return verdict


def _counts(comparison: Comparison) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for each in comparison.ranges:
        table = counts.setdefault(str(each.table.source.name), {"source": 0, "target": 0, "differing": 0})
        table["source"] += each.source.rows
        table["target"] += each.target.rows
        table["differing"] += each.differing
    return counts


def _where(engine: str, host: str) -> str:
    return f"{engine} at {host}"
