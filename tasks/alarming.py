"""Alarms: kept in the ledger, so that each is told once when it begins and once when it ends, whoever measures."""

from landbridge import ledger
from landbridge.alarms import judge
from landbridge.figures import Figures
from landbridge.plan import Plan
from tasks import events
from tasks.running import ledger_of


def look(plan: Plan, run: str, figures: Figures) -> set[str]:
    """The alarms under way now."""
    engine = ledger_of(plan)
    with engine.connect() as connection:
        active = {each.alarm for each in ledger.alarms(connection, run)}
    for verdict in judge(figures, plan.alarms, frozenset(active)):
        if verdict.found and verdict.alarm not in active:
            with engine.begin() as connection:
                ledger.begin_alarm(connection, run, verdict.alarm, verdict.found)
            active.add(verdict.alarm)
            events.tell("alarm.began", plan.name, run, f"alarm {verdict.alarm}: {verdict.found}", alarm=verdict.alarm)
        elif not verdict.found and verdict.alarm in active:
            with engine.begin() as connection:
                ledger.end_alarm(connection, run, verdict.alarm)
            active.remove(verdict.alarm)
            events.tell("alarm.ended", plan.name, run, f"alarm {verdict.alarm} is over", alarm=verdict.alarm)
    return active
