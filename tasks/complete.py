"""Clearing up after a migration that is over."""

from landbridge.complete import Completed, complete
from landbridge.plan import Plan
from tasks.home import run_folder
from tasks.steps import step


@step("clear-up")
def clear_up(plan: Plan) -> Completed:
    return complete(plan, run_folder)
