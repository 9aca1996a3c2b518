"""What to do about rows that are rejected or flagged, and the refusal of a source with too many of them."""

import re

import duckdb

from salesbook.errors import BadData
from salesbook.sources.imports import Import
from salesbook.sources.staged import LEFT_OUT

BY_NAME = {
    "fields_missing": "Export again: the row is cut off, or a separator is lost. The closing lines of a report, as who "
    "made it and when, are to be taken away, or named as closing_lines under [source].",
    "fields_too_many": "Export again with quotes around texts: a text holds the separator.",
    "quotes_not_closed": "Export again: a quote within a text must be doubled.",
    "too_long": "Look at the row: a text of more than four million bytes is no field of a CRM.",
    "line_end_inside": "Export again with quotes around texts that hold line ends.",
    "duplicate": "Remove the double record, or the join in the export that doubles it.",
    "key_conflict": "Give each record its own id; of later exports say which is the newest, under [newest].",
    "merged_in_circle": "Clear merged_into of the record that stayed.",
    "merged_onward": "Write into merged_into the record that is there still, the last of the chain.",
    "stage_unknown": "Add the stage to its pipeline's stages, or move the record to one that is there.",
    "status_not_of_stage": "Make status and stage agree: a won deal stands in a won stage.",
    "closed_has_a_date": "Fill in the closing date of won and lost deals.",
    "open_has_no_close": "Close the deal, or clear its closing date: the expected one has a field of its own.",
    "amount_not_negative": "Write a credit as an order of its own, not as a deal below zero.",
    "one_outcome": "Make the stage won or lost, not both.",
    "ends_not_before_start": "Mend the first and last day of the target.",
    "ended_after_start": "Mend the first and last day of the span.",
    "rate_above_zero": "Mend the rate.",
    "scale_is_one": "Mend the lowest and highest answer of the question.",
    "score_within_scale": "Mend the answer, or the scale of its question.",
}
BY_KIND = {
    "_empty": "Fill in {column}; make it a required field in the CRM.",
    "_spoiled": "Export again as text: a spreadsheet has changed {column}.",
    "_invisible": "Type {column} again: it holds a character that nobody sees.",
    "_not_a_word": "Choose a value from the list, or say under [words.{table}.{column}] what this one means.",
    "_unreadable": "Correct {column}, or declare its form under [source] in salesbook.toml.",
    "_out_of_range": "Correct {column}: nothing can be so much or so little.",
    "_hour_unclear": "Export {column} in UTC: in the night the clock is put back an hour happens twice.",
    "_zone_unknown": "Declare the zone of times under [source] in salesbook.toml.",
    "_other": "Say under [words.{table}.{column}] what the value means, if it means something.",
    "_unknown": "Link {column} to a record that is there, or export the table it points to as well.",
    "_is_no_day": "Write the day it was into {column} of {table}, or clear it.",
    "_has_space": "Remove the spaces around {column}.",
}
ORDERED = re.compile(r"(?P<later>\w+)_not_before_(?P<earlier>\w+)")


def to_mend(table: str, rule: str) -> str:
    """What to do about a rule, in one sentence.

    Examples:
    >>> to_mend("deals", "amount_unreadable")
    'Correct amount, or declare its form under [source] in salesbook.toml.'
    >>> to_mend("deals", "closed_at_not_before_created_at")
    'Correct created_at or closed_at: one is before the other.'
    """
    if rule in LEFT_OUT:
        return f"Nothing: {LEFT_OUT[rule]}."
    if rule in BY_NAME:
        return BY_NAME[rule]
    if match := ORDERED.fullmatch(rule):
        return f"Correct {match['earlier']} or {match['later']}: one is before the other."
    kind = next((kind for kind in sorted(BY_KIND, key=len, reverse=True) if rule.endswith(kind)), "")
    column = rule.removesuffix(kind).replace("version_at", "the column named under [newest]")
    return BY_KIND[kind].format(table=table, column=column) if kind else ""


def refuse_too_many(imported: Import, limit: float, place: str = "") -> None:
    """Refuse an import of which more is rejected than the settings allow. Rows that are only left out do not count.

    Of several tables the one most of whose rows are rejected is told: rows of others are often rejected for its sake.
    Parameters: `place`, where the rejected rows are, if not in the import's folder.
    Raises: BadData that names the table, the two most frequent reasons, where they begin, and what to mend first.
    """
    found = []
    for table, rules in imported.rejected.items():
        counts = {rule: count for rule, count in rules.items() if rule not in LEFT_OUT}
        rejected, read = sum(counts.values()), imported.rows_read(table) + imported.rows_made(table)
        if rejected > limit * read:
            found.append((rejected / read, rejected, read, table, counts))
    if found:
        _, rejected, read, table, counts = max(found, key=lambda one: one[0])
        first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:2]
        reasons = " and ".join(begun(imported, table, *one) for one in first)
        wrong = f"Too many rows of {table} cannot be loaded: {rejected} of {read}, more than {limit:.0%}."
        todo = f"{to_mend(table, first[0][0])} Look at {place or imported.quarantine(table)}, which has them all."
        raise BadData(wrong, f"Most often: {reasons}.", todo)


def begun(imported: Import, table: str, rule: str, count: int) -> str:
    """A rule's reason with its number of rows and the first of them; what stays in a database is known by its rule."""
    path = imported.quarantine(table).with_suffix(".parquet")
    if not path.is_file():
        return f"{rule} ({count})"
    query = """select reason, file, coalesce('line ' || line, key) from read_parquet(?) where rule = ?
        order by file, line, key limit 1"""
    reason, file, place = duckdb.execute(query, [str(path), rule]).fetchone()
    return f"{reason} ({count}, first in {file}, {place})"
