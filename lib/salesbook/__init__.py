"""Salesbook: a CRM export in, a month's sales report out.

Data goes one way: `sources` reads an export into the canonical tables of `tables`; `build` has an engine (`engines`)
derive the `facts` of a month from what was known at its end (`clipping`); a `book` opens that run; KPIs (`kpi`, `kpis`)
ask it (`query`); the notebooks show what they answer (`page`, `charts`, `words`); `report` runs the notebooks and
publishes the month.

    from salesbook import open_book
    from salesbook.kpis.scorecard import win_rate
    win_rate(open_book(month="2026-10"), by="owner.team", period="month", last=12)
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    """`open_book` and `KPIS`, brought in when first asked for: the command line must answer at once."""
    if name == "open_book":
        from salesbook.book import open_book

        return open_book
    if name == "KPIS":
        from salesbook import kpi, kpis

        return kpi.KPIS if kpis.TOPICS else {}
    raise AttributeError(f"module 'salesbook' has no attribute {name!r}")
