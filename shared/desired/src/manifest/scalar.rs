//! What an unquoted YAML scalar is to `PyYAML` (YAML 1.1), and how Python would write it again.
//! Must not know files or fields.

use serde::{Deserialize, Serialize};

/// The type that `PyYAML` gives a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScalarKind {
    /// Text, quoted or not.
    String,
    /// `true`, `yes`, `on` and their opposites.
    Bool,
    /// A whole number: decimal, octal `017`, hexadecimal, binary, or base 60 `10:30`.
    Int,
    /// A number with a point, `.inf` or `.nan`.
    Float,
    /// `null`, `~` or nothing at all.
    Null,
    /// A date, with or without a time of day.
    Timestamp,
}

/// The type of an unquoted scalar.
pub(crate) fn kind_of_plain(text: &str) -> ScalarKind {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        ScalarKind::Null
    } else if bool_of(text).is_some() {
        ScalarKind::Bool
    } else if is_int(text) {
        ScalarKind::Int
    } else if is_float(text) {
        ScalarKind::Float
    } else if is_timestamp(text) {
        ScalarKind::Timestamp
    } else {
        ScalarKind::String
    }
}

/// The spellings of a boolean in YAML 1.1.
pub(crate) fn bool_of(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// What Python prints for a scalar of this kind; the text itself where the two agree or the
/// number is beyond what is worth computing.
pub(crate) fn python_text(kind: ScalarKind, text: &str) -> String {
    match kind {
        ScalarKind::Int => python_int(text),
        ScalarKind::Float => python_float(text),
        _ => None,
    }
    .unwrap_or_else(|| text.to_owned())
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

/// `[0-9][0-9_]*`
fn is_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && all(text, |b| b.is_ascii_digit() || b == b'_')
}

/// `(:[0-5]?[0-9])+` after the first part.
fn is_base_60<'a>(parts: impl Iterator<Item = &'a str>) -> bool {
    let mut some = false;
    for part in parts {
        some = true;
        let fits = match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    some
}

fn is_int(text: &str) -> bool {
    let digits = unsigned(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return all(binary, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return all(hex, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return octal.bytes().all(|b| matches!(b, b'0'..=b'7' | b'_'));
    }
    match digits.split_once(':') {
        None => is_digits(digits),
        Some((first, rest)) => is_digits(first) && is_base_60(rest.split(':')),
    }
}

fn is_float(text: &str) -> bool {
    let rest = unsigned(text);
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, fraction)) = rest.split_once('.') else {
        return false;
    };
    let fraction_only = |f: &str| f.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if let Some((first, sixtieths)) = whole.split_once(':') {
        return is_digits(first) && is_base_60(sixtieths.split(':')) && fraction_only(fraction);
    }
    // PyYAML wants a sign in an exponent: `1.0e5` is text to it.
    let (fraction, exponent) = match fraction.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (fraction, None),
    };
    let exponent_fits =
        exponent.is_none_or(|e| e.strip_prefix(['-', '+']).is_some_and(|digits| all(digits, |b| b.is_ascii_digit())));
    let mantissa_fits = if whole.is_empty() {
        // No sign before a bare point, and a digit after it.
        text == rest && is_digits(fraction)
    } else {
        is_digits(whole) && fraction_only(fraction)
    };
    exponent_fits && mantissa_fits
}

/// `2024-01-31`, or a looser date followed by a time of day.
fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ', '\t']) else {
        return is_date(text, true);
    };
    let time = time.trim_start_matches([' ', '\t']);
    is_date(date, false) && is_time(time)
}

fn is_date(date: &str, strict: bool) -> bool {
    let mut parts = date.split('-');
    let year = parts.next().is_some_and(|p| p.len() == 4 && all(p, |b| b.is_ascii_digit()));
    let part = |p: Option<&str>| {
        p.is_some_and(|p| (p.len() == 2 || (!strict && p.len() == 1)) && all(p, |b| b.is_ascii_digit()))
    };
    year && part(parts.next()) && part(parts.next()) && parts.next().is_none()
}

