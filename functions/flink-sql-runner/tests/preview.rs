//! Plans of local files, saved plans and the recipes of docs/ci.md: the program itself against an S3 on this machine.
//! No node here: what a node would have written is put into the bucket.
#![expect(clippy::unwrap_used, reason = "a test ends at once")]

mod bucket;
#[path = "preview/folders.rs"]
mod folders;
mod function;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use function::script;
use lifecycle::documents::outcome::{Compiled, Outcome, RunStarted};
use lifecycle::documents::record::Record;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::{read, write};
use lifecycle::ids::run_id;
use local::{NodeConfig, Stack, StackConfig};
use serde_json::Value;

const PREFIX: &str = "flink-sql-runner/";

struct Bench {
    stack: Stack,
    /// The repository, and what else lies about.
    folder: tempfile::TempDir,
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).canonicalize().unwrap()
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copied(&path, &target) } else { fs::copy(&path, target).map(drop).unwrap() }
    }
}

impl Bench {
    /// A stack whose node says nothing by itself, and a copy of the examples as the repository.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["queries", "config"] {
            copied(&project("examples").join(part), &folder.path().join("repository").join(part));
        }
        // A step that ended at once would be closed before its result is there.
        let programs = folder.path().join("programs");
        fs::create_dir(&programs).unwrap();
        script(&programs, "flink-sql-runner-step", "sleep 600");
        let node = NodeConfig { work_dir: folder.path().join("node"), path: vec![programs], ..NodeConfig::default() };
        let lambda = function::named("flink-sql-runner", folder.path());
        Self { stack: Stack::start(StackConfig { node, lambda, ..StackConfig::default() }).await.unwrap(), folder }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join("repository").join(path)
    }

    /// Replaces a text in a file of the repository.
    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        fs::write(self.file(path), text.replace(from, to)).unwrap();
    }

    async fn command(&self, program: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let ours = Path::new(env!("CARGO_BIN_EXE_flink-sql-runner")).parent().unwrap();
        let path = format!(
            "{}:{}:{}",
            self.folder.path().join("bin").display(),
            ours.display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.file("")).env_clear().envs(self.stack.aws_env());
        command.envs([("BUCKET", "local"), ("CLUSTER", "j-LOCAL00000000"), ("USER", "anna")]);
        command.env("PATH", path).envs(more.iter().copied());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn run(&self, arguments: &[&str], code: i32) -> (String, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_flink-sql-runner"));
        let output = self.command(program, arguments, &[]).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let (said, _) = self.run(&[arguments, &["--output", "json"]].concat(), code).await;
        serde_json::from_str(&said).unwrap()
    }

    /// Runs a recipe as it stands, with the tools that it needs.
    async fn recipe(&self, recipe: &str, more: &[(&str, &str)], code: i32) -> String {
        let output = self.command(Path::new("/bin/sh"), &["-c", recipe], more).await;
        let said = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        bucket::client(&self.stack)
    }

    /// Every object but the settings, which the function writes when it is asked first.
    async fn objects(&self) -> BTreeMap<String, String> {
        let listed = self.s3().list_objects_v2().bucket("local").send().await.unwrap();
        let etag =
            |object: &aws_sdk_s3::types::Object| (object.key().unwrap().to_owned(), object.e_tag().unwrap().to_owned());
        let others = |(key, _): &(String, String)| key != &format!("{PREFIX}settings.json");
        listed.contents().iter().map(etag).filter(others).collect()
    }

    async fn put(&self, path: &str, bytes: Vec<u8>) {
        let put = self.s3().put_object().bucket("local").key(format!("{PREFIX}{path}")).body(bytes.into());
        put.send().await.unwrap();
    }

    /// Everything is uploaded and ordered, and the node has done it.
    async fn deployed(&self) {
        self.json(&["deploy", "."], 0).await;
        self.json(&["redeploy"], 0).await;
        let records: Vec<String> =
            self.objects().await.into_keys().filter(|key| key.starts_with("flink-sql-runner/records/")).collect();
        assert_eq!(records.len(), 4, "{records:?}");
        Box::pin(self.settled()).await;
        let (said, _) = self.run(&["plan"], 0).await;
        assert_eq!(said, "Plan: 4 unchanged.\n");
    }

    /// The node has done what is under way.
    async fn settled(&self) {
        let records = self.objects().await.into_keys().filter(|key| key.starts_with("flink-sql-runner/records/"));
        for key in records {
            let object = self.s3().get_object().bucket("local").key(&key).send().await.unwrap();
            let record: Record = read(&object.body.collect().await.unwrap().to_vec()).unwrap();
            let Some(open) = record.open else { continue };
            let operation = open.plan.operation;
            let (job_id, compiled) = (run_id(operation), Compiled::default());
            let run = RunStarted { job_id, restored_from: None, epoch: None, compiled };
            let result = OperationResult {
                format: 1,
                operation,
                job: record.name.clone(),
                outcome: Outcome::Deployed { run, savepoint: None, unhealthy: None, cause: None, checkpointed: true },
                at: "2026-11-29T12:00:00Z".parse().unwrap(),
                phases: Vec::new(),
                downtime_ms: Some(8_200),
                differences: Vec::new(),
                no_savepoint: None,
            };
            self.put(&format!("results/{}/{operation}.json", record.name), write(&result)).await;
        }
        self.json(&["redeploy"], 0).await;
    }
}

