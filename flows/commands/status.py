"""landbridge status: what the ledger says, without touching anything and without Prefect."""

from typing import Annotated, Any

import typer

from flows.commands import output, stream_status
from flows.commands.options import Json, PlanFile
from landbridge.plan import Plan, read_plan

Prometheus = Annotated[bool, typer.Option("--prometheus", help="The figures in Prometheus' text format.")]


def status(plan: PlanFile, as_json: Json = False, prometheus: Prometheus = False) -> None:
    """Show how far a plan is: phases, tables, stream, every object, approvals."""
    if prometheus:
        print(stream_status.exposition(read_plan(plan)), end="")
        return
    data = collect(read_plan(plan))
    output.result(data, describe(data), as_json=as_json)


def collect(plan: Plan) -> dict[str, Any]:
    """The run as plain data; `run` is None when the plan has none. way_back: the run that leads back, if one does."""
    data = _of_run(plan)
    if data["run"] is not None and plan.cutover.way_back and data["cutover"]["state"] in ("opening", "done"):
        data["way_back"] = _way_back(plan)
    return data


def _way_back(plan: Plan) -> dict[str, Any] | None:
    from landbridge import legs
    from landbridge.errors import MigrationError

    try:
        now = legs.now(plan)
        if now is plan:
            return None
        found = _of_run(now)
    except MigrationError as error:
        return error.as_dict()
    return {part: found[part] for part in ("run", "state", "standing", "stream", "rejects", "approvals", "cutover")}


def _of_run(plan: Plan) -> dict[str, Any]:
    from landbridge import ledger
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    with connect(plan.target).get(Connects).engine().connect() as connection:
        run = ledger.find_run(connection, plan)
        if run is None:
            return {"plan": plan.name, "run": None}
        state, _, detail = ledger.cutover_row(connection, run.run)
        phases = ledger.phases(connection, run.run)
        stream = stream_status.collect(connection, run, plan)
        return {
            "plan": plan.name,
            "run": run.run,
            "state": run.state,
            "created": run.created,
            "phase": next((phase["phase"] for phase in reversed(phases) if phase["finished"] is None), None),
            "phases": phases,
            "tables": _tables(connection, run.run, _applying(state, stream)),
            "standing": _standing(connection, run.run),
            "stream": stream,
            "inventory": [vars(item) for item in ledger.items(connection, run.run)],
            "validation": ledger.latest_round(connection, run.run),
            "rejects": [{"table": table, "reason": reason} for table, reason in ledger.rejects(connection, run.run)],
            "approvals": [approval.as_dict() for approval in ledger.approvals(connection, run.run)],
            "cutover": {"state": state, **detail},
        }


def _applying(cutover: str, stream: dict[str, Any] | None) -> str:
    """What there is to say of a table that is loaded and takes changes."""
    if cutover in ("opening", "done"):
        return "switched"
    figures = stream["figures"] if stream else None
    return "applying" if figures and figures["running"] else "stopped"


def _tables(connection: Any, run: str, applying: str) -> list[dict[str, Any]]:
    from landbridge import ledger

    so_far, counts = ledger.loaded_so_far(connection, run), ledger.counts(connection, run)
    still = {each.table for each in ledger.standing(connection, run)}
    rows = []
    for state in ledger.table_states(connection, run):
        copied, size = so_far.get(state.map.number, (0, 0))
        names = {"source": str(state.map.source.name), "target": str(state.map.target.name)}
        word = applying if state.state == "applying" else state.state
        names |= {"state": "paused" if state.map.number in still else word}
        expected = {"expected_rows": state.map.source.rows, "started": state.started, "finished": state.finished}
        applied = counts.get(state.map.number, dict.fromkeys(("inserts", "updates", "deletes", "truncates"), 0))
        rows.append(names | {"rows": copied, "bytes": size, "applied": applied} | expected)
    return rows


