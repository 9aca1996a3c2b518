"""Statements of the reader in Spark's words; that they mean the same there is held by `test_spark.py`."""

import pytest

from salesbook.sources import units
from salesbook.sources.dialect_spark import literal, parts_of, translated
from salesbook.sources.form import Form


def test_what_stands_in_a_text_is_left_as_it_is_and_cannot_end_it():
    for text in ("it's", "trim(x, 'y')", "a::varchar", "C:\\1", "\\'; drop", "[1, 2]"):
        quoted = "'" + text.replace("'", "''") + "'"
        assert translated(f"select {quoted} as a") == f"select {literal(text)} as a"
    assert literal("\\'") == r"'\\\''"


@pytest.mark.parametrize(
    ("reader", "spark"),
    [
        (r"regexp_replace(x, '(\d)', '\1-', 'g')", r"regexp_replace(x, '(\\d)', '$1-')"),
        ("try_cast(try_cast(x as bigint)::varchar as timestamp)", "time_of(try_cast(x as bigint)::string)"),
        ("make_timestamp(epoch_us(try_cast(f(x, y) as timestamptz)))", "instant_of(f(x, y))"),
        ("date_trunc('second', trim(x))", "cast(date_trunc('second', trim(x)) as timestamp_ntz)"),
        ("trim(trim(x), ' a')", "btrim(trim(x), ' a')"),
        ("md5(row(a, b)::text) || row_number() over (order by a)",
         "md5(to_json(struct(a, b))::string) || row_number() over (order by a)"),
        ("(array_agg(n order by not coalesce(p, false), n) filter (where f(n) > 0))[1]",
         "min_by(n, struct(not coalesce(p, false), n)) filter (where f(n) > 0)"),
        ("unnest([case when a then 1 end, null])", "explode(array(case when a then 1 end, null))"),
        ("cast(x as varchar), null::VARCHAR", "cast(x as string), null::string"),
        (units.without_sign("x", Form(), r"(?:US|CA)?\$|USD"),
         r"coalesce(nullif(regexp_replace("
         rf"regexp_replace(x, '^(-?){units.GAP}(?:(?:US|CA)?\\$|USD){units.GAP}', '$1'), "
         rf"'{units.GAP}(?:(?:US|CA)?\\$|USD)$', ''), ''), x)"),
        (units.padded("x", Form()), "regexp_replace(x, '^(-?[0-9]+[.][0-9]{2})00+$', '$1')"),
        # Nothing in it goes by another name there.
        (units.salesforce_id("x", Form()), units.salesforce_id("x", Form())),
    ],
)  # fmt: skip
def test_functions_bear_the_names_that_spark_has_for_them(reader, spark):
    assert translated(f"select {reader} from t") == f"select {spark} from t"


def test_the_arguments_of_a_call_part_at_its_own_commas():
    assert parts_of("a, f(b, g(c, d)), (e, f)") == ["a", "f(b, g(c, d))", "(e, f)"]
