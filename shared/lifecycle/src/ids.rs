//! The names of things: operations, Flink job ids, batches, stop triggers, and how one is derived from another.
//! Must not know time or randomness: fresh ids come in from outside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Thirty-two lowercase hexadecimal digits, the form of a Flink job id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex32([u8; 16]);

/// A text that is not an id of 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: 32 lowercase hexadecimal digits are expected")]
pub struct NotAnId(String);

impl Hex32 {
    /// An id from its sixteen bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id named by `parts`: the same parts give the same id, in whatever process.
    pub fn derived(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // The length before each part keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(bytes)
    }

    /// The last eight digits: what people see.
    pub fn short(&self) -> String {
        self.to_string()[24..].to_owned()
    }
}

impl fmt::Display for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hex32 {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = || NotAnId(text.to_owned());
        let digits = text.as_bytes();
        let good = digits.len() == 32 && digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'));
        if !good {
            return Err(wrong());
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Hex32 {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<Hex32> for String {
    fn from(id: Hex32) -> Self {
        id.to_string()
    }
}

/// One kind of id: nothing but itself can be passed where it is expected.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Hex32);

        impl $name {
            /// The id named by `parts`: the same parts give the same id, in whatever process.
            pub fn derived(parts: &[&str]) -> Self {
                Self(Hex32::derived(parts))
            }

            /// The last eight digits: what people see.
            pub fn short(&self) -> String {
                self.0.short()
            }
        }

        impl From<Hex32> for $name {
            fn from(id: Hex32) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// One attempt to apply one plan; time-ordered.
    OperationId
}
id! {
    /// One execution of a job in Flink.
    JobId
}
id! {
    /// The operations sent in one step or command.
    BatchId
}
id! {
    /// One intent to stop one run with a savepoint.
    TriggerId
}
id! {
    /// Who wrote a document, to recognise one's own write after a lost reply.
    Nonce
}
id! {
    /// One act that a person ordered: the same id is the same order, however often it is asked for.
    ActId
}
id! {
    /// One alert: tells a copy of it from another one.
    AlertId
}

impl OperationId {
    /// How far the clocks of two makers of ids may be apart, in milliseconds.
    const CLOCKS: u64 = 3_600_000;

    /// Whether a run is one of the two that it starts.
    pub fn starts(self, run: JobId) -> bool {
        run == run_id(self) || run == rollback_id(self)
    }

    /// Whether it was made after `other`, or may have been: ids begin with the time.
    pub fn is_since(self, other: Self) -> bool {
        self.made_ms().saturating_add(Self::CLOCKS) >= other.made_ms()
    }

    /// When it was made, in milliseconds since 1970, by the clock of its maker.
    pub fn made_ms(self) -> u64 {
        self.0.0.iter().take(6).fold(0, |time, byte| (time << 8) | u64::from(*byte))
    }
}

impl JobId {
    /// The digits by which Flink names a savepoint of this run.
    pub fn in_savepoint_names(&self) -> String {
        self.to_string()[..6].to_owned()
    }
}

/// The Flink job id of an operation's run.
///
/// Operation ids of one hour begin with the same digits. Flink names savepoints by the first six digits of a job id, so
/// those of job ids have to differ.
pub fn run_id(operation: OperationId) -> JobId {
    JobId::derived(&["run", &operation.to_string()])
}

/// The Flink job id of an operation's rollback run.
pub fn rollback_id(operation: OperationId) -> JobId {
    JobId::derived(&["rollback", &operation.to_string()])
}

/// The trigger of the `n`th stop of `run` by `operation`.
pub fn stop_trigger(operation: OperationId, run: JobId, n: u32) -> TriggerId {
    TriggerId::derived(&["stop", &operation.to_string(), &run.to_string(), &n.to_string()])
}

/// The trigger of the `n`th savepoint that `operation` takes of `run` without stopping it.
pub fn savepoint_trigger(operation: OperationId, run: JobId, n: u32) -> TriggerId {
    TriggerId::derived(&["savepoint", &operation.to_string(), &run.to_string(), &n.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_refuses_what_is_not_one() {
        let id = Hex32::derived(&["a"]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "g0000000000000000000000000000000",
            "ABCD0000000000000000000000000000",
            "+1000000000000000000000000000000",
        ] {
            assert!(wrong.parse::<Hex32>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn derived_ids_differ_by_every_part() {
        let op = OperationId::derived(&["op"]);
        let run = run_id(op);
        let ids = [
            run.to_string(),
            rollback_id(op).to_string(),
            stop_trigger(op, run, 0).to_string(),
            stop_trigger(op, run, 1).to_string(),
            savepoint_trigger(op, run, 0).to_string(),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_ne!(Hex32::derived(&["ab", "c"]), Hex32::derived(&["a", "bc"]));
    }

    /// Operation ids of one hour differ in their last digits only.
    #[test]
    fn savepoints_of_runs_of_one_hour_are_told_apart_by_their_names() {
        let mut bytes = [0x19; 16];
        let mut run = |n| {
            bytes[15] = n;
            run_id(OperationId::from(Hex32::from_bytes(bytes))).in_savepoint_names()
        };
        let names: std::collections::BTreeSet<_> = (0..=255).map(&mut run).collect();
        assert_eq!(names.len(), 256);
    }

    /// Whoever makes ids has a clock of its own: what looks a little older may have been made after all the same.
    #[test]
    fn an_operation_is_since_another_unless_it_is_more_than_an_hour_older() {
        let at = |minute: u64| -> OperationId { format!("{:012x}{:020x}", minute * 60_000, minute).parse().unwrap() };
        let other = at(1_000);
        for (minute, since) in
            [(2_000, true), (1_001, true), (1_000, true), (999, true), (940, true), (939, false), (1, false)]
        {
            assert_eq!(at(minute).is_since(other), since, "minute {minute}");
        }
    }
}
