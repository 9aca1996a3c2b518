"""A tiny book for the tests of the report side: what pages need of an opened run, and answers in the KPIs' shape."""

import json
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd

from salesbook.words import of_run

RUN = {
    "month": "2026-10",
    "period": {"start": "2026-10-01", "end": "2026-11-01"},
    "as_of": "2026-10-31T23:00:00Z",
    "zone": "Europe/Amsterdam",
    "currency": "EUR",
    "language": "en",
    "company": "Noordzee <Instruments>",
    "limits": {"counts_below": 5, "grey_below": 20},
    "inputs": [
        {"file": "/home/someone/deals.csv", "sha256": "ab" * 32, "table": "deals",
         "rows_read": 8800, "rows_loaded": 8798, "rows_rejected": 2},
    ],
    "rejected": {"deals": {"amount_unreadable": 2}},
    "flagged": 0,
    "kpis": ["win_rate"],
    "packages": {"pandas": "3.1.1"},
    "salesbook": "0.1.0",
}  # fmt: skip


@dataclass
class FakeKpi:
    """What page.py reads of a KPI."""

    name: str = "win_rate"
    unit: str = "share"
    better: str = "higher"
    meaning: str = "Deals won, of the deals won or lost, by the day they closed."


@dataclass
class FakeFinding:
    """A guarded headline, spoken."""

    headline: str = "Fewer leads qualified."
    detail: str = "38% in October, 47% in September."
    is_claim: bool = True


class FakeBook:
    """What page.py reads of a book."""

    def __init__(self, run: dict | str | Path = RUN):
        self.run = run if isinstance(run, dict) else json.loads((Path(run) / "run.json").read_text())
        self.words = of_run(self.run)


def answer(months: int = 13, total: int = 120) -> pd.DataFrame:
    """A share by month, in the shape of a KPI's answer."""
    periods = pd.date_range("2026-10-01", periods=months, freq="-1MS")[::-1]
    frame = pd.DataFrame({"period": periods, "numerator": [total * (30 + spot) // 100 for spot in range(months)]})
    frame["denominator"] = total
    frame["value"] = frame["numerator"] / total
    return frame.assign(low=frame["value"] - 0.05, high=frame["value"] + 0.05, reason=None)


def steps() -> pd.DataFrame:
    """A funnel, as the chart takes it."""
    return pd.DataFrame(
        {
            "step": ["Lead", "Qualified", "Won"],
            "n": [1275, 431, 96],
            "value": [None, 0.338, 0.223],
            "low": [None, 0.313, 0.186],
            "high": [None, 0.365, 0.264],
            "is_open": [False, False, True],
        }
    )


PARAMETERS = "month = None\nrun = None"
OPENED = f"""import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from fake_book import *
from salesbook import page
book = FakeBook(run)"""
SHOWN = [
    "page.scorecard(book, [page.Card(FakeKpi(), answer(), target=0.5)] * 4)",
    "page.findings(book, [FakeFinding(), FakeFinding('No clear change.', '', False)])",
    "page.figure(book, 'funnel', steps(), headline='Qualified is where leads stop', subtitle='Leads of October',"
    " alt='Bars by step: leads 1,275, qualified 431, won 96 so far', highlight='Qualified')",
    "page.table(book, answer(3), title='Win rate by month')",
    "page.glossary(book, [FakeKpi()])",
    "page.provenance(book)",
]
DONE = "page.done(book)"
# The same mark, from a notebook that loads nothing: for tests of the runner, which start many kernels.
LIGHT = "import os\nfrom IPython.display import display"
LIGHT_DONE = "display({'application/vnd.salesbook.done+json': {'mark': os.environ['SALESBOOK_REPORT']}}, raw=True)"


def notebook(*code: str, parameters: str | None = PARAMETERS, title: str = "# Funnel\n\nWho decides what with it.\n"):
    """A notebook of a title, parameters and code cells."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    made.cells.append(nbformat.v4.new_markdown_cell(title, id="title"))
    if parameters is not None:
        cell = nbformat.v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
        made.cells.append(cell)
    for spot, source in enumerate(code):
        kind = nbformat.v4.new_markdown_cell if source.startswith("#") else nbformat.v4.new_code_cell
        made.cells.append(kind(source, id=f"c{spot}"))
    return made


def whole_notebook(**more):
    """A notebook that shows one of everything."""
    cells = [OPENED, *SHOWN[:2], "## Where leads stop\n\nSome *prose* with <b>tags</b>.", *SHOWN[2:], DONE]
    return notebook(*cells, **more)


def run_folder(place: Path, **changes) -> Path:
    """A run's folder with nothing but its run.json."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "run.json").write_text(json.dumps(RUN | changes), encoding="utf-8")
    return place
