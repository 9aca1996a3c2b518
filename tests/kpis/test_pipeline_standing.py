"""What stands open: time in stage, stalled deals, open qualified leads; worked cases, plain loops over the sample."""

import numpy as np
import pandas as pd
import pytest

from plain import AS_OF, ZONE, Plain, local, median_of
from salesbook.kpis import pipeline
from worked import book_of

DAY = 86_400


def stage(deals: list[tuple], **more) -> dict[str, str]:
    """Tables of deals that came into Proposal on a day and left it for Won on another, or not yet."""
    rows, visits = [], []
    for name, came, left, product in deals:
        status = f"{left},won" if left else ",open"
        rows.append(f"{name},Sales,{'Won' if left else 'Proposal'},{product},100.00,EUR,{came},{status}")
        visits.append(f"{name},Proposal,{came},{left}")
        visits += [f"{name},Won,{left},"] if left else []
    head = "deal_id,pipeline,stage,product,amount,currency,created_at,closed_at,status"
    history = "\n".join(["deal_id,stage,entered_at,exited_at", *visits])
    return {"deals": "\n".join([head, *rows]), "stage_history": history} | more


def test_open_visits_count_for_as_long_as_they_were_watched(tmp_path):
    deals = [
        ("A", "2026-10-01", "2026-10-03", "X"),
        ("B", "2026-10-01", "2026-10-05", "X"),
        ("C", "2026-10-22", "", "X"),
    ]
    row = pipeline.time_in_stage(book_of(tmp_path, **stage(deals))).iloc[0]
    # Two of three are over: after 2 days 2/3 stand there, after 4 days 1/3, so the median is 4; C has 10 days and more.
    assert (row["n"], row["numerator"], row["value"]) == (3, 2, 4)


