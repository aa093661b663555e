"""The target's schema, in the parts that come before and after the rows."""

from collections.abc import Callable

from landbridge import ledger, quiet, schema
from landbridge.begin import begin, find
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects, Phase, Statement
from landbridge.plan import Plan
from landbridge.precheck import look
from tasks.steps import step

_MADE_ONCE: tuple[Phase, ...] = ("foreign keys", "triggers")
"""By the switch of the first leg. Whoever dropped one since did not want it."""


@step("write-down-the-run")
def write_down_the_run(plan: Plan) -> ledger.Run:
    """The run in the ledger, with the tables as they are now; one that is there already stays as it is."""
    return find(plan) or begin(plan, look(plan, connect(plan.source), connect(plan.target)))


@step("build", run_name="build-{part}")
def build(plan: Plan, run: str, part: Phase, say: Callable[[str], None]) -> int:
    """Every object of one part of the schema; how many had to be made."""
    target = connect(plan.target)
    engine = target.get(Connects).engine()
    with engine.begin() as connection:
        blueprint, later = ledger.blueprint(connection, run), bool(ledger.leg_of(connection, run).before)
    if later and part in _MADE_ONCE:
        return quiet.give_back(target, run) if part == "triggers" else 0

    def progress(statement: Statement) -> None:
        say(f"{statement.kind} {statement.name}")

    made = schema.build(target, run, schema.statements(target, blueprint), (part,), progress=progress)
    with engine.begin() as connection:
        schema.mark_done(connection, run, (part,), blueprint, whole=True)
    return made


def take_back_what_acts(plan: Plan, run: str) -> None:
    """
    Triggers and the like of a switch that was begun and undone, or killed. Nothing once the target is open. What a
    later leg has made again is what was there.
    """
    target = connect(plan.target)
    with target.get(Connects).engine().begin() as connection:
        begun = ledger.phase_row(connection, run, "switch") is not None
        if not begun or ledger.cutover_row(connection, run)[0] in ("opening", "done"):
            return
        blueprint, later = ledger.blueprint(connection, run), bool(ledger.leg_of(connection, run).before)
    if later:
        quiet.quieten(target, run)
        return
    schema.take_back(target, run, schema.statements(target, blueprint))
