//! How Flink reads the text of an option's value, by the option's type; compared with Flink itself in a test.
//! Must not know which option has which type. More lenient than Flink only with lists and maps in YAML's
//! own brackets, which older ways of configuring read otherwise.

use std::time::Duration;

/// What an option takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionType {
    /// One value.
    One(Scalar),
    /// Values with `;` between them.
    List(Scalar),
    /// `key:value` pairs with `,` between them, or written key by key.
    Map,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Bool,
    Int,
    Long,
    /// With a point; Flink's floats and doubles take the same texts.
    Number,
    Text,
    Duration,
    Memory,
    Enum(Vec<&'static str>),
}

impl OptionType {
    /// The type as the catalogue writes it.
    pub(super) fn read(text: &'static str) -> Option<Self> {
        if text == "map" {
            return Some(Self::Map);
        }
        match text.strip_prefix("list ") {
            // Lists of maps are written in YAML's way only.
            Some("map") => Some(Self::List(Scalar::Text)),
            Some(scalar) => Scalar::read(scalar).map(Self::List),
            None => Scalar::read(text).map(Self::One),
        }
    }

    /// Whether Flink can read the text.
    pub(super) fn reads(&self, text: &str) -> bool {
        match self {
            Self::One(scalar) => scalar.reads(text),
            Self::List(_) if text.starts_with('[') && text.ends_with(']') => true,
            Self::List(scalar) => split(text, ';').is_some_and(|parts| parts.iter().all(|part| scalar.reads(part))),
            Self::Map if text.starts_with('{') && text.ends_with('}') => true,
            Self::Map => split(text, ',').is_some_and(|pairs| {
                pairs.iter().all(|pair| split(pair, ':').is_some_and(|key_and_value| key_and_value.len() == 2))
            }),
        }
    }

    /// Whether two texts are one value.
    pub(super) fn same(&self, one: &str, other: &str) -> bool {
        match self {
            // Texts that name something are compared without case by Flink where it knows them.
            Self::One(Scalar::Bool | Scalar::Enum(_) | Scalar::Text) => one.eq_ignore_ascii_case(other),
            Self::One(Scalar::Int | Scalar::Long | Scalar::Number | Scalar::Duration | Scalar::Memory) => {
                magnitude(self, one).is_some_and(|size| magnitude(self, other) == Some(size))
            }
            Self::List(_) => split(one, ';').is_some_and(|parts| split(other, ';') == Some(parts)),
            Self::Map => split(one, ',').is_some_and(|pairs| split(other, ',') == Some(pairs)),
        }
    }

    /// What may be written, as the end of "write …".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::One(scalar) => scalar.describe(),
            Self::List(scalar) => format!("values with `;` between them, each {}", scalar.describe()),
            Self::Map => "`key:value` pairs with `,` between them".to_owned(),
        }
    }
}

impl Scalar {
    fn read(text: &'static str) -> Option<Self> {
        if let Some(values) = text.strip_prefix("enum ") {
            return Some(Self::Enum(values.split('|').collect()));
        }
        match text {
            "bool" => Some(Self::Bool),
            "int" => Some(Self::Int),
            "long" => Some(Self::Long),
            "float" | "double" => Some(Self::Number),
            "string" => Some(Self::Text),
            "duration" => Some(Self::Duration),
            "memory" => Some(Self::Memory),
            _ => None,
        }
    }

    fn reads(&self, text: &str) -> bool {
        match self {
            Self::Bool => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            Self::Int => text.parse::<i32>().is_ok(),
            Self::Long => text.parse::<i64>().is_ok(),
            Self::Number => number(text).is_some(),
            Self::Text => true,
            Self::Duration => nanoseconds(text).is_some(),
            Self::Memory => memory_bytes(text).is_some(),
            Self::Enum(values) => values.iter().any(|value| value.eq_ignore_ascii_case(text)),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Int | Self::Long => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Duration => "a time, for example `500 ms`, `10 s`, `5 min`, `1 h` or `1 d`".to_owned(),
            Self::Memory => "a size, for example `64 kb`, `128 mb` or `1 gb`".to_owned(),
            Self::Enum(values) => format!("one of `{}`", values.join("`, `")),
        }
    }
}

