"""Types, defaults and names as texts; what a real server makes of them is in tests/engines."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landbridge import kinds
from landbridge.endpoints.postgres.kinds import kind_of, render
from landbridge.endpoints.postgres.names import literal, quote, references, rename, shorten, with_calls
from landbridge.endpoints.postgres.schema import defaults, within
from landbridge.endpoints.postgres.schema.target import Target
from landbridge.kinds import (
    Array,
    Bit,
    Bool,
    Bytes,
    Composite,
    Date,
    Decimal,
    Enum,
    Float,
    Geometry,
    Hstore,
    Inet,
    Int,
    Json,
    Kind,
    Other,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Unfit,
    Uuid,
    Vector,
    Year,
)
from landbridge.model import Column, Default, Index, IndexPart, Table, TableName

MOOD = Enum(labels=("sad", "it's ok"), schema="public", name="mood")


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        ("smallint", Int(bits=16)),
        ("integer", Int(bits=32)),
        ("bigint", Int(bits=64)),
        ("oid", Int(bits=32, unsigned=True)),
        ("numeric", Decimal()),
        ("numeric(12,3)", Decimal(precision=12, scale=3)),
        ("numeric(3,-2)", Decimal(precision=5, scale=0)),
        ("numeric(2,5)", Decimal(precision=5, scale=5)),
        ("real", Float(bits=32)),
        ("double precision", Float(bits=64)),
        ("boolean", Bool()),
        ("date", Date()),
        ("time without time zone", Time(fsp=6)),
        ("time(0) without time zone", Time(fsp=0)),
        ("time(3) with time zone", Other(native="time(3) with time zone")),
        ("timestamp without time zone", Timestamp(fsp=6)),
        ("timestamp(3) without time zone", Timestamp(fsp=3)),
        ("timestamp with time zone", TimestampTz(fsp=6)),
        ("timestamp(0) with time zone", TimestampTz(fsp=0)),
        ("character varying(7)", Text(length=7)),
        ("character varying", Text()),
        ("character(7)", Text(length=7, fixed=True)),
        ("bpchar", Text(fixed=True)),
        ("text", Text()),
        ("bytea", Bytes()),
        ("json", Json(exact=True)),
        ("jsonb", Json()),
        ("uuid", Uuid()),
        ("bit(3)", Bit(length=3)),
        ("bit varying(3)", Bit(length=3, varying=True)),
        ("inet", Inet()),
        ("public.mood", MOOD),
        ("public.mood[]", Array(element=MOOD, native="public.mood[]")),
        ("text[]", Array(element=Text(), native="text[]")),
        ("numeric(5,2)[]", Array(element=Decimal(precision=5, scale=2), native="numeric(5,2)[]")),
        ("public.geometry", Geometry()),
        ("gis.geometry(Point,4326)", Geometry(subtype="point", srid=4326)),
        ("public.geometry(Geometry,3857)", Geometry(srid=3857)),
        ("public.geometry(PointZ)", Other(native="public.geometry(PointZ)")),
        ("public.geography(Point,4326)", Geometry(subtype="point", srid=4326)),
        ("public.geography", Geometry(srid=4326)),
        ("public.geometry[]", Other(native="public.geometry[]")),
        ("public.hstore", Hstore()),
        ("public.vector", Other(native="public.vector")),
        ('"char"', Other(native='"char"')),
        ("interval day to second(3)", Other(native="interval day to second(3)")),
        ("public.citext", Other(native="public.citext")),
        ("public.vector(3)", Vector(dimension=3)),
        ("xml", Other(native="xml")),
        ("money", Other(native="money")),
    ],
)
def test_kinds_of_native_types(native: str, kind: Kind) -> None:
    assert kind_of(native, {"public.mood": MOOD}) == kind


@pytest.mark.parametrize(
    ("kind", "native"),
    [
        (Int(bits=8), "smallint"),
        (Int(bits=8, unsigned=True), "smallint"),
        (Int(bits=16), "smallint"),
        (Int(bits=16, unsigned=True), "integer"),
        (Int(bits=24), "integer"),
        (Int(bits=24, unsigned=True), "integer"),
        (Int(bits=32), "integer"),
        (Int(bits=32, unsigned=True), "bigint"),
        (Int(bits=64), "bigint"),
        (Int(bits=64, unsigned=True), "numeric(20,0)"),
        (Decimal(precision=65, scale=30), "numeric(65,30)"),
        (Decimal(precision=10), "numeric(10,0)"),
        (Decimal(), "numeric"),
        (Float(bits=32), "real"),
        (Float(bits=64), "double precision"),
        (Bool(), "boolean"),
        (Date(), "date"),
        (Timestamp(fsp=3), "timestamp(3) without time zone"),
        (TimestampTz(), "timestamp(0) with time zone"),
        (Text(length=7), "character varying(7)"),
        (Text(length=7, fixed=True), "character varying(7)"),
        (Text(length=10_485_761), "text"),
        (Text(), "text"),
        (Bytes(length=3, fixed=True), "bytea"),
        (Json(), "jsonb"),
        (Json(exact=True), "json"),
        (Uuid(), "uuid"),
        (MOOD, '"public"."mood"'),
        (Enum(labels=("x" * 64,)), "text"),
        (Set(labels=("a",)), "text"),
        (Bit(length=9), "bit(9)"),
        (Bit(length=9, varying=True), "bit varying(9)"),
        (Year(), "smallint"),
        (Inet(), "inet"),
    ],
)
def test_kinds_are_rendered_without_loss_but_of_odd_values(kind: Kind, native: str) -> None:
    made, losses = render(kind)
    assert made == native
    assert {loss.unfit.what if loss.unfit else loss.what for loss in losses} <= {"nul", "no label", "loose json"}


def test_a_foreign_type_becomes_text() -> None:
    native, losses = render(Other(native="multirange"))
    assert native == "text"
    assert [loss.blocking for loss in losses] == [False]
    assert "multirange" in losses[0].what


@pytest.mark.parametrize(
    ("kind", "native"),
    [
        (Geometry(), "gis.geometry"),
        (Geometry(subtype="point"), "gis.geometry(Point)"),
        (Geometry(subtype="geometrycollection", srid=4326), "gis.geometry(GeometryCollection,4326)"),
        (Geometry(srid=3857), "gis.geometry(Geometry,3857)"),
        (Vector(dimension=3), "gis.vector(3)"),
    ],
)
def test_what_an_extension_brings_needs_it(kind: Kind, native: str) -> None:
    assert render(kind, extensions={"geometry": "gis.geometry", "vector": "gis.vector"}) == (native, ())
    (loss,) = render(kind)[1]
    assert loss.blocking
    assert loss.choices[0].startswith("CREATE EXTENSION")
    assert kind_of(native) == kind


def test_a_span_is_an_interval() -> None:
    native, losses = render(Time(fsp=3, long=True))
    assert native == "interval(3)"
    assert [loss.blocking for loss in losses] == [False]


def test_a_time_of_day_is_narrower_than_a_span() -> None:
    native, losses = render(Time(fsp=2))
    assert native == "time(2) without time zone"
    (loss,) = losses
    assert loss.what == "times of day only: a value below 00:00:00 or above 24:00:00 is refused when its row is loaded"
    assert (loss.unfit, loss.blocking) == (Unfit(what="no day"), False)


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 64])
@pytest.mark.parametrize("unsigned", [False, True])
def test_every_integer_fits_its_type(bits: int, unsigned: bool) -> None:
    largest = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1, "numeric(20,0)": 10**20 - 1}
    native, _ = render(Int(bits=bits, unsigned=unsigned))
    assert 2 ** (bits - (not unsigned)) - 1 <= largest[native]


@pytest.mark.parametrize(
    ("native", "kind", "literal_"),
    [
        ("3", Int(bits=16), "3"),
        ("'-1'::integer", Int(bits=32), "-1"),
        ("(5)::smallint", Int(bits=32), "5"),
        ("3.7", Int(bits=32), None),
        ("'1.6'::numeric::integer", Int(bits=32), None),
        ("4.99", Decimal(precision=5, scale=2), "4.99"),
        ("1", Decimal(precision=5, scale=2), "1.00"),
        ("1.005", Decimal(precision=5, scale=2), "1.01"),
        ("'-1.005'::numeric", Decimal(precision=5, scale=2), "-1.01"),
        ("3.1400", Decimal(), "3.1400"),
        ("'NaN'::numeric", Decimal(), None),
        ("(0)::double precision", Float(bits=64), "0"),
        ("'1e+16'::double precision", Float(bits=64), "10000000000000000"),
        ("'Infinity'::real", Float(bits=32), None),
        ("true", Bool(), "1"),
        ("false", Bool(), "0"),
        ("true", Text(), None),
        ("'G'::public.mpaa_rating", MOOD, None),
        ("'it''s ok'::public.mood", MOOD, "it's ok"),
        ("'a'::text", Text(), "a"),
        ("'a''b\\c'::character varying", Text(length=9), "a'b\\c"),
        ("'a  '::bpchar", Text(length=9, fixed=True), "a"),
        ("'abc'::character varying(2)", Text(), None),
        ("5", Text(), "5"),
        ("upper('a'::text)", Text(), None),
        ("('a'::text || 'b'::text)", Text(), None),
        ("NULL::character varying", Text(), None),
        ("'2024-02-29'::date", Date(), "2024-02-29"),
        ("'infinity'::date", Date(), None),
        ("'0044-03-15 BC'::date", Date(), None),
        ("'2024-01-01 10:00:00'::timestamp without time zone", Timestamp(fsp=3), "2024-01-01 10:00:00.000"),
        ("'2024-01-01 10:00:00.25'::timestamp without time zone", Timestamp(fsp=1), None),
        ("'2024-01-01 10:00:00+00'::timestamp with time zone", Timestamp(fsp=0), None),
        ("'2024-01-01 10:00:00.5+00'::timestamp with time zone", TimestampTz(fsp=6), "2024-01-01 10:00:00.500000+00"),
        ("'2024-01-01 10:00:00'::timestamp without time zone", TimestampTz(fsp=6), None),
        ("'10:00:00'::time without time zone", Time(fsp=2), "10:00:00.00"),
        ("'\\x00ff'::bytea", Bytes(), "\\x00ff"),
        ("'{}'::jsonb", Json(), "{}"),
        ("B'101'::\"bit\"", Bit(length=3), "101"),
        ("'101'::\"bit\"", Bit(length=3), "101"),
        ("gen_random_uuid()", Uuid(), None),
        ("'{}'::text[]", Other(native="text[]"), None),
        ("'1 day'::interval", Other(native="interval"), None),
    ],
)
def test_constants_are_recognised(native: str, kind: Kind, literal_: str | None) -> None:
    assert defaults.recognise(native, kind) == Default(native=native, literal=literal_)


@pytest.mark.parametrize(
    ("native", "kind", "now"),
    [
        ("now()", TimestampTz(fsp=6), True),
        ("CURRENT_TIMESTAMP(3)", Timestamp(fsp=3), True),
        ("LOCALTIMESTAMP", Timestamp(fsp=6), True),
        ("CURRENT_DATE", Date(), True),
        ("now()", Date(), True),
        ("(now())::date", Date(), True),
        ("CURRENT_DATE", Timestamp(fsp=0), False),
        ("LOCALTIME", Time(fsp=0), True),
        ("now()", Text(), False),
        ("(now() + '1 day'::interval)", TimestampTz(fsp=6), False),
        ("timezone('utc'::text, now())", Timestamp(fsp=6), False),
    ],
)
def test_the_current_time_is_recognised(native: str, kind: Kind, now: bool) -> None:
    assert defaults.recognise(native, kind) == Default(native=native, now=now)


def test_a_sequence_is_the_default_only_when_nothing_is_done_to_it() -> None:
    sequence = TableName(schema="s", name="a 'b'")
    plain = "nextval('s.\"a ''b''\"'::regclass)"
    assert defaults.recognise(plain, Int(bits=64), sequence).sequence == sequence
    assert defaults.recognise(f"({plain} * 2)", Int(bits=64), sequence).sequence is None


@pytest.mark.parametrize(
    ("default", "kind", "native", "expression"),
    [
        (Default(native="x", now=True), TimestampTz(), "timestamp(0) with time zone", "CURRENT_TIMESTAMP"),
        (Default(native="x", now=True), Timestamp(), "timestamp(0) without time zone", "LOCALTIMESTAMP"),
        (Default(native="x", now=True), Date(), "date", "CURRENT_DATE"),
        (Default(native="x", now=True), Text(), "text", None),
        (Default(native="x"), Text(), "text", None),
        (Default(native="x", literal="0000-00-00"), Date(), "date", None),
        (Default(native="x", literal="2023-02-29"), Date(), "date", None),
        (Default(native="x", literal="2023-02-28 24:00:00"), Timestamp(), "timestamp(0) without time zone", None),
        (Default(native="x", literal="838:59:59"), Time(), "time(0) without time zone", None),
        (Default(native="x", literal="a\0b"), Text(), "text", None),
        (Default(native="x", literal="nope"), MOOD, "public.mood", None),
        (Default(native="x", literal="a,c"), Set(labels=("a", "b")), "text", None),
        (Default(native="x", literal="0000"), Year(), "smallint", "0"),
        (Default(native="x", literal="1"), Bool(), "boolean", "true"),
        (Default(native="x", literal=str(2**64 - 1)), Int(bits=64, unsigned=True), "numeric(20,0)",
         "'18446744073709551615'::numeric"),
        (Default(native="x", literal=str(-(2**63))), Int(bits=64), "bigint", "'-9223372036854775808'::bigint"),
    ],
)  # fmt: skip
def test_neutral_defaults_are_rendered(default: Default, kind: Kind, native: str, expression: str | None) -> None:
    assert defaults.render(default, kind, native) == expression


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80))
@example('a"b')
@example("😀" * 20)
def test_names_survive_quoting_and_shortening(name: str) -> None:
    assert quote(name)[0] == quote(name)[-1] == '"'
    assert quote(name)[1:-1].replace('""', '"') == name
    assert literal(name)[1:-1].replace("''", "'") == name
    short = shorten(name)
    assert len(short.encode()) <= 63
    assert (short == name) == (len(name.encode()) <= 63)
    assert len(shorten(name, told_by=f"{name}\0x").encode()) <= 63


def test_what_is_cut_stays_apart() -> None:
    assert shorten("a" * 64) != shorten("a" * 65)
    assert shorten("a_b_c", told_by="a\0b_c") != shorten("a_b_c", told_by="a_b\0c")


def name(text: str) -> TableName:
    schema, _, rest = text.partition(".")
    return TableName(schema=schema, name=rest)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("(n > 1.5)", []),
        ("lower(a)", []),
        ("public.f(a, 'x.y'::text)", [("function", "public.f")]),
        ('\'a.b\'::public."Odd ""type"""', [("other", 'public.Odd "type"')]),
        ("nextval('s.\"a.b\"'::regclass)", [("other", "s.a.b")]),
        ("(a OPERATOR(public.@@@) b)", [("operator", "public.@@@")]),
        ('a COLLATE "de_DE"', [("collation", "pg_catalog.de_DE")]),
        ("a COLLATE public.german", [("other", "public.german")]),
        ("\"x.y\" = 'it''s a.b'", []),
        ("(\"COLLATE x\" || 'COLLATE y'::text)", []),
    ],
)
def test_what_an_expression_refers_to(expression: str, found: list[tuple[str, str]]) -> None:
    assert [(what, str(each)) for what, each in references(expression)] == found


