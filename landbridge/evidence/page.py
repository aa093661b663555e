"""The evidence as text for a form, and as files that stay: the bytes that the hash is of, and a page for people."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from landbridge.approving import evidence_hash, frozen, rules_in

_SHOWN, _SHOWN_IN_BRIEF = 20, 5
_ASKS = {"cutover": "Switch {plan} over?", "rollback": "Take {plan} back?"}


def freeze(evidence: Mapping[str, Any], folder: Path, name: str) -> tuple[Path, Path]:
    """The page, and the JSON file whose SHA-256 is the evidence's hash."""
    folder.mkdir(parents=True, exist_ok=True)
    shown, data = folder / f"{name}.html", folder / f"{name}.json"
    data.write_bytes(frozen(evidence))
    shown.write_text(page(evidence), encoding="utf-8")
    return shown, data


def question(evidence: Mapping[str, Any]) -> str:
    gate = evidence.get("gate", "")
    return _ASKS.get(gate, f"Open the gate {gate} of {{plan}}?").format(plan=evidence.get("plan", ""))


def describe(evidence: Mapping[str, Any]) -> str:
    """Markdown."""
    report = (evidence["validation"] or {}).get("report", "none")
    lines = [
        f"## {question(evidence)}",
        f"From {evidence['source']} to {evidence['target']}",
        f"- {_compared(evidence)} (report: {report})",
        f"- {_streamed(evidence)}",
        *_blocked(evidence),
        f"- objects not carried or failed: {_listed(evidence['not_carried'])}",
        f"- objects made in the switch: {_listed(evidence['made_in_the_switch'])}",
        f"- the source will be frozen ({evidence['freeze']}) for {evidence['freeze_at_most']} at most",
        f"- {rehearsed(evidence)}",
        f"- {wanted(evidence)}; evidence {evidence_hash(evidence)[:12]}",
    ]
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])


def brief(evidence: Mapping[str, Any]) -> str:
    """Markdown for a form on a small screen, which joins lines: each fact, but few names."""
    left, made = _listed(evidence["not_carried"], _SHOWN_IN_BRIEF), len(evidence["made_in_the_switch"])
    lines = [
        f"**{question(evidence)}** From {evidence['source']} to {evidence['target']}",
        f"- {_compared(evidence)}; {_streamed(evidence)}",
        *_blocked(evidence),
        f"- objects not carried or failed: {left}; made in the switch: {made}",
        f"- frozen ({evidence['freeze']}) for {evidence['freeze_at_most']} at most; {rehearsed(evidence)}",
        f"- {wanted(evidence)}; evidence {evidence_hash(evidence)[:12]}",
    ]
    return "\n\n".join(lines)


def _compared(evidence: Mapping[str, Any]) -> str:
    verdict = "equal" if evidence["equal"] else "NOT equal, or not compared"
    return f"**{(evidence['validation'] or {}).get('rows', 0):,} rows compared: {verdict}**"


def _streamed(evidence: Mapping[str, Any]) -> str:
    lag = "unknown" if evidence["lag_seconds"] is None else f"{evidence['lag_seconds']:.1f} s"
    return f"changes applied: {evidence['changes_applied']:,}; lag: {lag}; rows refused: {evidence['rejected_rows']}"


def _blocked(evidence: Mapping[str, Any]) -> list[str]:
    standing = evidence.get("standing", [])
    return [f"- **tables that stand still, with which nothing is switched: {_listed(standing)}**"] if standing else []


def wanted(evidence: Mapping[str, Any]) -> str:
    """Whose approval it takes, in a sentence."""
    told = rules_in(evidence)
    who = f"of {', '.join(told.approvers)}, with their codes" if told.approvers else "(name not verified)"
    return f"wanted: {told.persons} person{'s' if told.persons > 1 else ''} {who}"


def rehearsed(evidence: Mapping[str, Any]) -> str:
    last = evidence["rehearsal"]
    if not last:
        return "not rehearsed"
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(last["finished"]))
    changed = "" if last["plan_hash"] == evidence["plan_hash"] else " with another plan than this"
    return f"rehearsed {when} UTC{changed}: {last['summary']}"


def page(evidence: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("landbridge.evidence", "."), autoescape=select_autoescape(default=True)
    )
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return environment.get_template("page.html.j2").render(
        it=evidence,
        question=question(evidence),
        hash=evidence_hash(evidence),
        when=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(evidence["taken"])),
        wanted=wanted(evidence),
        rehearsed=rehearsed(evidence),
        statuses=("migrated", "translated", "planned", "waived", "not carried", "failed"),
        counts=(evidence["validation"] or {}).get("counts") or {},
    )


def _listed(objects: list[str], most: int = _SHOWN) -> str:
    more = f" and {len(objects) - most} more" if len(objects) > most else ""
    return f"{len(objects)} ({', '.join(objects[:most])}{more})" if objects else "none"
