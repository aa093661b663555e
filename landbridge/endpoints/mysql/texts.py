"""
Canonical text of single values, as this family's servers print them (docs/canonical-text.md).

Points in time come as packed integers; the text of each day and of each second of a day is made once and kept, since a
table's rows share them.
"""

import socket
import struct
from collections.abc import Callable, Sequence
from ctypes import c_float
from datetime import date, timedelta
from functools import cache

_KEPT = 100_000
"""Texts that a cache keeps before it begins anew."""

_DIGITS_PER_GROUP = 9
_GROUP_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
"""Bytes that a decimal's incomplete group takes, by its digits."""

MILLI = [f"{number:03d}" for number in range(1000)]
FRACTION = [f".{text}" for text in MILLI]


class PackedDate(dict[bytes, bytes]):
    """DATE: three little-endian bytes: day 5 bits, month 4, year 15."""

    def __missing__(self, packed: bytes) -> bytes:
        if len(self) > _KEPT:
            self.clear()
        value = int.from_bytes(packed, "little")
        text = self[packed] = b"%04d-%02d-%02d" % (value >> 9, value >> 5 & 15, value & 31)
        return text


class PackedDay(dict[int, str]):
    """The date in a DATETIME: sign 1 bit, year * 13 + month 17, day 5; with the blank that follows it."""

    def __missing__(self, packed: int) -> str:
        if len(self) > _KEPT:
            self.clear()
        year, month = divmod(packed >> 5 & 0x1FFFF, 13)
        text = self[packed] = f"{year:04d}-{month:02d}-{packed & 31:02d} "
        return text


class PackedClock(dict[int, str]):
    """The time in a DATETIME: hour 5 bits, minute 6, second 6."""

    def __missing__(self, packed: int) -> str:
        text = self[packed] = f"{packed >> 12:02d}:{packed >> 6 & 63:02d}:{packed & 63:02d}"
        return text


class EpochDay(dict[int, str]):
    """Days since 1970, with the blank that follows."""

    def __missing__(self, days: int) -> str:
        text = self[days] = f"{date(1970, 1, 1) + timedelta(days=days)} "
        return text


class SecondOfDay(dict[int, str]):
    def __missing__(self, second: int) -> str:
        text = self[second] = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        return text


class LabelSets(dict[int, bytes]):
    """The labels of a SET by its bits."""

    def __init__(self, labels: Sequence[bytes]) -> None:
        super().__init__()
        self._labels = labels

    def __missing__(self, bits: int) -> bytes:
        if len(self) > _KEPT:
            self.clear()
        chosen = (label for place, label in enumerate(self._labels) if bits >> place & 1)
        text = self[bits] = b",".join(chosen)
        return text


def real(value: float) -> bytes:
    """The shortest digits that read back to the same bits; with an exponent outside of 1e-15 to 1e15."""
    text = repr(value)
    if len(text) < 17 and "e" not in text:
        return text.removesuffix(".0").encode()
    return _long_real(text).encode()


def _long_real(text: str) -> str:
    sign = "-" * (text[0] == "-")
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + part) - len(digits))
    digits = digits.rstrip("0")
    # Measured on MariaDB: the point may stand up to 15 digits to the right, 16 where a digit follows it.
    if -14 <= point <= 15 or (point == 16 and len(digits) > 16):
        return sign + _fixed(digits, point)
    return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1}"