def test_only_relations_and_types_are_renamed() -> None:
    names = {name("public.mood"): name("New.it's"), name("public.s"): name("New.s"), name("public.f"): name("New.f")}
    before = (
        "(public.f(nextval('public.s'::regclass)) + 'public.mood'::public.mood[] || \"public.mood\" || public.moods)"
    )
    after = before.replace("'public.s'", '\'"New"."s"\'').replace("::public.mood[]", '::"New"."it\'s"[]')
    assert rename(before, names) == after
    assert rename(before, {}) == before


def test_routines_and_operators_are_renamed_by_their_signatures() -> None:
    names = with_calls({name("public.f(integer)"): name("app.f(integer)"), name("public.+(a,b)"): name("app.+(a,b)")})
    before = "CREATE VIEW public.v AS SELECT public.f(1) OPERATOR(public.+) t.f, t.*, public.f, public.g(2)"
    after = before.replace("public.f", '"app"."f"').replace("(public.+)", '("app".+)')
    assert rename(before, names) == after


def test_columns_behind_a_relation_are_no_call() -> None:
    names = {name("public.t"): name("app.t")}
    before = "REFERENCES public.t(id); INSERT INTO public.t (id) SELECT public.t(1)"
    assert rename(f"x {before}", names) == "x " + before.replace("REFERENCES public.t", 'REFERENCES "app"."t"').replace(
        "INTO public.t", 'INTO "app"."t"'
    )


