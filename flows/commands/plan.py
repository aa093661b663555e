"""landbridge plan: the effective plan and what it will do, object by object. Touches nothing."""

from typing import TYPE_CHECKING, Any

from flows.commands import output
from flows.commands.options import Json, PlanFile
from landbridge.endpoints import connect, engines
from landbridge.plan import Plan, read_plan

if TYPE_CHECKING:
    from landbridge.census import TableLoss

_SHOWN = 5
"""Columns named where one thing is said of many."""


def plan(plan: PlanFile, as_json: Json = False) -> None:
    """Show the effective plan and what it will do, without touching anything."""
    found = read_plan(plan)
    data = _collect(found)
    output.result(data, _describe(data), as_json=as_json)


plan.__doc__ = f"{plan.__doc__} Engines: {', '.join(engines())}."


def _collect(plan: Plan) -> dict[str, Any]:
    from landbridge.precheck import look

    resolved = look(plan, connect(plan.source), connect(plan.target))
    return {
        "plan": plan.model_dump(mode="json"),
        "tables": [
            {
                "source": str(table.source.name),
                "target": str(table.target.name),
                "rows": table.source.rows,
                "bytes": table.source.bytes,
                "columns": [
                    {"name": c.source.name, "source": c.source.native, "target": c.target.native} for c in table.columns
                ],
            }
            for table in resolved.tables
        ],
        "losses": [_loss(found) for found in resolved.losses],
        "objects": [vars(item) for item in resolved.items],
    }


def _loss(found: "TableLoss") -> dict[str, Any]:
    """rows: counted on the source, null where nobody counted; `uncounted` says why not."""
    loss = found.loss
    return {"table": str(found.table), **vars(loss), "unfit": loss.unfit.what if loss.unfit else None}


def _describe(data: dict[str, Any]) -> str:
    import yaml

    lines = [yaml.safe_dump(data["plan"], sort_keys=False).rstrip(), "", "# what moves"]
    for table in data["tables"]:
        lines.append(f"{table['source']} -> {table['target']}  (about {table['rows']:,} rows)")
        changed = [c for c in table["columns"] if c["source"].lower() != c["target"].lower()]
        lines += [f"    {column['name']}: {column['source']} -> {column['target']}" for column in changed]
    lines += _losses(data["losses"])
    left = [item for item in data["objects"] if item["status"] == "not carried"]
    lines += ["", "# what stays behind" if left else "# nothing stays behind"]
    lines += [f"{item['kind']} {item['name']}: {item['reason']}" for item in left]
    return "\n".join(lines)


def _losses(losses: list[dict[str, Any]]) -> list[str]:
    """What no row has now is said once for all columns it may befall."""
    idle = [loss for loss in losses if loss["unfit"] and loss["rows"] == 0 and not loss["blocking"]]
    real = [loss for loss in losses if loss not in idle]
    lines = ["", "# what is lost" if real else "# nothing is lost"]
    for loss in real:
        stops = "STOPS the plan: " if loss["blocking"] else ""
        lines.append(f"{loss['table']}.{loss['column']}: {stops}{loss['what']}{_rows(loss)}")
        if loss["blocking"] and loss["choices"]:
            lines.append(f"    choose: {'; '.join(loss['choices'])}")
    if idle:
        lines += ["", "# no row has these now, a later one may"]
        lines += [f"{what}: {_places(idle, what)}" for what in dict.fromkeys(loss["what"] for loss in idle)]
    return lines


def _rows(loss: dict[str, Any]) -> str:
    if loss["uncounted"]:
        return f" (not counted: {loss['uncounted']})"
    return f" ({loss['rows']:,} rows)" if loss["unfit"] and loss["rows"] is not None else ""


def _places(losses: list[dict[str, Any]], what: str) -> str:
    places = [f"{loss['table']}.{loss['column']}" for loss in losses if loss["what"] == what]
    return ", ".join(places[:_SHOWN]) + (f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else "")