def _standing(connection: Any, run: str) -> list[dict[str, Any]]:
    from landbridge import ledger

    return [
        {
            "table": str(each.map.source.name), "since": each.met, "statement": each.statement or None,
            "obstacle": each.obstacle, "approved": each.state == "approved",
        }
        for each in ledger.standing(connection, run)
    ]  # fmt: skip


def describe(data: dict[str, Any]) -> str:
    """The same for people, a line each."""
    if data["run"] is None:
        return f"{data['plan']}: no run yet; begin one with `landbridge migrate`"
    lines = [f"{data['plan']}: run {data['run']}, {data['state']}", "", "phases"]
    lines += [_phase_line(phase) for phase in data["phases"]]
    lines += ["", "tables"]
    lines += [
        f"  {t['state']:9} {t['rows']:>14,} rows {t['bytes'] / 1e6:>10,.1f} MB  {t['target']}{_applied(t)}"
        for t in data["tables"]
    ]
    lines += [_standing_line(each) for each in data["standing"]]
    if data["stream"]:
        lines += ["", *stream_status.lines(data["stream"])]
    lines += ["", "objects", *_object_lines(data["inventory"])]
    lines += [f"refused by the target: {reject['reason']}" for reject in data["rejects"]]
    lines += _decision_lines(data)
    if data.get("way_back"):
        lines += ["", *_way_back_lines(data["way_back"])]
    return "\n".join(lines)


def _way_back_lines(back: dict[str, Any]) -> list[str]:
    if "run" not in back:
        return [f"way back: {back['found']}"]
    lines = [f"way back: run {back['run']}, {back['state']}; `landbridge rollback` switches back"]
    lines += [_standing_line(each) for each in back["standing"]]
    lines += [f"  {line}" for line in stream_status.lines(back["stream"])]
    lines += [f"  refused by the old source: {reject['reason']}" for reject in back["rejects"]]
    return lines + [f"  request {asked['number']} ({asked['gate']}): {asked['state']}" for asked in back["approvals"]]


def _standing_line(each: dict[str, Any]) -> str:
    word = "ddl approve PLAN" if each["statement"] else "resume PLAN --table"
    next_ = "goes on as soon as the stream runs" if each["approved"] else f"then `landbridge {word} {each['table']}`"
    return f"  {each['table']} stands still: {each['obstacle']}; {next_}"


def _applied(table: dict[str, Any]) -> str:
    done = [f"{count:,} {what}" for what, count in table["applied"].items() if count]
    return f" ({', '.join(done)} since)" if done else ""


def _phase_line(phase: dict[str, Any]) -> str:
    ended = phase["finished"]
    took = f"{ended - phase['started']:8.1f} s" if ended else "   under way or stopped"
    return f"  {'✓' if ended else '…'} {phase['phase']:16}{took}"


def _object_lines(inventory: list[dict[str, Any]]) -> list[str]:
    counts: dict[tuple[str, str], int] = {}
    for item in inventory:
        place = (item["kind"], item["status"])
        counts[place] = counts.get(place, 0) + 1
    return [f"  {number:>6} {kind}: {status}" for (kind, status), number in sorted(counts.items())]


def _said(decision: dict[str, Any]) -> str:
    answer = "approved" if decision["approve"] else "rejected"
    verified = "" if decision["verified"] else " (name not verified)"
    void = f"; does not count: {decision['void']}" if decision["void"] else ""
    return f"{answer} by {decision['by']}{verified}: {decision['reason']}{void}"


def _decision_lines(data: dict[str, Any]) -> list[str]:
    lines = []
    if data["validation"]:
        checked = data["validation"]
        verdict = "passed" if checked["passed"] else "DIFFERS"
        lines.append(f"validation: round {checked['round']} {verdict}; report {checked['detail'].get('report')}")
    for approval in data["approvals"]:
        lines.append(f"request {approval['number']} ({approval['gate']}): {approval['state']}")
        lines += [f"  {_said(decision)}" for decision in approval["decisions"]]
    lines.append(f"cutover: {data['cutover']['state']}")
    return ["", *lines]
