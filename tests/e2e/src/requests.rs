//! How many requests the system makes, by who makes them and what about.
//! Must not know what any request is for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use local::Recorded;
use local_stack::release::{BUCKET, PREFIX};

use crate::Bench;

/// For how long nothing may happen before all is taken to be done.
const QUIET: Duration = Duration::from_secs(4);

/// Who, which operation, and the folder under the prefix for S3's.
type Group = (String, String, String);

/// Requests, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<Group, u64>);

impl Requests {
    fn of(recorded: &[Recorded]) -> Self {
        let mut counts = BTreeMap::new();
        for Recorded { request, count } in recorded {
            let need = request.needs.first();
            let listed = need.and_then(|need| need.context.get("s3:prefix").cloned());
            let prefix = format!("arn:aws:s3:::{BUCKET}/{PREFIX}");
            let key = need.and_then(|need| need.resource.strip_prefix(&prefix).map(str::to_owned));
            let path = key.or_else(|| listed.map(|prefix| prefix.trim_start_matches(PREFIX).to_owned()));
            let folder = path.and_then(|path| path.split('/').next().map(str::to_owned)).unwrap_or_default();
            *counts.entry((request.principal.clone(), request.operation.clone(), folder)).or_default() += count;
        }
        Self(counts)
    }

    /// What came since an earlier count.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let more = |(group, count): (&Group, &u64)| {
            let more = count - earlier.0.get(group).copied().unwrap_or_default();
            (more > 0).then(|| (group.clone(), more))
        };
        Self(self.0.iter().filter_map(more).collect())
    }

    /// Only those about jobs' state, or only the others; neither those of the test, which looks as owner and operator.
    #[must_use]
    pub fn about_state(&self, state: bool) -> Self {
        let wanted = |(principal, _, folder): &Group| {
            !matches!(principal.as_str(), "owner" | "operator")
                && matches!(folder.as_str(), "checkpoints" | "savepoints") == state
        };
        Self(self.0.iter().filter(|(group, _)| wanted(group)).map(|(group, count)| (group.clone(), *count)).collect())
    }

    /// How many there are of somebody whose operation passes.
    pub fn sum(&self, principal: &str, operation: impl Fn(&str) -> bool) -> u64 {
        let counted = self.0.iter().filter(|((who, what, _), _)| who == principal && operation(what));
        counted.map(|(_, count)| count).sum()
    }

    /// A table for people, with sums by S3's price classes.
    pub fn table(&self, title: &str) -> String {
        let mut text = format!("{title}\n");
        for ((who, what, folder), count) in &self.0 {
            let _ = writeln!(text, "  {count:>6}  {who:<14} {what:<28} {folder}");
        }
        for who in ["function", "node", "uploader"] {
            let other = self.sum(who, |what| !what.starts_with("s3:"));
            let (dear, cheap) = (self.sum(who, dear), self.sum(who, cheap));
            if dear + cheap + other > 0 {
                let _ =
                    writeln!(text, "  sum of {who}: {dear} PUT/POST/LIST, {cheap} GET/HEAD, {other} of other services");
            }
        }
        text
    }
}

/// S3's dear requests: writes and listings.
pub fn dear(operation: &str) -> bool {
    operation.starts_with("s3:")
        && !cheap(operation)
        && !operation.starts_with("s3:Delete")
        && operation != "s3:AbortMultipartUpload"
}

/// S3's cheap requests.
pub fn cheap(operation: &str) -> bool {
    matches!(operation, "s3:GetObject" | "s3:HeadObject" | "s3:HeadBucket" | "s3:GetBucketLocation" | "s3:ListParts")
}

impl Bench {
    /// Every request so far.
    pub fn requests(&self) -> Requests {
        Requests::of(&self.stack.aws.recorded())
    }

    /// Waits until nothing is requested but about jobs' state.
    pub async fn quiet(&self) {
        let mut before = self.requests().about_state(false);
        let mut since = tokio::time::Instant::now();
        self.wait("all is quiet", || {
            let now = self.requests().about_state(false);
            if now != before {
                before = now;
                since = tokio::time::Instant::now();
            }
            let quiet = since.elapsed() >= QUIET && self.stack.aws.queued() == 0;
            async move { quiet.then_some(()) }
        })
        .await;
    }
}
