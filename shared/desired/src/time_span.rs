//! Spans of time as people write them, `30s`, `2m`, `1h`, and as they read them, `5 min 24 s`.
//! Must not know what a span is for, nor which ones are allowed there.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A span of time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeSpan {
    seconds: u64,
}

/// A text that is no span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a whole number with `s`, `m` or `h` is expected, for example `30s`")]
pub struct BadTimeSpan;

impl TimeSpan {
    /// What [`FromStr`] takes, for schemas.
    pub const PATTERN: &'static str = "^[0-9]+ ?(s|m|min|h)$";

    pub const fn of_seconds(seconds: u64) -> Self {
        Self { seconds }
    }

    pub fn as_millis(self) -> u64 {
        self.seconds.saturating_mul(1000)
    }
}

impl From<TimeSpan> for Duration {
    fn from(span: TimeSpan) -> Self {
        Self::from_secs(span.seconds)
    }
}

// jiff's own parser takes more than manifests and Flink do: days, fractions, signs, several units.
impl FromStr for TimeSpan {
    type Err = BadTimeSpan;

    fn from_str(text: &str) -> Result<Self, BadTimeSpan> {
        let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or(BadTimeSpan)?;
        let (number, unit) = text.split_at(unit);
        let factor = match unit.strip_prefix(' ').unwrap_or(unit) {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            _ => return Err(BadTimeSpan),
        };
        let number: u64 = number.parse().map_err(|_| BadTimeSpan)?;
        number.checked_mul(factor).map(Self::of_seconds).ok_or(BadTimeSpan)
    }
}

/// In the largest unit that divides it: what is shown can be written in a manifest.
impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            0 => f.write_str("0s"),
            seconds if seconds.is_multiple_of(3600) => write!(f, "{}h", seconds / 3600),
            seconds if seconds.is_multiple_of(60) => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

/// A span of time for people, as exact as they want it.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        10..=59 => format!("{seconds} s"),
        60..=3599 => match seconds % 60 {
            0 => format!("{} min", seconds / 60),
            rest => format!("{} min {rest} s", seconds / 60),
        },
        3600..=172_799 => match seconds % 3600 / 60 {
            0 => format!("{} h", seconds / 3600),
            rest => format!("{} h {rest} min", seconds / 3600),
        },
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let of = |ms| shown(Duration::from_millis(ms));
        let spans = [of(0), of(3_240), of(42_900), of(60_000), of(324_000), of(7_380_000), of(400_000_000)];
        assert_eq!(spans, ["0.0 s", "3.2 s", "42 s", "1 min", "5 min 24 s", "2 h 3 min", "4 d"]);
    }

    #[test]
    fn a_number_and_its_unit() {
        for (text, seconds, shown) in [
            ("0s", 0, "0s"),
            ("30s", 30, "30s"),
            ("90s", 90, "90s"),
            ("120 s", 120, "2m"),
            ("2m", 120, "2m"),
            ("10min", 600, "10m"),
            ("60m", 3600, "1h"),
            ("36h", 129_600, "36h"),
        ] {
            let span: TimeSpan = text.parse().unwrap();
            assert_eq!((span, span.to_string().as_str()), (TimeSpan::of_seconds(seconds), shown), "{text}");
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in
            ["", "s", "30", "30 ", "1.5h", "-1s", "1d", "30S", " 30s", "30  s", "1h30m", "99999999999999999999s"]
        {
            assert_eq!(text.parse::<TimeSpan>(), Err(BadTimeSpan), "{text}");
        }
        assert_eq!("18446744073709551615h".parse::<TimeSpan>(), Err(BadTimeSpan), "no overflow");
    }
}
