"""What happens to a run, as events of the orchestrator: automations act on them, and send them on (docs/prefect.md)."""

from typing import Any

from prefect.events import emit_event


def tell(event: str, plan: str, run: str, text: str, **more: str) -> None:
    """`landbridge.EVENT` about the plan. What is given by name is in the payload, and a label to match by."""
    resource = {"prefect.resource.id": f"landbridge.plan.{plan}", "prefect.resource.name": plan, "landbridge.run": run}
    labels = {f"landbridge.{name}": value for name, value in more.items()}
    payload: dict[str, Any] = {"plan": plan, "run": run, "text": f"{plan}: {text}", **more}
    emit_event(f"landbridge.{event}", resource | labels, payload=payload)
