//! The lineage of tables as a picture: what each job reads on its left, what it writes on its right.
//! Must not know how it is found out which tables a job uses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Report;
use super::escape::escaped;

const WIDTH: usize = 1000;
const ROW: usize = 16;
/// Where the three columns begin, and where their texts end at the latest.
const SOURCES: usize = 0;
const JOBS: usize = 380;
const TARGETS: usize = 760;
const TEXT: usize = 230;
/// How much of a name is shown.
const NAME: usize = 34;

/// The picture; nothing if nothing is deployed.
pub(super) fn of(report: &Report) -> String {
    let mut jobs: Vec<_> = report.jobs.iter().filter(|(_, told)| told.writes.is_some()).collect();
    if jobs.is_empty() {
        return String::new();
    }
    // Jobs that write one table, or read one, stand together.
    jobs.sort_by_key(|(name, told)| (&told.writes, &told.reads, *name));
    let (mut sources, mut targets) = (Column::default(), Column::default());
    for (at, (_, told)) in jobs.iter().enumerate() {
        told.reads.iter().for_each(|table| sources.connect(table, at));
        told.writes.iter().for_each(|table| targets.connect(table, at));
    }
    let (sources, targets) = (sources.placed(), targets.placed());
    let rows = sources.iter().chain(&targets).map(|(_, row)| row + 1).max().unwrap_or_default().max(jobs.len());
    let height = ROW * (rows + 2);
    let mut text = format!(
        "<h2>Tables</h2><div class=f><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Which job reads and writes which tables\">\n"
    );
    for (x, head) in [(SOURCES, "reads"), (JOBS, "job"), (TARGETS, "writes")] {
        let _ = write!(text, "<text class=s x={x} y=12>{head}</text>");
    }
    text.push_str("\n<path class=e d=\"");
    for (table, row) in &sources {
        for job in &table.jobs {
            edge(&mut text, (SOURCES + TEXT, *row), (JOBS - 6, *job));
        }
    }
    for (table, row) in &targets {
        for job in &table.jobs {
            edge(&mut text, (JOBS + TEXT, *job), (TARGETS - 6, *row));
        }
    }
    text.push_str("\"/>\n");
    for (at, (name, _)) in jobs.iter().enumerate() {
        label(&mut text, JOBS, at, name.as_str());
    }
    for (x, column) in [(SOURCES, &sources), (TARGETS, &targets)] {
        for (table, row) in column {
            label(&mut text, x, *row, &table.name);
        }
    }
    text + "</svg></div>\n"
}

/// The tables of one side, each with the rows of the jobs that it belongs to.
#[derive(Default)]
struct Column(BTreeMap<String, Vec<usize>>);

struct Table {
    name: String,
    jobs: Vec<usize>,
}

impl Column {
    fn connect(&mut self, table: &str, job: usize) {
        self.0.entry(table.to_owned()).or_default().push(job);
    }

    /// Each table near the middle of its jobs, never two in one row.
    fn placed(self) -> Vec<(Table, usize)> {
        let mut tables: Vec<Table> = self.0.into_iter().map(|(name, jobs)| Table { name, jobs }).collect();
        let middle = |table: &Table| table.jobs.iter().sum::<usize>() / table.jobs.len().max(1);
        tables.sort_by_key(|table| (middle(table), table.name.clone()));
        let mut free = 0;
        let place = |table: Table| {
            let row = middle(&table).max(free);
            free = row + 1;
            (table, row)
        };
        tables.into_iter().map(place).collect()
    }
}

fn y(row: usize) -> usize {
    ROW * (row + 2)
}

fn edge(path: &mut String, from: (usize, usize), to: (usize, usize)) {
    let (from_y, to_y, middle) = (y(from.1) - 4, y(to.1) - 4, usize::midpoint(from.0, to.0));
    let _ = write!(path, "M{} {from_y}C{middle} {from_y} {middle} {to_y} {} {to_y}", from.0, to.0);
}

fn label(text: &mut String, x: usize, row: usize, name: &str) {
    let _ = writeln!(text, "<text x={x} y={}>{}</text>", y(row), escaped(name, NAME));
}
