//! `session ensure|status|restart`: from flags to the session's administration, and its answers to people.
//! Must not know how any of it is done.

pub(crate) mod arguments;
mod orders;
mod text;

use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arguments::{RestartFlags, SessionCommand, SessionFlags};
use control::clock_and_ids::SystemWorld;
use control::ports::{JobLocks, OutsideError, Store};
use control::session::{AdminTimes, Orders, RestartOrder, SessionAdmin, SessionDocuments, SessionSelector};
use desired::diagnostics::SourceFile;
use desired::manifest::JobName;
use desired::session_settings::{SESSION_NAME, SessionSettings, parse_settings};
use flink::cluster_arguments::TargetKind;
use flink::locks::FileLocks;
use flink::yarn_session::SessionStarter;
use flink::yarn_sessions::YarnSessions;
use lifecycle::keys::Keys;
use orders::Redeployments;
use serde_json::json;

use crate::cli::Dispatch;
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::{Invocation, who};
use crate::out::Out;
use crate::process::no_cluster;

/// How often YARN, the session and the documents are looked at.
const POLL: Duration = Duration::from_millis(500);
/// How long the program that starts a session may take.
const START: Duration = Duration::from_mins(5);
/// How long a cancel may take.
const CANCEL: Duration = Duration::from_mins(2);

/// Does it.
pub(crate) async fn run(command: SessionCommand, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    match command {
        SessionCommand::Ensure(flags) => ensure(&flags, invocation, out).await,
        SessionCommand::Status(flags) => status(&flags, invocation, out).await,
        SessionCommand::Restart(flags) => restart(&flags, invocation, out).await,
    }
}

async fn ensure(flags: &SessionFlags, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    by_name(flags)?;
    let admin = admin(flags, invocation, out, NonZeroU16::MIN, None).await?;
    let ensured = admin.ensure().await?;
    let cluster = admin.sessions.cluster(&ensured.session)?;
    let warnings = admin.warnings(cluster.as_ref()).await;
    let document = json!({
        "format": "flink-sql-runner/session-ensure",
        "version": 1,
        "application": ensured.session.application,
        "attempt": ensured.session.attempt,
        "jobmanager": ensured.session.endpoint.to_string(),
        "started": ensured.started,
        "slots": ensured.look.slots,
        "warnings": warnings,
    });
    out.result(&document, || text::ensured(&ensured));
    out.note(&text::warnings(&warnings));
    Ok(Exit::Done)
}

#[expect(clippy::disallowed_methods, reason = "ages for people")]
async fn status(flags: &SessionFlags, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let status = admin(flags, invocation, out, NonZeroU16::MIN, None).await?.status().await?;
    out.result(&status, || text::status(&status, jiff::Timestamp::now()));
    out.note(&text::warnings(&status.warnings));
    Ok(Exit::Done)
}

#[expect(clippy::disallowed_methods, reason = "ages for people")]
async fn restart(flags: &RestartFlags, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    by_name(&flags.session)?;
    let orders: Option<Arc<dyn Orders>> = match invocation.flags.dispatch {
        Some(Dispatch::Process) => None,
        // Before anything is touched it is known that there is a way back.
        Some(Dispatch::Emr | Dispatch::Ssm) | None => {
            Some(Arc::new(Redeployments::new(invocation.acting().await?, who())))
        }
    };
    let admin = admin(&flags.session, invocation, out, flags.wave, orders).await?;
    let only = one_restart(&flags.session.state_directory).await?;
    let order = RestartOrder { by: who(), with_strangers: flags.with_strangers };
    let report = Arc::new(admin).restart(&order).await;
    only.release();
    let report = report?;
    let document = json!({
        "format": "flink-sql-runner/session-restart",
        "version": 1,
        "end": text::end_word(&report.end),
        "detail": text::end_detail(&report.end),
        "restart": report.restart,
        "exit": text::exit(&report).code(),
    });
    out.result(&document, || text::restarted(&report, jiff::Timestamp::now()));
    out.note(&text::way_on(&report));
    Ok(text::exit(&report))
}

