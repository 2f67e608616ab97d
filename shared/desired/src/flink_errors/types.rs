//! Values of a type that is not taken there.
//! Must not know names or syntax.

use super::{At, Failure, Told, between, dialects};

const CODE: &str = "wrong-type";

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    if let Some(function) = between(message, "Cannot apply '", "' to arguments of type '") {
        let given = between(message, "' to arguments of type '", "'. Supported form(s)");
        let given = given.or_else(|| between(message, "' to arguments of type '", "'"))?;
        return Some(applied(it, function, given));
    }
    let told = |what: &str, help: &str| Told::new(CODE, At::AsFlinkSays, what).help(help).some();
    if let Some((from, to)) = message
        .strip_prefix("Cast function cannot convert value of type ")
        .and_then(|rest| rest.split_once(" to type "))
    {
        let what = format!("CAST cannot make {} of {}", plain(to.trim_end_matches('.')), plain(from));
        return told(&what, "cast it to STRING first, or compute the value with CASE");
    }
    if message.starts_with("Illegal mixing of types in CASE or COALESCE") {
        let help = "CAST the others, such as CAST(1 AS STRING)";
        return told("all values of a CASE or COALESCE are of one type, and these are not", help);
    }
    if message.starts_with("Values in expression list must have compatible types") {
        return told("all values of an IN list are of one type, and these are not", "CAST them to one type");
    }
    if message.starts_with("Invalid input arguments") {
        let function = ["COALESCE", "IFNULL", "IF", "GREATEST", "LEAST", "ARRAY", "MAP"];
        let at = function.iter().find_map(|name| it.word(name)).filter(|_| it.at.is_none());
        let told =
            Told::new(CODE, at.map_or(At::AsFlinkSays, |at| it.place(at)), "a function does not take these arguments");
        return told.help("its arguments must be of one type, or of the types it is documented with: CAST them").some();
    }
    if let Some(clause) = message.strip_suffix(" clause must be a condition") {
        let what = format!("{clause} takes a condition, and this is none");
        return told(&what, "compare it with something: amount > 0");
    }
    if message.starts_with("Illegal use of 'NULL'") {
        return told("NULL alone has no type", "write CAST(NULL AS STRING), or the type that is meant");
    }
    if let Some(set) = message.strip_prefix("Column count mismatch in ") {
        let what = format!("both sides of {set} must have the same number of columns");
        return told(&what, "write the same columns on both sides, in the same order");
    }
    if message.starts_with("Array element access needs an index starting at 1") {
        let at =
            it.tokens.windows(2).position(|two| matches!(two, [open, zero] if open.is_symbol("[") && zero.text == "0"));
        let at = at.map_or(At::AsFlinkSays, |at| it.place(at + 1));
        return Told::new(CODE, at, "elements of an array are counted from 1").help("write [1] for the first").some();
    }
    if let Some((function, rest)) = message.strip_prefix("Invalid number of arguments to function '")?.split_once("'. ")
    {
        let what =
            format!("{function} was given a wrong number of arguments: {}", rest.replace("Was expecting", "it takes"));
        return told(&what, help_of_arguments(function));
    }
    None
}

fn help_of_arguments(function: &str) -> &'static str {
    match function {
        "HOP" => {
            "write HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE): the slide, then the size"
        }
        "CUMULATE" => {
            "write CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '1' HOUR): the step, then the size"
        }
        "TUMBLE" => "write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE)",
        "SESSION" => "write SESSION(TABLE t PARTITION BY key, DESCRIPTOR(ts), INTERVAL '5' MINUTE)",
        _ => "write as many as it takes",
    }
}

/// A type as people write it, out of the `<` and `>` that Calcite puts around it.
pub(super) fn plain(text: &str) -> String {
    written(text).replace(['<', '>'], "")
}

/// A type as people write it.
pub(super) fn written(text: &str) -> String {
    let mut text = text.replace("VARCHAR(2147483647)", "STRING").replace(" *ROWTIME*", "").replace(" *PROCTIME*", "");
    for (calcite, ours) in [
        ("TIMESTAMP_WITH_LOCAL_TIME_ZONE", "TIMESTAMP_LTZ"),
        ("INTEGER", "INT"),
        ("CHARACTER", "STRING"),
        (" NOT NULL", ""),
    ] {
        text = text.replace(calcite, ours);
    }
    text
}