/// `[0-9][0-9]?:[0-9][0-9]:[0-9][0-9](\.[0-9]*)?([ \t]*(Z|[-+][0-9][0-9]?(:[0-9][0-9])?))?`
fn is_time(time: &str) -> bool {
    let digits = |p: &str, most: usize| !p.is_empty() && p.len() <= most && is_digits(p);
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => (time[..at].trim_end_matches([' ', '\t']), &time[at..]),
        None => (time, ""),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let hour = parts.next().is_some_and(|p| digits(p, 2));
    let mut rest = || parts.next().is_some_and(|p| p.len() == 2 && digits(p, 2));
    let clock_fits = hour && rest() && rest() && parts.next().is_none();
    let zone_fits = zone.is_empty() || zone == "Z" || {
        let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "00"));
        zone.starts_with(['+', '-']) && digits(hours, 2) && minutes.len() == 2 && digits(minutes, 2)
    };
    clock_fits && zone_fits && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn python_int(text: &str) -> Option<String> {
    let digits = unsigned(text).replace('_', "");
    let magnitude = if let Some(binary) = digits.strip_prefix("0b") {
        u128::from_str_radix(binary, 2).ok()?.to_string()
    } else if let Some(hex) = digits.strip_prefix("0x") {
        u128::from_str_radix(hex, 16).ok()?.to_string()
    } else if digits.len() > 1 && digits.starts_with('0') {
        u128::from_str_radix(&digits, 8).ok()?.to_string()
    } else if digits.contains(':') {
        let mut sum: u128 = 0;
        for part in digits.split(':') {
            sum = sum.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        }
        sum.to_string()
    } else {
        digits
    };
    let sign = if text.starts_with('-') && magnitude != "0" { "-" } else { "" };
    Some(format!("{sign}{magnitude}"))
}

fn python_float(text: &str) -> Option<String> {
    let lower = text.replace('_', "").to_lowercase();
    let magnitude = unsigned(&lower);
    let sign = if lower.starts_with('-') { -1.0 } else { 1.0 };
    let value = match magnitude {
        ".inf" => return Some(if sign < 0.0 { "-.inf" } else { ".inf" }.to_owned()),
        ".nan" => return Some(".nan".to_owned()),
        _ => {
            let mut sum = 0.0_f64;
            for part in magnitude.split(':') {
                sum = sum * 60.0 + part.parse::<f64>().ok()?;
            }
            sign * sum
        }
    };
    if value.is_infinite() {
        return Some(if value < 0.0 { "-.inf" } else { ".inf" }.to_owned());
    }
    Some(python_repr(value))
}

/// Python's `repr` of a finite float as `PyYAML` writes it: shortest digits that read back the
/// same, an exponent outside 1e-4 to 1e16, and always a point.
fn python_repr(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        // Debug always shows a point, and no exponent in this range.
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{point}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_as_in_yaml_1_1() {
        use ScalarKind::{Bool, Float, Int, Null, String, Timestamp};
        for (text, kind) in [
            ("", Null),
            ("~", Null),
            ("Null", Null),
            ("nuLL", String),
            ("yes", Bool),
            ("Off", Bool),
            ("oFF", String),
            ("y", String),
            ("0", Int),
            ("017", Int),
            ("018", String),
            ("1_000", Int),
            ("-5", Int),
            ("+5", Int),
            ("0x1F", Int),
            ("0b10", Int),
            ("0b", String),
            ("0o17", String),
            ("10:30", Int),
            ("10:60", String),
            ("010:30", String),
            ("_1", String),
            ("0_", Int),
            ("0x", String),
            ("1.5", Float),
            ("1.", Float),
            (".5", Float),
            ("-.5", String),
            ("+1.5e+3", Float),
            ("1.5e3", String),
            ("1e3", String),
            (".inf", Float),
            ("-.INF", Float),
            ("+.nan", String),
            (".", String),
            ("1.2.3", String),
            ("1:30.5", Float),
            ("1_0.0_", Float),
            ("._", String),
            ("2024-01-31", Timestamp),
            ("2024-1-31", String),
            ("2024-1-31 1:02:03", Timestamp),
            ("2024-01-31T01:02:03.5Z", Timestamp),
            ("2024-01-31 01:02:03 +01:00", Timestamp),
            ("2024-01-31 01:02", String),
            ("60s", String),
            ("1h", String),
            ("=", String),
        ] {
            assert_eq!(kind_of_plain(text), kind, "{text:?}");
        }
    }

    #[test]
    fn numbers_as_python_writes_them() {
        for (text, python) in [
            ("017", "15"),
            ("1_000", "1000"),
            ("10:30", "630"),
            ("-10:30", "-630"),
            ("+5", "5"),
            ("-0", "0"),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("00", "0"),
            ("0_", "0"),
            ("123456789012345678901234567890123456789012", "123456789012345678901234567890123456789012"),
        ] {
            assert_eq!(python_text(ScalarKind::Int, text), python, "{text:?}");
        }
        for (text, python) in [
            ("1.0", "1.0"),
            ("1.", "1.0"),
            ("0.10", "0.1"),
            (".5", "0.5"),
            ("-0.0", "-0.0"),
            ("1.5e+3", "1500.0"),
            ("1.0e+16", "1.0e+16"),
            ("1.0e+15", "1000000000000000.0"),
            ("1.25e-7", "1.25e-07"),
            ("0.0001", "0.0001"),
            ("0.00001", "1.0e-05"),
            ("1.5e+300", "1.5e+300"),
            ("1:30.5", "90.5"),
            (".INF", ".inf"),
            ("-.inf", "-.inf"),
            ("1.0e+999", ".inf"),
            (".NaN", ".nan"),
        ] {
            assert_eq!(python_text(ScalarKind::Float, text), python, "{text:?}");
        }
    }
}
