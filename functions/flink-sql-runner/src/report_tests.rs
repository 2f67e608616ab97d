//! The page: what is on it, that nothing on it comes from elsewhere or runs, how large it is, and that a browser shows it.
//! Records are made by the product's own settling.

use std::process::Command;

use desired::tables::TableRole;
use lifecycle::alert_conditions::{AlertCondition, AlertKind};
use lifecycle::documents::record::Ended;
use orchestrator::actions::JobStatus;

use super::*;
use crate::test_kit::{at, manifest, name, running};

const NOW: &str = "2026-11-23T12:09:24Z";

fn status(job: &str, record: &Record) -> JobStatus {
    let of = |status| json!({"name": job, "version": 1, "status": status, "run": null, "since": NOW, "owed": []});
    let mut status: JobStatus = serde_json::from_value(of("running")).unwrap();
    status.run = record.expected_run();
    status
}

/// This many jobs with this many operations each; each reads two tables and writes one that some others write as well.
fn report(jobs: usize, operations: usize) -> Report {
    let mut told = BTreeMap::new();
    let mut statuses = Vec::new();
    for n in 0..jobs {
        let job = format!("orders-per-buyer-and-country-{n:03}");
        let record = running(&manifest(&job, "SELECT 1", 1), &job);
        statuses.push(status(&job, &record));
        let mut of = Told::of(record);
        of.reads = vec![format!("kafka_orders_{}", n / 3), format!("kafka_customers_{}", n % 7)];
        of.writes = Some(format!("iceberg_orders_{}", n / 2));
        let first = of.entries[0].clone();
        of.entries = (0..operations)
            .map(|op| {
                let mut entry = first.clone();
                let hours = i64::try_from((op * 7 + n) % 500).unwrap();
                entry.at = at("2026-11-01T00:00:00Z") + jiff::SignedDuration::from_hours(hours);
                entry.outcome = [Ended::Deployed, Ended::RolledBack, Ended::Abandoned][op % 3];
                entry
            })
            .collect();
        told.insert(name(&job), of);
    }
    let status = json!({"format": "", "version": 2, "jobs": statuses});
    Report {
        at: at(NOW),
        place: "s3://bucket/flink-sql-runner/".to_owned(),
        status: serde_json::from_value(status).unwrap(),
        jobs: told,
        alerts: Vec::new(),
        troubles: Vec::new(),
    }
}

/// The values of attributes and the names of elements, as a browser would read them.
fn elements(page: &str) -> Vec<String> {
    page.split('<').skip(1).map(|part| part.split('>').next().unwrap().to_lowercase()).collect()
}

fn assert_is_closed(page: &str) {
    for element in elements(page) {
        let word = element.split_whitespace().next().unwrap_or_default();
        assert!(
            !["script", "link", "img", "iframe", "object", "embed", "use", "image", "a", "base", "form"]
                .contains(&word),
            "{element}"
        );
        assert!(!element.contains("src=") && !element.contains("href=") && !element.contains(" on"), "{element}");
    }
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains('<'), "{style}");
}

#[test]
fn the_page_of_300_jobs_is_small_closed_and_has_all_of_them() {
    let report = report(300, 50);
    let page = page::of(&report);
    assert!(page.len() <= 300_000, "{} bytes", page.len());
    assert!(page.len() > 150_000, "as many operations as fit: {} bytes", page.len());
    assert_is_closed(&page);
    for job in report.jobs.keys() {
        // In the table, in the picture of operations, in that of tables; there as far as it has a place.
        assert!(page.contains(&format!("<td>{job}<td")), "{job}");
    }
    assert!(page.contains("<h2>300 jobs</h2>") && page.contains(">kafka_orders_99</text>"));
    assert!(page.contains(">iceberg_orders_149</text>") && page.contains("prefers-color-scheme:dark"));
}

/// Whoever uploads a file may choose its name, and Flink quotes what a query says.
#[test]
fn no_text_from_outside_becomes_a_part_of_the_page() {
    let hostile =
        "\"'><script src=http://evil.example/x>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\x1b[31m&amp;";
    let mut report = report(1, 1);
    report.place = hostile.to_owned();
    report.troubles = vec![hostile.to_owned()];
    let condition = AlertCondition {
        kind: AlertKind::OperationFailed,
        subject: hostile.to_owned(),
        cause: String::new(),
        detail: hostile.to_owned(),
        operation: None,
        common: Vec::new(),
        owner: None,
    };
    report.alerts = vec![StandingCondition { condition, since: at(NOW), raised: None, taken: None, after: None }];
    report.status.jobs[0].trouble = Some(hostile.to_owned());
    let run_trouble = json!({"alert": "restart-loop", "text": hostile});
    report.status.jobs[0].run_trouble = Some(serde_json::from_value(run_trouble).unwrap());
    report.status.refused = 1;
    let upload = json!({"file": hostile, "errors_at": hostile, "first": hostile});
    report.status.refused_uploads = vec![serde_json::from_value(upload).unwrap()];
    report.status.observed_trouble = Some(hostile.to_owned());
    let told = report.jobs.values_mut().next().unwrap();
    told.reads = vec![hostile.to_owned()];
    told.writes = Some(hostile.to_owned());
    let page = page::of(&report);
    assert_is_closed(&page);
    assert!(page.matches("&lt;script src=http").count() >= 7, "{page}");
    assert!(page.contains("<br>logs orders-per-buyer-and-country-000 shows more"), "{page}");
    assert!(!page.contains('\x1b') && page.contains("&amp;amp;"), "{page}");
}

