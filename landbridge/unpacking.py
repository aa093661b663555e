"""Changes as such, of transactions that the source's stream gave packed."""

from landbridge.change import Change, Transaction
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Packs


def changes_of(transaction: Transaction, source: Endpoint) -> list[Change]:
    if transaction.packed is None:
        return transaction.changes
    return source.get(Packs).unpack(transaction.packed)
