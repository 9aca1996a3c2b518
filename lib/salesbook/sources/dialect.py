"""The reader's SQL on PostgreSQL: its statements as they stand, with the functions they use made there.

The functions bear DuckDB's names in salesbook's own schema, which is searched first. Casts that may fail are functions
there, for PostgreSQL has none.
"""

import re

FUNCTIONS = r"""
create or replace function ends_with(t text, e text) returns boolean language sql immutable
  return right(t, length(e)) = e;
create or replace function contains(t text, e text) returns boolean language sql immutable return strpos(t, e) > 0;
create or replace function starts_with(t text, e text) returns boolean language sql immutable
  return left(t, length(e)) = e;
create or replace function regexp_full_match(t text, p text) returns boolean language sql immutable return
  case when left(p, 4) = '(?i)' then t ~* ('^(?:' || substr(p, 5) || ')$') else t ~ ('^(?:' || p || ')$') end;
create or replace function regexp_matches(t text, p text) returns boolean language sql immutable return t ~ p;
create or replace function year(t timestamp) returns integer language sql immutable
  return cast(extract(year from t) as integer);
create or replace function to_seconds(n bigint) returns interval language sql immutable
  return make_interval(secs => cast(n as double precision));
create or replace function epoch_us(t timestamptz) returns timestamptz language sql immutable return t;
create or replace function make_timestamp(t timestamptz) returns timestamp language sql immutable
  return t at time zone 'UTC';
create or replace function try_timestamp(t text) returns timestamp language plpgsql immutable as
  $$ begin return t::timestamp; exception when data_exception then return null; end $$;
create or replace function try_timestamptz(t text) returns timestamptz language plpgsql immutable as
  $$ begin return t::timestamptz; exception when data_exception then return null; end $$;
create or replace function try_numeric(t text) returns numeric language plpgsql immutable as
  $$ begin return t::numeric; exception when data_exception then return null; end $$;
create or replace function try_bigint(t text) returns bigint language plpgsql immutable as
  $$ begin return t::numeric::bigint; exception when data_exception then return null; end $$;
create or replace function try_decimal(t text, digits integer, decimals integer) returns numeric language sql immutable
  return case when abs(round(try_numeric(t), decimals)) < power(10::numeric, digits - decimals)
    then round(try_numeric(t), decimals) end;
create or replace function try_strptime(t text, forms text[]) returns timestamp language sql immutable
  return try_timestamp(t);
"""
TRIED = {
    "timestamp": "try_timestamp({})",
    "timestamptz": "try_timestamptz({})",
    "bigint": "try_bigint({})",
    "double": "try_numeric({})::double",
}


def translated(sql: str) -> str:
    """A statement of the reader in PostgreSQL's words.

    Examples:
    >>> translated("select try_cast(trim(x) as decimal(18, 2)) from t")
    'select try_decimal(trim(x), 18, 2)::decimal(18, 2) from t'
    >>> translated("create or replace table a as select 1")
    'drop table if exists a cascade; create table a as select 1'
    """
    sql = re.sub(r"create or replace table (\w+) ", r"drop table if exists \1 cascade; create table \1 ", sql)
    sql = re.sub(r"(try_strptime\(\w+, |unnest\()\[([^\]]*)\]", r"\1array[\2]", sql)
    sql = re.sub(r"\\x\{([0-9a-f]{4})\}", r"\\u\1", sql).replace(r"\x00-\x1f\x7f", r"\u0001-\u001f\u007f")
    while (at := sql.rfind("try_cast(")) >= 0:
        inside, end = argument(sql, at + len("try_cast("))
        value, _, kind = inside.rpartition(" as ")
        size = kind.lower().removeprefix("decimal(").removesuffix(")")
        sql = sql[:at] + TRIED.get(kind, f"try_decimal({{}}, {size})::{kind}").format(value) + sql[end:]
    return sql


def argument(sql: str, start: int) -> tuple[str, int]:
    """What stands in a pair of brackets that was opened before a place, and where it ends.

    Examples:
    >>> argument("f(g(x) as y) + 1", 2)
    ('g(x) as y', 12)
    """
    depth, quoted = 1, False
    for at in range(start, len(sql)):
        quoted ^= sql[at] == "'"
        depth += 0 if quoted else (sql[at] == "(") - (sql[at] == ")")
        if depth == 0:
            return sql[start:at], at + 1
    raise ValueError(f"a bracket is not closed: {sql[start - 20 : start + 40]}")
