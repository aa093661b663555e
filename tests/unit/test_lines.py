"""Lines made column by column are those made row by row, and both can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import text

AWKWARD = [b"\\N", b"\\.", b"a\tb", b"a\nb", b"\r", b"\\", b"", b"plain"]
FIELDS = st.none() | st.binary(max_size=6) | st.sampled_from(AWKWARD)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[FIELDS] * width), min_size=1, max_size=6)))
def test_lines_by_column_are_lines_by_row(rows: list[tuple[bytes | None, ...]]) -> None:
    block = text.lines(zip(*rows, strict=True))
    assert block == b"".join(map(text.line, rows))
    assert [text.split(line) for line in block.removesuffix(b"\n").split(b"\n")] == rows


@pytest.mark.parametrize("rows", [[(b"1", ...)], [(b"1", None), (b"2", ...)], [(b"1", b"a\\"), (b"2", ...)]])
def test_a_field_that_is_not_there_is_no_field(rows: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(TypeError):
        text.lines(zip(*rows, strict=True))