/// The shell blocks of docs/ci.md, as they stand.
fn recipes() -> Vec<String> {
    let text = fs::read_to_string(project("docs/ci.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let blocks: Vec<String> = blocks.collect();
    assert!(blocks.iter().all(|block| block.lines().count() <= 15), "a recipe has 15 lines at most");
    blocks
}

const QUERY: &str = "queries/filter-expensive-items.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn local_files_are_planned_and_nothing_is_written() {
    let bench = Bench::start().await;
    // Before anything is uploaded: the whole repository.
    let (said, _) = bench.run(&["plan", ".", "--exit-code"], 4).await;
    assert!(said.ends_with("Plan: 4 new.\n"), "{said}");
    assert_eq!(bench.objects().await, BTreeMap::new());
    // A folder of manifests alone takes the configuration from the bucket: there is none.
    let (said, _) = bench.run(&["plan", "queries", "--exit-code"], 3).await;
    assert!(said.contains("error["), "{said}");
    bench.run(&["deploy", "config"], 0).await;
    let (said, _) = bench.run(&["plan", "queries", "--exit-code"], 4).await;
    assert!(said.ends_with("Plan: 4 new.\n"), "{said}");
    // What is no file, folder or job is a mistake.
    let (said, aside) = bench.run(&["plan", "quarries", "--exit-code"], 2).await;
    assert!(
        said.is_empty() && aside.contains("`quarries` is neither a file or folder here nor the name of a job"),
        "{aside}"
    );
    bench.run(&["deploy", QUERY], 0).await;
    let (_, aside) = bench.run(&["plan", "filter-expensive-item"], 2).await;
    assert!(aside.contains("did you mean `filter-expensive-items`?"), "{aside}");
    let (_, aside) = bench.run(&["plan", QUERY, "--prune"], 2).await;
    assert!(aside.contains("a folder that says what is to exist"), "{aside}");
    let (_, aside) = bench.run(&["status", "--output", "markdown"], 2).await;
    assert!(aside.contains("only `plan` can be shown as Markdown"), "{aside}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_is_lost_and_removed() {
    let bench = Bench::start().await;
    bench.deployed().await;
    let before = bench.objects().await;
    bench.edit(QUERY, "SELECT", "SELECT DISTINCT");
    let (said, _) = bench.run(&["plan", QUERY], 0).await;
    assert!(
        said.contains("START CLEAN") && said.contains("state LOST, ") && said.contains("last downtime 8.2 s"),
        "{said}"
    );
    assert!(said.ends_with("Plan: 1 query. 1 job loses its state.\n"), "{said}");
    bench.run(&["plan", QUERY, "--fail-on-state-loss", "--exit-code"], 7).await;
    fs::remove_file(bench.file("queries/orders-per-buyer.yaml")).unwrap();
    let (said, _) = bench.run(&["plan", "."], 0).await;
    assert!(!said.contains("removed"), "{said}");
    let (said, _) = bench.run(&["plan", ".", "--prune"], 0).await;
    assert!(
        said.contains("would delete queries/orders-per-buyer.yaml\n") && said.contains("1 query, 1 removed"),
        "{said}"
    );
    let (said, _) = bench.run(&["plan", ".", "--prune", "--output", "markdown"], 0).await;
    assert!(said.starts_with("<!-- flink-sql-runner plan -->\n### Plan: 1 query, 1 removed"), "{said}");
    let (said, _) = bench.run(&["remove", "orders-per-buyer", "filter-expensive-items", "--dry-run"], 0).await;
    assert!(said.ends_with("Plan: 2 removed.\n"), "{said}");
    bench.run(&["remove", "orders-per-buyer", "no-such-job"], 2).await;
    assert_eq!(bench.objects().await, before, "all of this changed nothing");

    let (said, aside) = bench.run(&["deploy", ".", "--prune"], 0).await;
    assert!(
        aside.contains("deleted, because no local file is left:")
            && said.contains("deleted flink-sql-runner/queries/orders-per-buyer.yaml"),
        "{said}{aside}"
    );
    assert!(!bench.objects().await.contains_key("flink-sql-runner/queries/orders-per-buyer.yaml"));
    let removed = bench.json(&["remove", "filter-expensive-items", "order-numbers"], 0).await;
    assert_eq!(removed["deleted"].as_array().unwrap().len(), 2, "{removed}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_applied_as_it_is_or_not_at_all() {
    let bench = Bench::start().await;
    fs::create_dir_all(bench.file("queries/team")).unwrap();
    fs::rename(bench.file("queries/order-numbers.yaml"), bench.file("queries/team/order-numbers.yaml")).unwrap();
    bench.deployed().await;
    // A manifest that is given alone goes to where its job's manifest lies.
    fs::copy(bench.file("queries/team/order-numbers.yaml"), bench.folder.path().join("order-numbers.yaml")).unwrap();
    bench.run(&["plan", "../order-numbers.yaml", "--save", "../alone.json"], 0).await;
    let alone = bench.json(&["apply", "../alone.json"], 0).await;
    let placed = serde_json::json!("flink-sql-runner/queries/team/order-numbers.yaml");
    assert_eq!((&alone["uploaded"][0]["key"], &alone["uploaded"][0]["same"]), (&placed, &Value::Bool(true)), "{alone}");

    bench.edit(QUERY, "SELECT", "SELECT DISTINCT");
    fs::remove_file(bench.file("queries/orders-per-buyer.yaml")).unwrap();
    bench.run(&["plan", ".", "--prune", "--save", "../plan.json"], 0).await;
    let plan = bench.folder.path().join("plan.json");
    assert_eq!(fs::metadata(&plan).unwrap().permissions().mode() & 0o777, 0o600);

    // Another file of the plan was uploaded since: nothing is done.
    let key = format!("{PREFIX}{QUERY}");
    let original = bench.s3().get_object().bucket("local").key(&key).send().await.unwrap();
    let original = original.body.collect().await.unwrap().to_vec();
    bench.put(QUERY, [original.as_slice(), b"# somebody was here\n"].concat()).await;
    let before = bench.objects().await;
    let (_, aside) = bench.run(&["apply", "../plan.json"], 7).await;
    assert!(aside.contains(&format!("{QUERY}: another version was uploaded since")), "{aside}");
    assert_eq!(bench.objects().await, before);
    bench.put(QUERY, original).await;

    // What the repository says meanwhile does not count; the plan does.
    bench.edit(QUERY, "SELECT DISTINCT", "SELECT ALL");
    let done = bench.json(&["apply", "../plan.json"], 0).await;
    let fresh: Vec<&Value> = done["uploaded"].as_array().unwrap().iter().filter(|it| it["same"] == false).collect();
    assert_eq!((fresh.len(), &fresh[0]["key"]), (1, &Value::from(key.clone())), "{done}");
    assert_eq!(done["removed"], serde_json::json!(["queries/orders-per-buyer.yaml"]));
    let ordered = done["plan"]["jobs"].as_array().unwrap().iter().filter(|job| job["reason"]["reason"] == "ordered");
    assert_eq!(ordered.count(), 2, "{done}");
    let uploaded = bench.s3().get_object().bucket("local").key(&key).send().await.unwrap();
    assert!(uploaded.body.collect().await.unwrap().to_vec().windows(15).any(|it| it == b"SELECT DISTINCT"));

    // Its records moved on by that: it is applied once.
    let (_, aside) = bench.run(&["apply", "../plan.json"], 7).await;
    assert!(aside.contains("filter-expensive-items: something was done or decided about it since"), "{aside}");
    let (_, aside) = bench.run(&["apply", "../plan.json", "--bucket", "other"], 2).await;
    assert!(aside.contains("the plan is for s3://local/flink-sql-runner/"), "{aside}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipes_do_what_is_said_of_them() {
    let recipes = recipes();
    let [gate, deploy] = recipes.as_slice() else { panic!("two recipes are expected: {recipes:?}") };
    let bench = Bench::start().await;
    bench.deployed().await;
    // GitHub's command line: it notes what it is told.
    let bin = bench.folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("gh"), "#!/bin/sh\necho \"$@\" > ../gh.txt\ncat plan.md >> ../gh.txt\n").unwrap();
    fs::set_permissions(bin.join("gh"), fs::Permissions::from_mode(0o755)).unwrap();
    let comment = || fs::read_to_string(bench.folder.path().join("gh.txt")).unwrap();

    bench.recipe(gate, &[("PR", "7"), ("LABELS", "")], 0).await;
    assert!(comment().starts_with("pr comment 7 ") && comment().contains("### Plan: 4 unchanged."), "{}", comment());
    bench.edit(QUERY, "SELECT", "SELECT DISTINCT");
    bench.recipe(gate, &[("PR", "7"), ("LABELS", "urgent")], 7).await;
    assert!(comment().contains("**lost**"), "{}", comment());
    bench.recipe(gate, &[("PR", "7"), ("LABELS", "urgent allow-state-loss")], 0).await;
    fs::write(bench.file("queries/broken.yaml"), "name: [").unwrap();
    bench.recipe(gate, &[("PR", "7"), ("LABELS", "allow-state-loss")], 3).await;
    assert!(comment().contains("Refused: "), "{}", comment());
    // A refused plan is not kept, and ends the step.
    bench.recipe(deploy, &[], 3).await;
    fs::remove_file(bench.file("queries/broken.yaml")).unwrap();
    // No node is here to carry it out: it is ordered, and the time is up.
    let said = bench.recipe(deploy, &[("TIMEOUT", "1s")], 5).await;
    assert!(said.contains("has not ended after 1.0 s"), "{said}");
    bench.stack.shutdown().await;
}

/// Whoever plans files of a folder reads of these, not of what an upload of them would be called.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_local_files_is_told_of_each_by_its_name_here() {
    let bench = Bench::start().await;
    bench.deployed().await;
    fs::write(bench.file("queries/one.yaml"), b"name: \xff").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bench.file("queries/two.yaml")).unwrap();
    bench.edit(QUERY, "SELECT", "SELECT DISTINCT");
    let (said, _) = bench.run(&["plan", "."], 3).await;
    assert!(said.contains("--> queries/one.yaml") && said.contains("is not UTF-8"), "{said}");
    assert!(said.contains("--> queries/two.yaml") && said.contains("is a link that leads out"), "{said}");
    assert!(said.contains("SELECT DISTINCT") && said.ends_with("1 job loses its state.\n"), "and the others: {said}");
    let told = bench.json(&["plan", "."], 3).await;
    let planned = told["jobs"].as_array().unwrap().iter().find(|job| job["name"] == "filter-expensive-items").unwrap();
    assert_eq!(planned["reason"]["reason"], "planned", "{planned}");
    fs::write(bench.file("config/tables/inputs.sql"), "CREATE TABEL orders").unwrap();
    let (said, _) = bench.run(&["plan", "config", QUERY], 3).await;
    assert!(said.contains("--> config/tables/inputs.sql:1:1"), "{said}");
    assert!(!said.contains(PREFIX) && !said.contains("refused/"), "what all others wait for is told once: {said}");
    let told = bench.json(&["plan", "config", QUERY], 3).await["refused"].to_string();
    assert!(told.contains("correct config/tables/inputs.sql:1:1 first: "), "{told}");
    // Without its configuration nothing can be said of any file.
    fs::write(bench.file("config/params.yaml"), b"x: \xff").unwrap();
    let (said, aside) = bench.run(&["plan", "."], 3).await;
    assert!(said.is_empty() && aside.contains("3 files cannot be read"), "{said}{aside}");
    bench.stack.shutdown().await;
}

/// As long as an operation is under way nothing is planned; what a merge loses is lost once that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn the_gate_sees_what_is_lost_after_an_operation_under_way() {
    let bench = Bench::start().await;
    bench.deployed().await;
    bench.run(&["restart", "filter-expensive-items"], 0).await;
    bench.edit(QUERY, "SELECT", "SELECT DISTINCT");
    let gate = ["plan", ".", "--fail-on-state-loss"];
    let (said, _) = bench.run(&gate, 7).await;
    assert!(said.contains("1 waits") && said.contains("1 job loses its state"), "{said}");
    assert!(said.contains("SELECT DISTINCT") && said.contains("START CLEAN"), "{said}");
    let (said, _) = bench.run(&[&gate[..], &["--output", "markdown"]].concat(), 7).await;
    assert!(said.contains("**lost**") && said.contains("SELECT DISTINCT"), "{said}");
    bench.run(&["plan", ".", "--exit-code"], 4).await;
    // What was planned over the open operation is not carried out once that has ended.
    bench.run(&["plan", ".", "--save", "../plan.json"], 0).await;
    Box::pin(bench.settled()).await;
    let (_, aside) = bench.run(&["apply", "../plan.json"], 7).await;
    assert!(aside.contains("filter-expensive-items: something was done or decided about it since"), "{aside}");
    bench.stack.shutdown().await;
}

