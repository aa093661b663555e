"""
What an insert stored in the columns that its row image leaves out (binlog_row_image MINIMAL): the default recorded for
the column. Measured on MySQL 9.7, MariaDB 10.11 and 11.8: a default that is an expression, CURRENT_TIMESTAMP among
them, is always in the image.
"""

import struct

from landbridge.change import Value
from landbridge.endpoints.mysql import texts
from landbridge.kinds import (
    Bit,
    Bool,
    Bytes,
    Date,
    Decimal,
    Enum,
    Float,
    Int,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Year,
)
from landbridge.model import Column

_EXACT = Bit | Bool | Bytes | Date | Decimal | Enum | Int | Set | Text | Time | Timestamp | TimestampTz | Year
"""Kinds whose default is recorded as the very text that a stored value has."""


def left_out(column: Column) -> Value:
    """Ellipsis where the catalog does not tell: NOT NULL without a default, an odd date, an expression."""
    default = column.default
    if default is None:
        return None if column.nullable and column.identity is None else ...
    if default.literal is None:
        return ...
    if isinstance(column.kind, Float):
        value = float(default.literal)
        return texts.real(struct.unpack("<f", struct.pack("<f", value))[0] if column.kind.bits == 32 else value)
    if not isinstance(column.kind, _EXACT):
        return ...
    text = default.literal.encode()
    return text.rstrip(b" ") if column.native.startswith("char") else text
