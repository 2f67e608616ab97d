//! The page: what stands how, as HTML without scripts and without anything from elsewhere.
//! Must not know how anything was found out; every text from outside goes through `escaped`.

use std::fmt::Write as _;

use lifecycle::moment::moment;
use orchestrator::actions::{JobStatus, Standing};
use orchestrator::held::{named, why};

use super::escape::escaped;
use super::{Report, lineage, timeline};
use crate::render::{ago, bytes, count};
use crate::status::standing::{InFlink, is_job_wrong};
use crate::status::text::{checkpointed, cluster, flink, sum};

const STYLE: &str = include_str!("style.css");
/// A browser that keeps to it loads nothing and runs nothing, whatever a text holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
/// How large a page may be: this much, or a part for each job if that is more.
const LIMIT: usize = 300_000;
const LIMIT_OF_ONE: usize = 1_000;
/// How many operations of each job are drawn, from what is wanted to what fits.
const OPERATIONS: [usize; 5] = [50, 20, 8, 3, 1];
/// How much of a text from outside is shown.
const LONG: usize = 300;
const SHORT: usize = 60;

/// The page, with as many operations as fit.
pub(super) fn of(report: &Report) -> String {
    let limit = LIMIT.max(report.status.jobs.len() * LIMIT_OF_ONE);
    let fits = |most: &usize| Some(with(report, *most, LONG)).filter(|page| page.len() <= limit);
    OPERATIONS.iter().find_map(fits).unwrap_or_else(|| with(report, 1, SHORT))
}

fn with(report: &Report, operations: usize, long: usize) -> String {
    let Report { at, place, status, .. } = report;
    let (place, at_text) = (escaped(place, LONG), moment(*at));
    let line = escaped(&format!("{}. {}", sum(status), cluster(status, *at)), long);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Flink SQL jobs of {place}</title><style>{STYLE}</style></head><body>\n\
         <h1>Flink SQL jobs</h1><p class=s>{place}, {at_text}</p><p>{line}</p>\n"
    );
    page.push_str(&not_read(report, long));
    page.push_str(&alerts(report, long));
    page.push_str(&jobs(report, long));
    page.push_str(&refused(report, long));
    page.push_str(&timeline::of(report, operations));
    page.push_str(&lineage::of(report));
    page.push_str("</body></html>\n");
    page
}

/// What the page does not tell, and why.
fn not_read(report: &Report, long: usize) -> String {
    if report.troubles.is_empty() {
        return String::new();
    }
    let mut lines = String::new();
    for trouble in &report.troubles {
        let _ = writeln!(lines, "<li class=b>{}", escaped(trouble, long));
    }
    format!("<h2>What could not be read is not on this page</h2><ul>{lines}</ul>\n")
}

/// What people were told of and still stands, and what was left out of the answer.
fn alerts(report: &Report, long: usize) -> String {
    let mut text = String::new();
    for standing in &report.alerts {
        let condition = &standing.condition;
        let (subject, detail) = (escaped(&condition.subject, SHORT), escaped(&condition.detail, long));
        let since = ago(report.at, standing.since);
        let kind = escaped(&condition.kind.to_string(), SHORT);
        let _ = writeln!(text, "<li><b class=b>{kind}</b> {subject}: {detail} <span class=s>for {since}</span>");
    }
    for note in &report.status.left_out {
        let _ = writeln!(text, "<li class=w>{}", escaped(note, long));
    }
    let none = if text.is_empty() { "<p class=s>none</p>" } else { "" };
    format!("<h2>Alerts</h2>{none}<ul>{text}</ul>\n")
}

fn jobs(report: &Report, long: usize) -> String {
    let mut text = format!("<h2>{}</h2>", count(report.status.jobs.len(), "job"));
    text.push_str("<table><thead><tr><th>Name<th>State<th>Since<th>Version<th>Flink<th>Restarts<th>Checkpoint<th>Size<th>What is to be known</thead>\n");
    for job in &report.status.jobs {
        text.push_str(&row(report, job, long));
    }
    text + "</table>\n"
}

fn row(report: &Report, job: &JobStatus, long: usize) -> String {
    let status = &report.status;
    let standing = job.standing();
    let class = match standing {
        _ if is_job_wrong(job, status) => "b",
        Standing::NotReadable | Standing::NotRunning | Standing::Unknown | Standing::Refused => "b",
        Standing::NotDeployed | Standing::NotJudged => "w",
        Standing::Running => "g",
        Standing::Complete | Standing::Suspended | Standing::Stopped | Standing::Forgotten => "o",
    };
    let cell = |text: Option<String>| text.unwrap_or_default();
    let seen = InFlink::of(job, status);
    let run = match seen {
        InFlink::Seen(run) => Some(run),
        InFlink::NotSeen | InFlink::NotLookedFor => None,
    };
    let observed = status.observed.as_ref().filter(|_| run.is_some());
    format!(
        "<tr><td>{}<td class={class}>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}\n",
        escaped(job.name.as_str(), LONG),
        standing.as_str(),
        cell(job.since.map(|since| ago(report.at, since))),
        cell(job.version.map(|version| format!("v{version}"))),
        escaped(&flink(seen), SHORT),
        cell(run.and_then(|run| run.restarts).map(|number| number.to_string())),
        cell(checkpointed(job, status).and_then(|at| Some(ago(observed?.look.at, at)))),
        cell(run.and_then(|run| run.checkpoints.as_ref()?.last_size).map(bytes)),
        notes(job, long),
    )
}

/// What its run suffers from, what holds a job, what is owed to it, and what cannot be read of it.
fn notes(job: &JobStatus, long: usize) -> String {
    let mut notes: Vec<String> = job.trouble.iter().cloned().collect();
    if let Some(trouble) = &job.run_trouble {
        notes.extend(trouble.text.lines().map(str::to_owned));
        notes.push(format!("logs {} shows more", job.name));
    }
    for waits in &job.waits_for {
        let why = why(waits.held).map_or_else(String::new, |why| format!("held: {why}; "));
        notes.push(format!("{why}{} approves it", waits.order(&job.name)));
    }
    notes.extend(
        job.owed.iter().map(|owed| format!("{}: {}", owed.purpose.undone(owed.cause), named(&owed.error, &job.name))),
    );
    notes.extend((!job.refused.is_empty()).then(|| "its upload is refused".to_owned()));
    notes.extend(job.operation.map(|operation| format!("operation {} is under way", operation.short())));
    notes.iter().map(|note| escaped(note, long)).collect::<Vec<_>>().join("<br>")
}

/// How many refused files are named.
const NAMED: usize = 20;

fn refused(report: &Report, long: usize) -> String {
    let status = &report.status;
    if status.refused == 0 {
        return String::new();
    }
    let mut text = format!("<h2>{} refused</h2><ul>", count(status.refused, "upload"));
    for upload in status.refused_uploads.iter().take(NAMED) {
        let first = upload.first.as_deref().unwrap_or("why cannot be read");
        let _ = writeln!(text, "<li>{}: {}", escaped(&upload.file, LONG), escaped(first, long));
    }
    text + "</ul>\n"
}