def test_visits_that_do_not_tell_how_long_a_deal_stood_are_out(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,1.00,EUR,2026-10-01,2026-10-09,won
    B,Sales,Won,1.00,EUR,2026-10-01,2026-10-20,won
    C,Sales,Proposal,1.00,EUR,2026-10-01,,open
    """
    history = """
    deal_id,stage,entered_at,exited_at,is_bulk
    A,Qualification,2026-10-01T08:00:00Z,2026-10-05T08:00:00Z,false
    A,Proposal,2026-10-05T08:00:00Z,2026-10-09T08:00:00Z,true
    A,Demo,2026-10-09T08:00:00Z,2026-10-09T08:00:00Z,false
    A,Won,2026-10-09T08:00:00Z,,false
    """
    book = book_of(tmp_path, deals=deals, stage_history=history)
    # Qualification was left in bulk, Proposal entered so, Demo passed over; B and C have no history.
    assert pipeline.time_in_stage(book)["n"].iloc[0] == 0
    assert pipeline.time_in_stage(book)["reason"].iloc[0] == "fewer than half are over"
    assert pipeline.stalled_share(book)["reason"].iloc[0] == "nothing open"


def test_a_stage_entered_again_is_a_visit_of_its_own(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,1.00,EUR,2026-10-01,2026-10-12,won
    """
    history = """
    deal_id,stage,entered_at
    A,Demo,2026-10-01
    A,Proposal,2026-10-02
    A,Demo,2026-10-05
    A,Won,2026-10-12
    """
    rows = pipeline.time_in_stage(book_of(tmp_path, deals=deals, stage_history=history), by="stage")
    assert rows[["stage", "n", "value"]].to_numpy().tolist() == [["Demo", 2, 4.0], ["Proposal", 1, 3.0]]  # (1 + 7) / 2


def test_longer_than_nine_in_ten_of_twenty_visits_is_stalled(tmp_path):
    past = [(f"P{days}", "2026-07-01", str(pd.Timestamp("2026-07-01") + pd.Timedelta(days=days))[:10], "X")
            for days in range(1, 21)]  # fmt: skip
    # The ninetieth percentile of 1 to 20 days is 1 + 0.9 × 19 = 18.1. From 14 October it is 18 days, from the 13th 19,
    # and an hour more since the clock went back.
    still = [("A", "2026-10-14T01:00:00Z", "", "X"), ("B", "2026-10-13", "", "X"), ("C", "2026-10-13", "", "Y")]
    book = book_of(tmp_path, **stage([*past, *still]))
    ages = book.rows("select * from stage_ages order by deal_id").set_index("deal_id")
    assert ages.loc["A", "limit_seconds"] == pytest.approx(18.1 * DAY)
    assert ages["is_stalled"].tolist() == [False, True, True]
    # Of Y nothing was ever won: the pipeline's median cycle of 10.5 days over three open stages.
    assert ages.loc["C", "limit_seconds"] == 10.5 / 3 * DAY
    assert not ages.loc["C", "is_limit_of_stage"]
    assert (pipeline.stalled_deals(book)["n"].iloc[0], pipeline.stalled_amount(book)["value"].iloc[0]) == (2, 200)
    assert pipeline.stalled_share(book)["value"].iloc[0] == 2 / 3


STAGES = """
pipeline,stage,position,probability,is_mandatory,is_won,is_lost
Sales,One,1,0.1,true,false,false
Sales,Two,2,0.3,true,false,false
Sales,Proposal,3,0.5,true,false,false
Sales,Four,4,0.8,true,false,false
Sales,Won,5,1,true,true,false
Sales,Lost,6,0,true,false,true
"""


def test_a_cycle_of_six_to_nine_months_over_four_stages_allows_about_two_months_a_stage(tmp_path):
    # Six months are 182.625 days, nine 273.9375; the second span is told by the wall: the clock gains an hour in it.
    deals = [
        ("A", "2026-04-01T10:00:00Z", "2026-10-01T01:00:00Z", "Half a year"),
        ("B", "2025-12-01T10:00:00Z", "2026-09-01T07:30:00Z", "Longer"),
        ("C", "2026-10-01", "", "Half a year"),
        ("D", "2026-10-01", "", "Longer"),
    ]
    book = book_of(tmp_path, **stage(deals, stages=STAGES))
    limits = book.rows("select limit_seconds / 86400.0 as days from stage_ages order by deal_id")["days"]
    assert limits.round(1).tolist() == [45.7, 68.5]


def test_time_to_an_outcome_counts_the_lost_and_watches_the_open(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status,type
    A,Sales,Won,1.00,EUR,2026-10-01,2026-10-11,won,new
    B,Sales,Lost,1.00,EUR,2026-10-01,2026-10-21,lost,new
    C,Sales,Proposal,1.00,EUR,2026-10-17,,open,new
    D,Sales,Won,1.00,EUR,2026-10-01,2026-10-02,won,renewal
    """
    row = pipeline.time_to_outcome(book_of(tmp_path, deals=deals)).iloc[0]
    # After 10 days 2/3 are open; C is watched for 15; then B alone is left, over after 20.
    assert (row["n"], row["numerator"], row["value"]) == (3, 2, 20)


def test_an_open_qualified_lead_is_neither_given_up_nor_a_deal(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    X,Sales,Proposal,1.00,EUR,2026-10-01,,open
    """
    leads = """
    lead_id,created_at,source,status,owner_id,qualified_at,disqualified_at,converted_at,deal_id
    A,2026-09-01,web,qualified,S1,2026-09-05,,,
    B,2026-09-01,web,working,S1,2026-09-05,,,
    C,2026-09-01,web,disqualified,S1,2026-09-05,2026-10-01,,
    D,2026-09-01,web,converted,S2,2026-09-05,,2026-10-01,X
    E,2026-09-01,web,working,S2,,,,
    F,2026-09-01,web,qualified,S2,2026-11-05,,,
    G,2026-09-01,web,qualified,S2,2026-09-20,,,
    """
    history = """
    lead_id,status,entered_at,exited_at
    A,new,2026-09-01,2026-09-05
    A,qualified,2026-09-05,
    B,qualified,2026-09-05,2026-10-22
    B,working,2026-10-22,
    C,qualified,2026-09-05,2026-10-01
    C,disqualified,2026-10-01,
    D,qualified,2026-09-05,2026-10-01
    D,converted,2026-10-01,
    E,working,2026-09-02,
    F,qualified,2026-11-05,
    """
    book = book_of(tmp_path, deals=deals, leads=leads, lead_status_history=history)
    found = pipeline.open_qualified_leads(book, by=["phase", "owner_id"])
    counted = [
        (row["phase"], row["owner_id"], row["n"]) for row in found[["phase", "owner_id", "n"]].to_dict("records")
    ]
    assert counted[:2] == [("qualified", "S1", 1), ("working", "S1", 1)]
    assert (counted[2][1:], len(counted)) == (("S2", 1), 3)  # G has no history
    days = pipeline.qualified_lead_days(book, by="phase").set_index("phase")["value"]
    assert days["working"] == pytest.approx(10 + 1 / 24, abs=0.1)  # 22 October to the end of the month


def test_without_a_history_of_stages_or_statuses_the_figures_say_what_they_need(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Won,1.00,EUR,2026-10-01,2026-10-11,won
    B,Sales,Proposal,1.00,EUR,2026-10-01,,open
    """
    book = book_of(tmp_path, deals=deals)
    assert pipeline.stalled_deals(book)["reason"].iloc[0] == "needs stage_history"
    assert pipeline.time_in_stage(book)["reason"].iloc[0] == "needs stage_history"
    assert pipeline.open_qualified_leads(book)["reason"].iloc[0] == "needs leads, lead_status_history"
    assert pipeline.open_deals(book)["value"].iloc[0] == 1


# The sample, by plain loops


@pytest.fixture(scope="module")
def plain(project) -> Plain:
    return Plain(project / "data" / "sample")


@pytest.fixture(scope="module")
def visits(plain, project) -> pd.DataFrame:
    """Every visit with where it ended and what its deal is, of deals that count."""
    deals = plain.read("deals")
    deals = deals[deals["merged_at"].isna() & deals["deleted_at"].isna() & (deals["is_test"] != "true")]
    order = {stage: place for place, stage in enumerate(pd.read_csv(project / "data/sample/stages.csv")["stage"])}
    rows = plain.read("stage_history").assign(place=lambda rows: rows["stage"].map(order))
    rows = rows.sort_values(["deal_id", "entered_at", "place"])
    columns = ["deal_id", "product", "type", "amount", "currency", "created_at"]
    rows = rows.merge(deals[columns].rename(columns={"created_at": "made_at"}), on="deal_id")
    after = rows.groupby("deal_id")
    rows["left_at"] = rows["exited_at"].fillna(after["entered_at"].shift(-1))
    rows["left_in_bulk"] = after["is_bulk"].shift(-1) == "true"
    rows["is_last"] = ~rows.duplicated("deal_id", keep="last")
    rows["cycle"] = np.where(rows["type"] == "renewal", "renewal", rows["product"])
    return rows


def days_between(start: pd.Timestamp, end: pd.Timestamp) -> float:
    """Days by the wall."""
    return (local(end).replace(tzinfo=None) - local(start).replace(tzinfo=None)).total_seconds() / DAY


def timed(visits: pd.DataFrame) -> pd.DataFrame:
    """The visits to open stages that tell how long a deal stood there."""
    rows = visits[~visits["stage"].isin(["Won", "Lost"]) & (visits["is_bulk"] != "true") & ~visits["left_in_bulk"]]
    rows = rows[rows["left_at"].isna() | (rows["left_at"] > rows["entered_at"])]
    spans = zip(rows["entered_at"], rows["left_at"].fillna(AS_OF), strict=True)
    return rows.assign(days=[days_between(start, end) for start, end in spans], is_over=rows["left_at"].notna())


def test_time_in_stage_agrees_with_a_plain_loop(sample_book, visits):
    rows = timed(visits)
    since = pd.Timestamp("2024-11-01", tz=ZONE).tz_convert("UTC").tz_localize(None)
    rows = rows[rows["entered_at"] >= since]
    found = pipeline.time_in_stage(sample_book, by="stage", last=24).set_index("stage")
    for stage_name, part in rows.groupby("stage"):
        assert found.loc[stage_name, "n"] == len(part)
        expected = median_of(list(zip(part["days"], part["is_over"], strict=True)))
        assert found.loc[stage_name, "value"] == pytest.approx(expected)


def test_stalled_deals_agree_with_a_plain_loop(sample_book, visits):
    rows = timed(visits)
    over = rows[rows["is_over"] & (rows["left_at"] >= AS_OF - pd.Timedelta(days=730))]
    standing = visits[visits["is_last"] & ~visits["stage"].isin(["Won", "Lost"])]
    ends = visits[visits["is_last"] & (visits["stage"] == "Won")]
    ends = ends[(ends["entered_at"] >= AS_OF - pd.Timedelta(days=730)) & ends["made_at"].notna()]
    cycles = [days_between(made, end) for made, end in zip(ends["made_at"], ends["entered_at"], strict=True)]
    cycle = pd.Series(cycles, index=ends["cycle"].to_numpy()).groupby(level=0).median()
    stalled = 0
    for row in rows[rows["is_last"]].to_dict("records"):
        past = over.loc[(over["cycle"] == row["cycle"]) & (over["stage"] == row["stage"]), "days"]
        limit = past.quantile(0.9) if len(past) >= 20 else cycle[row["cycle"]] / 5
        stalled += row["days"] > limit
    assert pipeline.stalled_deals(sample_book)["n"].iloc[0] == stalled
    assert pipeline.open_deals(sample_book)["n"].iloc[0] >= len(standing)
    assert stalled > 10


def test_open_deals_their_amount_and_age_agree_with_plain_sums(sample_book, visits, project):
    rows = visits[visits["is_last"] & ~visits["stage"].isin(["Won", "Lost"])]
    rates = pd.read_csv(project / "data/sample/fx_rates.csv").sort_values("rate_on")
    rate = {"EUR": 1.0} | rates[rates["rate_on"] <= "2026-11-01"].groupby("currency")["rate"].last().to_dict()
    amounts = [
        (float(amount or 0), currency) for amount, currency in zip(rows["amount"], rows["currency"], strict=True)
    ]
    total = sum(amount * rate[currency] for amount, currency in amounts if amount > 0)
    assert pipeline.open_deals(sample_book)["n"].iloc[0] == len(rows)
    assert pipeline.open_pipeline(sample_book)["value"].iloc[0] == pytest.approx(total, abs=1)
    ages = [days_between(made, AS_OF) for made in rows["made_at"].dropna()]
    assert pipeline.open_deal_age(sample_book)["value"].iloc[0] == pytest.approx(np.median(ages))


def test_cycles_agree_with_plain_medians(sample_book, visits):
    rows = visits[visits["is_last"] & (visits["type"] != "renewal") & visits["made_at"].notna()]
    rows = rows.assign(days=[days_between(*pair) for pair in zip(rows["made_at"], rows["entered_at"], strict=True)])
    start = pd.Timestamp("2025-11-01", tz=ZONE).tz_convert("UTC").tz_localize(None)
    year = rows[rows["entered_at"] >= start]
    won, closed = year[year["stage"] == "Won"], year[year["stage"].isin(["Won", "Lost"])]
    assert pipeline.sales_cycle(sample_book, last=12)["value"].iloc[0] == pytest.approx(won["days"].median())
    assert pipeline.closing_cycle(sample_book, last=12)["value"].iloc[0] == pytest.approx(closed["days"].median())
    made = rows[rows["made_at"] >= start]
    is_over = made["stage"].isin(["Won", "Lost"])
    waits = [
        (days_between(row["made_at"], row["entered_at"] if over else AS_OF), over)
        for row, over in zip(made.to_dict("records"), is_over, strict=True)
    ]
    assert pipeline.time_to_outcome(sample_book, last=12)["value"].iloc[0] == pytest.approx(median_of(waits))


def test_open_qualified_leads_agree_with_a_plain_loop(sample_book, plain):
    latest = plain.read("lead_status_history").sort_values(["entered_at", "status"]).groupby("lead_id").tail(1)
    latest = latest[latest["entered_at"] < AS_OF].set_index("lead_id")
    leads = plain.leads[plain.leads["qualified_at"].notna() | plain.leads["converted_at"].notna()]
    joined = leads.join(latest[["status", "entered_at"]].rename(columns={"status": "phase"}))
    is_open = ~joined["phase"].isin(["converted", "disqualified"])
    assert pipeline.open_qualified_leads(sample_book)["n"].iloc[0] == is_open.sum()
    days = (AS_OF - joined.loc[is_open, "entered_at"]).dt.total_seconds() / DAY
    assert pipeline.qualified_lead_days(sample_book)["value"].iloc[0] == pytest.approx(days.median())
