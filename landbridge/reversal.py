"""What must be so for a way back, beside what every migration needs: both ends are source and target then."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from landbridge.cascades import unfollowable
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Checks, Connects, Finding
from landbridge.inverse import inverted, irreversible
from landbridge.mapping import Resolved
from landbridge.model import TableMap
from landbridge.plan import Plan
from landbridge.quiet import acting

_NEEDED = ("right-replica-role",)
"""Warnings about a target that are refusals where it has triggers and foreign keys of its own."""

_WITHOUT = "write `cutover: {way_back: false}`"


def check(plan: Plan, resolved: Resolved, source: Endpoint, target: Endpoint) -> Iterator[Finding]:
    """Nothing where the plan wants no way back."""
    if not plan.cutover.way_back:
        return
    yield from _freeze(plan, source, target)
    yield from _tables(resolved)
    yield from _acting(resolved, source)
    able = [table for table in resolved.tables if not any(irreversible(table))]
    back = [inverted(table, {table.target.name: table.target}) for table in able]
    yield from _cascades(back)
    for finding in target.get(Checks).check_source((), plan.cutover.freeze):
        yield _told(finding, "target, as the source of the way back", finding.level)
    for finding in source.get(Checks).check_target(back, {table.source.name for table in resolved.tables}):
        if finding.level == "refuse" or finding.name in _NEEDED:
            yield _told(finding, "source, as the target of the way back", "refuse")


def _cascades(back: Sequence[TableMap]) -> Iterator[Finding]:
    for key, parent in unfollowable(back).items():
        yield _refused(
            "hidden-cascade",
            found=f"on the target, as the source of the way back: foreign key {key} acts when {parent} changes, the"
            " server does not log it, and the key does not point to the primary key, so it cannot be followed",
            wanted="foreign keys with CASCADE or SET NULL that point to a primary key",
            mend=f"recreate the key on the source with ON DELETE RESTRICT ON UPDATE RESTRICT, or {_WITHOUT}",
        )


def _told(finding: Finding, side: str, level: Literal["refuse", "warn"]) -> Finding:
    return replace(finding, level=level, found=f"on the {side}: {finding.found}")


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


def _acting(resolved: Resolved, source: Endpoint) -> Iterator[Finding]:
    """What would do again what the changes that are written have in them already, and would not come back."""
    for lasting in acting(source, [table.source.name for table in resolved.tables]).lasting:
        yield _refused(
            "way-back-triggers",
            found=f"the source may not act by itself while it follows, and this could not be made again: {lasting}",
            wanted="triggers and events that our login can make again, word for word",
            mend=f"put that right, leave the table out, or {_WITHOUT}",
        )


def _refused(name: str, *, found: str, wanted: str, mend: str) -> Finding:
    return Finding(name=name, level="refuse", found=found, wanted=wanted, mend=mend)
