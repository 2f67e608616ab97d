//! Data: what other databases call what Flink calls otherwise. Functions, types, units.
//! Must not know errors.

/// What to write for a function that Flink does not have.
pub(super) fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, ours)| *ours)
}

/// What to write for a type that Flink does not have.
pub(super) fn type_of(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, ours)| *ours)
}

#[rustfmt::skip]
const FUNCTIONS: &[(&str, &str)] = &[
    ("NVL", "COALESCE(a, b)"), ("NVL2", "IF(a IS NOT NULL, b, c)"), ("ISNULL", "COALESCE(a, b), or `a IS NULL`"),
    ("IFNULL", "COALESCE(a, b)"), ("ZEROIFNULL", "COALESCE(a, 0)"), ("NULLIFZERO", "NULLIF(a, 0)"),
    ("DATE_TRUNC", "FLOOR(ts TO DAY)"), ("DATETRUNC", "FLOOR(ts TO DAY)"), ("TRUNC", "TRUNCATE(number, 0), or FLOOR(ts TO DAY)"),
    ("TIMESTAMP_TRUNC", "FLOOR(ts TO DAY)"), ("DATE_BIN", "a window: TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))"),
    ("DATEADD", "ts + INTERVAL '1' DAY, or TIMESTAMPADD(DAY, 1, ts)"), ("DATE_ADD", "ts + INTERVAL '1' DAY, or TIMESTAMPADD(DAY, 1, ts)"),
    ("ADD_MONTHS", "TIMESTAMPADD(MONTH, 1, ts)"), ("DATE_SUB", "ts - INTERVAL '1' DAY"), ("ADDDATE", "ts + INTERVAL '1' DAY"),
    ("SUBDATE", "ts - INTERVAL '1' DAY"), ("TIMESTAMP_SUB", "ts - INTERVAL '1' DAY"), ("TIMESTAMP_ADD", "ts + INTERVAL '1' DAY"),
    ("DATEDIFF", "TIMESTAMPDIFF(DAY, a, b)"), ("DATE_DIFF", "TIMESTAMPDIFF(DAY, a, b)"), ("TIMESTAMP_DIFF", "TIMESTAMPDIFF(SECOND, a, b)"),
    ("MONTHS_BETWEEN", "TIMESTAMPDIFF(MONTH, a, b)"), ("AGE", "TIMESTAMPDIFF(SECOND, a, b)"),
    ("DATEPART", "EXTRACT(DAY FROM ts)"), ("DATE_PART", "EXTRACT(DAY FROM ts)"), ("MONTHNAME", "DATE_FORMAT(ts, 'MMMM')"), ("DAYNAME", "DATE_FORMAT(ts, 'EEEE')"), ("DATENAME", "DATE_FORMAT(ts, 'EEEE')"),
    ("GETDATE", "CURRENT_TIMESTAMP"), ("SYSDATE", "CURRENT_TIMESTAMP"), ("SYSTIMESTAMP", "CURRENT_TIMESTAMP"),
    ("SYSDATETIME", "CURRENT_TIMESTAMP"), ("GETUTCDATE", "CURRENT_TIMESTAMP"), ("CURDATE", "CURRENT_DATE"),
    ("CURTIME", "CURRENT_TIME"), ("TODAY", "CURRENT_DATE"), ("UTC_TIMESTAMP", "CURRENT_TIMESTAMP"), ("CLOCK_TIMESTAMP", "CURRENT_TIMESTAMP"),
    ("TO_CHAR", "DATE_FORMAT(ts, 'yyyy-MM-dd')"), ("FORMAT_DATE", "DATE_FORMAT(ts, 'yyyy-MM-dd')"),
    ("FORMAT_TIMESTAMP", "DATE_FORMAT(ts, 'yyyy-MM-dd')"), ("STRFTIME", "DATE_FORMAT(ts, 'yyyy-MM-dd')"), ("FORMAT", "DATE_FORMAT(ts, 'yyyy-MM-dd')"),
    ("STR_TO_DATE", "TO_TIMESTAMP(text, 'yyyy-MM-dd')"), ("PARSE_DATE", "TO_DATE(text, 'yyyy-MM-dd')"),
    ("PARSE_TIMESTAMP", "TO_TIMESTAMP(text, 'yyyy-MM-dd HH:mm:ss')"), ("STRPTIME", "TO_TIMESTAMP(text, 'yyyy-MM-dd')"),
    ("TO_TIME", "CAST(text AS TIME)"), ("TO_NUMBER", "CAST(text AS DECIMAL(18, 2))"), ("TO_DECIMAL", "CAST(text AS DECIMAL(18, 2))"),
    ("TO_VARCHAR", "CAST(a AS STRING)"), ("TO_STRING", "CAST(a AS STRING)"), ("TOSTRING", "CAST(a AS STRING)"), ("STR", "CAST(a AS STRING)"),
    ("DATE_FROM_UNIX_DATE", "TO_DATE(text)"), ("TIMESTAMP_MILLIS", "TO_TIMESTAMP_LTZ(number, 3)"), ("TO_UNIXTIME", "UNIX_TIMESTAMP(text)"),
    ("TIMESTAMP_SECONDS", "TO_TIMESTAMP_LTZ(number, 0)"), ("FROM_UNIXTIME_MILLIS", "TO_TIMESTAMP_LTZ(number, 3)"),
    ("STRING_AGG", "LISTAGG(text, ',')"), ("GROUP_CONCAT", "LISTAGG(text, ',')"), ("ARRAY_TO_STRING", "ARRAY_JOIN(array, ',')"),
    ("COLLECT_LIST", "ARRAY_AGG(a)"), ("COLLECT_SET", "COLLECT(DISTINCT a)"), ("ARRAY_CAT", "ARRAY_CONCAT(a, b)"), ("ARRAY_LENGTH", "CARDINALITY(array)"),
    ("SIZE", "CARDINALITY(array)"), ("ARRAY_SIZE", "CARDINALITY(array)"), ("LENGTH", "CHAR_LENGTH(text)"), ("LEN", "CHAR_LENGTH(text)"), ("DATALENGTH", "OCTET_LENGTH(text)"),
    ("CHARINDEX", "LOCATE(part, text)"), ("STRPOS", "LOCATE(part, text)"), ("PATINDEX", "REGEXP_EXTRACT(text, 'pattern')"),
    ("EXPLODE", "a join: FROM t CROSS JOIN UNNEST(t.array) AS e(element)"), ("FLATTEN", "a join: FROM t CROSS JOIN UNNEST(t.array) AS e(element)"),
    ("POSEXPLODE", "a join: FROM t CROSS JOIN UNNEST(t.array) WITH ORDINALITY AS e(element, n)"), ("STRING_TO_ARRAY", "SPLIT(text, ',')"),
    ("SPLIT_PART", "SPLIT_INDEX(text, ',', 0), which counts from 0"), ("SUBSTRING_INDEX", "SPLIT_INDEX(text, ',', 0), which counts from 0"), ("STRING_SPLIT", "SPLIT(text, ',')"),
    ("SAFE_CAST", "TRY_CAST(a AS type)"), ("TRY_CONVERT", "TRY_CAST(a AS type)"), ("CONVERT", "CAST(a AS type)"), ("TRY_TO_NUMBER", "TRY_CAST(a AS DECIMAL(18, 2))"),
    ("ILIKE", "LOWER(text) LIKE 'pattern'"), ("RLIKE", "REGEXP(text, 'pattern')"), ("REGEXP_LIKE", "REGEXP(text, 'pattern')"), ("REGEXP_MATCHES", "REGEXP(text, 'pattern')"),
    ("REGEXP_SUBSTR", "REGEXP_EXTRACT(text, 'pattern', 0)"), ("CONTAINS", "LOCATE(part, text) > 0"), ("STARTSWITH", "text LIKE 'start%'"), ("STARTS_WITH", "text LIKE 'start%'"),
    ("ENDSWITH", "text LIKE '%end'"), ("ENDS_WITH", "text LIKE '%end'"),
    ("UCASE", "UPPER(text)"), ("LCASE", "LOWER(text)"), ("TOUPPER", "UPPER(text)"), ("TOLOWER", "LOWER(text)"), ("CONCATENATE", "CONCAT(a, b)"),
    ("GET_JSON_OBJECT", "JSON_VALUE(text, '$.field')"), ("JSON_EXTRACT", "JSON_VALUE(text, '$.field')"), ("JSON_EXTRACT_SCALAR", "JSON_VALUE(text, '$.field')"),
    ("JSON_EXTRACT_PATH_TEXT", "JSON_VALUE(text, '$.field')"), ("PARSE_JSON", "JSON_VALUE(text, '$.field')"), ("TO_JSON", "JSON_OBJECT('field' VALUE a)"),
    ("COUNT_IF", "COUNT(*) FILTER (WHERE condition)"), ("COUNTIF", "COUNT(*) FILTER (WHERE condition)"), ("SUM_IF", "SUM(a) FILTER (WHERE condition)"), ("SUMIF", "SUM(a) FILTER (WHERE condition)"),
    ("MAX_BY", "ROW_NUMBER() OVER (PARTITION BY key ORDER BY value DESC), and its rows with number 1"), ("MIN_BY", "ROW_NUMBER() OVER (PARTITION BY key ORDER BY value), and its rows with number 1"),
    ("ANY_VALUE", "FIRST_VALUE(a)"), ("FIRST_NOT_NULL", "FIRST_VALUE(a)"), ("MEDIAN", "a function of your own: Flink 1.20 has none for this"), ("APPROX_PERCENTILE", "a function of your own: Flink 1.20 has none for this"),
    ("PERCENTILE", "a function of your own: Flink 1.20 has none for this"), ("APPROX_DISTINCT", "APPROX_COUNT_DISTINCT(a), in batch mode, or COUNT(DISTINCT a)"), ("UNIQ", "COUNT(DISTINCT a)"),
    ("DECODE", "CASE a WHEN 1 THEN 'x' ELSE 'y' END"), ("IIF", "IF(condition, a, b)"), ("SWITCH", "CASE WHEN condition THEN a ELSE b END"), ("CHOOSE", "CASE n WHEN 1 THEN a ELSE b END"),
    ("NEWID", "UUID()"), ("GEN_RANDOM_UUID", "UUID()"), ("RANDOM", "RAND()"), ("HASH", "MD5(text)"), ("SHA", "SHA1(text)"), ("POW", "POWER(a, b)"), ("LOG_10", "LOG10(a)"), ("INT", "CAST(a AS INT)"),
    ("MAKE_DATE", "TO_DATE(text)"), ("MAKE_TIMESTAMP", "TO_TIMESTAMP(text)"), ("WINDOWSTART", "window_start, of a query on TABLE(TUMBLE(…))"), ("WINDOWEND", "window_end, of a query on TABLE(TUMBLE(…))"),
    ("TUMBLINGWINDOW", "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))"), ("HOPPING", "TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))"),
];