/// What is refused before anything is uploaded or deleted, whichever command is asked.
#[tokio::test(flavor = "multi_thread")]
async fn what_plan_refuses_deploy_refuses_too() {
    let bench = Bench::start().await;
    bench.deployed().await;
    let before = bench.objects().await;
    let both = async |arguments: &[&str], code: i32| {
        bench.run(&[&["plan"], arguments].concat(), code).await;
        let said = bench.run(&[&["deploy"], arguments].concat(), code).await;
        assert_eq!(bench.objects().await, before, "{arguments:?}");
        said
    };
    // Two files for one key.
    copied(&bench.file("queries"), &bench.folder.path().join("other/queries"));
    copied(&bench.file("config"), &bench.folder.path().join("other/config"));
    let other = format!("../other/{QUERY}");
    assert!(
        both(&[QUERY, &other], 2).await.1.contains("would both be uploaded to queries/filter-expensive-items.yaml")
    );
    both(&["config", "../other/config"], 2).await;
    bench.run(&["validate", QUERY, &other], 2).await;
    // A folder that is empty.
    let empty = bench.folder.path().join("empty/queries");
    fs::create_dir_all(&empty).unwrap();
    both(&["../empty", "--prune"], 2).await;
    copied(&bench.file("config"), &bench.folder.path().join("empty/config"));
    assert!(both(&["../empty", "--prune"], 2).await.1.contains("everything there would be deleted"));
    // A manifest whose name is spelled so that nobody reads it.
    let misspelt = QUERY.replace(".yaml", ".YAML");
    fs::rename(bench.file(QUERY), bench.file(&misspelt)).unwrap();
    assert!(both(&[".", "--prune"], 2).await.1.contains(&format!("{misspelt}` is not read: its job would be removed")));
    fs::rename(bench.file(&misspelt), bench.file(QUERY)).unwrap();
    // A table that jobs use.
    fs::remove_file(bench.folder.path().join("other/config/tables/outputs.sql")).unwrap();
    let (said, aside) = both(&["../other/config", "--prune"], 3).await;
    assert!(said.contains("error[") && aside.contains("nothing was uploaded or deleted"), "{said}{aside}");
    let renamed = fs::read_to_string(bench.file("config/tables/inputs.sql")).unwrap().replace("orders", "sales");
    fs::write(bench.folder.path().join("other/config/tables/inputs.sql"), renamed).unwrap();
    both(&["../other/config"], 3).await;
    bench.stack.shutdown().await;
}

