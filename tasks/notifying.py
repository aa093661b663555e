"""Telling people: the shipped automations, registered with webhooks in Slack's form or as plain JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from pydantic import SecretStr

PREFIX = "landbridge: "
_HERE = Path(__file__).parent
_PLACES = (_HERE / "automations.yaml", _HERE.parent / "deployments" / "automations.yaml")
_FORMS: Mapping[str, str] = {
    "slack": '{"text": {{ (%s) | tojson }}}',
    "json": (
        '{"event": {{ event.event | tojson }}, "occurred": {{ (event.occurred | string) | tojson }}, '
        '"text": {{ (%s) | tojson }}, "payload": {{ event.payload | tojson }}}'
    ),
}
"""
Slack's incoming webhooks want an object with `text` (its documentation: "Sending messages using incoming webhooks").
"""


def shipped() -> list[dict[str, Any]]:
    """As Prefect's own command reads them; `notify` is an expression for the text, where there is something to tell."""
    file = next(place for place in _PLACES if place.exists())
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["automations"]
    return found


def install(urls: Mapping[str, str]) -> list[str]:
    """urls: by form, 'slack' or 'json'. Replaces what an earlier call registered. The automations' names."""
    blocks = {form: _save(form, url) for form, url in urls.items()}
    remove()
    with get_client(sync_client=True) as client:
        for each in shipped():
            client.create_automation(AutomationCore.model_validate(_with_webhooks(each, blocks)))
    return [each["name"] for each in shipped()]


def remove() -> list[str]:
    """The names of the automations that are gone. The webhooks' addresses stay as blocks."""
    with get_client(sync_client=True) as client:
        ours = [each for each in client.read_automations() if each.name.startswith(PREFIX)]
        for each in ours:
            client.delete_automation(each.id)
    return sorted(each.name for each in ours)


def _with_webhooks(automation: dict[str, Any], blocks: Mapping[str, UUID]) -> dict[str, Any]:
    if "notify" not in automation or not blocks:
        return automation
    calls = [
        {"type": "call-webhook", "block_document_id": str(block), "payload": _FORMS[form] % automation["notify"]}
        for form, block in blocks.items()
    ]
    return automation | {"actions": calls}


def _save(form: str, url: str) -> UUID:
    block = Webhook(url=SecretStr(url), headers={"Content-Type": "application/json"})
    made = block.save(f"landbridge-{form}", overwrite=True)
    if not isinstance(made, UUID):
        raise TypeError("called from asynchronous code")
    return made
