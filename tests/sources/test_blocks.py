"""A file is read block by block: whatever reads a block, its rows stay where they are."""

import numpy as np
import pyarrow as pa
import pytest

from salesbook.sources import beside, blocks, reader
from salesbook.sources.text import Text
from salesbook.sources.usual import Usual

COUNT = 400
LINE = "D{at},Sales,Demo,open,{amount},EUR,2026-01-05T09:00:00Z,,,"


def amounts(odd: set[int]) -> list[str]:
    """An amount for every row; those of some are not in a usual form."""
    return ["1E5" if at in odd else f"{at}.50" for at in range(COUNT)]


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few dozen rows."""
    monkeypatch.setattr(reader, "BLOCK", 1 << 10)
    monkeypatch.setattr(reader, "LARGE_BLOCK", 1 << 11)


@pytest.mark.parametrize("odd", [set(), {0, 57, 58, COUNT - 1}, set(range(150))], ids=len)
def test_every_row_is_loaded_or_rejected_with_its_own_line_and_text(
    read, rows, quarantined, deals_of, small_blocks, odd
):
    lines = [LINE.format(at=f"{at:04}", amount=amount) for at, amount in enumerate(amounts(odd))]
    imported = read({"deals.csv": deals_of(*lines)})
    assert quarantined(imported) == [(at + 2, "amount_unreadable", lines[at]) for at in sorted(odd)]
    loaded = [(f"D{at:04}", at * 100 + 50) for at in range(COUNT) if at not in odd]
    assert rows(imported, "deals", "deal_id, amount_minor") == loaded


def all_odd(usual: Usual, block: bytes) -> tuple[pa.Table, np.ndarray]:
    """No row of a block, as if each were odd."""
    return usual.schema.empty_table(), np.ones(block.count(b"\n"), bool)


def test_files_of_which_no_block_is_usual_are_not_tried_for_ever(read, deals_of, small_blocks, monkeypatch):
    tried = []
    monkeypatch.setattr(Usual, "rows", lambda self, block, traits: tried.append(block) or all_odd(self, block))
    lines = [LINE.format(at=at, amount="1") for at in range(COUNT)]
    assert read({"deals.csv": deals_of(*lines)}).rows_loaded("deals") == COUNT
    assert len(tried) <= blocks.MOST_TRIES + beside.AHEAD


def test_rows_that_the_engine_gives_in_any_order_are_put_right(read, quarantined, deals_of, monkeypatch):
    select = blocks.cast.statement
    monkeypatch.setattr(Usual, "rows", lambda self, block, traits: all_odd(self, block))
    monkeypatch.setattr(blocks.cast, "statement", lambda *a, **k: f"{select(*a, **k)} order by hash(at_row)")
    lines = [LINE.format(at=at, amount="1E5" if at == 42 else "1") for at in range(99)]
    imported = read({"deals.csv": deals_of(*lines)})
    assert quarantined(imported) == [(44, "amount_unreadable", lines[42])]


def test_odd_rows_of_later_years_are_judged_by_a_statement_that_knows_them(
    read, rows, deals_of, small_blocks, monkeypatch
):
    planned, made = blocks.Planned, []
    monkeypatch.setattr(blocks, "MOST_WAITING", 1)
    monkeypatch.setattr(blocks, "Planned", lambda *given: made.append(given) or planned(*given))
    lines = [f"D{at:04},Sales,Demo,open,1,EUR,2024-01-05 10:00,,," for at in range(COUNT)]
    odd = {9: "2024-07-05 10:00", 150: "2024-01-06 10:00", 300: "2026-07-07 10:00", 390: "2025-07-08 10:00"}
    for at, time in odd.items():
        lines[at] = f"D{at:04},Sales,#1,open,1,EUR,{time},,,"
    imported = read({"deals.csv": deals_of(*lines)}, zone="Europe/Amsterdam")
    found = dict(rows(imported, "deals", "deal_id, created_at::varchar"))
    utc = {9: "2024-07-05 08:00:00", 150: "2024-01-06 09:00:00", 300: "2026-07-07 08:00:00", 390: "2025-07-08 08:00:00"}
    assert found == {f"D{at:04}": utc.get(at, "2024-01-05 09:00:00") for at in range(COUNT)}
    assert len(made) == 2


def test_no_more_blocks_are_held_than_are_judged_together_and_tried_ahead(read, deals_of, small_blocks, monkeypatch):
    parts, whole, taken, done, held = Text.parts, blocks.Blocks.whole, [], [], []

    def judged(self, some: list):
        held.append(len(taken) - len(done))
        done.extend(some)
        return whole(self, some)

    monkeypatch.setattr(beside, "AHEAD", 3)
    monkeypatch.setattr(blocks, "MOST_WAITING", 2)
    monkeypatch.setattr(Text, "parts", lambda self: (taken.append(part) or part for part in parts(self)))
    monkeypatch.setattr(blocks.Blocks, "whole", judged)
    lines = [LINE.format(at=f"{at:04}", amount="1E5" if at % 9 == 0 else "1") for at in range(COUNT)]
    read({"deals.csv": deals_of(*lines)})
    assert len(done) == len(taken) > 2 * (2 + 3)
    assert max(held) == 2 + 3


@pytest.mark.parametrize("declared", [None, 350, 5])
def test_a_column_of_dates_that_begins_late_decides_as_a_whole(
    read, rows, quarantined, deals_of, small_blocks, declared
):
    lines = [f"D{at:04},Sales,Demo,open,1,EUR,05-01-2026 10:00,," for at in range(COUNT)]
    lines[300:310] = [line.replace(",,", ",2026-01-06 10:00,") for line in lines[300:310]]
    if declared is not None:
        lines[declared] = lines[declared].replace(",,", ",07-01-2026 10:00,")
    content = deals_of(*(line + "," for line in lines))
    imported = read({"deals.csv": content}, date_form="dmy", zone="UTC")
    iso = [] if declared is None else [at + 2 for at in range(300, 310)]
    assert quarantined(imported, columns="line, rule") == [(line, "closed_at_unreadable") for line in iso]
    assert len(rows(imported, "deals", "deal_id")) == COUNT - len(iso)


def test_a_file_is_not_looked_through_for_dates_that_nobody_wrote(read, deals_of, small_blocks, monkeypatch):
    parsed, looks = blocks.parsed, []
    monkeypatch.setattr(blocks, "parsed", lambda *given: looks.append(given) or parsed(*given))
    lines = [f"D{at:04},Sales,Demo,open,1,EUR,05-01-2026 10:00,,," for at in range(COUNT)]
    assert read({"deals.csv": deals_of(*lines)}, date_form="dmy", zone="UTC").rows_loaded("deals") == COUNT
    assert len(looks) == blocks.MOST_EMPTY
