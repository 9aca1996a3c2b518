"""What deals were before: changes lead to what stands now, and the snapshots hold what was known on their day."""

from itertools import pairwise

import pandas as pd

from salesbook.tables import TABLES

NOW = {"owner": "owner_id", "amount": "amount", "expected_close": "expected_close", "category": "forecast_category"}


def as_text(value, field):
    if pd.isna(value):
        return None
    return {"amount": "{:.2f}", "expected_close": "{:%Y-%m-%d}"}.get(field, "{}").format(value)


def values_at(deal, changes, field, instant):
    """The value of a field as it was on record: the last change entered by then, else what was before the first."""
    own = changes.get((deal.deal_id, field), [])
    known = [change for change in own if max(change.changed_at, change.recorded_at) <= instant]
    before = own[0].old_value if own else as_text(getattr(deal, NOW[field]), field)
    value = known[-1].new_value if known else before
    return None if pd.isna(value) else value


def grouped(frame, keys):
    groups = {}
    for row in frame.itertuples():
        groups.setdefault(tuple(getattr(row, key) for key in keys), []).append(row)
    return groups


def test_each_change_goes_on_where_the_last_one_ended_and_the_last_is_what_stands_now(rows):
    deals = rows["deals"].set_index("deal_id")
    chains = grouped(rows["deal_changes"], ("deal_id", "field"))
    assert {field for _, field in chains} == set(NOW)
    for (deal_id, field), chain in chains.items():
        assert all(one.new_value == two.old_value for one, two in pairwise(chain))
        assert all(one.changed_at < two.changed_at for one, two in pairwise(chain))
        assert all(pd.isna(change.old_value) or change.old_value != change.new_value for change in chain)
        assert chain[-1].new_value == as_text(deals.at[deal_id, NOW[field]], field)


def test_changes_happen_while_the_deal_lives(rows):
    both = rows["deal_changes"].merge(rows["deals"], on="deal_id", suffixes=("", "_of_deal"))
    known = both[both.created_at.notna()]
    assert (known.changed_at >= known.created_at).all()
    assert not (both.changed_at > both.closed_at).any()
    assert not (both.changed_at > both.merged_at.fillna(both.deleted_at)).any()
    assert (both.recorded_at >= both.changed_at).all()


def test_expected_closes_are_pushed_later_until_the_deal_closes(rows):
    moves = rows["deal_changes"].query("field == 'expected_close'").merge(rows["deals"], on="deal_id")
    pushes = moves[(moves.changed_at != moves.closed_at) & (moves.status.eq("open") | moves.closed_at.notna())]
    assert len(pushes) > 500
    assert (pushes.new_value > pushes.old_value).all()


def test_the_snapshots_hold_what_the_histories_say_was_on_record(rows):
    deals = {deal.deal_id: deal for deal in rows["deals"].itertuples()}
    changes = grouped(rows["deal_changes"], ("deal_id", "field"))
    visits = grouped(rows["stage_history"], ("deal_id",))
    snapshots = rows["forecast_snapshots"].query("method == 'crm'")
    for shot in snapshots.iloc[::7].itertuples():
        entered = [visit for visit in visits[shot.deal_id,] if visit.recorded_at <= shot.snapshot_at]
        assert shot.stage == entered[-1].stage
        for name, field in (
            ("owner_id", "owner"), ("amount", "amount"), ("category", "category"), ("expected_close", "expected_close"),
        ):  # fmt: skip
            was = values_at(deals[shot.deal_id], changes, field, shot.snapshot_at)
            assert as_text(getattr(shot, name), field) == was, (shot, field)


def test_every_deal_that_was_open_on_record_is_in_the_snapshot_and_no_other(rows):
    deals, snapshots = rows["deals"], rows["forecast_snapshots"].query("method == 'crm'")
    visits = grouped(rows["stage_history"], ("deal_id",))
    for instant in snapshots.snapshot_at.drop_duplicates().iloc[::9]:
        held = set(snapshots[snapshots.snapshot_at == instant].deal_id)
        gone = deals[(deals.merged_at <= instant) | (deals.deleted_at <= instant)].deal_id
        is_open = {
            deal_id
            for (deal_id,), own in visits.items()
            if (known := [visit for visit in own if visit.recorded_at <= instant])
            and known[-1].stage not in ("Won", "Lost")
        }
        assert held == is_open - set(gone)


def test_snapshots_are_of_month_ends_all_the_time_and_of_fridays_in_the_last_year(rows):
    at = rows["forecast_snapshots"].query("method == 'crm'").snapshot_at.drop_duplicates()
    local = at.dt.tz_localize("UTC").dt.tz_convert("Europe/Amsterdam")
    month_ends = local[(local + pd.Timedelta(seconds=1)).dt.day == 1]
    assert month_ends.dt.strftime("%Y-%m").nunique() == 24
    others = local.drop(month_ends.index)
    assert (others.dt.day_name() == "Friday").all()
    assert others.min() >= pd.Timestamp("2025-11-01", tz="Europe/Amsterdam")
    assert local.sort_values().diff().iloc[-50:].max() <= pd.Timedelta(days=8)


def test_the_statuses_of_a_lead_follow_its_own_instants(rows):
    visits = grouped(rows["lead_status_history"], ("lead_id",))
    assert len(visits) == len(rows["leads"])
    for lead in rows["leads"].itertuples():
        own = visits[lead.lead_id,]
        assert [visit.status for visit in own] == sorted(
            (visit.status for visit in own), key=TABLES["leads"].column("status").words.index
        )
        assert own[0].status == "new"
        assert own[0].entered_at == lead.created_at
        assert own[-1].status == lead.status
        assert pd.isna(own[-1].exited_at)
        assert all(one.exited_at == two.entered_at for one, two in pairwise(own))
        for visit in own:
            if visit.status in ("qualified", "converted", "disqualified"):
                assert visit.entered_at == getattr(lead, f"{visit.status}_at")


def test_quotes_are_sent_at_proposal_for_about_what_the_deal_is_worth(rows):
    proposal = rows["stage_history"].query("stage == 'Proposal'").drop_duplicates("deal_id").set_index("deal_id")
    both = rows["quotes"].merge(rows["deals"], on="deal_id", suffixes=("", "_of_deal"))
    assert len(both) > 400
    assert (both.sent_at >= both.deal_id.map(proposal.entered_at)).all()
    assert not (both.sent_at > both.deal_id.map(proposal.exited_at)).any()
    assert (both.amount / both.amount_of_deal).between(0.75, 1.35).all()
    assert (both.currency == both.currency_of_deal).all()
