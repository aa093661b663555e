"""When a figure is an alarm: from the plan's threshold on until it is well back, so that none flutters at its edge."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from landbridge.figures import Figures
from landbridge.plan import AlarmSettings, size, threshold

KINDS = ("lag", "log_loss", "spool", "transaction", "standing")

_BACK = 0.8


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """found: what makes it an alarm, '' where it is none."""

    alarm: str
    found: str


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """much: how much of the threshold is reached, from 1 on an alarm; None where that is not known."""

    alarm: str
    much: float | None
    found: str


def judge(figures: Figures, settings: AlarmSettings, active: Collection[str]) -> Iterator[Verdict]:
    """One for each figure that is known; what is not known leaves an alarm as it is."""
    for read in (_lag, _log_loss, _spool, _transaction, _standing):
        reading = read(figures, settings)
        if reading.much is not None:
            over = reading.much >= (_BACK if reading.alarm in active else 1.0)
            yield Verdict(alarm=reading.alarm, found=reading.found if over else "")


def _lag(figures: Figures, settings: AlarmSettings) -> _Reading:
    """While what was written during the load is caught up with, a lag is what everybody expects."""
    found = f"the target is {figures.lag or 0:,.0f} s behind the source"
    lag = figures.lag if figures.reached else 0.0
    return _Reading(alarm="lag", much=_much(lag, threshold(settings.lag)), found=found)


def _log_loss(figures: Figures, settings: AlarmSettings) -> _Reading:
    """The less is left, the more of the threshold is reached."""
    least, left = threshold(settings.log_loss), figures.log_left
    if figures.log is None:
        much = None
    elif least is None or left is None:
        much = 0.0
    else:
        much = least / max(left, 1.0)
    found = f"the source keeps its log for {(left or 0) / 3600:,.1f} h more"
    if figures.log is not None and figures.log["state"] == "lost":
        found = "the source has no longer what is not applied yet"
    return _Reading(alarm="log_loss", much=much, found=found)


def _spool(figures: Figures, settings: AlarmSettings) -> _Reading:
    found = f"the spool has {(figures.spool_bytes or 0) / 1e9:,.1f} GB"
    return _Reading(alarm="spool", much=_much(figures.spool_bytes, size(settings.spool)), found=found)


def _transaction(figures: Figures, settings: AlarmSettings) -> _Reading:
    age, who = figures.oldest or (0.0, "")
    known = None if figures.log is None else age  # the source was asked for both at once
    found = f"a transaction at the source has been open for {age:,.0f} s: {who}"
    return _Reading(alarm="transaction", much=_much(known, threshold(settings.transaction)), found=found)


def _standing(figures: Figures, settings: AlarmSettings) -> _Reading:
    age, names = figures.standing or (0.0, "")
    found = f"{names} stands still, {age:,.0f} s by now: see `landbridge status`"
    return _Reading(alarm="standing", much=_much(age, threshold(settings.standing)), found=found)


def _much(value: float | None, most: float | None) -> float | None:
    if most is None:
        return 0.0
    return None if value is None else value / most if most else float(value > 0)
