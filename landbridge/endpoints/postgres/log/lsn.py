"""
Positions of this engine: the LSN as 16 upper-case hex digits, so that they sort as strings.

A change's position is the end of its commit record. So "at or before X" means every commit whose record ends at X or
before, and START_REPLICATION at X sends exactly the rest.
"""

from landbridge.model import Position

AS_NUMBER = "(%s - '0/0'::pg_catalog.pg_lsn)::pg_catalog.int8"
"""SQL of an LSN expression as a number."""


def position(lsn: int) -> Position:
    return Position(f"{lsn:016X}")


def number(position: Position) -> int:
    return int(position, 16)


def pg_lsn(lsn: int) -> str:
    """As the server writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
