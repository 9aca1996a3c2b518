"""Data of other shapes through a map: figures agree with plain ones, and what the data cannot tell is said.

The shapes are those of public sets: a log of events of loans, marketing leads beside a file of the sales, forecasts
that were submitted month by month, chances given to deals. The rows are drawn here.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from by_hand import ends_of
from plain import median_of
from salesbook.book import Book
from salesbook.build import build
from salesbook.headlines import funnel as funnel_page
from salesbook.kpis import data_quality, follow_up, forecast_accuracy, funnel, pipeline, scorecard, team
from salesbook.settings import load

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
SOURCE = """
[report]
month = "{month}"
zone = "UTC"
[source]
path = "export"
zone = "UTC"
currency = "EUR"
"""


def book_of(folder: Path, month: str, settings: str, **files: pd.DataFrame) -> Book:
    """A book of files as they were exported, through the map of the settings."""
    (folder / "export").mkdir()
    for name, rows in files.items():
        rows.to_csv(folder / "export" / f"{name}.csv", index=False)
    (folder / "salesbook.toml").write_text(SOURCE.format(month=month) + settings, encoding="utf-8")
    return Book(build(load(folder), month, folder / "run"))


STEPS = ("Created", "Submitted", "Accepted", "Validating", "Pending", "Denied", "Cancelled")
LOANS = """
[files]
deals = "applications.csv"
leads = "applications.csv"
stage_history = "events.csv"
activities = "calls.csv"
[columns.deals]
deal_id = "case"
created_at = "made"
stage = "state"
amount = "requested"
owner_id = "resource"
[constants.deals]
pipeline = "Loans"
[columns.leads]
lead_id = "case"
created_at = "made"
converted_at = "accepted"
deal_id = "accepted_case"
source = "goal"
[constants.leads]
status = "new"
is_inbound = "true"
[columns.stage_history]
deal_id = "case"
stage = "activity"
entered_at = "timestamp"
[columns.activities]
activity_id = "event"
lead_id = "case"
occurred_at = "timestamp"
[constants.activities]
type = "call"
direction = "outbound"
"""


def rows_of_stages(pipeline: str, names: tuple[str, ...], won: str, *lost: str) -> str:
    """Stages that no file holds, as lines of the settings."""
    row = '[[rows.stages]]\npipeline = "{}"\nstage = "{}"\nposition = {}\nis_won = {}\nis_lost = {}\n'
    lines = [(pipeline, name, place, name == won, name in lost) for place, name in enumerate(names, start=1)]
    return "".join(row.format(*map(str, line)).replace("True", "true").replace("False", "false") for line in lines)


@pytest.fixture(scope="module")
def loans() -> dict[str, pd.DataFrame]:
    """A log of loans: applications, what happened to them, and calls of which no outcome was noted."""
    random, until = np.random.default_rng(17), pd.Timestamp("2017-01-01")
    cases, events, calls = [], [], []
    for number in range(300):
        at = made = pd.Timestamp("2016-06-01") + random.uniform(0, 213) * DAY
        case, accepted = f"Application_{random.integers(10**9)}_{number}", None
        end = random.choice(["Pending", "Denied", "Cancelled"], p=[0.55, 0.15, 0.3])
        for step in ("Created", "Submitted", "Accepted", "Validating", end):
            events.append((case, step, at))
            accepted = at if step == "Accepted" else accepted
            if step == "Accepted":
                calls += [(case, at + random.exponential(20) * HOUR) for _ in range(random.geometric(0.5))]
            at += random.exponential({"Created": 0.01, "Submitted": 20}.get(step, 90)) * HOUR
        cases.append((case, made, random.choice(["Car", "House"]), 1000 * random.integers(5, 60), accepted))
    cases = pd.DataFrame(cases, columns=["case", "made", "goal", "requested", "accepted"])
    events = pd.DataFrame(events, columns=["case", "activity", "timestamp"])
    calls = pd.DataFrame(calls, columns=["case", "timestamp"])
    cases, events, calls = (
        cases[cases["made"] < until],
        events[events["timestamp"] < until],
        calls[calls["timestamp"] < until],
    )
    calls = calls.assign(event=[f"W{number}" for number in range(len(calls))])
    known = cases["accepted"].where(cases["accepted"] < until)
    state = events.sort_values("timestamp").groupby("case")["activity"].last()
    cases = cases.assign(accepted=known, accepted_case=cases["case"].where(known.notna()),
                         state=cases["case"].map(state), resource="User_1")  # fmt: skip
    return {"applications": cases, "events": events, "calls": calls}


@pytest.fixture(scope="module")
def loan_book(loans, tmp_path_factory) -> Book:
    stages = rows_of_stages("Loans", STEPS, "Pending", "Denied", "Cancelled")
    return book_of(tmp_path_factory.mktemp("loans"), "2016-12", LOANS + stages, **loans)


def test_response_times_of_a_log_are_those_of_its_events(loans, loan_book):
    first = loans["calls"].groupby("case")["timestamp"].min()
    recent = loans["applications"][loans["applications"]["made"] >= "2016-12-01"]
    seconds = [
        ((first.get(row["case"], pd.Timestamp("2017-01-01")).floor("s") - row["made"].floor("s")) / HOUR,
         row["case"] in first.index)
        for row in recent.to_dict("records")
    ]  # fmt: skip
    found = follow_up.response_time(loan_book).iloc[0]
    assert (found["n"], found["numerator"]) == (len(recent), sum(answered for _, answered in seconds))
    assert found["value"] == pytest.approx(median_of(seconds))


def test_what_became_of_loans_and_how_long_they_stood(loans, loan_book):
    events = loans["events"].pivot(index="case", columns="activity", values="timestamp")
    ended = events[["Pending", "Denied", "Cancelled"]].min(axis=1)
    recent = ended >= "2016-12-01"
    rate = scorecard.win_rate(loan_book).iloc[0]
    assert (rate["numerator"], rate["denominator"]) == ((recent & events["Pending"].notna()).sum(), recent.sum())
    spans = (events["Pending"].dt.floor("s") - events["Created"].dt.floor("s"))[recent].dropna() / DAY
    assert pipeline.sales_cycle(loan_book).iloc[0]["value"] == pytest.approx(spans.median())
    stays = [
        ((min(row["Validating"], pd.Timestamp("2017-01-01")).floor("s") - row["Accepted"].floor("s")) / DAY,
         row["Validating"] < pd.Timestamp("2017-01-01"))
        for row in events[events["Accepted"] >= "2016-12-01"].fillna(pd.Timestamp("2017-01-01")).to_dict("records")
    ]  # fmt: skip
    times = pipeline.time_in_stage(loan_book, by="stage").set_index("stage")
    assert times.loc["Accepted", "value"] == pytest.approx(median_of(stays))


def test_what_a_log_does_not_keep_is_said_and_not_taken_for_nothing(loan_book):
    reasons = {
        follow_up.contact_rate: "no attempts with outcomes",
        follow_up.attempt_hazard: "no attempts with outcomes",
        follow_up.attempt_odds: "no attempts with outcomes",
        follow_up.attempts_per_reached: "no attempts with outcomes",
        team.contact_effectiveness: "no attempts with outcomes",
        follow_up.assigning_time: "fewer than half assigned",
        team.new_customer_share: "no deals of new or existing customers",
        forecast_accuracy.crm_weighted_pipeline: "no probabilities",
        forecast_accuracy.stage_calibration: "no probabilities",
        forecast_accuracy.brier_score: "no probabilities",
    }
    for kpi, reason in reasons.items():
        found = kpi(loan_book)
        assert found["value"].isna().all(), kpi.name
        assert found["reason"].tolist() == [reason], kpi.name
    checked = set(data_quality.data_quality(loan_book, by="rule")["rule"])
    assert not checked & {"missing_date", "past_due"}
    assert "missing_amount" in checked


LEADS = """
[files]
leads = "leads.csv"
deals = "closed.csv"
[columns.leads]
lead_id = "mql_id"
created_at = "first_contact_date"
source = "origin"
converted_at = "won_date"
deal_id = "deal"
[constants.leads]
status = "new"
[columns.deals]
deal_id = "mql_id"
created_at = "first_contact_date"
closed_at = "won_date"
source = "origin"
[constants.deals]
pipeline = "Sellers"
stage = "Won"
status = "won"
"""


@pytest.fixture(scope="module")
def marketing() -> pd.DataFrame:
    """Leads of a year, dated by the day; one in six is won, half of them within weeks, the others within months."""
    random, n = np.random.default_rng(23), 3000
    came = pd.Timestamp("2017-06-01") + pd.to_timedelta(np.sort(random.integers(0, 365, n)), unit="D")
    late = np.where(random.random(n) < 0.5, random.exponential(15, n), random.exponential(100, n))
    won = (came + pd.to_timedelta(late, unit="D")).floor("s")
    is_won = (random.random(n) < 1 / 6) & (won < pd.Timestamp("2018-06-01"))
    rows = pd.DataFrame({"mql_id": [f"M{number}" for number in range(n)], "first_contact_date": came.date})
    rows = rows.assign(origin=random.choice(["search", "social", "email"], n), won_date=won.where(is_won))
    return rows.assign(deal=rows["mql_id"].where(is_won))


@pytest.fixture(scope="module")
def marketing_book(marketing, tmp_path_factory) -> Book:
    closed = marketing.dropna(subset=["won_date"]).drop(columns="deal")
    stages = rows_of_stages("Sellers", ("Open", "Won", "Lost"), "Won", "Lost")
    return book_of(tmp_path_factory.mktemp("leads"), "2018-05", LEADS + stages, leads=marketing, closed=closed)


def test_leads_are_counted_by_cohort_and_channel(marketing, marketing_book):
    found = funnel.qualification_rate(marketing_book, by="source", period="month", last=12)
    rows = marketing.assign(month=pd.to_datetime(marketing["first_contact_date"]).dt.to_period("M").dt.start_time)
    plain = rows.groupby(["origin", "month"])["won_date"].agg(["count", "size"])
    told = found.set_index(["source", "period"])[["numerator", "denominator"]]
    assert told.to_numpy().tolist() == plain.to_numpy().tolist()


def test_cohorts_of_leads_are_compared_once_they_had_the_same_time(marketing, marketing_book):
    came, as_of = pd.to_datetime(marketing["first_contact_date"]), pd.Timestamp("2018-06-01")
    spans = marketing["won_date"] - came
    window = pd.Timedelta(seconds=np.quantile(spans.dropna().dt.total_seconds(), 0.9))
    rows = marketing[as_of - came >= window].assign(month=came.dt.to_period("M").dt.start_time, is_in=spans <= window)
    plain = rows.groupby("month")["is_in"].agg(["sum", "size"])
    found = funnel.qualified_in_time(marketing_book, period="month", last=12).set_index("period")
    old = found.loc[plain.index]
    assert old[["numerator", "denominator"]].to_numpy().tolist() == plain.to_numpy().tolist()
    ends = [ends_of(k / n, n) for k, n in plain.to_numpy().tolist()]
    assert old[["low", "high"]].to_numpy().tolist() == pytest.approx(np.array(ends))
    young = found.drop(plain.index)
    assert len(young) >= 2
    assert set(young["reason"]) == {"cohort too young"}
    # The same share is won in every cohort: of the youngest less so far, which is no fall.
    assert not [said for said in funnel_page.this_month(marketing_book) if said.is_claim]


def test_a_lead_that_was_won_has_no_step_to_fail(marketing_book):
    steps = funnel.lead_step_rate(marketing_book, by=["position", "step"], last=12)
    assert steps["step"].tolist() == ["lead", "contacted", "qualified", "deal"]
    assert steps["value"].iloc[-1] == 1


SUBMITTED = """
[files]
deals = "actuals.csv"
forecast_snapshots = "forecasts.csv"
[columns.deals]
deal_id = "id"
owner_id = "item"
closed_at = "sold_on"
amount = "actual"
[constants.deals]
pipeline = "Sales"
stage = "Won"
status = "won"
[columns.forecast_snapshots]
owner_id = "item"
period = "month"
snapshot_at = "made_on"
amount = "forecast"
deal_id = "deal"
[constants.forecast_snapshots]
method = "model"
"""


@pytest.fixture(scope="module")
def forecasts() -> pd.DataFrame:
    """Forecasts of two years for eight items, month by month, each made a day before the month; too high by a tenth."""
    random = np.random.default_rng(29)
    months = pd.date_range("2015-01-01", "2016-12-01", freq="MS")
    rows = pd.MultiIndex.from_product([[f"Item {one}" for one in "ABCDEFGH"], months], names=["item", "month"])
    rows = rows.to_frame(index=False).assign(actual=np.rint(random.lognormal(8, 0.5, len(rows))))
    rows["forecast"] = np.rint(1.1 * rows["actual"] * random.lognormal(0, 0.2, len(rows)))
    return rows.assign(made_on=rows["month"] - DAY, sold_on=rows["month"] + 14 * DAY, deal="")


@pytest.fixture(scope="module")
def forecast_book(forecasts, tmp_path_factory) -> Book:
    stages = rows_of_stages("Sales", ("Open", "Won", "Lost"), "Won", "Lost")
    actuals = forecasts[["item", "sold_on", "actual"]].assign(id=[f"D{number}" for number in range(len(forecasts))])
    sent = forecasts.drop(columns=["actual", "sold_on"])
    return book_of(tmp_path_factory.mktemp("forecasts"), "2016-12", SUBMITTED + stages, actuals=actuals, forecasts=sent)


@pytest.mark.parametrize("by", [(), ("owner_id",)], ids=["all", "by item"])
def test_forecasts_by_month_are_judged_by_months(forecasts, forecast_book, by):
    keys = dict.fromkeys(forecasts["item"]) if by else {None: None}
    bias, error = (
        kpi(forecast_book, by=list(by)).query("method == 'model'") for kpi in
        (forecast_accuracy.forecast_bias, forecast_accuracy.forecast_error)
    )  # fmt: skip
    assert len(bias) == len(error) == len(keys)
    for key, row, other in zip(keys, bias.to_dict("records"), error.to_dict("records"), strict=True):
        own = forecasts[forecasts["item"] == key] if by else forecasts
        sums = own.groupby("month")[["forecast", "actual"]].sum()
        off, came = sums["forecast"] - sums["actual"], sums["actual"]
        # Nothing is known of the month before the first, so that one is in no comparison with repeating.
        repeated, since = (came.shift() - came).abs()[1:].sum(), came[1:].sum()
        assert (row["horizon"], row["n"], row["value"]) == (1, 24, pytest.approx(off.sum() / came.sum()))
        assert other["value"] == pytest.approx(off.abs().sum() / came.sum())
        assert other["mase"] == pytest.approx(off.abs().mean() / came.diff().abs().mean())
        assert other["value_added"] == pytest.approx((repeated - off.abs()[1:].sum()) / since)


CHANCES = """
[files]
deals = "events.csv"
forecast_snapshots = "events.csv"
[columns.deals]
deal_id = "event"
status = "outcome"
stage = "outcome"
closed_at = "decided_on"
[constants.deals]
pipeline = "Sales"
[words.deals.status]
Yes = "won"
No = "lost"
[columns.forecast_snapshots]
deal_id = "event"
snapshot_at = "said_on"
probability = "probability"
period = "period"
[constants.forecast_snapshots]
method = "crm"
"""


def test_chances_that_were_given_are_judged_as_a_plain_loop_does(tmp_path):
    random, n = np.random.default_rng(31), 2000
    chance = np.round(random.beta(0.7, 1.2, n), 2)
    events = pd.DataFrame({"event": [f"E{number}" for number in range(n)], "probability": chance, "period": ""})
    events["outcome"] = np.where(random.random(n) < chance**1.3, "Yes", "No")
    events["said_on"] = pd.Timestamp("2016-02-15") + pd.to_timedelta(random.integers(0, 14, n), unit="D")
    events["decided_on"] = events["said_on"] + pd.to_timedelta(random.integers(1, 60, n), unit="D")
    stages = rows_of_stages("Sales", ("Open", "Yes", "No"), "Yes", "No")
    book = book_of(tmp_path, "2016-04", CHANCES + stages, events=events)
    scores, bins = forecast_accuracy.brier_score(book), forecast_accuracy.reliability(book)
    left = round_months(pd.Timestamp("2016-04-01") - events["said_on"])
    assert scores["horizon"].tolist() == sorted(set(left))
    for score in scores.to_dict("records"):
        own = events[left == score["horizon"]]
        p, y = own["probability"].to_numpy(), (own["outcome"] == "Yes").to_numpy(float)
        assert (score["n"], score["base_rate"]) == (len(own), pytest.approx(y.mean()))
        assert score["value"] == pytest.approx(((p - y) ** 2).mean())
        assert score["skill"] == pytest.approx(1 - ((p - y) ** 2).mean() / y.var())
        for group in bins[bins["horizon"] == score["horizon"]].to_dict("records"):
            inside = (p >= group["from_p"]) & ((p < group["to_p"]) | (group["to_p"] == 1))
            assert (group["n"], group["numerator"]) == (inside.sum(), y[inside].sum())


def round_months(spans: pd.Series) -> pd.Series:
    """Whole months of spans that begin on the morning after."""
    return ((spans.dt.days - 1) / (365.25 / 12)).round().astype(int)
