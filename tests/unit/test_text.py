"""Lines of canonical text: whatever bytes the fields hold, they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import text

SPECIAL = st.sampled_from([b"\\", b"\t", b"\n", b"\r", b"N", b"\\N", b"\\.", b"t", b"n", b"x", b"\0", b"\x1a", b"\b"])
FIELDS = st.one_of(st.none(), st.binary(), st.lists(SPECIAL).map(b"".join))


@given(st.lists(FIELDS, min_size=1).map(tuple))
def test_a_line_splits_into_the_fields_it_was_made_of(fields: tuple[bytes | None, ...]) -> None:
    line = text.line(fields)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.count(b"\t") == len(fields) - 1
    assert b"\r" not in line
    assert text.split(line[:-1]) == fields


@given(FIELDS, FIELDS)
def test_different_fields_are_written_differently(one: bytes | None, other: bytes | None) -> None:
    assert (text.escape(one) == text.escape(other)) == (one == other)


@pytest.mark.parametrize(
    ("field", "written"),
    [
        (None, b"\\N"),
        (b"", b""),
        (b"\\N", b"\\\\N"),
        (b"a\tb", b"a\\tb"),
        (b"a\nb", b"a\\nb"),
        (b"a\rb", b"a\\rb"),
        (b"\\", b"\\\\"),
        (b"\x00\x08\x0b\x0c", b"\x00\x08\x0b\x0c"),
        ("☃".encode(), "☃".encode()),
    ],
)
def test_the_letters_of_escapes(field: bytes | None, written: bytes) -> None:
    assert text.escape(field) == written
    assert text.unescape(written) == field


@pytest.mark.parametrize(
    ("written", "field"),
    [(b"\\b\\f\\v", b"\b\f\v"), (b"\\\n", b"\n"), (b"\\\\N", b"\\N"), (b"\\x41", b"x41"), (b"\\", b"\\")],
)
def test_escapes_that_servers_write_are_read(written: bytes, field: bytes) -> None:
    """COPY TO writes the first ones (manual, COPY, text format); any other letter stands for itself."""
    assert text.unescape(written) == field
