//! The scripts of a node release as they ship, against the local S3, with the real AWS command line.
//! The runner is a stand-in that tells what it was started with.
#![expect(clippy::unwrap_used, reason = "a test ends at once")]

mod settings;
mod verified;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use local::{Fault, NodeConfig, Stack, StackConfig};
use local_stack::release::{Release, aws_on_path};
use tempfile::TempDir;

/// Prints its arguments and its settings, stays if it is told to, and ends with a code of its own.
const RUNNER: &str = r#"#!/usr/bin/env bash
printf '<%s>' "$@"
printf '\n%s as %s in %s' "${GREETING:-}" "$(id -un)" "$HOME"
if [[ -n ${STAY:-} ]]; then
  echo "$$" >staying
  exec sleep "$STAY"
fi
exit "${CODE:-0}"
"#;
/// What a shell would make something of.
const ODD: [&str; 6] = ["run", "two words", "it's \"quoted\"", "$(touch evaluated)", "`id`; *", ""];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    mode(path, 0o755);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Only root can become somebody else, or give files away: others prove nothing there.
fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().contains("Uid:\t0\t")
}

/// A stack with S3, a release in it, and a node.
struct Bench {
    stack: Stack,
    folder: TempDir,
    aws: PathBuf,
    release: Release,
}

impl Bench {
    /// With a release that `change` has spoilt in its folder between its making and its upload.
    async fn start(change: impl FnOnce(&Path)) -> Self {
        let bench = Self::without_release().await;
        change(bench.release.folder());
        bench.upload().await;
        bench
    }

    /// With a release that is made, and uploaded nowhere.
    async fn without_release() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        program(&at("binaries/flink-sql-runner-step"), RUNNER);
        fs::create_dir_all(at("project/scripts")).unwrap();
        symlink(project().join("infra"), at("project/infra")).unwrap();
        symlink(project().join("scripts/node-release.sh"), at("project/scripts/node-release.sh")).unwrap();
        fs::write(at("project/scripts/requirements-flink.txt"), wheel(&at("wheels"))).unwrap();
        let aws = aws_on_path(&project(), folder.path()).await.unwrap();
        // What the stack's own steps get; the tests' commands get the same.
        let own = [("FLINK_SQL_RUNNER_ENV", "node.env"), ("HOME", "home"), ("XDG_CACHE_HOME", "home/.cache")];
        let env = own.map(|(name, path)| (name.to_owned(), at(path).display().to_string())).into();
        let node = NodeConfig { env, path: vec![aws.clone()], work_dir: at("node"), documents: Vec::new() };
        let recording = Some(at("calls.jsonl"));
        let stack = Stack::start(StackConfig { node, recording, ..StackConfig::default() }).await.unwrap();
        let release = Release::gather(&at("project"), &at("binaries"), folder.path()).await.unwrap();
        let bench = Self { stack, folder, aws, release };
        bench.settings("RUN_AS=root\n");
        bench
    }

    async fn upload(&self) {
        self.release.upload(&self.aws.join("aws"), &self.stack.aws_env()).await.unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cache(&self) -> PathBuf {
        self.path("home/.cache/flink-sql-runner/node")
    }

    /// The folder of the release in the node's cache.
    fn installed(&self) -> PathBuf {
        self.cache().join(self.release.url().rsplit('/').next().unwrap())
    }

    fn settings(&self, text: &str) {
        fs::write(self.path("node.env"), text).unwrap();
        mode(&self.path("node.env"), 0o600);
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let path = format!("{}:{}", self.aws.display(), std::env::var("PATH").unwrap());
        let mut environment = self.stack.aws_env();
        let own = [("FLINK_SQL_RUNNER_ENV", self.path("node.env")), ("HOME", self.path("home"))];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value.display().to_string())));
        environment.insert("PATH".to_owned(), path);
        environment
    }

    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        command.arg(project().join("infra/node").join(script)).args(arguments);
        command.current_dir(self.folder.path()).env_clear().envs(self.environment());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }

    fn node(&self, release: &str, arguments: &[&str]) -> Command {
        self.command("flink-sql-runner-node.sh", &[&["--release", release], arguments].concat())
    }

    /// Runs the release's runner; answers its exit code, output and errors.
    async fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(self.node(&self.release.url(), arguments)).await
    }

    fn drafts(&self) -> usize {
        let names = fs::read_dir(self.cache()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("draft.")).count()
    }
}