/// The settings of the session are uploaded with everything else, so that they are planned with it.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_the_session_are_planned_and_not_overwritten() {
    let bench = Bench::start().await;
    bench.deployed().await;
    let session = "config/session.yaml";
    fs::write(bench.file(session), "slots: banana\n").unwrap();
    bench.run(&["plan", "."], 3).await;
    fs::write(bench.file(session), "slots: 4\n").unwrap();
    let (said, _) = bench.run(&["plan", ".", "--exit-code", "--save", "../plan.json"], 4).await;
    assert!(said.contains("config/session.yaml would be uploaded"), "{said}");
    bench.put(session, b"slots: 2\n".to_vec()).await;
    let (_, aside) = bench.run(&["apply", "../plan.json"], 7).await;
    assert!(aside.contains("config/session.yaml: it was uploaded since"), "{aside}");
    bench.run(&["plan", ".", "--save", "../plan.json"], 0).await;
    bench.run(&["apply", "../plan.json"], 0).await;
    bench.run(&["plan", ".", "--exit-code"], 0).await;
    bench.stack.shutdown().await;
}

/// Nobody looked at what was uploaded: what was decided before says nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_decision_about_these_files_ends_the_wait() {
    let bench = Bench::start().await;
    bench.deployed().await;
    // Nothing is another: what was decided is about these very files.
    let (said, _) = bench.run(&["deploy", ".", "--wait", "--timeout", "20s"], 0).await;
    assert_eq!(said.matches("unchanged").count(), 4, "{said}");
    // No trigger reaches the function here: the configuration stays unjudged, and every job that it concerns is told.
    bench.edit("config/params.yaml", "# Values", "# The values");
    let wait = ["deploy", "config", "--wait", "--timeout", "16s"];
    let (_, aside) = bench.run(&wait, 5).await;
    assert!(aside.contains("4 jobs still under way") && aside.contains("waiting for the Lambda"), "{aside}");
    bench.json(&["redeploy"], 0).await;
    let (said, _) = bench.run(&wait, 0).await;
    assert_eq!(said.matches("unchanged").count(), 4, "{said}");
    // A refusal of the broken configuration says nothing of the mended one.
    let tables = "config/tables/outputs.sql";
    let broken = fs::read_to_string(bench.file(tables)).unwrap().replace("expensive_items", "cheap_items");
    bench.put(tables, broken.into_bytes()).await;
    bench.json(&["redeploy"], 3).await;
    let mended = ["deploy", ".", "--wait", "--timeout", "2s"];
    let (said, aside) = bench.run(&mended, 5).await;
    assert!(!said.contains("refused") && !aside.contains("refused"), "{said}{aside}");
    bench.json(&["redeploy"], 0).await;
    bench.run(&mended, 0).await;
    bench.stack.shutdown().await;
}