def _fixed(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point < len(digits):
        return f"{digits[:point]}.{digits[point:]}"
    return digits + "0" * (point - len(digits))


def decimal_size(digits: int) -> int:
    """Bytes of a decimal's digits before or after the point: four for nine, fewer for the rest."""
    return digits // _DIGITS_PER_GROUP * 4 + _GROUP_BYTES[digits % _DIGITS_PER_GROUP]


def decimal_top(precision: int, scale: int) -> int:
    """The sign bit of a decimal's bytes taken as one big-endian integer."""
    return 1 << 8 * (decimal_size(precision - scale) + decimal_size(scale)) - 1


@cache
def decimal(precision: int, scale: int) -> Callable[[bytes], bytes]:
    """The text of a DECIMAL's bytes. The sign bit is inverted; below zero all the others are, too."""
    top = decimal_top(precision, scale)
    positive: Callable[[int], bytes] = eval(f"lambda x: {decimal_source(precision, scale)}")  # noqa: S307

    def text(value: bytes) -> bytes:
        number = int.from_bytes(value, "big") ^ top
        return positive(number) if number < top else b"-" + positive(number ^ (2 * top - 1))

    return text


def decimal_source(precision: int, scale: int) -> str:
    """
    Source of the text of x, a positive decimal as one integer without its sign bit: groups of nine digits on both
    sides of the point, the incomplete group first before it and last after it.
    """
    whole = _digits(precision - scale, 8 * decimal_size(scale), leading=True)
    if not scale:
        return f"b'%d' % ({whole})"
    return f"b'%d.%0{scale}d' % ({whole}, {_digits(scale, 0, leading=False)})"


def _digits(count: int, shift: int, *, leading: bool) -> str:
    """Source of the number that `count` digits of x make; they end `shift` bits from the right."""
    full, rest = divmod(count, _DIGITS_PER_GROUP)
    groups = [(_DIGITS_PER_GROUP, 4)] * full
    if rest:
        groups.insert(0 if leading else full, (rest, _GROUP_BYTES[rest]))
    terms, power = [], 0
    for digits, size in reversed(groups):
        group = f"(x >> {shift} & {(1 << 8 * size) - 1})"
        terms.append(f"{group} * {10**power}" if power else group)
        shift, power = shift + 8 * size, power + digits
    return " + ".join(reversed(terms)) or "0"


def time(fsp: int) -> Callable[[bytes], bytes]:
    """TIME: a signed fixed-point number with an offset: hour 10 bits, minute 6, second 6, then the fraction's bytes."""
    size = (fsp + 1) // 2
    offset, rest = 0x800000 << 8 * size, 8 * size

    def text(value: bytes) -> bytes:
        packed = int.from_bytes(value, "big") - offset
        sign = b"-" if packed < 0 else b""
        packed = abs(packed)
        clock, fraction = packed >> rest, packed & (1 << rest) - 1
        digits = b".%0*d" % (2 * size, fraction) if fsp else b""
        return b"%b%02d:%02d:%02d%b" % (sign, clock >> 12, clock >> 6 & 63, clock & 63, digits[: 1 + fsp])

    return text


def uuid(value: bytes) -> bytes:
    """MariaDB's UUID as it is stored."""
    digits = value.ljust(16, b"\0").hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])).encode()


def inet4(value: bytes) -> bytes:
    return socket.inet_ntop(socket.AF_INET, value.ljust(4, b"\0")).encode()


def inet6(value: bytes) -> bytes:
    """Written out: eight groups of four digits."""
    return value.ljust(16, b"\0").hex(":", 2).encode()


def ewkb(value: bytes) -> bytes:
    """A geometry as it is stored: SRID, then WKB, both little-endian. Without a reference system it has no SRID."""
    srid, order, kind, rest = value[:4], value[4:5], value[5:8], value[9:]
    if srid == bytes(4):
        return value[4:].hex().encode()
    return (order + kind + b"\x20" + srid + rest).hex().encode()


def vector(value: bytes) -> bytes:
    numbers = struct.unpack(f"<{len(value) // 4}f", value)
    return b"[" + b",".join(map(single, numbers)) + b"]"


def single(value: float) -> bytes:
    """The fewest digits that read back to the same 32 bits; with an exponent outside of 1e-4 to 1e6."""
    digits = next(text for size in range(9) if c_float(float(text := f"{value:.{size}e}")).value == value or size == 8)
    mantissa, _, exponent = digits.partition("e")
    power = int(exponent)
    if not -4 <= power < 6:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{power:+03d}".encode()
    places = max(len(mantissa.partition(".")[2]) - power, 0)
    fixed = f"{float(digits):.{places}f}"
    return (fixed.rstrip("0").rstrip(".") if "." in fixed else fixed).encode()


def is_a_date(text: bytes) -> bool:
    """Whether the calendar has the day that this text begins with."""
    try:
        return bool(date.fromisoformat(text[:10].decode()))
    except ValueError:
        return False