async fn finish(mut command: Command) -> (i32, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    told(&output)
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A package that can be installed without a registry; answers its requirement.
fn wheel(folder: &Path) -> String {
    fs::create_dir_all(folder).unwrap();
    let make = r"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('probe.py', 'ANSWER = 42\n')
    wheel.writestr('probe-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n')
    wheel.writestr('probe-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('probe-1.0.dist-info/RECORD', '')
";
    let file = folder.join("probe-1.0-py3-none-any.whl");
    assert!(Command::new("python3").args(["-c", make]).arg(&file).status().unwrap().success());
    format!("probe @ file://{}\n", file.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runner_is_installed_once_and_gets_its_arguments_as_they_are() {
    let bench = Bench::start(|_| {}).await;
    bench.settings(
        "# the node\n\n  # and its settings\nRUN_AS=root\nGREETING=$(touch evaluated) `id` \"x\" 'y' \\ = é\nCODE=5",
    );
    let (code, out, aside) = bench.run(&ODD).await;
    let expected = "<run><two words><it's \"quoted\"><$(touch evaluated)><`id`; *><>\n$(touch evaluated) `id` \"x\" 'y' \\ = é as ";
    assert!(code == 5 && out.starts_with(expected), "{code} {out} {aside}");
    assert!(!bench.path("evaluated").exists());
    assert_eq!(bench.drafts(), 0);

    // It is there: the AWS command line is not needed, nor S3.
    let asked = bench.stack.calls().len();
    fs::rename(bench.aws.join("aws"), bench.path("aws")).unwrap();
    program(&bench.aws.join("aws"), "#!/bin/sh\nexit 1\n");
    let (code, out, aside) = bench.run(&["again"]).await;
    assert!(code == 5 && out.starts_with("<again>\n"), "{code} {out} {aside}");
    assert_eq!(bench.stack.calls().len(), asked);

    // What was changed on the disk is not run, but fetched anew.
    let runner = bench.installed().join(format!("flink-sql-runner-step-{}", std::env::consts::ARCH));
    program(&runner, "#!/usr/bin/env bash\necho changed\n");
    let (code, out, aside) = bench.run(&["again"]).await;
    assert!(code == 6 && out.is_empty() && aside.contains("cannot be downloaded"), "{code} {out} {aside}");
    fs::rename(bench.path("aws"), bench.aws.join("aws")).unwrap();
    let (code, out, aside) = bench.run(&["again"]).await;
    assert!(code == 5 && out.starts_with("<again>\n"), "{code} {out} {aside}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_no_settings_are_refused_without_showing_them() {
    let bench = Bench::without_release().await;
    let lines =
        ["lower=hidden", "hidden", "=hidden", "A B=hidden", "export A=hidden", "A=x\thidden\u{1b}", "A$(id)=hidden"];
    let shells = ["LD_PRELOAD=hidden", "IFS=hidden", "BASH_ENV=hidden", "EUID=hidden", "SHELLOPTS=hidden"];
    for line in lines.iter().chain(&shells) {
        bench.settings(&format!("RUN_AS=root\n{line}\n"));
        let (code, out, aside) = bench.run(&["run"]).await;
        assert!(code == 2 && out.is_empty() && aside.contains("line 2 of"), "{line}: {code} {out} {aside}");
        assert!(!aside.contains("hidden"), "{aside}");
    }
    fs::remove_file(bench.path("node.env")).unwrap();
    let (code, _, aside) = bench.run(&["run"]).await;
    assert!(code == 2 && aside.contains("node.env cannot be read"), "{aside}");
    assert!(bench.stack.calls().iter().all(|call| call.operation != "GetObject"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_another_shape_or_machine_is_refused() {
    let bench = Bench::start(|_| {}).await;
    let url = bench.release.url();
    let others =
        [format!("{url}/"), url.replace("s3://", "https://"), url.replace("/node/", "/other/"), format!("{url}0")];
    for other in others.iter().map(String::as_str).chain(["s3://local/$(id)/node/0", ""]) {
        let (code, _, aside) = finish(bench.node(other, &["run"])).await;
        assert!(code == 2 && aside.contains("is not s3://BUCKET/PREFIX/node/DIGEST"), "{other}: {code} {aside}");
    }
    for arguments in [&[][..], &["--release"], &["--release", &url], &["run", "--release", &url]] {
        let (code, _, aside) = finish(bench.command("flink-sql-runner-node.sh", arguments)).await;
        assert!(code == 2 && aside.contains("usage"), "{arguments:?}: {code} {aside}");
    }
    let other = if std::env::consts::ARCH == "x86_64" { "aarch64" } else { "x86_64" };
    for (machine, message) in [(other, "has no runner for this machine"), ("riscv64", "machines of the kind riscv64")] {
        program(&bench.path("bin/uname"), &format!("#!/bin/sh\necho {machine}\n"));
        let (code, _, aside) = bench.run(&["run"]).await;
        assert!(code == 2 && aside.contains(message), "{code} {aside}");
    }
    assert!(!bench.installed().exists() && bench.drafts() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_release_is_refused_and_not_kept() {
    let runner = format!("flink-sql-runner-step-{}", std::env::consts::ARCH);
    let tampered = |folder: &Path| {
        fs::remove_file(folder.join(&runner)).unwrap();
        program(&folder.join(&runner), "#!/usr/bin/env bash\necho tampered\n");
    };
    let bench = Bench::start(tampered).await;
    let (code, out, aside) = bench.run(&["run"]).await;
    assert!(code == 6 && out.is_empty() && aside.contains("is not the one in its SHA256SUMS"), "{code} {out} {aside}");
    assert!(!bench.installed().exists() && bench.drafts() == 0);

    // Sums that fit the tampered runner are not those that the release is named by.
    let resummed = |folder: &Path| {
        tampered(folder);
        let mut sums = Command::new("sh");
        sums.args(["-c", "rm SHA256SUMS; sha256sum * >sums; mv sums SHA256SUMS"]).current_dir(folder);
        assert!(sums.status().unwrap().success());
    };
    let bench = Bench::start(resummed).await;
    let (code, out, aside) = bench.run(&["run"]).await;
    assert!(code == 6 && out.is_empty() && aside.contains("the release is named by"), "{code} {out} {aside}");
    assert!(!bench.installed().exists() && bench.drafts() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_and_one_that_was_killed_leave_nothing_half() {
    let bench = Bench::start(|_| {}).await;
    // The first to download is held up in the middle of the runner, and killed.
    bench.stack.order_fault("GetObject", Fault::DelayAfter(Duration::ZERO));
    bench.stack.order_fault("GetObject", Fault::DelayAfter(Duration::from_mins(1)));
    let mut killed = bench.node(&bench.release.url(), &["killed"]).spawn().unwrap();
    let fetches = || bench.stack.calls().iter().filter(|call| call.operation == "GetObject").count();
    let began = Instant::now();
    while fetches() < 2 {
        assert!(began.elapsed() < Duration::from_mins(3) && killed.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    end(&mut killed);
    assert!(!bench.installed().exists());
    assert_eq!(bench.drafts(), 1);

    let (one, two) = tokio::join!(bench.run(&["one"]), bench.run(&["two"]));
    assert!(one.0 == 0 && one.1.starts_with("<one>\n"), "{one:?}");
    assert!(two.0 == 0 && two.1.starts_with("<two>\n"), "{two:?}");
    assert_eq!(bench.drafts(), 1);
}

/// SIGKILL for the whole group, as a platform ends what takes too long.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-KILL", "--", &group]).status().unwrap().success());
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_releases_that_nobody_runs_are_cleared_away() {
    let bench = Bench::start(|_| {}).await;
    let (unused, running, recent) = ("0".repeat(64), "1".repeat(64), "2".repeat(64));
    for release in [&unused, &running, &recent] {
        program(&bench.cache().join(release).join("runner"), "");
        fs::write(bench.cache().join(format!("{release}.lock")), "").unwrap();
    }
    fs::create_dir_all(bench.cache().join("draft.of-a-killed-one")).unwrap();
    let age = |names: &[&String], files: &[&str]| {
        let locks = names.iter().map(|name| format!("{name}.lock"));
        let paths = locks.chain(files.iter().map(|file| (*file).to_owned())).map(|name| bench.cache().join(name));
        assert!(Command::new("touch").args(["-d", "9 days ago"]).args(paths).status().unwrap().success());
    };
    age(&[&unused, &running], &["draft.of-a-killed-one"]);
    let lock = bench.cache().join(format!("{running}.lock"));
    let mut holder = Command::new("flock");
    let holder = holder.arg("-s").arg(&lock).args(["sh", "-c", "echo held; exec sleep 60"]);
    let mut holder = holder.stdout(Stdio::piped()).process_group(0).spawn().unwrap();
    let mut held = [0; 5];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut held).unwrap();

    let (code, _, aside) = bench.run(&["run"]).await;
    end(&mut holder);
    assert_eq!(code, 0, "{aside}");
    let kept = |release: &str| bench.cache().join(release).join("runner").exists();
    assert_eq!([kept(&unused), kept(&running), kept(&recent)], [false, true, true]);
    assert_eq!(bench.drafts(), 0);
    assert!(bench.installed().join("SHA256SUMS").exists());
}

/// Under SSM the script is root, which reads the settings to know who it becomes; he then reads them himself.
#[tokio::test(flavor = "multi_thread")]
async fn root_becomes_the_user_of_the_settings() {
    let bench = Bench::without_release().await;
    bench.settings("RUN_AS=nobody-of-that-name\n");
    if !is_root() {
        bench.upload().await;
        let (code, out, aside) = bench.run(&["run"]).await;
        assert!(code == 0 && out.starts_with("<run>\n"), "{code} {out} {aside}");
        return;
    }
    let (code, _, aside) = bench.run(&["run"]).await;
    assert!(code == 2 && aside.contains("there is no user"), "{code} {aside}");

    // What the user must reach lies where everybody may look.
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o777)).tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::copy(project().join("infra/node/flink-sql-runner-node.sh"), at("script.sh")).unwrap();
    let copy = format!(
        "#!/bin/sh\nfor to; do from=$last; last=$to; done\nexec cp {}/\"${{from##*/}}\" \"$to\"\n",
        at("release")
    );
    program(Path::new(&at("bin/aws")), &copy);
    let copied = Command::new("cp").args(["-rL"]).arg(bench.release.folder()).arg(at("release")).status().unwrap();
    assert!(copied.success());
    fs::write(at("node.env"), format!("RUN_AS=daemon\nXDG_CACHE_HOME={}\nGREETING=hello\n", at("cache"))).unwrap();
    mode(Path::new(&at("node.env")), 0o600);
    assert!(Command::new("chown").args(["daemon", &at("node.env")]).status().unwrap().success());
    fs::create_dir(at("cache")).unwrap();
    mode(Path::new(&at("cache")), 0o777);
    let mut command = Command::new("bash");
    command.args([&at("script.sh"), "--release", &bench.release.url()]).args(ODD).env_clear();
    command
        .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", at("bin")))
        .env("FLINK_SQL_RUNNER_ENV", at("node.env"));
    // A folder of root's alone, as the agent's is.
    let (code, out, aside) = finish({
        command.current_dir(bench.folder.path());
        command
    })
    .await;
    assert!(code == 0 && out.contains("<$(touch evaluated)><`id`; *><>\nhello as daemon in "), "{code} {out} {aside}");
    assert!(!out.ends_with("in /root"), "{out}");
}
