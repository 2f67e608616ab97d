//! Owns which texts may be a time zone to Flink. The places of an area are not listed: each release of Java has more.
//! Must not know which options take one.

/// Whether Flink may take a text: what Java knows by name, or how far from GMT it is.
pub(super) fn may_be(text: &str) -> bool {
    match text.split_once('/') {
        Some((area, place)) => AREAS.contains(&area) && !place.is_empty() && place.bytes().all(is_name),
        None => NAMES.contains(&text) || text.strip_prefix("GMT").is_some_and(is_distance),
    }
}

/// What may be written, as the end of "write …".
pub(super) const ALLOWED: &str = "a time zone, for example `UTC`, `Europe/Berlin` or `GMT+02:00`";

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte)
}

/// `+2`, `-02`, `+0200` or `+02:00`.
fn is_distance(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(['+', '-']) else { return false };
    let number = |digits: &str, most: u32| digits.parse::<u32>().is_ok_and(|number| number <= most);
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    match (digits.len(), digits.split_once(':')) {
        (1 | 2, None) => plain(digits) && number(digits, 23),
        (4, None) => plain(digits) && number(&digits[..2], 23) && number(&digits[2..], 59),
        (5, Some((hours, minutes))) => {
            let whole = hours.len() == 2 && plain(hours) && plain(minutes);
            whole && number(hours, 23) && number(minutes, 59)
        }
        _ => false,
    }
}

const AREAS: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "SystemV",
    "US",
];

/// The names without an area that Java 11 takes in both of its ways, as Flink wants it.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "default", "CET", "CST6CDT", "Cuba", "EET", "EST5EDT", "Egypt", "Eire", "GB", "GB-Eire", "GMT", "GMT0", "Greenwich",
    "Hongkong", "Iceland", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein", "Libya", "MET", "MST7MDT", "NZ",
    "NZ-CHAT", "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROK", "Singapore", "Turkey", "UCT", "UTC",
    "Universal", "W-SU", "WET", "Zulu",
];

#[cfg(test)]
mod tests {
    use super::may_be;

    #[test]
    fn what_flink_takes_may_be_one_and_what_it_refuses_is_none() {
        // As Java answers, but for places that it does not know.
        for text in
            ["UTC", "GMT", "GMT0", "GMT+2", "GMT+02", "GMT+0200", "GMT-08:00", "Etc/GMT+5", "Europe/Berlin", "default"]
        {
            assert!(may_be(text), "{text}");
        }
        for text in ["America/Argentina/Buenos_Aires", "America/Port-au-Prince", "PST8PDT", "Zulu"] {
            assert!(may_be(text), "{text}");
        }
        for text in ["Mars", "utc", "+02:00", "UTC+2", "UTC+02:00", "EST", "PST", "Z", "GMT+2:00", "GMT+24:00"] {
            assert!(!may_be(text), "{text}");
        }
        for text in ["europe/berlin", "Europ/Berlin", "Europe/", "Europe/Ber lin", "", "GMT+", "GMT+é", "GMT++1"] {
            assert!(!may_be(text), "{text}");
        }
    }
}
