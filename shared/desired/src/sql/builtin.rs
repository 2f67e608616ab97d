//! Owns the names of the functions that Flink SQL 1.20 has without a definition and without reserving the name.
//! Must not know what they do.

/// Whether Flink has a function of this name by itself. Calls of reserved words are no names.
pub(crate) fn is_builtin_function(name: &str) -> bool {
    BUILTIN.binary_search(&name.to_ascii_uppercase().as_str()).is_ok()
}

pub(crate) fn builtin_functions() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().copied().chain(RESERVED_FUNCTIONS.iter().copied())
}

/// Those whose names are reserved words, as people write them most.
const RESERVED_FUNCTIONS: &[&str] = &[
    "ABS",
    "AVG",
    "CAST",
    "CEIL",
    "CHAR_LENGTH",
    "COALESCE",
    "COLLECT",
    "COUNT",
    "EXTRACT",
    "FIRST_VALUE",
    "FLOOR",
    "JSON_EXISTS",
    "JSON_OBJECT",
    "JSON_QUERY",
    "JSON_VALUE",
    "LAG",
    "LAST_VALUE",
    "LEAD",
    "LOWER",
    "MAX",
    "MIN",
    "MOD",
    "NULLIF",
    "OVERLAY",
    "POSITION",
    "POWER",
    "RANK",
    "ROW_NUMBER",
    "SQRT",
    "SUBSTRING",
    "SUM",
    "TRIM",
    "UPPER",
];

/// In byte order; as the operator table and the core module of Flink 1.20.1 list them.
#[rustfmt::skip]
const BUILTIN: &[&str] = &[
    "ACOS", "AGG_DECIMAL_MINUS", "AGG_DECIMAL_PLUS",
    "APPROX_COUNT_DISTINCT", "ARRAY_AGG", "ARRAY_APPEND", "ARRAY_CONCAT", "ARRAY_CONTAINS", "ARRAY_DISTINCT",
    "ARRAY_EXCEPT", "ARRAY_INTERSECT", "ARRAY_JOIN", "ARRAY_MAX", "ARRAY_MIN", "ARRAY_POSITION", "ARRAY_PREPEND",
    "ARRAY_REMOVE", "ARRAY_REVERSE", "ARRAY_SLICE", "ARRAY_SORT", "ARRAY_UNION", "ASC", "ASCII", "ASIN", "ATAN",
    "ATAN2", "AUXILIARY_GROUP", "BIN", "CHARLENGTH", "CHR", "CONCAT", "CONCAT_WS", "CONVERTTZ", "CONVERT_TZ", "COS",
    "COSH", "COT", "CUMULATE", "CURRENTDATABASE", "CURRENTDATE", "CURRENTROWTIMESTAMP", "CURRENTTIME",
    "CURRENTTIMESTAMP", "CURRENT_DATABASE", "CURRENT_ROW_TIMESTAMP", "CURRENT_WATERMARK", "DATEFORMAT",
    "DATE_FORMAT", "DAYOFMONTH", "DAYOFWEEK", "DAYOFYEAR", "DECODE", "DEGREES", "DESC", "DESCRIPTOR", "DIVIDE", "E",
    "ENCODE", "FINAL", "FIRST", "FLATTEN", "FROMBASE64", "FROMUNIXTIME", "FROM_BASE64", "FROM_UNIXTIME",
    "GREATERTHAN", "GREATERTHANOREQUAL", "GREATEST", "GROUPING_ID", "GROUP_ID", "HASH_CODE", "HEX",
    "HIVE_AGG_DECIMAL_PLUS", "HOP", "HOP_END", "HOP_PROCTIME", "HOP_ROWTIME", "HOP_START", "IF", "IFNULL",
    "IFTHENELSE", "INITCAP", "INSTR", "ISFALSE", "ISNOTFALSE", "ISNOTNULL", "ISNOTTRUE", "ISNULL", "ISTRUE",
    "IS_ALPHA", "IS_DECIMAL", "IS_DIGIT", "IS_JSON", "ITEM", "JSON_ARRAYAGG_ABSENT_ON_NULL",
    "JSON_ARRAYAGG_NULL_ON_NULL", "JSON_OBJECTAGG_ABSENT_ON_NULL", "JSON_OBJECTAGG_NULL_ON_NULL", "JSON_STRING",
    "LAST", "LEAST", "LESSTHAN", "LESSTHANOREQUAL", "LISTAGG", "LOCATE", "LOG", "LOG10", "LOG2", "LOWERCASE",
    "LPAD", "LTRIM", "MAP", "MAP_ENTRIES", "MAP_FROM_ARRAYS", "MAP_KEYS", "MAP_UNION", "MAP_VALUES",
    "MATCH_PROCTIME", "MATCH_ROWTIME", "MD5", "MINUSPREFIX", "NOTBETWEEN", "NOTEQUALS", "NOW", "PARSEURL",
    "PARSE_URL", "PI", "PLUS", "PRINT", "PROCTIME", "PROCTIME_MATERIALIZE", "QUARTER", "RADIANS", "RAND",
    "RANDINTEGER", "RAND_INTEGER", "RANGETO", "REGEXP", "REGEXPEXTRACT", "REGEXPREPLACE", "REGEXP_EXTRACT",
    "REGEXP_REPLACE", "REINTERPRET", "REINTERPRETCAST", "REINTERPRET_CAST", "REPEAT", "REPLACE", "REVERSE", "ROUND",
    "ROWTIME", "RPAD", "RTRIM", "SESSION", "SESSION_END", "SESSION_PROCTIME", "SESSION_ROWTIME", "SESSION_START",
    "SHA1", "SHA2", "SHA224", "SHA256", "SHA384", "SHA512", "SIGN", "SIN", "SINGLE_VALUE", "SINH",
    "SOURCE_WATERMARK", "SPLIT", "SPLITINDEX", "SPLIT_INDEX", "STDDEV", "STDDEVPOP", "STDDEVSAMP",
    "STREAMRECORDTIMESTAMP", "STREAMRECORD_TIMESTAMP", "STRTOMAP", "STR_TO_MAP", "SUBSTR", "SUM0", "TAN", "TANH",
    "TEMPORALOVERLAPS", "TIMES", "TIMESTAMPADD", "TIMESTAMPDIFF", "TOBASE64", "TODATE", "TOTIMESTAMP",
    "TOTIMESTAMPLTZ", "TO_BASE64", "TO_DATE", "TO_TIMESTAMP", "TO_TIMESTAMP_LTZ", "TRY_CAST", "TUMBLE",
    "TUMBLE_END", "TUMBLE_PROCTIME", "TUMBLE_ROWTIME", "TUMBLE_START", "TYPEOF", "UNIXTIMESTAMP", "UNIX_TIMESTAMP",
    "UPPERCASE", "UUID", "VARIANCE", "VARPOP", "VARSAMP", "WEEK", "WINDOW_END", "WINDOW_START", "WITHCOLUMNS",
    "WITHOUTCOLUMNS",
];

#[cfg(test)]
mod tests {
    use super::{BUILTIN, is_builtin_function};

    #[test]
    fn the_list_is_sorted_for_the_binary_search() {
        assert!(BUILTIN.is_sorted());
        assert!(is_builtin_function("Regexp_Replace") && is_builtin_function("cumulate"));
        assert!(!is_builtin_function("clean"));
    }
}
