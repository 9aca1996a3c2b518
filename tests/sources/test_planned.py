"""A statement that is planned once reads the rows that are there when it is asked."""

import duckdb
import pyarrow as pa

from salesbook.sources.planned import Planned


def test_a_statement_planned_once_says_of_each_rows_what_one_of_its_own_says():
    select = "select n, word < '!' as is_low, n > 5 as is_high from given where n is null or n <> 3"
    given = (([], []), ([1, 3], ["a", "b"]), ([9, None, 3], [" x", None, "c"]), ([1], ["a"]))
    schema = pa.schema([("n", pa.int64()), ("word", pa.string())])
    parts = [pa.table([numbers, words], schema=schema) for numbers, words in given]
    with duckdb.connect() as con:
        planned = Planned(con, select, parts[0])
        for rows in parts:
            with con.cursor() as apart:
                apart.register("given", rows)
                expected = apart.sql(select).to_arrow_table()
            assert planned.of(rows).equals(expected)
        planned.close()
