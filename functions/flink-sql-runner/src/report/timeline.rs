//! The operations of all jobs as one picture: a line for each job, time to the right, a mark for each operation.
//! Must not know how the rest of the page looks.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use lifecycle::documents::record::{Ended, Entry};

use super::Report;
use super::escape::escaped;

const WIDTH: i64 = 1000;
/// Where time begins.
const LEFT: i64 = 220;
const RIGHT: i64 = WIDTH - 12;
const ROW: usize = 16;
/// How far back is shown at most.
const BACK: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How much of a name is shown.
const NAME: usize = 32;

/// The picture of the newest `most` operations of each job; nothing if there were none.
pub(super) fn of(report: &Report, most: usize) -> String {
    let newest = |entries: &'_ [Entry]| entries.len().saturating_sub(most);
    let rows: Vec<(&str, &[Entry])> = report
        .jobs
        .iter()
        .map(|(name, told)| (name.as_str(), told.entries.get(newest(&told.entries)..).unwrap_or_default()))
        .filter(|(_, entries)| !entries.is_empty())
        .collect();
    let Some(first) = rows.iter().flat_map(|(_, entries)| entries.iter()).map(|entry| entry.at).min() else {
        return String::new();
    };
    let axis = Axis { from: first.max(report.at - BACK), to: report.at };
    let height = ROW * (rows.len() + 2);
    let mut text = format!(
        "<h2>Operations</h2><p class=s><span class=g>●</span> done <span class=b>●</span> failed, refused or rolled back \
         <span class=w>●</span> unknown or not healthy; the newest {most} of each job at most, 30 days back</p>\n\
         <div class=f><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Operations of each job over time\">\n"
    );
    for (at, anchor) in [(axis.from, "start"), (axis.to, "end")] {
        let (x, when) = (axis.place(at), at.strftime("%Y-%m-%d %H:%MZ"));
        let _ = writeln!(text, "<text class=s x={x} y=12 text-anchor={anchor}>{when}</text>");
    }
    for (at, (name, entries)) in rows.iter().enumerate() {
        let y = ROW * (at + 2);
        let _ = write!(text, "<text x=0 y={}>{}</text>", y + 4, escaped(name, NAME));
        let _ = write!(text, "<path class=r d=\"M{LEFT} {y}H{RIGHT}\"/>");
        for entry in entries.iter().filter(|entry| entry.at >= axis.from) {
            let (x, class) = (axis.place(entry.at), class(entry.outcome));
            let (outcome, version, when) = (entry.outcome, entry.version, entry.at.strftime("%m-%d %H:%MZ"));
            let tries = match entry.count() {
                0 | 1 => String::new(),
                count => format!(", tried {count} times"),
            };
            let _ = write!(
                text,
                "<circle class={class} cx={x} cy={y} r=4><title>{outcome} v{version} {when}{tries}</title></circle>"
            );
        }
        text.push('\n');
    }
    text + "</svg></div>\n"
}

/// The time that the picture spans.
struct Axis {
    from: Timestamp,
    to: Timestamp,
}

impl Axis {
    fn place(&self, at: Timestamp) -> i64 {
        let span = self.to.as_second().saturating_sub(self.from.as_second()).max(1);
        let part = at.as_second().saturating_sub(self.from.as_second()).clamp(0, span);
        LEFT + (RIGHT - LEFT) * part / span
    }
}

fn class(outcome: Ended) -> &'static str {
    match outcome {
        Ended::Deployed | Ended::Left | Ended::Completed | Ended::Suspended | Ended::Removed => "g",
        Ended::Unhealthy | Ended::Abandoned => "w",
        Ended::RolledBack | Ended::Refused | Ended::Failed => "b",
    }
}
