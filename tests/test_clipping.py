"""What facts read is what was known at the run's instant: changes that became known later are undone."""

from worked import book_of

DEALS = """
deal_id,pipeline,stage,amount,currency,created_at,owner_id,expected_close,forecast_category
A,Sales,Proposal,90.00,EUR,2026-08-01,S2,2026-12-31,commit
B,Sales,Proposal,80.00,EUR,2026-08-01,S2,2026-12-31,commit
C,Sales,Proposal,70.00,EUR,2026-08-01,S2,2026-12-31,commit
D,Sales,Proposal,60.00,EUR,2026-08-01,S2,2026-12-31,commit
"""
# The run's instant is the end of October in Amsterdam, 23:00 UTC on the 31st.
CHANGES = """
deal_id,field,old_value,new_value,changed_at,recorded_at
A,amount,10.00,20.00,2026-10-05T08:00:00Z,2026-10-05T08:00:00Z
A,amount,20.00,30.00,2026-10-31T23:00:00Z,2026-10-31T23:00:00Z
A,amount,30.00,90.00,2026-11-07T08:00:00Z,2026-11-07T08:00:00Z
A,owner,S1,S2,2026-10-31T22:59:59Z,2026-10-31T23:00:00Z
A,expected_close,2026-11-30,2026-12-31,2026-11-02T08:00:00Z,2026-11-02T08:00:00Z
A,category,pipeline,commit,2026-11-02T08:00:00Z,
B,amount,,80.00,2026-11-02T08:00:00Z,
C,amount,40.00,50.00,2026-10-05T08:00:00Z,2026-11-05T08:00:00Z
C,amount,50.00,70.00,2026-10-09T08:00:00Z,2026-10-09T08:00:00Z
D,amount,50.00,60.00,2026-10-31T22:59:59Z,
"""


def test_a_change_that_became_known_later_is_undone_and_one_known_stands(tmp_path):
    book = book_of(tmp_path, deals=DEALS, deal_changes=CHANGES)
    rows = book.rows("select * from deal_facts").set_index("deal_id")
    # A had 20; B none yet; C's newest change was known, whatever else came to light; D's was known by a second.
    assert rows["amount_minor"].fillna(0).to_dict() == {"A": 2000, "B": 0, "C": 7000, "D": 6000}
    assert rows["owner_id"].to_dict() == {"A": "S1", "B": "S2", "C": "S2", "D": "S2"}
    assert [str(day)[:10] for day in rows["expected_close_on"]] == ["2026-11-30", *["2026-12-31"] * 3]
    now = book.rows("select deal_id, category, amount_minor from open_deals where is_now").set_index("deal_id")
    assert now["category"].to_dict() == {"A": "pipeline", "B": "commit", "C": "commit", "D": "commit"}
    assert now["amount_minor"].fillna(0).to_dict() == {"A": 2000, "B": 0, "C": 7000, "D": 6000}


def test_an_old_value_holds_until_any_change_of_it_is_known(tmp_path):
    deals = """
    deal_id,pipeline,stage,amount,currency,created_at,closed_at,status
    A,Sales,Proposal,10.00,EUR,2026-07-01,,open
    W,Sales,Won,1.00,EUR,2026-07-01,2026-07-20,won
    """
    changes = """
    deal_id,field,old_value,new_value,changed_at,recorded_at
    A,amount,30.00,20.00,2026-08-05,2026-09-20
    A,amount,20.00,10.00,2026-08-10,2026-08-10
    """
    book = book_of(tmp_path, deals=deals, deal_changes=changes)
    sql = "select seen_on, amount_minor from open_deals where deal_id = 'A' order by seen_on"
    # The newest change was entered first: the one before it came to light when it no longer held.
    assert book.rows(sql)["amount_minor"].tolist() == [3000, 1000, 1000, 1000]
