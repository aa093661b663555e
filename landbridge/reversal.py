"""What must be so for a way back, beside what every migration needs: both ends are source and target then."""

from collections.abc import Iterator
from dataclasses import replace

from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Applies, Checks, Connects, Finding
from landbridge.inverse import inverted, irreversible
from landbridge.mapping import Resolved
from landbridge.plan import Plan

_NEEDED = ("right-replica-role",)
"""Warnings about a target that are refusals where it has triggers and foreign keys of its own."""

_ACTING = ("trigger", "event")
_WITHOUT = "write `cutover: {way_back: false}`"


def check(plan: Plan, resolved: Resolved, source: Endpoint, target: Endpoint) -> Iterator[Finding]:
    """Nothing where the plan wants no way back."""
    if not plan.cutover.way_back:
        return
    yield from _direction(target)
    yield from _freeze(plan, source, target)
    yield from _tables(resolved)
    yield from _acting(resolved, source, target)
    for finding in target.get(Checks).check_source((), plan.cutover.freeze):
        if finding.level == "refuse":
            yield _told(finding, "target, as the source of the way back")
    back = [inverted(table, {table.target.name: table.target}) for table in resolved.tables]
    for finding in source.get(Checks).check_target(back, {table.source.name for table in resolved.tables}):
        if finding.level == "refuse" or finding.name in _NEEDED:
            yield _told(finding, "source, as the target of the way back")


def _told(finding: Finding, side: str) -> Finding:
    return replace(finding, level="refuse", found=f"on the {side}: {finding.found}")


def _direction(target: Endpoint) -> Iterator[Finding]:
    """The target of the first switch is written to again after a rollback, with its own triggers in place."""
    if not target.get(Applies).silences_triggers:
        yield _refused(
            "way-back-direction",
            found=f"there is no way back from {target.family} yet",
            wanted="a target whose sessions can keep triggers still",
            mend=_WITHOUT,
        )


def _freeze(plan: Plan, source: Endpoint, target: Endpoint) -> Iterator[Finding]:
    if plan.cutover.freeze != "read-only":
        yield _refused(
            "way-back-freeze",
            found=f"the plan freezes by {plan.cutover.freeze.partition(':')[0]}",
            wanted="`freeze: read-only`, which leaves our own login the right to write",
            mend=f"write `cutover: {{freeze: read-only}}`, or {_WITHOUT}",
        )
    elif source.get(Connects).identity() == target.get(Connects).identity():
        yield _refused(
            "way-back-freeze",
            found="source and target are one server, which is frozen as a whole",
            wanted="two servers",
            mend=f"send the tables to another server, or {_WITHOUT}",
        )


def _tables(resolved: Resolved) -> Iterator[Finding]:
    for table in resolved.tables:
        if not table.key:
            yield _refused(
                "way-back-key",
                found=f"{table.source.name} has no primary key",
                wanted="primary keys: the changes that come back are applied by them",
                mend=f"give it one, leave it out: {{exclude: {table.source.name}}}, or {_WITHOUT}",
            )
        for column, why in irreversible(table):
            yield _refused(
                "way-back-column",
                found=f"{table.source.name}.{column} cannot be written back: {why}",
                wanted="columns that say on both sides the same",
                mend=f"change the column's rule, leave the table out, or {_WITHOUT}",
            )


def _acting(resolved: Resolved, source: Endpoint, target: Endpoint) -> Iterator[Finding]:
    """What would do again what the changes that are written have in them already, and cannot be silenced."""
    there = [f"{each.source.kind} {each.source.name}" for each in resolved.objects if each.source.kind in _ACTING]
    made = [f"{one.kind} {one.name}" for each in resolved.objects for one in each.statements if one.undo]
    for side, names, end in (("source", there, source), ("target", made, target)):
        if names and not end.get(Applies).silences_triggers:
            yield _refused(
                "way-back-triggers",
                found=f"no session can keep still what acts by itself on the {side}: {', '.join(names[:10])}",
                wanted="no triggers and events on a side that is written to",
                mend=f"leave their tables out, or {_WITHOUT}",
            )


def _refused(name: str, *, found: str, wanted: str, mend: str) -> Finding:
    return Finding(name=name, level="refuse", found=found, wanted=wanted, mend=mend)
