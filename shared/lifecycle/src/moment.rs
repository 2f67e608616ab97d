//! A moment as people read it, in UTC and to the second; programs read the time stamp itself.
//! Must not know what happened then.

use jiff::Timestamp;

/// `2026-11-23 12:00:00Z`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_nanoseconds() {
        let at: Timestamp = "2026-11-23T12:00:00.123456789Z".parse().unwrap();
        assert_eq!(moment(at), "2026-11-23 12:00:00Z");
    }
}