/// A session that is started has a new id: only its name finds it.
fn by_name(flags: &SessionFlags) -> Result<(), CliError> {
    match flags.session_cluster.session_id {
        None => Ok(()),
        Some(_) => Err(CliError::usage(
            "a session that is started cannot have a given id",
            "take --session-id (SESSION_ID) away; --session-name says which session is meant",
        )),
    }
}

/// One restart at a time on this node.
async fn one_restart(state_directory: &Path) -> Result<Box<dyn control::ports::JobLock>, CliError> {
    let defect = |error: &dyn std::fmt::Display| CliError::Defect(error.to_string());
    let name = JobName::try_from("restart").map_err(|error| defect(&error))?;
    let locks = FileLocks::open(&state_directory.join("session"), Duration::ZERO, []);
    let busy = |error| OutsideError::unknown("restart the session: one is under way on this node", error);
    Ok(locks.acquire(&name).await.map_err(busy)?)
}

async fn admin(
    flags: &SessionFlags,
    invocation: &Invocation,
    out: Out,
    wave: NonZeroU16,
    orders: Option<Arc<dyn Orders>>,
) -> Result<SessionAdmin, CliError> {
    if flags.session_cluster.deployment_target == TargetKind::Remote {
        let help = "leave --deployment-target (DEPLOYMENT_TARGET) at yarn; a standalone cluster has scripts of its own";
        return Err(CliError::usage("only a session on YARN is managed", help));
    }
    let target = flags.session_cluster.yarn().map_err(|error| no_cluster(&error))?;
    let (store, options) = (invocation.store().await?, invocation.settings()?);
    let settings = settings(flags, store.as_ref(), &options.keys).await?;
    let session = match &target.session {
        SessionSelector::Application(_) => target.session.clone(),
        SessionSelector::Named(_) => SessionSelector::Named(settings.name.clone()),
    };
    let wrong = |source| CliError::File { path: flags.state_directory.clone(), source };
    std::fs::create_dir_all(&flags.state_directory).map_err(wrong)?;
    let (lease, margin) = (invocation.span("LEASE_MS", 60_000)?, invocation.span("MARGIN_MS", 60_000)?);
    let starter = SessionStarter {
        program: flags.yarn_session.clone(),
        environment: Vec::new(),
        log: Some(flags.state_directory.join("yarn-session.log")),
        limit: START,
    };
    let locks = FileLocks::open(&flags.state_directory, lease + margin, []);
    let world = Arc::new(SystemWorld);
    Ok(SessionAdmin {
        documents: SessionDocuments::new(Arc::clone(&store), Arc::<SystemWorld>::clone(&world), options.keys.session()),
        store,
        keys: options.keys,
        world,
        sessions: Arc::new(YarnSessions::new(&target, starter)?),
        locks: Arc::new(locks),
        orders,
        session,
        settings,
        times: AdminTimes {
            lease,
            margin,
            poll: POLL,
            wait: flags.wait,
            stop: Duration::from_millis(options.windows.stop_ms),
            cancel: CANCEL,
        },
        wave,
        tell: Arc::new(move |said: &str| out.note(&format!("  {}\n", crate::render::printable(said)))),
    })
}

/// What a session is started with; its name is the one that everybody looks for.
async fn settings(flags: &SessionFlags, store: &dyn Store, keys: &Keys) -> Result<SessionSettings, CliError> {
    let file = if let Some(path) = &flags.settings {
        Some(crate::files::read(path)?.file)
    } else {
        let key = keys.session_settings();
        store.get(&key).await?.map(|object| SourceFile::new(key, object.bytes))
    };
    let settings = match &file {
        Some(file) => parse_settings(file).map_err(CliError::Settings)?,
        None => SessionSettings::default(),
    };
    let name = &flags.session_cluster.session_name;
    if settings.name == *name || settings.name == SESSION_NAME {
        return Ok(SessionSettings { name: name.clone(), ..settings });
    }
    let file = file.map_or_else(String::new, |file| file.name);
    Err(CliError::usage(
        format!("{file} names the session `{}`, and `{name}` is looked for", settings.name),
        "set --session-name (SESSION_NAME) to the same name everywhere, or take `name` out of the file",
    ))
}