#[test]
fn what_is_wrong_and_what_stands_is_said() {
    let mut report = report(2, 1);
    report.status.jobs[1].status = Some(lifecycle::documents::record::Status::NotRunning);
    let page = page::of(&report);
    assert!(page.contains("<td class=g>running<td>") && page.contains("<td class=b>not-running<td>"), "{page}");
    assert!(page.contains("<h2>Alerts</h2><p class=s>none</p>") && !page.contains("refused</h2>"), "{page}");
    let nothing = page::of(&self::report(0, 0));
    assert!(nothing.contains("<h2>0 jobs</h2>") && !nothing.contains("<svg"), "{nothing}");
}

/// An empty section must not be taken for one that nothing belongs into.
#[test]
fn what_could_not_be_read_is_said_with_its_cause() {
    let mut report = report(1, 1);
    let head = "<h2>What could not be read is not on this page</h2>";
    assert!(!page::of(&report).contains(head));
    report.troubles = vec!["which alerts stand is not known: AccessDenied".to_owned()];
    report.status.left_out = vec!["7 jobs are left out".to_owned()];
    let page = page::of(&report);
    assert!(page.contains(&format!("{head}<ul><li class=b>which alerts stand is not known: AccessDenied")), "{page}");
    assert!(page.contains("<li class=w>7 jobs are left out"), "{page}");
    let unread = |number: usize| (0..number).map(|n| (name(&format!("job-{n:02}")), "damaged".to_owned())).collect();
    assert_eq!(without_records(&unread(1)), ["the operations and tables of job-00 are not known: damaged"]);
    let many = without_records(&unread(TROUBLES + 2));
    assert_eq!(many.last().unwrap(), "the operations and tables of 2 more jobs are not known either");
}

#[test]
fn the_tables_of_a_job_are_those_that_its_definitions_are_about() {
    let record = running(&manifest("orders", "SELECT 1", 1), "orders");
    let mut target = record.deployed.clone().unwrap().target;
    let definition = |sql: &str, role| desired::tables::Definition::new("t.sql:1", sql, role);
    target.definitions = vec![
        definition("CREATE TABLE clicks (a INT) WITH ('connector' = 'datagen')", TableRole::Reads),
        definition("CREATE VIEW few AS SELECT * FROM clicks", TableRole::View),
        definition("CREATE TABLE `my sink` (a INT) WITH ('connector' = 'print')", TableRole::Writes),
        definition("CREATE TABLE audit (a INT) WITH ('connector' = 'kafka')", TableRole::Both),
    ];
    target.manifest.target_table = "`my sink` /*+ OPTIONS('sink.parallelism'='1') */".to_owned();
    let (reads, writes) = tables(&target);
    assert_eq!((reads, writes.as_deref()), (vec!["clicks".to_owned(), "audit".to_owned()], Some("my sink")));
}

/// Many tables of the last job stand below it: the picture is as high as they need.
#[test]
fn no_table_stands_below_the_picture_of_tables() {
    let mut report = report(3, 1);
    let last = report.jobs.values_mut().last().unwrap();
    last.reads = (0..9).map(|n| format!("table_{n}")).collect();
    let page = page::of(&report);
    let picture = page.split("aria-label=\"Which job").next().unwrap().rsplit("viewBox=\"0 0 1000 ").next().unwrap();
    let height: usize = picture.split('"').next().unwrap().parse().unwrap();
    let tables = page.split("<h2>Tables</h2>").nth(1).unwrap();
    let lowest = tables.split(" y=").skip(1).filter_map(|rest| rest.split('>').next()?.parse::<usize>().ok()).max();
    assert!(lowest.unwrap() < height, "{lowest:?} of {height}");
}

/// A browser, if this machine has one. `REPORT_PICTURES=FOLDER` keeps what it drew, for people to look at.
#[test]
fn a_browser_draws_the_page_narrow_and_wide_light_and_dark() {
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let Some(browser) =
        names.iter().find(|name| Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success()))
    else {
        eprintln!("not looked at in a browser: there is none of {} on the path", names.join(", "));
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page::of(&report(20, 5))).unwrap();
    let scheme = |dark: bool| format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let mut pictures = Vec::new();
    for (name, width, dark) in [("narrow", 400, false), ("wide", 1400, false), ("dark", 1400, true)] {
        let picture = folder.path().join(format!("{name}.png"));
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", &scheme(dark)])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("--window-size={width},2000"))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}", file.display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        if let Some(kept) = std::env::var_os("REPORT_PICTURES") {
            std::fs::copy(&picture, PathBuf::from(kept).join(format!("{name}.png"))).unwrap();
        }
        pictures.push(std::fs::read(&picture).unwrap());
    }
    assert!(pictures.iter().all(|picture| picture.len() > 20_000), "an empty page is smaller");
    assert_ne!(pictures[1], pictures[2], "dark is as light");
}
