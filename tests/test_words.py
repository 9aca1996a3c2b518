"""Words: the three catalogues agree, and numbers and dates are each language's own."""

import math
import re
import string
import unicodedata

import nbformat
import pytest
import yaml

from salesbook import KPIS, words
from salesbook.errors import WrongUsage
from salesbook.words import Words, catalogue, hash_of, readable

ENGLISH, DUTCH, DANISH = (Words(language, "EUR") for language in ("en", "nl", "da"))
ALIKE = {
    "card.divided",
    "card.n",
    "failure.notebook",
    "made.fingerprint",
    "made.software",
    "site.form.pdf",
    "site.form.xlsx",
}
TURNING = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")  # Unicode's names of signs that turn text
OWN = ("kpi.", "notebook.")  # meanings and prose stand in the code in English


def shared(language: str) -> dict:
    """The words that every language must have."""
    return {key: text for key, text in catalogue(language).items() if not key.startswith(OWN)}


def placeholders(text) -> set:
    """The placeholders of a text or of its plural forms, with the way each is written."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {(name, spec) for form in forms for _, name, spec, _ in string.Formatter().parse(form) if name}


@pytest.mark.parametrize("language", ["nl", "da"])
def test_every_language_has_the_same_keys(language):
    assert set(shared(language)) == set(shared("en"))


@pytest.mark.parametrize("language", ["nl", "da"])
def test_every_text_has_the_same_placeholders_in_every_language(language):
    other = shared(language)
    differing = {key for key, text in shared("en").items() if placeholders(text) != placeholders(other[key])}
    assert differing == set()


@pytest.mark.parametrize("language", ["en", "nl", "da"])
def test_every_leaf_is_text_and_every_key_too(language):
    leaves = [
        leaf for node in catalogue(language).values() for leaf in (node.values() if isinstance(node, dict) else [node])
    ]
    assert all(isinstance(leaf, str) and leaf for leaf in leaves)
    assert all(isinstance(key, str) for key in catalogue(language))


@pytest.mark.parametrize("language", ["nl", "da"])
def test_a_translated_page_is_not_left_in_english(language):
    prefixes = ("page.", "made.", "failure.", "card.", "site.")
    same = {key for key, text in shared("en").items() if key.startswith(prefixes) and text == shared(language)[key]}
    assert same <= ALIKE


def test_numbers_are_written_in_the_language():
    assert [speaker.number(1275.5, 1) for speaker in (ENGLISH, DUTCH, DANISH)] == ["1,275.5", "1.275,5", "1.275,5"]


def test_danish_keeps_the_no_break_space_before_the_per_cent_sign():
    assert [speaker.percent(0.4731, 1) for speaker in (ENGLISH, DANISH)] == ["47.3%", "47,3\u00a0%"]


@pytest.mark.parametrize("language", ["en", "nl", "da"])
def test_no_line_ends_between_a_sign_and_its_number(language):
    broken = re.compile(r"\d %|n = \{")
    assert not [key for key, text in catalogue(language).items() if broken.search(str(text))]


def test_a_negative_number_has_a_minus_sign_and_zero_has_none():
    assert ENGLISH.number(-12) == "−12"
    assert ENGLISH.percent(-0.0001) == "0%"
    assert ENGLISH.money_short(-2_100_000) == "−€2.1M"


def test_changes_and_points_carry_their_sign():
    assert (ENGLISH.points(0.007), ENGLISH.points(-0.121), ENGLISH.change(0.09)) == (
        "+0.7\u00a0pp", "−12.1\u00a0pp", "+9%",
    )  # fmt: skip


def test_money_follows_language_and_currency_apart():
    assert Words("da", "DKK").money(1234) == "1.234\u00a0kr."
    assert Words("en", "DKK").money(1234) == "DKK\u00a01,234" or Words("en", "DKK").money(1234) == "DKK1,234"
    assert DUTCH.money(388_120) == "€\u00a0388.120"


def test_thousands_are_written_in_full_where_the_language_has_no_short_form():
    assert [speaker.money_short(46_130) for speaker in (ENGLISH, DUTCH, DANISH)] == [
        "€46.1K", "€\u00a046.100", "46.100\u00a0€",
    ]  # fmt: skip
    assert DUTCH.money(-431_945) == "−€\u00a0431.945"


def test_a_sentence_that_ends_in_an_abbreviation_has_one_full_stop():
    said = DUTCH.say("say.won_against_target.detail", month="2026-10", n=2, target=1_840_000)
    assert said.endswith("€\u00a01,84\u00a0mln.")
    assert not said.endswith("..")


def test_a_name_neither_turns_a_sentence_around_nor_fills_a_page():
    said = ENGLISH.say("figures.trend.empty", label="\u202eeman " + "W" * 10_000, months=3)
    assert "\u202e" not in said
    assert len(said) < 150
    assert "eman" in said
    turned = [chr(code) for code in range(0x2000, 0x2070) if unicodedata.bidirectional(chr(code)) in TURNING]
    assert len(turned) == 9
    assert readable("a".join(turned)) == "a" * 8


def test_a_remark_on_rows_is_in_the_readers_language():
    assert DANISH.remark("deal_id_unknown") == "deal_id, der ikke er i eksporten"
    assert DUTCH.remark("amount_not_negative") == "bedrag onder nul"
    assert DUTCH.remark("a_rule_of_their_own") == "a rule of their own"


def test_nothing_is_a_dash_never_zero():
    assert {ENGLISH.value(nothing, "share") for nothing in (None, math.nan)} == {"–"}
    assert ENGLISH.share(0, 0) == "–"


def test_a_share_of_fewer_than_five_is_given_as_counts():
    assert (ENGLISH.share(3, 4), ENGLISH.share(3, 5)) == ("3 of 4", "60%")


def test_a_limit_from_the_settings_is_kept():
    run = {
        "month": "2026-10",
        "language": "en",
        "currency": "EUR",
        "limits": {"counts_below": 10, "grey_below": 30, "rejected_share": 0.05},
    }
    assert words.of_run(run).share(8, 9) == "8 of 9"


def test_months_and_days_are_written_in_the_language():
    assert [speaker.month("2026-10") for speaker in (ENGLISH, DANISH)] == ["October 2026", "oktober 2026"]
    assert DANISH.date("2026-10-05") == "5. oktober 2026"


def test_a_duration_is_told_in_the_unit_that_reads_best():
    told = [ENGLISH.duration(x).replace("\u00a0", " ") for x in (45, 600, 9000, 3 * 86_400)]
    assert told == ["45 s", "10 min", "2.5 h", "3 days"]


def test_hours_under_one_are_told_in_minutes():
    assert [ENGLISH.value(x, "hours").replace("\u00a0", " ") for x in (0.1, 1, 0)] == ["6 min", "1.0 h", "0.0 h"]


def test_an_interval_says_its_unit_once_and_money_short():
    asked = [(16.8, 215.2, "days"), (0.5, 1.5, "hours"), (11_262, 48_293, "money"), (0.17, 0.38, "share")]
    said = [ENGLISH.interval(low, high, unit) for low, high, unit in asked]
    assert [text.replace("\u00a0", " ") for text in said] == [
        "16.8 to 215.2 days", "30 min to 1.5 h", "€11.3K to €48.3K", "17% to 38%",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "nl", "da"])
def test_no_line_can_end_within_an_interval_or_between_a_number_and_its_unit(language):
    forms = [list(text.values()) if isinstance(text, dict) else [text] for text in catalogue(language).values()]
    texts = [text for each in forms for text in each]
    assert not [text for text in texts if re.search(r"\d %|95% interval|%-interval|n = \{|^\{x\} ", text)]


def test_a_placeholder_says_how_its_value_is_written():
    assert ENGLISH.say("card.target", target=ENGLISH.percent(0.5)) == "target 50%"
    assert DANISH.say("page.rejected", n=1275).startswith("1.275 ")


def test_a_plural_form_is_chosen_by_the_number():
    assert ENGLISH.say("page.rejected", n=1) != ENGLISH.say("page.rejected", n=2).replace("2", "1")


def test_unknown_words_are_an_error_that_names_them():
    with pytest.raises(WrongUsage, match="no_such_key"):
        ENGLISH.say("no_such_key")


def test_a_lacking_value_is_an_error_that_names_it():
    with pytest.raises(WrongUsage, match="target"):
        ENGLISH.say("card.target")


def test_an_unknown_language_is_an_error():
    with pytest.raises(WrongUsage, match="'fr'"):
        Words("fr", "EUR").say("page.skip")


def test_a_translation_is_shown_only_if_it_was_made_of_this_english(monkeypatch):
    made = {"kpi.x.meaning": "Betekenis", "kpi.x.of": hash_of("Meaning.")}
    monkeypatch.setattr(words, "catalogue", lambda language: made)
    assert DUTCH.meaning("x", "Meaning.") == "Betekenis"
    assert DUTCH.meaning("x", "Another meaning.") == "Another meaning."
    made |= {"of_quarter.kpi.x.meaning": "Van het kwartaal", "of_quarter.kpi.x.of": hash_of("Meaning.")}
    assert Words("nl", "EUR", kind="quarter").meaning("x", "Meaning.") == "Van het kwartaal"
    assert DUTCH.meaning("x", "Meaning.") == "Betekenis"


def test_a_stale_translation_is_named_with_the_new_mark(monkeypatch):
    made = {"kpi.x.label": "X", "kpi.x.meaning": "Betekenis", "kpi.x.of": hash_of("Meaning.")}
    monkeypatch.setattr(words, "catalogue", lambda language: made)
    assert words.stale({"x": "Meaning."}, "nl") == []
    assert hash_of("Changed.") in words.stale({"x": "Changed."}, "nl")[0]


@pytest.mark.parametrize("language", ["en", "nl", "da"])
def test_every_kpi_of_the_registry_is_labelled_and_its_translation_is_of_today(language):
    assert words.stale({kpi.name: kpi.meaning for kpi in KPIS.values()}, language) == []


@pytest.mark.parametrize("language", ["nl", "da"])
def test_the_prose_of_every_notebook_is_translated_and_of_today(language, project):
    notebooks = sorted((project / "notebooks").glob("[!_]*.ipynb"))
    assert notebooks
    for path in notebooks:
        cells = nbformat.read(path, as_version=4).cells
        prose = {cell.id: cell.source for cell in cells if cell.cell_type == "markdown"}
        assert words.stale_prose(path.stem, prose, language) == []


def test_a_changed_cell_makes_its_translation_stale():
    assert words.stale_prose("funnel", {"question": "# Another question"}, "nl")


def test_no_key_stands_twice_in_a_catalogue():
    class Strict(yaml.SafeLoader):
        """Refuses a key that stands twice."""

    def mapping(loader, node):
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), sorted(keys)
        return {
            key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)
        }

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for file in words.Path(words.__file__).parent.glob("*.yaml"):
        assert yaml.load(file.read_text(encoding="utf-8"), Loader=Strict)


OF_QUARTER = "of_quarter."
ALSO = ("kpi.", "notebook.")


def of_quarter(language: str) -> dict:
    """What a report of a quarter says in place of that of a month."""
    found = catalogue(language).items()
    return {key.removeprefix(OF_QUARTER): text for key, text in found if key.startswith(OF_QUARTER)}


@pytest.mark.parametrize("language", ["en", "nl", "da"])
def test_what_a_quarter_says_takes_the_place_of_words_of_a_month_with_the_same_values(language):
    for key, text in of_quarter(language).items():
        if not key.startswith(ALSO):
            names = [{name for name, _ in placeholders(one)} for one in (text, catalogue(language)[key])]
            assert names[0] == names[1], key
            assert text != catalogue(language)[key], key


@pytest.mark.parametrize("language", ["en", "nl", "da"])
def test_what_a_quarter_says_of_kpis_and_in_notebooks_was_made_of_the_english_of_today(language, project):
    english = {f"kpi.{kpi.name}": kpi.meaning for kpi in KPIS.values()}
    for path in (project / "notebooks").glob("[!_]*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        english |= {f"notebook.{path.stem}.{cell.id}": cell.source for cell in cells}
    marks = {key.removesuffix(".of"): mark for key, mark in of_quarter(language).items() if key.endswith(".of")}
    assert marks
    assert {key: hash_of(english[key]) for key in marks} == marks


def test_a_quarter_is_named_in_every_language_and_with_both_years_of_a_fiscal_one():
    told = [Words(language, "EUR", kind="quarter") for language in ("en", "nl", "da")]
    headings = [speaker.heading("2026-Q3") for speaker in told]
    assert headings == ["Third quarter of 2026", "Derde kwartaal 2026", "3. kvartal 2026"]
    assert told[0].month("2026-Q3") == "the third quarter of 2026"
    assert told[0].month("2026-09") == "September 2026"
    assert told[0].quarter("2026-07-01") == "Q3 2026"
    fiscal = Words("en", "EUR", kind="quarter", year_starts=4)
    assert fiscal.quarter("2025-10-01") == "Oct 2025 to Dec 2025"
    assert fiscal.heading("2026-Q3") == "Third quarter of 2025/26 (Oct 2025 to Dec 2025)"
    assert fiscal.month("2026-Q3") == "the third quarter of 2025/26"


def test_a_report_of_a_quarter_says_quarter_and_that_of_a_month_month():
    assert Words("en", "EUR", kind="quarter").say("page.in_short") == "This quarter in short"
    assert ENGLISH.say("page.in_short") == "This month in short"


# What only a month can say of itself. Deals that close on a month's last day, and deals pushed past the month in which
# they were expected, are of any month of a quarter.
ITS_OWN_MONTH = {
    "en": r"\b(this|(?<!quarter's )last|next) month\b|\bthe month's\b|\bof the month\b|(?<!\} )\bmonth before\b",
    "nl": r"\b(deze|vorige|volgende) maand\b|\bvan de maand\b|\bmaand ervoor\b",
    "da": r"\b(denne|(?<!kvartalets )sidste|næste) måned\b|\bmånedens\b|\bmåneden før\b",
}


@pytest.mark.parametrize("language", ITS_OWN_MONTH)
def test_nothing_that_a_quarter_says_speaks_of_its_own_month(language):
    said = catalogue(language)
    spoken = {key: said.get(f"{OF_QUARTER}{key}", text) for key, text in said.items() if not key.startswith(OF_QUARTER)}
    found = {key for key, text in spoken.items() if re.search(ITS_OWN_MONTH[language], str(text).lower())}
    assert found <= {"checks.month_end_date.name", "notebook.data_quality.caveats.text", "say.pushed.detail"}
