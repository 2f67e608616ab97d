//! Where a job's state may be kept: on a file system that is allowed, and nowhere that belongs to somebody else.
//! Must not know the other files: it is given one directory as text.

use super::Policy;
use super::name::JobName;
use crate::diagnostics::excerpt;

/// The file systems that state may be kept on. The first three are one and the same.
const STATE_SCHEMES: [&str; 4] = ["s3", "s3a", "s3p", FILE];
const FILE: &str = "file";
/// Where Flink's S3 file systems put random characters, as `s3.entropy.key` is set by default and in every example.
const ENTROPY: &str = "_entropy_";

/// Why a directory cannot be a job's, and the way out.
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Why a directory of a job that is about to start cannot be its own.
pub(crate) fn state_directory_refusal(directory: &str, name: &JobName, policy: &Policy) -> Option<String> {
    refusal(directory, name, false, policy).map(|refusal| refusal.message)
}

/// Judges a directory; one that the manifest itself gives has to carry the job's name where states of jobs are.
pub(crate) fn refusal(text: &str, name: &JobName, is_upload: bool, policy: &Policy) -> Option<Refusal> {
    let shown = excerpt(text);
    let plain = |message: String| {
        let help = if policy.allow_files {
            "write `s3://bucket/path`, or locally `file:///path`"
        } else {
            "write `s3://bucket/path`"
        };
        Some(Refusal { message, help: help.to_owned() })
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return plain(format!("`{shown}` is not a state directory: it has no `s3://` before it"));
    };
    if !STATE_SCHEMES.contains(&scheme) {
        return plain(format!("state cannot be kept on `{}://`", excerpt(scheme)));
    }
    // Flink reads `\` as `/`.
    if rest.contains('\\') {
        return plain(format!("`{shown}` is written with `\\`: another directory could be meant"));
    }
    if rest.split('/').any(|segment| segment.trim() == "." || segment.trim() == "..") {
        return plain(format!("`{shown}` is written with `.` or `..`: another directory could be meant"));
    }
    if text.contains(ENTROPY) {
        return plain(format!(
            "`{shown}` holds `{ENTROPY}`: Flink would put each checkpoint elsewhere, and none is found"
        ));
    }
    if scheme == FILE {
        if !rest.starts_with('/') {
            return plain(format!("`{shown}` names no absolute path"));
        }
        let message =
            || format!("`{shown}` is on one machine's disk: neither other nodes nor a new cluster would find it");
        return if policy.allow_files { None } else { plain(message()) };
    }
    let bucket = rest.split('/').next().unwrap_or_default();
    if bucket.is_empty() {
        return plain(format!("`{shown}` names no bucket"));
    }
    if bucket.contains(['@', ':', '?', '#', '%']) {
        return plain(format!("`{}` is no bucket's name", excerpt(bucket)));
    }
    foreign(rest, name, is_upload, policy.deployment.as_deref()?)
}

/// The folders under the prefix that jobs keep their states in.
const STATES: [&str; 2] = ["checkpoints", "savepoints"];

/// Why a directory belongs to somebody else: under the prefix, states are kept in two places only.
fn foreign(directory: &str, name: &JobName, is_upload: bool, deployment: &str) -> Option<Refusal> {
    let deployment = deployment.split_once("://").map_or(deployment, |(_, rest)| rest);
    let mut parts = segments(directory);
    // Outside the prefix: nothing is ours there.
    if !segments(deployment).all(|segment| parts.next() == Some(segment)) {
        return None;
    }
    let base = format!("s3://{}", deployment.trim_end_matches('/'));
    let way_out = |what: &str| format!("write `{base}/{what}/{name}/`, or a directory outside `{base}/`");
    let under = parts.next();
    let Some(place) = STATES.into_iter().find(|place| under == Some(place)) else {
        let message =
            format!("`{}` is not for states: the deployment keeps its own documents there", excerpt(directory));
        return Some(Refusal { message, help: way_out("checkpoints") });
    };
    let of = parts.next();
    (is_upload && of != Some(name.as_str())).then(|| {
        let message = format!(
            "`{}` is not this job's: under `{place}/` each job has the directory of its name",
            excerpt(directory)
        );
        Refusal { message, help: way_out(place) }
    })
}

/// The parts of a path as Flink's file systems see it: doubled slashes are one, space around it is dropped.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim().split('/').filter(|segment| !segment.is_empty())
}
