"""The rows as values: Arrow tables in canonical form, data frames, and CSV files."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from salesbook.sample import changes, effects, noordzee
from salesbook.sample.market import BRANCH, DUPLICATE, PLAIN
from salesbook.sample.plan import Columns
from salesbook.sample.worktime import ZONES
from salesbook.schema import Column, Table
from salesbook.tables import FORECAST_CATEGORIES

PREFIX = {
    "accounts": "O", "contacts": "P", "leads": "L", "activities": "A", "deals": "D", "targets": "T", "quotes": "Q",
    "orders": "R", "subscriptions": "C", "surveys": "V",
}  # fmt: skip
SELLERS = noordzee.SELLER_IDS
LOST_REASONS = ("Price", "Chose a competitor", "No decision", "No budget", "Bad timing", "No response")
INDUSTRIES = ("Food", "Chemicals", "Water", "Energy", "Pharma", "Shipping", "Machinery", "Laboratories")
JOB_TITLES = (
    "Plant manager", "Head of purchasing", "Managing director", "Process engineer", "Laboratory technician", "Buyer",
    "Operations director", "Maintenance engineer",
)  # fmt: skip
KPIS = ("won", "new_leads", "qualified_leads", "win_rate", "average_deal_size", "calls", "emails")
RECORD_URL = "https://crm.example/"
# The words behind the numbers of a column, where tables.py does not list them.
WORDS = {
    "owner_id": SELLERS,
    "changed_by": SELLERS,
    "display_name": tuple(f"Seller {seller[1:]}" for seller in SELLERS),
    "team": (*noordzee.TEAMS, "Inside sales"),
    "territory_id": noordzee.TERRITORIES,
    "time_zone": ZONES,
    "calendar": ("nl", "dk", "uk"),
    "plan": ("Monthly service", "Yearly service"),
    "country": noordzee.COUNTRIES,
    "currency": noordzee.CURRENCIES,
    "industry": INDUSTRIES,
    "job_title": JOB_TITLES,
    "source": noordzee.CHANNELS,
    "channel": noordzee.CHANNELS,
    "product": effects.PRODUCTS,
    "pipeline": (noordzee.PIPELINE,),
    "stage": noordzee.STAGE_NAMES,
    "lost_reason": LOST_REASONS,
    "kpi": KPIS,
    "accepted_by": ("Sales director", "Team lead"),
    "asset_id": ("brochure", "case", "prices", "video"),
    "action": ("sent", "shown"),
    "feature": ("deals", "calls", "mail", "reports", "forecast"),
    "question": ("I would recommend working here", "My workload is right"),
}
# First and second half of an organisation's name, by country, and how its legal form is written.
NAMES = (
    (
        "Maasdal Veluwe Westland Twente Waddenzee Zuidplas Haarlemmer Drentse Brabantse Kennemer Betuwe Achterhoek "
        "Flevo Scheldemond IJssel Noorder Zeeuwse Limburgse Gooise Biesbosch",
        "Zuivel Techniek Waterbedrijf Chemie Machinebouw Laboratoria Voeding Energie Papier Staal Coatings Logistiek "
        "Farma Glas Kunststof",
        "BV",
    ),
    (
        "Vestjysk Fynsk Limfjord Aarhus Sjællandsk Bornholm Lolland Randers Himmerland Djursland Kolding Esbjerg "
        "Nordsø Silkeborg Roskilde Horsens Odense Viborg Thy Skagen",
        "Mejeri Teknik Vandværk Kemi Maskinfabrik Laboratorium Fødevarer Energi Papir Stål Overflade Logistik Medico "
        "Glas Plast",
        "A/S",
    ),
    (
        "Severn Humber Pennine Cotswold Thames Mersey Tyneside Chiltern Solent Cheviot Mendip Trent Wessex Fenland "
        "Ribble Dartmoor Clyde Wirral Peak Anglian",
        "Dairies Engineering Water Chemicals Machinery Laboratories Foods Power Paper Steel Coatings Logistics Pharma "
        "Glass Polymers",
        "Ltd",
    ),
)


def encode(table: Table, columns: Columns) -> pa.Table:
    """The rows of a table in canonical form, every column with its Arrow type; what is below zero is empty."""
    if table.name == "accounts":
        columns = named_accounts(columns)
    if table.name == "deal_changes":
        columns = columns | {
            name: changed_texts(columns["field"], columns[name]) for name in ("old_value", "new_value")
        }
    if table.name in ("leads", "deals"):
        ids = array(table, table.columns[0], columns[table.key[0]])
        columns = columns | {"record_url": pc.binary_join_element_wise(RECORD_URL, ids, "")}
    n = len(next(iter(columns.values())))
    arrays = [
        array(table, column, columns[column.name]) if column.name in columns else pa.nulls(n, arrow_type(column))
        for column in table.columns
    ]
    return pa.table(arrays, names=[column.name for column in table.columns])


def array(table: Table, column: Column, values) -> pa.Array:
    """One column."""
    if isinstance(values, pa.Array):
        return values
    gone = values < 0
    words = column.words or WORDS.get(column.name)
    if column.name == "level_id":
        return level_ids(values)
    if words:
        codes = pa.array(values.astype(np.int32), mask=gone)
        return pa.DictionaryArray.from_arrays(codes, pa.array(words)).cast(pa.string())
    if column.type == "id":
        digits = pa.array(values, mask=gone).cast(pa.string())
        return pc.binary_join_element_wise(PREFIX[column.parent or table.name], digits, "")
    if column.type in ("money", "rate"):
        return decimals(values, arrow_type(column), gone)
    if column.type == "boolean":
        return pa.array(values.astype(bool), mask=gone)
    if column.type == "date":
        return pa.array(values.astype(np.int32), mask=gone).cast(pa.date32())
    return pa.array(values, mask=gone).cast(arrow_type(column))


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column."""
    kinds = {"instant": pa.timestamp("s"), "date": pa.date32(), "integer": pa.int64(), "boolean": pa.bool_()}
    kinds |= {"money": pa.decimal128(18, 2), "rate": pa.decimal128(18, 8), "share": pa.float64()}
    return kinds.get(column.type, pa.float64() if column.type == "number" else pa.string())