def test_a_unique_index_of_nulls_needs_version_15() -> None:
    index = Index(name="i", parts=(IndexPart(column="a", native="a"),), unique=True, nulls_distinct=False)
    table = Table(name=name("s.t"), columns=(Column(name="a", kind=Int(bits=32), native="integer"),), indexes=(index,))
    for version, kept in ((140_023, ()), (150_000, (index,))):
        target = Target(version=version, names=frozenset(), keywords=frozenset())
        adopted = within.adopt(table, table.name, {table.name: table.name}, target)
        assert adopted.table.indexes == kept
        assert [(loss.part, loss.column, loss.blocking) for loss in adopted.losses] == [("index", "i", False)] * (
            not kept
        )


def test_the_parts_of_a_type_move_with_their_schema() -> None:
    old, new = name("public.mood"), name("other.mood")
    array = Array(element=MOOD, native="public.mood[]")
    pair = Composite(fields=(("m", array), ("n", Int(bits=32))), native="public.pair")
    columns = (Column(name="a", kind=array, native="public.mood[]"), Column(name="p", kind=pair, native="public.pair"))
    table = Table(name=name("public.t"), columns=columns)
    names = {table.name: name("other.t"), old: new, name("public.pair"): name("other.pair")}
    target = Target(version=180_000, names=frozenset(), keywords=frozenset())
    moved = Array(element=Enum(labels=MOOD.labels, schema="other", name="mood"), native="other.mood[]")
    assert [(each.kind, each.native) for each in within.adopt(table, name("other.t"), names, target).table.columns] == [
        (moved, "other.mood[]"),
        (Composite(fields=(("m", moved), ("n", Int(bits=32))), native="other.pair"), "other.pair"),
    ]


def test_every_kind_can_be_rendered() -> None:
    samples = [
        Int(bits=8), Decimal(), Float(bits=32), Bool(), Date(), Time(), Timestamp(), TimestampTz(), Text(), Bytes(),
        Json(), Uuid(), MOOD, Set(labels=()), Bit(length=1), Year(), Inet(), Other(native="x"), Geometry(),
        Vector(dimension=1), Array(element=Text(), native="text[]"), Composite(fields=(), native="c"), Hstore(),
    ]  # fmt: skip
    assert {type(kind) for kind in samples} == set(kinds.Kind.__args__)  # type: ignore[attr-defined]
    assert all(render(kind)[0] for kind in samples)