/// How large the value is, in whatever unit its type is compared in; `None` for what has no size.
#[expect(clippy::cast_precision_loss, reason = "bounds are small")]
pub(super) fn magnitude(takes: &OptionType, text: &str) -> Option<f64> {
    match takes {
        OptionType::One(Scalar::Int | Scalar::Long) => text.parse::<i64>().ok().map(|value| value as f64),
        OptionType::One(Scalar::Number) => number(text),
        OptionType::One(Scalar::Duration) => nanoseconds(text).map(|value| value as f64),
        OptionType::One(Scalar::Memory) => memory_bytes(text).map(|value| value as f64),
        OptionType::One(Scalar::Bool | Scalar::Text | Scalar::Enum(_)) | OptionType::List(_) | OptionType::Map => None,
    }
}

/// Java's `trim`: everything up to the blank.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

/// Java's `parseDouble`. Hexadecimal numbers are taken, and not looked into.
fn number(text: &str) -> Option<f64> {
    let text = trim(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        "NaN" => return Some(f64::NAN),
        "Infinity" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        "Infinity" => return Some(f64::INFINITY),
        _ => {}
    }
    if unsigned.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) {
        return unsigned.contains(['p', 'P']).then_some(f64::NAN);
    }
    let plain = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let digits = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if digits { plain.parse().ok() } else { None }
}

/// The digits that a quantity begins with, and its unit in small letters.
fn quantity(text: &str) -> Option<(i64, String)> {
    let text = trim(text);
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, trim(unit).to_lowercase()))
}

/// `TimeUtils.parseDuration`: without a unit it is milliseconds; no ISO 8601, no fractions, no sums.
pub fn flink_duration(text: &str) -> Option<Duration> {
    let nanoseconds = nanoseconds(text)?;
    let seconds = u64::try_from(nanoseconds / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanoseconds % 1_000_000_000).ok()?))
}

/// Milliseconds as the value of an option, in the largest unit that says them without a fraction.
pub fn flink_duration_text(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let fits = units.into_iter().find(|(unit, _)| ms != 0 && ms % unit == 0);
    fits.map_or_else(|| format!("{ms} ms"), |(unit, name)| format!("{} {name}", ms / unit))
}

fn nanoseconds(text: &str) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    let (value, unit) = quantity(text)?;
    let unit = match unit.as_str() {
        "d" | "day" | "days" => 86_400 * SECOND,
        "h" | "hour" | "hours" => 3_600 * SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        _ => return None,
    };
    let span = i128::from(value) * unit;
    // Java counts whole seconds in 64 bits.
    (span / SECOND <= i128::from(i64::MAX)).then_some(span)
}

/// `MemorySize.parse`: without a unit it is bytes; no `kib`, no fractions.
pub fn memory_bytes(text: &str) -> Option<i64> {
    let (value, unit) = quantity(text)?;
    let unit = match unit.as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => 1 << 20,
        "g" | "gb" | "gibibytes" => 1 << 30,
        "t" | "tb" | "tebibytes" => 1_i64 << 40,
        _ => return None,
    };
    value.checked_mul(unit)
}

/// A size as Flink writes it, in MiB, rounded up.
pub fn megabytes(text: &str) -> Option<u64> {
    let bytes = u64::try_from(memory_bytes(text)?).ok()?;
    Some(bytes.div_ceil(1 << 20))
}

/// `StructuredOptionsSplitter`: parts in quotes keep the separator; `None` where quotes are not closed, or not alone.
fn split(text: &str, separator: char) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    // Between two parts there is always a separator.
    let mut wants_separator = false;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        if first == separator {
            (wants_separator, rest) = (false, after);
        } else if first.is_whitespace() {
            rest = after;
        } else if wants_separator {
            return None;
        } else if matches!(first, '\'' | '"') {
            let (part, after) = quoted(after, first)?;
            parts.push(part);
            (wants_separator, rest) = (true, after);
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            parts.push(trim(&rest[..end]).to_owned());
            (wants_separator, rest) = (true, &rest[end..]);
        }
    }
    Some(parts)
}

/// What is in quotes, a doubled one standing for one, and what comes after.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(quote)?;
        part.push_str(&rest[..end]);
        rest = &rest[end + quote.len_utf8()..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                part.push(quote);
                rest = after;
            }
            None => return Some((part, rest)),
        }
    }
}
