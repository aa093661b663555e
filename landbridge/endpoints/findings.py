"""The two kinds of findings, as the engines' checks write them. Every name is a row in docs/checks.md."""

from landbridge.endpoints.abc import Finding


def refuse(name: str, *, found: str, wanted: str, mend: str) -> Finding:
    return Finding(name=name, level="refuse", found=found, wanted=wanted, mend=mend)


def warn(name: str, *, found: str, wanted: str, mend: str) -> Finding:
    return Finding(name=name, level="warn", found=found, wanted=wanted, mend=mend)


def listed(things: list[str], limit: int = 10) -> str:
    """The first few of them: a list in a finding is read by a person."""
    rest = len(things) - limit
    return ", ".join(things[:limit]) + (f" and {rest} more" if rest > 0 else "")
