"""Other names for schemas inside of SQL texts: exact, or refused."""

import pytest

from landbridge.endpoints.mysql.log.statements import ANSI_QUOTES, NO_BACKSLASH_ESCAPES
from landbridge.endpoints.mysql.objects.renaming import Renamed, foreign_literals, mode_bits, rename

SCHEMAS = {"shop": "app", "other": "other", "a b": "c`d"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select 1 from t", "select 1 from t"),
        ("select `shop`.`t`.`a` from `shop`.`t`", "select `app`.`t`.`a` from `app`.`t`"),
        ("select shop . t.a from shop/* shop.t */.t", "select `app` . t.a from `app`/* shop.t */.t"),
        ("select other.x from other", "select other.x from other"),
        ("select `a b`.f(1), @shop, shops.x, x_shop.y", "select `c``d`.f(1), @shop, shops.x, x_shop.y"),
        ('select "it\\"s shops" -- shop.t', 'select "it\\"s shops" -- shop.t'),
        ("call shop.p('é', \"ü\", `ö`)", "call `app`.p('é', \"ü\", `ö`)"),
    ],
)
def test_rewritten(text: str, wanted: str) -> None:
    found = rename(text, SCHEMAS, {}, 0)
    assert (found.text, found.why) == (wanted, "")


@pytest.mark.parametrize(
    "text",
    [
        "select shop.id from t as shop",
        "select `shop`.`shop`.`id` from `shop`.`shop`",
        "select x.shop from x",
        "select 1 as shop from shop.t",
        "create procedure shop () select shop.t.a from shop.t",
    ],
)
def test_refused_where_a_word_may_be_something_else(text: str) -> None:
    assert "renamed database" in rename(text, SCHEMAS, {}, 0).why


def test_strings_are_no_names_but_are_told_of() -> None:
    found = rename("select 'shop.t', shop.t.a from shop.t", SCHEMAS, {}, 0)
    assert found.text == "select 'shop.t', `app`.t.a from `app`.t"
    assert "holds shop" in found.note
    assert rename("select 'shops'", {"shop": "shop"}, {}, 0) == Renamed(text="select 'shops'")


def test_how_a_text_is_quoted_depends_on_its_sql_mode() -> None:
    ansi, plain = mode_bits("PIPES_AS_CONCAT,ANSI_QUOTES"), mode_bits("NO_BACKSLASH_ESCAPES")
    assert (ansi, plain, mode_bits("")) == (ANSI_QUOTES, NO_BACKSLASH_ESCAPES, 0)
    assert rename('select "shop"."t"', SCHEMAS, {}, ansi).text == 'select `app`."t"'
    assert rename('select "shop"', SCHEMAS, {}, 0).text == 'select "shop"'
    assert rename("select '\\', shop.t.a, ' '", SCHEMAS, {}, plain).text == "select '\\', `app`.t.a, ' '"


def test_other_names_that_have_changed() -> None:
    assert rename("select x from t", {}, {"x": "which is y"}, 0).why == "it names x, which is y"
    assert rename("select 'x' from t", {}, {"x": "which is y"}, 0) == Renamed(text="select 'x' from t")


def test_bytes_of_another_character_set() -> None:
    assert list(foreign_literals("select _latin1'é', _utf8mb4 'a', x'00', _big5\"ü\", 'é', a_b", 0)) == [
        "_latin1",
        "_big5",
    ]
