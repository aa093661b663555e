"""The exact comparison of both sides, and what is shown of it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from landbridge import ledger
from landbridge.catch_up import Watch
from landbridge.model import TableMap
from landbridge.plan import Plan
from tasks import artifacts
from tasks.board import BOARD
from tasks.home import run_folder
from tasks.running import ledger_of
from tasks.steps import step

if TYPE_CHECKING:
    from landbridge.changed_keys import Following
    from validation.verify import Measured, Verdict


def get_ready() -> None:
    """Import what takes seconds, before every second counts."""
    from validation import suites  # noqa: F401


@step("compare", retries=2)
def compare(
    plan: Plan,
    run: str,
    watch: Watch,
    say: Callable[[str], None],
    *,
    still: bool = False,
    changed: "Following | None" = None,
) -> "Measured":
    """still: nothing moves any more, so apply needs not be held. changed: then only that is compared."""
    from validation.verify import measure

    def progress(table: TableMap, done: int, ranges: int) -> None:
        say(f"{table.source.name}: {done} of {ranges} ranges")

    return measure(plan, run, watch, still=still, changed=changed, progress=progress)


@contextmanager
def following(plan: Plan, run: str) -> Iterator["Following | None"]:
    """What changed since the last clean comparison, as far as apply is; None where that is not known."""
    from validation.verify import following

    with ledger_of(plan).connect() as connection:
        applied = ledger.read_stream(connection, run).position
    found = following(plan, run, run_folder(run))
    if found is None:
        yield None
        return
    with closing(found):
        yield found if found.follow(applied) else None


@step("judge", retries=2)
def judge(plan: Plan, run: str, measured: "Measured") -> "Verdict":
    """The suites decide, and the reports are written."""
    from validation.verify import decide

    return decide(plan, run, run_folder(run), measured)


def show(plan: Plan, verdict: "Verdict") -> str:
    """The verdict as a page in the UI; in one line for everything else."""
    line = _line(verdict)
    BOARD.note(f"report: {verdict.report}")
    facts = {
        "verdict": line,
        "position": verdict.position or "source frozen",
        "ranges compared": f"{verdict.ranges:,}",
        "compared in": f"{verdict.seconds:.1f} s, apply held for {verdict.held:.2f} s",
        "report": verdict.report,
        "Data Docs": verdict.docs,
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    title = f"# {plan.name}: round {verdict.round}"
    artifacts.page("validation", plan.name, f"{title}\n\n| | |\n|---|---|\n{rows}\n", line)
    return line


def _line(verdict: "Verdict") -> str:
    if verdict.passed and verdict.since is not None:
        return f"all {verdict.rows:,} rows that changed since the last comparison are equal"
    if verdict.passed:
        return f"all {verdict.rows:,} rows are equal"
    return f"NOT equal: {verdict.differing:,} differing row(s) among {verdict.rows:,}"
