"""Which columns of a view can be compared between servers, by the text that the server prints of it."""

import pytest

from landbridge.endpoints.mysql.objects.settled import Settled, settled

HEAD = "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `s`.`v` AS select "


@pytest.mark.parametrize(
    ("query", "columns", "whole"),
    [
        ("`t`.`a` AS `a`,concat(`t`.`b`,', ') AS `c, d` from `s`.`t`", ("a", "c, d"), True),
        ("distinct `t`.`a` AS `a` from `s`.`t` order by `t`.`b`", ("a",), True),
        ("`t`.`l` AS `l` from `s`.`t`", ("l",), True),
        ("distinct `t`.`a` AS `a`,`t`.`l` AS `l` from `s`.`t`", ("a",), False),
        ("`t`.`l` AS `l`,max(`t`.`l`) AS `m`,count(0) AS `n` from `s`.`t` group by `t`.`l`", ("n",), False),
        ("1 AS `one`", ("one",), True),
        ("`t`.`a` AS `a`,now() AS `n` from `s`.`t`", ("a",), False),
        ("`t`.`a` AS `a`,`t`.`f` + 1 AS `g` from `s`.`t`", ("a",), False),
        ("`t`.`a` AS `a` from `s`.`t` where `t`.`d` < curdate()", (), False),
        ("`t`.`a` AS `a` from `s`.`t` limit 3", (), False),
        ("`t`.`a` AS `a` from `s`.`t` union select 1 AS `1`", (), False),
        ("`t`.`a` AS `a`,row_number() OVER (ORDER BY `t`.`b` ) AS `n` from `s`.`t`", ("a",), False),
        ("`t`.`a` AS `a`,(select `u`.`b` from `s`.`u` limit 1) AS `b` from `s`.`t`", ("a",), False),
        ("`x`.`a` AS `a` from (select `t`.`a` AS `a` from `s`.`t` group by `t`.`b`) `x`", (), False),
        (
            (
                "`t`.`a` AS `a`,`t`.`b` AS `b`,count(0) AS `n`,sum(`t`.`c`) AS `s`,sum(`t`.`c`) + `t`.`b` AS `x`"
                " from `s`.`t` group by `t`.`a` having count(0) > 1"
            ),
            ("a", "n", "s"),
            False,
        ),
        ("group_concat(`t`.`a` separator ',') AS `a`,max(`t`.`f`) AS `f` from `s`.`t`", (), False),
    ],
)
def test_columns(query: str, columns: tuple[str, ...], whole: bool) -> None:
    assert settled(HEAD + query, {"f"}, {"l"}) == Settled(columns=columns, whole=whole)


def test_names_that_the_view_gives() -> None:
    text = HEAD.replace("`v` AS", "`v` (`x`,`y z`) AS") + "`t`.`a` AS `a`,rand() AS `rand()`"
    assert settled(text, (), ()) == Settled(columns=("x",))


def test_what_is_not_understood() -> None:
    for text in (
        HEAD.replace("select ", "with `c` as (select 1 AS `1`) select `c`.`1` AS `1` from `c`"),
        HEAD.replace("select ", "(select 1 AS `1`)"),
        "",
    ):
        assert settled(text, (), ()) == Settled()
