"""landbridge plan: the effective plan and what it will do, object by object. Touches nothing."""

from typing import Any

from flows.commands import output
from flows.commands.options import Json, PlanFile
from landbridge.endpoints import connect, engines
from landbridge.plan import Plan, read_plan


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
        "losses": [{"table": str(found.table), **vars(found.loss)} for found in resolved.losses],
        "objects": [vars(item) for item in resolved.items],
    }


def _describe(data: dict[str, Any]) -> str:
    import yaml

    lines = [yaml.safe_dump(data["plan"], sort_keys=False).rstrip(), "", "# what moves"]
    for table in data["tables"]:
        lines.append(f"{table['source']} -> {table['target']}  (about {table['rows']:,} rows)")
        changed = [c for c in table["columns"] if c["source"].lower() != c["target"].lower()]
        lines += [f"    {column['name']}: {column['source']} -> {column['target']}" for column in changed]
    lines += ["", "# what is lost" if data["losses"] else "# nothing is lost"]
    for loss in data["losses"]:
        stops = "STOPS the plan: " if loss["blocking"] else ""
        lines.append(f"{loss['table']}.{loss['column']}: {stops}{loss['what']}")
    left = [item for item in data["objects"] if item["status"] == "not carried"]
    lines += ["", "# what stays behind" if left else "# nothing stays behind"]
    lines += [f"{item['kind']} {item['name']}: {item['reason']}" for item in left]
    return "\n".join(lines)
