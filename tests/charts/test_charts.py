"""Charts: every kind at both widths, in every language: real text that fits, collides with nothing and is data only."""

import io
import itertools
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fake_book import answer, steps
from salesbook import charts
from salesbook.charts.canvas import Scale, apart, round_steps, step_labels
from salesbook.charts.style import fitted, text_width
from salesbook.errors import WrongUsage
from salesbook.palette import COLOURS, DARK, DARK_FROM, HEAT_STEPS
from salesbook.words import Words

SVG = "{http://www.w3.org/2000/svg}"
ENGLISH = Words("en", "EUR")
HOSTILE = '<script>alert(1)</script> & "$x^2$" \u202e\U0001f4a9 ' + "long " * 2000


def groups(names: list, **more) -> pd.DataFrame:
    """Shares by group, in the shape of a KPI's answer; the last two rest on few and on very few."""
    n = [640, 320, 240, 90, 15, 4][: len(names)]
    frame = pd.DataFrame({"source": names, "numerator": [k * 2 // 5 for k in n], "denominator": n})
    value = frame["numerator"] / frame["denominator"]
    return frame.assign(value=value, low=value * 0.8, high=value * 1.25, **more)


def months(count: int, **columns) -> pd.DataFrame:
    return answer(count).assign(**columns)


def cohorts() -> pd.DataFrame:
    periods = pd.date_range("2026-10-01", periods=12, freq="-1MS")[::-1]
    rows = [
        (period, age, 2 * age, 14 if spot == 5 else 4 if spot == 6 else 150, 0.02 * age, age > 9 - spot)
        for spot, period in enumerate(periods)
        for age in range(1, 13 - spot)
    ]
    return pd.DataFrame(rows, columns=["period", "age", "numerator", "denominator", "value", "is_young"])


def running() -> pd.DataFrame:
    days = pd.bdate_range("2026-10-01", "2026-10-30")
    actual = np.linspace(40_000, 900_000, len(days))
    actual[-4:] = np.nan
    return pd.DataFrame({"day": days, "actual": actual, "expected": np.linspace(50_000, 1_100_000, len(days))})


def reliable() -> pd.DataFrame:
    forecast = np.arange(0.05, 1, 0.1)
    frame = pd.DataFrame({"forecast": forecast, "n": [76, 259, 384, 470, 458, 435, 361, 250, 126, 19]})
    return frame.assign(value=forecast * 0.85, low=forecast * 0.7, high=forecast * 0.95)


def reached() -> pd.DataFrame:
    t = np.arange(15)
    parts = [pd.DataFrame({"group": name, "t": t, "value": top * (1 - np.exp(-t / 2))}) for name, top in
             (("Answered within the hour", 0.76), ("Answered later", 0.75))]  # fmt: skip
    both = pd.concat(parts, ignore_index=True)
    return both.assign(low=(both["value"] - 0.04).clip(0), high=both["value"] + 0.04)


def spans() -> pd.DataFrame:
    frame = pd.DataFrame(
        {"source": ["Web form", "Referral", "Trade fair"], "n": [576, 194, 3], "p50": [5040, 8700, 39600]}
    )
    return frame.assign(
        **{name: frame["p50"] * f for name, f in {"p10": 0.2, "p25": 0.5, "p75": 2.5, "p90": 6}.items()}
    )


def bridge() -> pd.DataFrame:
    names = ["The twelve months before", "Mix of products", "Process systems: own rate", "Now"]
    return pd.DataFrame({"step": names, "value": [0.36, -0.19, 0.12, 0.29], "is_total": [True, False, False, True]})


NAMES = ["Website form", "Referral", "Trade fair", "Partner network abroad", None, "Other"]
MANY = pd.concat([months(12, team=name) for name in ("Randstad", "København", "Jylland", "Oost-Nederland", "Skåne")])
TWO = pd.concat([months(12, group="Answered within the hour"), months(12, group="Answered later")])
TEAMS = pd.DataFrame({"team": ["Randstad", "Jylland"], "actual": [970e3, 690e3], "target": [1e6, np.nan]})
GALLERY = {
    "funnel": (steps(), {"highlight": "Qualified"}),
    "bars": (groups(NAMES), {"highlight": "Trade fair", "whole": 0.4}),
    "bullet": (TEAMS, {}),
    "bridge": (bridge(), {}),
    "line": (months(24), {"target": 0.4, "young": 2}),
    "cumulative": (running(), {}),
    "cohort": (cohorts(), {}),
    "multiples": (MANY, {"group": "team"}),
    "survival": (reached(), {"group": "group"}),
    "quantiles": (spans(), {}),
    "forest": (groups(NAMES[:5], estimate=0.4), {"whole": 0.4}),
    "reliability": (reliable(), {}),
}
EXTRA = {"two lines": ("line", TWO, {"group": "group"})}
CASES = {name: (name, *case) for name, case in GALLERY.items()} | EXTRA


@cache
def drawn(case: str, width: int = 720, words: Words = ENGLISH) -> str:
    name, data, options = CASES[case]
    return charts.svg(name, data, words, width, **options)


def texts(svg: str) -> list[tuple[float, float, float, float, str]]:
    """The boxes of all texts of a drawing: left, top, right, bottom, text."""
    boxes = []
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        size = float(element.get("font-size", 13))
        wide = text_width(element.text, size, int(element.get("font-weight", 400)))
        left = float(element.get("x")) - {"middle": wide / 2, "end": wide}.get(element.get("text-anchor"), 0)
        base = float(element.get("y"))
        boxes.append((left, base - 0.72 * size, left + wide, base + 0.1 * size, element.text))
    return boxes


def test_every_chart_is_in_the_gallery():
    assert set(GALLERY) == set(charts.CHARTS)


@pytest.mark.parametrize("language", ["en", "nl", "da"])
@pytest.mark.parametrize("width", [720, 360])
@pytest.mark.parametrize("case", CASES)
def test_no_text_collides_or_leaves_the_sheet(case, width, language):
    boxes = texts(drawn(case, width, Words(language, "EUR")))
    assert boxes
    for left, _, right, _, text in boxes:
        assert left >= -1, text
        assert right <= width + 1, text
    for one, other in itertools.combinations(boxes, 2):
        apart_across = one[2] <= other[0] + 0.5 or other[2] <= one[0] + 0.5
        apart_down = one[3] <= other[1] + 0.5 or other[3] <= one[1] + 0.5
        assert apart_across or apart_down, (one[4], other[4])


@pytest.mark.parametrize("width", [720, 360])
@pytest.mark.parametrize("case", CASES)
def test_every_text_is_at_least_eleven_pixels(case, width):
    sizes = [float(element.get("font-size", 13)) for element in ET.fromstring(drawn(case, width)).iter(f"{SVG}text")]
    assert min(sizes) >= 11


@pytest.mark.parametrize("case", CASES)
def test_every_colour_is_a_variable_and_there_is_no_style(case):
    svg = drawn(case)
    assert re.findall(r"#[0-9a-f]{3,8}\b(?!-)", re.sub(r"#d[0-9a-f]{8}-\w+", "", svg)) == []
    assert "style" not in svg
    assert "var(--" in svg


@pytest.mark.parametrize("case", CASES)
def test_no_series_is_told_by_a_third_colour(case):
    hues = set(re.findall(r"var\(--([a-z0-9-]+)\)", drawn(case)))
    neutral = {"ink", "muted", "axis", "grid", "paper", "other", "fill", "on-light", "on-dark"}
    assert {hue.partition("-")[0] for hue in hues - neutral} <= {"blue", "orange", "heat"}


def test_every_role_has_a_colour_of_its_own_and_a_dark_one():
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert set(DARK) == set(COLOURS)


@pytest.mark.parametrize("colours", [COLOURS, DARK], ids=["light", "dark"])
def test_text_has_contrast_enough_on_paper_and_on_every_step_of_heat(colours):
    for role in ("ink", "muted", "blue", "orange"):
        assert contrast(colours[role], colours["paper"]) >= 4.5, role
    assert contrast(colours["muted"], colours["fill"]) >= 4.5
    for step in range(HEAT_STEPS):
        ink = "on-dark" if step >= DARK_FROM else "on-light"
        assert contrast(colours[ink], colours[f"heat-{step}"]) >= 4.5, step


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2)."""

    def light(colour: str) -> float:
        parts = [int(colour[spot : spot + 2], 16) / 255 for spot in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted([light(one), light(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_danish_label_keeps_its_digits():
    assert ">1.275<" in charts.svg("funnel", steps(), Words("da", "EUR"), 720)


@pytest.mark.parametrize("width", [720, 360])
@pytest.mark.parametrize("name", ["funnel", "bars", "bridge", "quantiles", "forest", "bullet"])
def test_a_hostile_name_is_text_shortened_and_no_mathematics(name, width):
    data, options = GALLERY[name]
    column = data.columns[0]
    data = data.assign(**{column: [HOSTILE, *data[column].tolist()[1:]]})
    svg = charts.svg(name, data, ENGLISH, width, **{k: v for k, v in options.items() if k != "highlight"})
    assert "<script" not in svg
    shown = next(text for *_, text in texts(svg) if text.startswith("<sc"))
    assert shown.endswith("…")
    assert max(right for _, _, right, _, _ in texts(svg)) <= width + 1


def test_the_line_of_the_whole_lets_the_labels_through_on_a_phone():
    data = groups(["A", "A name as long as the drawing is wide"], estimate=0.4)
    options = {"whole": 0.4}
    wide = charts.svg("forest", data, ENGLISH, 720, **options).count("var(--ink)")
    narrow = charts.svg("forest", data, ENGLISH, 360, **options)
    assert narrow.count("var(--ink)") == wide + 1


@pytest.mark.parametrize(("better", "paint"), [("higher", "blue"), ("lower", "orange")])
def test_a_segment_clear_above_the_whole_is_blue_where_higher_is_better_else_orange(better, paint):
    data = groups(["A"]).assign(value=0.9, low=0.8, high=0.95)
    svg = charts.svg("forest", data, ENGLISH, 720, whole=0.4, better=better)
    assert {name for name in ("blue", "orange") if f"var(--{name})" in svg} == {paint}


def test_the_label_of_the_whole_stays_on_the_sheet_at_its_end():
    data = groups(["A"]).assign(value=0.1, low=0.0, high=1.0)
    svg = charts.svg("forest", data, ENGLISH, 360, whole=1.0, whole_label="What was promised to all of them")
    assert max(right for _, _, right, _, _ in texts(svg)) <= 361


def test_a_forest_in_which_no_test_found_a_difference_names_nobody_by_colour():
    data = groups(["A", "B"]).assign(low=[0.5, 0.1], high=[0.6, 0.2], value=[0.55, 0.15])
    coloured, plain = (
        charts.svg("forest", data, ENGLISH, 720, whole=0.35, is_plain=is_plain) for is_plain in (False, True)
    )
    assert "var(--orange)" in coloured
    assert not re.search(r"var\(--(blue|orange)\)", plain)


def test_a_name_with_dollars_is_drawn_as_it_is():
    data = groups(["$a_1$", "b"])
    assert ">$a_1$<" in charts.svg("bars", data, ENGLISH, 720)


def test_a_name_in_other_letters_is_drawn_without_a_warning():
    assert ">販売 😀 Ελλάδα<" in charts.svg("bars", groups(["販売 😀 Ελλάδα", "b"]), ENGLISH, 720)


def test_very_few_are_given_as_counts_and_have_no_bar():
    both = charts.svg("bars", groups(NAMES), ENGLISH, 720)
    assert ">1 of 4<" in both
    assert len(bars_of(both)) == 5


def bars_of(svg: str) -> list:
    """The filled shapes in the colours of bars."""
    return re.findall(r'fill="var\(--(?:blue|orange|other)\)"', svg)


def test_few_are_grey():
    svg = charts.svg("bars", groups(NAMES), ENGLISH, 720)
    assert svg.count('fill="var(--other)"') == 1


def test_a_young_cohort_cell_is_hatched_and_never_coloured():
    data, hatching = cohorts(), 'stroke="var(--other)"'
    assert hatching in charts.svg("cohort", data, ENGLISH, 720)
    young = charts.svg("cohort", data.assign(is_young=True), ENGLISH, 720)
    assert "var(--heat" not in young
    assert hatching not in charts.svg("cohort", data.assign(is_young=False), ENGLISH, 720)


def test_hatching_is_lines_and_no_pattern_which_a_browser_prints_as_a_picture_a_cell():
    assert "<pattern" not in charts.svg("cohort", cohorts(), ENGLISH, 720)


def test_a_reliability_group_under_twenty_five_is_not_drawn_but_counted():
    svg = drawn("reliability")
    assert len(list(ET.fromstring(svg).iter(f"{SVG}use"))) == 9
    assert ">19<" in svg


def test_a_step_that_may_grow_is_dashed():
    assert "stroke-dasharray" in charts.svg("funnel", steps(), ENGLISH, 720)
    assert "stroke-dasharray" not in charts.svg("funnel", steps().assign(is_open=False), ENGLISH, 720)


EMPTY = ["bars", "line", "cumulative", "multiples", "bullet", "forest", "quantiles"]


@pytest.mark.parametrize("name", EMPTY)
def test_a_chart_without_a_single_value_still_draws(name):
    data, options = GALLERY[name]
    numbers = data.select_dtypes("number").columns.difference(["n", "numerator", "denominator"])
    options = {key: value for key, value in options.items() if key not in ("whole", "target")}
    assert "<svg" in charts.svg(name, data.assign(**dict.fromkeys(numbers, np.nan)), ENGLISH, 720, **options)


@pytest.mark.parametrize("case", CASES)
def test_a_chart_without_rows_says_that_there_is_no_data(case):
    name, data, options = CASES[case]
    assert ">No data in this period<" in charts.svg(name, data.iloc[:0], ENGLISH, 360, **options)


def test_ids_of_two_drawings_on_a_page_never_clash():
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (drawn("reliability"), drawn("reliability", 360))]
    assert all(ids)
    assert len(set.union(*ids)) == sum(map(len, ids))


def test_every_reference_in_a_drawing_finds_its_goal():
    for case in CASES:
        svg = drawn(case)
        goals = set(re.findall(r' id="([^"]+)"', svg))
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) == goals, case


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_charts import CASES, drawn
print(hashlib.sha256("".join(drawn(case) for case in CASES).encode()).hexdigest())
"""


def test_the_same_data_gives_the_same_bytes_under_another_hash_seed_zone_and_locale():
    folder = os.path.dirname(__file__)
    paths = os.pathsep.join([os.path.dirname(folder), folder, *sys.path])
    said = set()
    for seed, zone, locale in (("1", "UTC", "C"), ("2", "Asia/Tokyo", "da_DK.UTF-8")):
        more = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONPATH": paths}
        command = [sys.executable, "-c", SCRIPT, folder]
        said.add(subprocess.run(command, env=os.environ | more, capture_output=True, text=True, check=True).stdout)
    assert len(said) == 1


def test_a_png_for_jupyterlab_is_sharp():
    image = Image.open(io.BytesIO(charts.png("funnel", steps(), ENGLISH)))
    assert image.width == 1440


def test_an_unknown_chart_is_an_error_that_names_the_known():
    with pytest.raises(WrongUsage, match="There are: funnel, bars"):
        charts.svg("pie", steps(), ENGLISH, 720)


def test_drawing_leaves_the_look_of_others_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    drawn("line")
    assert dict(matplotlib.rcParams) == before


def test_labels_are_put_apart_in_order_and_within_bounds():
    assert apart([10, 12, 11], 18, 0, 100) == [10, 46, 28]
    assert apart([95, 99], 18, 0, 100) == [82, 100]


def test_a_scale_is_even_or_logarithmic():
    assert float(Scale(0, 10, 0, 100)(5)) == 50
    assert math.isclose(float(Scale(1, 100, 0, 100, log=True)(10)), 50)


def test_labels_of_an_axis_are_told_apart():
    steps_of_axis = round_steps(0.451, 0.459, 4)
    labels = step_labels(steps_of_axis, "share", ENGLISH)
    assert len(set(labels)) == len(labels)


def test_a_text_too_wide_is_shortened_and_control_signs_are_gone():
    short = fitted("A very long name of a group\x00\n that goes on", 80)
    assert short.endswith("…")
    assert text_width(short) <= 80
    assert fitted("a\x0bb\x00c", 100) == "a b c"


def test_no_label_of_an_axis_is_rounded():
    assert step_labels([1.0, 1.025, 1.05], "ratio", Words("nl", "EUR")) == ["1,000", "1,025", "1,050"]
    assert step_labels([750_000, 1_000_000, 1_250_000], "money", Words("en", "EUR")) == ["€750K", "€1M", "€1.25M"]
    assert step_labels([46_250, 46_500], "money", Words("da", "EUR")) == ["46.250\u00a0€", "46.500\u00a0€"]