#[rustfmt::skip]
const TYPES: &[(&str, &str)] = &[
    ("TEXT", "STRING"), ("STR", "STRING"), ("VARCHAR2", "STRING"), ("NVARCHAR", "STRING"), ("NTEXT", "STRING"), ("LONGTEXT", "STRING"), ("MEDIUMTEXT", "STRING"), ("CITEXT", "STRING"),
    ("UUID", "STRING"), ("JSON", "STRING"), ("JSONB", "STRING"), ("VARIANT", "STRING"), ("ENUM", "STRING"), ("OBJECT", "STRING"),
    ("DATETIME", "TIMESTAMP(3)"), ("DATETIME2", "TIMESTAMP(3)"), ("SMALLDATETIME", "TIMESTAMP(3)"), ("TIMESTAMP_NTZ", "TIMESTAMP(3)"), ("TIMESTAMPTZ", "TIMESTAMP_LTZ(3)"), ("DATETIMEOFFSET", "TIMESTAMP_LTZ(3)"), ("TIMESTAMP_TZ", "TIMESTAMP_LTZ(3)"),
    ("LONG", "BIGINT"), ("INT64", "BIGINT"), ("INT8", "BIGINT"), ("UINT64", "DECIMAL(20, 0)"), ("BIGSERIAL", "BIGINT"), ("INT32", "INT"), ("INT4", "INT"), ("SERIAL", "INT"), ("MEDIUMINT", "INT"), ("UINT32", "BIGINT"), ("INT2", "SMALLINT"), ("SHORT", "SMALLINT"), ("BYTE", "TINYINT"), ("INT16", "SMALLINT"),
    ("NUMBER", "DECIMAL(18, 2)"), ("MONEY", "DECIMAL(18, 2)"), ("FLOAT64", "DOUBLE"), ("FLOAT8", "DOUBLE"), ("FLOAT32", "FLOAT"), ("FLOAT4", "FLOAT"), ("BIGDECIMAL", "DECIMAL(38, 18)"), ("DOUBLE_PRECISION", "DOUBLE"),
    ("BOOL", "BOOLEAN"), ("BYTEA", "BYTES"), ("LONGBLOB", "BYTES"), ("LIST", "ARRAY<type>"), ("STRUCT", "ROW<name type>"), ("RECORD", "ROW<name type>"), ("DICT", "MAP<type, type>"),
];
