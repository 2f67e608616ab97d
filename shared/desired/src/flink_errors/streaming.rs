//! What a stream cannot do: sorting, windows and joins without a time.
//! Must not know types of plain values.

use super::{At, Failure, Told};

const CODE: &str = "not-on-a-stream";
const TIME: &str = "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND";

pub(super) fn rule(it: &Failure<'_>) -> Option<Told> {
    window_time(it).or_else(|| windows(it)).or_else(|| order(it)).or_else(|| over(it)).or_else(|| joins(it))
}

fn told(at: At, what: &str, help: impl Into<String>) -> Option<Told> {
    Told::new(CODE, at, what).help(help).some()
}

/// The first of these words that stands there.
fn at(it: &Failure<'_>, words: &[&str]) -> At {
    words.iter().find_map(|word| it.word(word)).map_or(At::AsFlinkSays, |index| it.place(index))
}

/// The time that a window is made by.
fn window_time(it: &Failure<'_>) -> Option<Told> {
    let message = it.message;
    let has = |text: &str| message.contains(text);
    let place = || it.window_time().map_or_else(|| at(it, &WINDOWS), |(_, index)| it.place(index));
    if has("The window function requires the timecol is a time attribute")
        || has("Window aggregate can only be defined over a time attribute")
    {
        let column =
            it.window_time().map_or_else(|| "the time of the window".to_owned(), |(name, _)| format!("`{name}`"));
        let what = format!("{column} is no time that windows can be made by: its table has no watermark for it");
        return Told::new("no-watermark", place(), what)
            .help(format!("add {} to the table's definition", it.watermark()))
            .some();
    }
    if has("requires the timecol to be TIMESTAMP") {
        let (_, of_type) = message.split_once("but is ")?;
        let of_type = super::types::plain(of_type.lines().next().unwrap_or_default().trim_end_matches('.'));
        let what = format!("a window is made by a time, and this is {of_type}");
        return Told::new("no-watermark", place(), what).help("name the column that has the table's WATERMARK").some();
    }
    None
}

/// The size of windows, and where they are named.
fn windows(it: &Failure<'_>) -> Option<Told> {
    let has = |text: &str| it.message.contains(text);
    if has("Only constant window descriptors are supported") {
        return told(
            at(it, &["INTERVAL", "TUMBLE"]),
            "the size of a window must be written out",
            "write INTERVAL '5' MINUTE, the number in quotes",
        );
    }
    if has("requires size must be an integral multiple of") {
        return told(
            at(it, &WINDOWS),
            "the size of the window must be a multiple of its step",
            "write such as INTERVAL '5' MINUTE, INTERVAL '10' MINUTE",
        );
    }
    if has("must have matching call to group function") {
        return told(
            At::AsFlinkSays,
            "this names a window that GROUP BY does not make",
            "group by TUMBLE(ts, INTERVAL '5' MINUTE) or HOP(…) as well, with the same arguments",
        );
    }
    None
}

/// Sorting.
fn order(it: &Failure<'_>) -> Option<Told> {
    let has = |text: &str| it.message.contains(text);
    if has("Sort on a non-time-attribute field is not supported") {
        let help = "order by the column with the WATERMARK, ascending and first; or leave ORDER BY out; or add LIMIT for the first rows";
        return told(at(it, &["ORDER"]), "a stream never ends, and is sorted by its time only", help);
    }
    None
}

/// OVER and its functions.
fn over(it: &Failure<'_>) -> Option<Told> {
    let has = |text: &str| it.message.contains(text);
    if has("windows' ordering in stream mode must be defined on a time attribute")
        || has("The window can only be ordered by a single time column")
    {
        let help = format!("write OVER (PARTITION BY key ORDER BY ts), where ts has the table's {TIME}");
        return told(at(it, &["OVER"]), "OVER is ordered by the table's time on a stream", help);
    }
    if has("The window can only be ordered in ASCENDING mode") {
        let help = if it.word("ROW_NUMBER").is_some() || it.word("RANK").is_some() {
            "to keep the first rows only, filter by their number: SELECT * FROM (SELECT …, ROW_NUMBER() OVER (…) AS n FROM …) WHERE n <= 3"
        } else {
            "remove DESC"
        };
        return told(at(it, &["OVER"]), "OVER is ordered by time, ascending, on a stream", help);
    }
    if has("OVER RANGE FOLLOWING windows are not supported") {
        return told(
            at(it, &["OVER"]),
            "OVER cannot look at rows that come later",
            "write ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
        );
    }
    if has("OVER clause is necessary for window functions") {
        return told(
            At::AsFlinkSays,
            "this function needs OVER",
            "write ROW_NUMBER() OVER (PARTITION BY key ORDER BY ts)",
        );
    }
    None
}

/// Joins with a table as it was at a time.
fn joins(it: &Failure<'_>) -> Option<Told> {
    let has = |text: &str| it.message.contains(text);
    if has("Temporal Table Join requires") {
        let what = "a join FOR SYSTEM_TIME AS OF needs the time and the key of the table that it looks up";
        let help = format!("add to that table's definition: PRIMARY KEY (key) NOT ENFORCED, {TIME}");
        return told(at(it, &["SYSTEM_TIME", "JOIN"]), what, help);
    }
    None
}

const WINDOWS: [&str; 4] = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];

impl Failure<'_> {
    /// The column that the first window is made by, and where it stands.
    fn window_time(&self) -> Option<(String, usize)> {
        let descriptor = self.tokens.iter().position(|token| token.is_word("DESCRIPTOR")).map(|index| index + 2);
        let legacy = || {
            self.tokens
                .iter()
                .enumerate()
                .position(|(index, token)| WINDOWS.iter().any(|word| token.is_word(word)) && self.is(index + 1, &["("]))
        };
        let index = descriptor.or_else(|| legacy().map(|index| index + 2))?;
        Some((self.token(index)?.name()?, index))
    }

    fn watermark(&self) -> String {
        let column = self.window_time().map(|(name, _)| super::quoted(&name));
        column.map_or_else(|| TIME.to_owned(), |ts| format!("WATERMARK FOR {ts} AS {ts} - INTERVAL '5' SECOND"))
    }
}