def decimals(values: np.ndarray, kind: pa.Decimal128Type, gone: np.ndarray) -> pa.Array:
    """Exact decimals: money comes in whole hundredths, rates as numbers."""
    whole = values if kind.scale == 2 else np.rint(values * 10**kind.scale)
    halves = np.zeros((len(values), 2), np.int64)
    halves[:, 0] = np.where(gone, 0, whole)
    present = pa.array(~gone).buffers()[1]
    return pa.Array.from_buffers(kind, len(values), [present, pa.py_buffer(halves)])


def numbers(column: pa.Decimal128Array) -> pa.Array:
    """Decimals made by `decimals` as the nearest numbers; Arrow's own cast is off in the last digit."""
    whole = np.frombuffer(column.buffers()[1], np.int64)[::2]
    return pa.array(whole / 10**column.type.scale, mask=column.is_null().to_numpy(zero_copy_only=False))


def changed_texts(field: np.ndarray, values: np.ndarray) -> pa.Array:
    """Values of changed fields as they stand in a canonical file: a seller, an amount, a day or a category."""
    gone = values < 0
    days = pa.array(values.astype(np.int32), mask=gone | (field != changes.CLOSE)).cast(pa.date32()).cast(pa.string())
    amounts = decimals(values, pa.decimal128(18, 2), gone | (field != changes.AMOUNT)).cast(pa.string())
    sellers, categories = (
        pa.DictionaryArray.from_arrays(pa.array(values.astype(np.int32), mask=gone | (field != kind)), pa.array(words))
        for kind, words in ((changes.OWNER, SELLERS), (changes.CATEGORY, FORECAST_CATEGORIES))
    )
    return pc.coalesce(days, amounts, sellers.cast(pa.string()), categories.cast(pa.string()))


