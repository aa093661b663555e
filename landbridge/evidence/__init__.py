"""What whoever approves must know: gathered from the ledger, frozen under a hash, and shown."""

from landbridge.evidence.facts import gather
from landbridge.evidence.page import brief, describe, freeze, page

__all__ = ["brief", "describe", "freeze", "gather", "page"]