/// An operator or a function, and what it was given.
fn applied(it: &Failure<'_>, function: &str, given: &str) -> Told {
    let types = types_of(given);
    let is = |words: &[&str]| types.iter().any(|given| words.iter().any(|word| given.starts_with(word)));
    let (texts, times) = (is(&["STRING", "CHAR", "VARCHAR"]), is(&["TIMESTAMP", "DATE", "TIME"]));
    let numbers = is(&["INT", "BIGINT", "DECIMAL", "DOUBLE", "FLOAT", "SMALLINT", "TINYINT", "NUMERIC"]);
    let both = types.join(" and ");
    if let Some(told) = window(it, function) {
        return told;
    }
    let symbol = !function.starts_with(|c: char| c.is_alphabetic() || c == '$' || c == '_');
    let message = match function {
        "ITEM" => format!("an element of {} cannot be taken like this", types.first().map_or("", String::as_str)),
        "$SCALAR_QUERY" => "a query in brackets gives one column here, and this one gives more".to_owned(),
        _ if symbol => format!("`{function}` does not take {both} together"),
        _ => format!("{function} does not take {}", types.join(", ")),
    };
    let told = Told::new(CODE, At::AsFlinkSays, message);
    let help = match function {
        "=" | "<>" if is(&["BOOLEAN"]) && numbers => "write the column alone, or NOT before it: WHERE paid".to_owned(),
        "+" | "-" if texts && is(&["INTERVAL"]) => "make it a time first: TO_TIMESTAMP(text)".to_owned(),
        "+" if texts && !times => "write CONCAT(a, b) or a || b to join texts".to_owned(),
        "||" => "make it a text: CAST(a AS STRING)".to_owned(),
        "-" if times && types.len() == 2 && !numbers && !texts => {
            "write TIMESTAMPDIFF(SECOND, earlier, later) for the time between two".to_owned()
        }
        "+" | "-" if times && numbers => "write INTERVAL '5' MINUTE for a span of time, not a number".to_owned(),
        "=" | "<>" | "<" | ">" | "<=" | ">=" | "BETWEEN ASYMMETRIC" | "IN" | "NOT IN" if times && numbers => {
            "compare two times: TO_TIMESTAMP_LTZ(number, 3) makes one of milliseconds".to_owned()
        }
        "=" | "<>" | "<" | ">" | "<=" | ">=" | "BETWEEN ASYMMETRIC" | "IN" | "NOT IN" | "LIKE" | "NOT LIKE" => {
            "CAST one side to the type of the other, such as CAST(a AS STRING)".to_owned()
        }
        "TO_TIMESTAMP" if numbers => "write TO_TIMESTAMP_LTZ(number, 3) for milliseconds, 0 for seconds".to_owned(),
        "DATE_FORMAT" if numbers => {
            "make it a time first: DATE_FORMAT(TO_TIMESTAMP_LTZ(number, 3), 'yyyy-MM-dd')".to_owned()
        }
        "SUM" | "AVG" | "STDDEV_POP" | "VAR_POP" if is(&["BOOLEAN"]) => {
            "count instead: COUNT(*) FILTER (WHERE condition)".to_owned()
        }
        "SUM" | "AVG" | "STDDEV_POP" | "VAR_POP" => "make it a number: CAST(a AS DECIMAL(18, 2))".to_owned(),
        "ITEM" => "an array takes a number, from 1; a map takes a key of its type".to_owned(),
        "$SCALAR_QUERY" => "select one column in it, or join it".to_owned(),
        "AND" | "OR" | "NOT" => "write a condition: amount > 0".to_owned(),
        _ => match dialects::function(function) {
            Some(ours) => format!("write {ours}"),
            None => forms(it),
        },
    };
    told.help(help)
}

const WINDOWS: [&str; 4] = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];

/// A window's function that was given something else, or whose name has a slip in it: Flink takes that for a query.
fn window(it: &Failure<'_>, function: &str) -> Option<Told> {
    if WINDOWS.contains(&function) {
        let message = format!("{function} takes a table, the column of its time and spans of time");
        return Told::new("window", At::AsFlinkSays, message).help(help_of_arguments(function)).some();
    }
    let at = it
        .tokens
        .windows(3)
        .position(|three| matches!(three, [_, open, table] if open.is_symbol("(") && table.is_word("TABLE")));
    let slip = at.filter(|_| function == "$SCALAR_QUERY").and_then(|at| Some((at, it.token(at)?.text)))?;
    let meant = crate::suggest::closest(slip.1, &WINDOWS)?;
    let message = format!("Flink has no function `{}`", slip.1);
    Told::new("unknown-function", it.place(slip.0), message).help(format!("write {meant}")).some()
}

/// What an operator takes, from Flink's own list.
fn forms(it: &Failure<'_>) -> String {
    let Some((_, forms)) = it.message.split_once("Supported form(s): ") else { return "CAST them".to_owned() };
    let mut told: Vec<String> = Vec::new();
    for form in forms.lines().map(|form| plain(form.trim_matches(['\'', ' ']))) {
        if !told.contains(&form) && told.len() < 3 {
            told.push(form);
        }
    }
    format!("it takes {}: CAST what is of another type", told.join(", or "))
}

/// The types of `'<A> > <B>'` or `'SUM(<A>)'`.
fn types_of(given: &str) -> Vec<String> {
    let mut types = Vec::new();
    let mut rest = given;
    while let Some(start) = rest.find('<') {
        let inner = rest.get(start + 1..).unwrap_or_default();
        // An operator such as `<` or `<>` stands between blanks.
        if !inner.starts_with(|c: char| c.is_ascii_uppercase()) {
            rest = inner;
            continue;
        }
        let mut depth = 1_usize;
        let end = inner.char_indices().find_map(|(at, c)| {
            match c {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at)
        });
        let Some(end) = end else { break };
        types.push(plain(inner.get(..end).unwrap_or_default()));
        rest = inner.get(end..).unwrap_or_default();
    }
    types
}