def level_ids(values: np.ndarray) -> pa.Array:
    """Whose a target is: a team, a seller or an account; the level stands in the billions."""
    level, number = np.divmod(np.maximum(values, 0), 10**9)
    pairs = zip(level.tolist(), number.tolist(), strict=True)
    texts = {1: lambda n: noordzee.TEAMS[n], 2: lambda n: SELLERS[n], 3: lambda n: f"{PREFIX['accounts']}{n}"}
    return pa.array([texts[kind](n) if kind else None for kind, n in pairs], pa.string())


def named_accounts(columns: Columns) -> dict:
    """Accounts with name, number and domain, which follow from their entity: duplicates share the last two."""
    entity, kind = columns["entity"], columns["kind"]
    territory = columns["territory"]
    country = noordzee.COUNTRY_OF[territory]
    number = 10_000_000 + entity * 7_654_321 % 89_999_999
    names, domains = texts_of(entity, country, kind)
    return columns | {
        "name": names,
        "org_number": pc.if_else(pa.array(columns["has_number"] > 0), pa.array(number).cast(pa.string()), None),
        "country": country,
        "domain": pc.if_else(pa.array(columns["has_domain"] > 0), domains, None),
        "territory_id": territory,
    }


def texts_of(entity: np.ndarray, country: np.ndarray, kind: np.ndarray) -> tuple[pa.Array, pa.Array]:
    """Names and web domains of organisations; a duplicate's name is written otherwise, a branch says that it is one."""
    names, domains, firsts = [], [], [0]
    for first, second, form in NAMES:
        for one in first.split():
            for two in second.split():
                names += [f"{one} {two}| {form}", f"{one} {two}|", f"{one} {two}| {form} Service"]
                domains.append(f"{one}-{two}|.example".lower().replace("æ", "ae").replace("ø", "oe").replace("å", "aa"))
        firsts.append(len(domains))
    firsts = np.array(firsts)
    size = np.diff(firsts)[country]
    place, round_number = firsts[country] + entity * 97 % size, entity // size
    spelling = np.select([kind == PLAIN, kind == DUPLICATE, kind == BRANCH], [0, 1, 2])
    later = pa.array(round_number, mask=round_number == 0).cast(pa.string()).fill_null("")
    return with_number(names, place * 3 + spelling, later, " "), with_number(domains, place, later, "-")


def with_number(texts: list[str], place: np.ndarray, number: pa.Array, before: str) -> pa.Array:
    """Texts with a number at their bar, once all names have been given out."""
    heads, tails = zip(*(text.split("|") for text in texts), strict=True)
    middle = pc.if_else(pc.equal(number, ""), "", pc.binary_join_element_wise(before, number, ""))
    where = pa.array(place)
    return pc.binary_join_element_wise(pa.array(heads).take(where), middle, pa.array(tails).take(where), "")


def frame(table: pa.Table) -> pd.DataFrame:
    """The table for pandas: money and rates as numbers, whole numbers and booleans that may be empty, days as dates."""
    for place, kind in enumerate(table.schema.types):
        if pa.types.is_decimal(kind):
            table = table.set_column(place, table.column_names[place], numbers(table.column(place).chunk(0)))
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return table.to_pandas(types_mapper=nullable.get, date_as_object=False)


def append(file, table: pa.Table) -> None:
    """Write rows of a canonical table to an open CSV file, without a header."""
    texts = [written(column) for column in table.columns]
    plain = csv.WriteOptions(include_header=False, quoting_style="none")
    csv.write_csv(pa.table(texts, names=table.column_names), file, plain)


def written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as it stands in a canonical file."""
    if pa.types.is_timestamp(column.type):
        return pc.binary_join_element_wise(pc.replace_substring(column.cast(pa.string()), " ", "T"), "Z", "")
    if pa.types.is_floating(column.type):
        whole = pc.cast(pc.round(column), pa.int64())
        return pc.if_else(pc.equal(column, whole), whole.cast(pa.string()), column.cast(pa.string()))
    return column


def header(table: Table) -> bytes:
    """The first line of a canonical file."""
    return (",".join(column.name for column in table.columns) + "\n").encode()
