"""The exact comparison of both sides, and what is shown of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from landbridge.catch_up import Watch
from landbridge.model import TableMap
from landbridge.plan import Plan
from tasks import artifacts
from tasks.board import BOARD
from tasks.home import run_folder
from tasks.steps import step

if TYPE_CHECKING:
    from validation.verify import Measured, Verdict


def get_ready() -> None:
    """Import what takes seconds, before every second counts."""
    from validation import suites  # noqa: F401


@step("compare", retries=2)
def compare(plan: Plan, run: str, watch: Watch, say: Callable[[str], None], *, still: bool = False) -> "Measured":
    """still: nothing moves any more, so apply needs not be held."""
    from validation.verify import measure

    def progress(table: TableMap, done: int, ranges: int) -> None:
        say(f"{table.source.name}: {done} of {ranges} ranges")

    return measure(plan, run, watch, still=still, progress=progress)


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
    if verdict.passed:
        return f"all {verdict.rows:,} rows are equal"
    return f"NOT equal: {verdict.differing:,} differing row(s) among {verdict.rows:,}"
