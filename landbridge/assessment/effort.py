"""How much work is left to people, in hours. The only place where a class of effort has a number."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from landbridge.ledger import Item
from landbridge.mapping import Resolved

HOURS: dict[str, float] = {"as it is": 0, "to be read": 0.25, "small": 1, "medium": 4, "large": 16, "statement": 0.5}
"""
An object; 'to be read': translated, or left behind with little to decide. 'statement': one of the application's that
has to be rewritten.
"""

_ARRIVES = "as it is"
_LEFT_OUT = "the plan leaves"


@dataclass(frozen=True, kw_only=True)
class Work:
    """Objects of one kind and class of effort. reasons: the most frequent first. objects: names, where work is left."""

    kind: str
    effort: str
    count: int
    hours: float
    reasons: tuple[str, ...]
    objects: tuple[str, ...]


def work(resolved: Resolved) -> tuple[Work, ...]:
    """Of every object of the source but those the plan's own rules leave out."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    named: dict[tuple[str, str], list[str]] = {}
    for item, effort, reason in _classes(resolved):
        counted.setdefault((item.kind, effort), Counter())[reason] += 1
        named.setdefault((item.kind, effort), []).append(_name(item))
    order = list(HOURS)
    return tuple(
        Work(
            kind=kind,
            effort=effort,
            count=reasons.total(),
            hours=HOURS[effort] * reasons.total(),
            reasons=tuple(reason for reason, _ in reasons.most_common() if reason),
            objects=tuple(named[kind, effort]) if effort != _ARRIVES else (),
        )
        for (kind, effort), reasons in sorted(counted.items(), key=lambda it: (-order.index(it[0][1]), it[0][0]))
    )


def _name(item: Item) -> str:
    """What has a schema of its own bears it already."""
    schema = item.parent.partition(".")[0]
    whole = not item.parent or item.name.startswith(f"{schema}.")
    return item.name if whole else f"{item.parent}.{item.name}"


def _classes(resolved: Resolved) -> Iterator[tuple[Item, str, str]]:
    carried = {each.key: each for each in resolved.objects}
    for item in resolved.items:
        if item.reason.startswith(_LEFT_OUT) or item.status == "waived":
            continue
        made = carried.get((item.kind, item.name, item.parent))
        if item.status == "not carried":
            yield item, (made.effort if made else "") or "to be read", made.reason if made else item.reason
        elif made is not None and made.translated:
            yield item, "to be read", made.reason
        else:
            yield item, _ARRIVES, ""
