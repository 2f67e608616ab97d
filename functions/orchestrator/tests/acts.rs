//! Restarts and savepoints over a bucket in memory: what is ordered, what is refused with why, which states are listed.
//! Must not know how an act is carried out.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]
#![expect(dead_code, reason = "the other tests use more of the bucket in memory")]

#[path = "acts/forgetting.rs"]
mod forgetting;
mod memory;
#[path = "acts/orders.rs"]
mod orders;
#[path = "acts/races.rs"]
mod races;

use desired::manifest::JobName;
use lifecycle::act::{Act, ActKind};
use lifecycle::decision::Why;
use lifecycle::documents::outcome::{Compiled, Outcome, Refusal, RunStarted};
use lifecycle::ids::{ActId, run_id};
use lifecycle::reason::Reason;
use memory::Memory;
use orchestrator::actions::{Action, ActionError, Answer, OrderAsked, PlanAnswer, RestartAsked, StatesAnswer, act};

const TABLES: &str = "CREATE TABLE orders (a INT) WITH ('connector' = 'kafka', 'topic' = 'x');\n\
    CREATE TABLE sink (a INT) WITH ('connector' = 'print');\n";

fn name() -> JobName {
    JobName::try_from("orders-eu").unwrap()
}

/// A job that runs.
async fn running() -> Memory {
    let memory = Memory::default();
    memory.put("p/config/tables/t.sql", TABLES.as_bytes().to_vec());
    memory.upload(&name(), "SELECT a FROM orders");
    let deploy = Action::Deploy { names: [name()].into(), by: Some("anna".to_owned()) };
    act(&memory.orchestrator(), deploy).await.unwrap();
    memory.settle(&[name()]);
    memory
}

fn restart() -> RestartAsked {
    RestartAsked {
        clean: false,
        from: None,
        order: OrderAsked {
            order_id: Some(ActId::derived(&["one"])),
            by: Some("anna".to_owned()),
            reason: Some("the sink lost a day".to_owned()),
            ..OrderAsked::about(name())
        },
    }
}

/// The same order, but for this.
fn but(change: impl FnOnce(&mut OrderAsked)) -> RestartAsked {
    let mut asked = restart();
    change(&mut asked.order);
    asked
}

fn savepoint() -> OrderAsked {
    OrderAsked::about(name())
}

async fn ordered(memory: &Memory, action: Action) -> Result<PlanAnswer, ActionError> {
    act(&memory.orchestrator(), action).await.map(|answer| match answer {
        Answer::Plan(answer) => *answer,
        Answer::Status(_) | Answer::History(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    })
}

async fn refused(memory: &Memory, action: Action) -> (String, String) {
    match ordered(memory, action).await.unwrap_err() {
        ActionError::NothingWaits { message, help } => (message, help),
        ActionError::Outside(error) => unreachable!("{error}"),
    }
}

async fn states(memory: &Memory) -> StatesAnswer {
    match act(&memory.orchestrator(), Action::States { name: name() }).await.unwrap() {
        Answer::States(answer) => answer,
        Answer::Plan(_) | Answer::Status(_) | Answer::History(_) | Answer::Look(_) => unreachable!(),
    }
}

fn metadata(id: u64) -> Vec<u8> {
    let mut header = vec![0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 4];
    header.extend(id.to_be_bytes());
    header
}

#[tokio::test]
async fn an_order_is_planned_by_whom_and_why_and_once() {
    let memory = running().await;
    let answer = ordered(&memory, Action::Restart(restart())).await.unwrap();
    let plan = answer.jobs[0].plan.clone().unwrap();
    assert_eq!((plan.ordered, plan.before, plan.after), (Some(Act::Restart), Some(1), Some(1)));
    let open = memory.record(&name()).open.unwrap();
    assert_eq!((open.plan.by.as_str(), open.plan.reason.as_str()), ("anna", "restart ordered: the sink lost a day"));
    // The same again, as whoever got no answer asks: nothing more, under way and after it.
    ordered(&memory, Action::Restart(restart())).await.unwrap();
    assert_eq!(memory.record(&name()).open.unwrap().plan.operation, open.plan.operation);
    memory.settle(&[name()]);
    let answer = ordered(&memory, Action::Restart(restart())).await.unwrap();
    assert!(answer.jobs[0].plan.is_none() && memory.record(&name()).open.is_none());
    assert_eq!(memory.record(&name()).history.last().unwrap().by, "anna");
}

/// A bounded job that came to its end: a person starts it over, or is told that he can.
#[tokio::test]
async fn what_is_complete_is_started_over_and_nothing_else_is_ordered_of_it() {
    let memory = running().await;
    ordered(&memory, Action::Restart(restart())).await.unwrap();
    let job_id = run_id(memory.record(&name()).open.unwrap().plan.operation);
    let run = RunStarted { job_id, restored_from: None, epoch: None, compiled: Compiled::default() };
    memory.end(&name(), &Outcome::Completed { run });
    let way_out = "`restart orders-eu --clean` runs it again from the beginning, and so does a changed query";
    let end = "it is bounded and came to its end";
    let again = but(|order| order.order_id = Some(ActId::derived(&["two"])));
    let (message, help) = refused(&memory, Action::Restart(again.clone())).await;
    assert_eq!((message, help.as_str()), (format!("orders-eu is not restarted: {end}"), way_out));
    let (message, help) = refused(&memory, Action::Savepoint(savepoint())).await;
    assert_eq!((message, help.as_str()), (format!("orders-eu gets no savepoint: {end}"), way_out));
    let answer = ordered(&memory, Action::Restart(RestartAsked { clean: true, ..again })).await.unwrap();
    let plan = answer.jobs[0].plan.clone().unwrap();
    assert_eq!((plan.ordered, plan.before, plan.after), (Some(Act::RestartClean), Some(1), Some(2)));
}

#[tokio::test]
async fn history_tells_of_an_order_before_and_after_it_is_carried_out() {
    let memory = running().await;
    ordered(&memory, Action::Savepoint(OrderAsked { by: Some("anna".to_owned()), ..savepoint() })).await.unwrap();
    let told = async || match act(&memory.orchestrator(), Action::History { name: name() }).await.unwrap() {
        Answer::History(answer) => answer,
        Answer::Plan(_) | Answer::Status(_) | Answer::States(_) | Answer::Look(_) => unreachable!(),
    };
    let open = told().await.unsettled.pop().unwrap();
    assert_eq!((open.acted, open.by.as_str(), open.version), (Some(ActKind::Savepoint), "anna", Some(1)));
    assert!(open.operation.is_some() && open.why.starts_with("savepoint ordered"), "{open:?}");
    memory.settle(&[name()]);
    let answer = told().await;
    assert!(answer.entries.iter().any(|entry| entry.acted == Some(ActKind::Savepoint) && entry.by == "anna"));
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_notes_nothing() {
    let memory = running().await;
    let before = memory.record(&name());
    let asked = RestartAsked { clean: true, ..but(|order| order.dry_run = true) };
    let answer = ordered(&memory, Action::Restart(asked)).await.unwrap();
    assert_eq!(answer.jobs[0].reason, Reason::Planned, "nothing was ordered");
    let plan = answer.jobs[0].plan.clone().unwrap();
    assert_eq!((plan.ordered, plan.before, plan.after), (Some(Act::RestartClean), Some(1), Some(2)));
    let asked = OrderAsked { dry_run: true, ..savepoint() };
    let answer = ordered(&memory, Action::Savepoint(asked)).await.unwrap();
    assert_eq!(answer.jobs[0].plan.as_ref().unwrap().ordered, Some(Act::Savepoint));
    assert_eq!(memory.record(&name()), before);
}

#[tokio::test]
async fn what_cannot_be_ordered_says_why_and_what_to_do() {
    let memory = running().await;
    let key = format!("p/queries/{}.yaml", name());
    ordered(&memory, Action::Savepoint(savepoint())).await.unwrap();
    let another = || but(|order| order.order_id = None);
    for dry_run in [false, true] {
        let (message, help) =
            refused(&memory, Action::Restart(but(|order| (order.order_id, order.dry_run) = (None, dry_run)))).await;
        assert!(message.contains("is under way") && help.contains("`history orders-eu`"), "{message} ({help})");
    }
    let savepoint_taken = Outcome::Left {
        why: Why::RunsAsDeployed,
        run: None,
        epoch: None,
        checkpointed: true,
        newest: None,
        savepoint: Some("s3://b/savepoints/orders-eu/1/x/savepoint-abcdef-0123456789ab".to_owned()),
    };
    memory.end(&name(), &savepoint_taken);
    memory.put(&key, b"name: [".to_vec());
    let (message, _) = refused(&memory, Action::Savepoint(savepoint())).await;
    assert_eq!(message, "orders-eu gets no savepoint: its upload is refused");
    memory.remove(&key);
    let (message, _) = refused(&memory, Action::Restart(another())).await;
    assert_eq!(message, "orders-eu is not restarted: no uploaded manifest carries its name");
    assert!(memory.record(&name()).open.is_some_and(|open| open.plan.next.is_none()), "it is being removed");
    memory.settle(&[name()]);
    let (message, _) = refused(&memory, Action::Restart(another())).await;
    assert_eq!(message, "orders-eu is not restarted: it was removed");
    // What was never deployed: `deploy` cannot bring it to a file that is gone, or refused.
    let never = Memory::default();
    never.put("p/config/tables/t.sql", TABLES.as_bytes().to_vec());
    never.upload(&name(), "SELECT a FROM orders");
    ordered(&never, Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
    never.end(&name(), &Outcome::refused(Refusal::NoState));
    let (message, help) = refused(&never, Action::Restart(another())).await;
    assert!(
        message.ends_with("nothing of it is deployed") && help.contains("`deploy orders-eu`"),
        "{message} ({help})"
    );
    for from in [None, Some("s3://b/checkpoints/orders-eu/1/x/chk-1".to_owned())] {
        never.put(&key, b"name: [".to_vec());
        let again = || Action::Restart(RestartAsked { from: from.clone(), ..another() });
        assert!(refused(&never, again()).await.0.ends_with("its upload is refused"));
        never.remove(&key);
        let (message, help) = refused(&never, again()).await;
        assert!(message.ends_with("no uploaded manifest carries its name"), "{message}");
        assert!(help.contains("`deploy PATH`") && !help.contains("orders-eu"), "{help}");
    }
    let unknown = JobName::try_from("nobody").unwrap();
    let (message, _) = refused(&memory, Action::Restart(but(|order| order.name = unknown))).await;
    assert!(message.contains("nothing was ever decided"), "{message}");
    let both = RestartAsked { clean: true, from: Some("x".to_owned()), ..another() };
    assert!(refused(&memory, Action::Restart(both)).await.0.contains("two starts"));
}

#[tokio::test]
async fn only_a_complete_state_of_the_job_is_started_from() {
    let memory = running().await;
    let run = run_id(memory.record(&name()).history[0].operation);
    let own = format!("s3://b/checkpoints/orders-eu/1/{run}/chk-7");
    let from = |path: &str| Action::Restart(RestartAsked { from: Some(path.to_owned()), ..restart() });
    let (message, help) = refused(&memory, from(&own)).await;
    assert!(message.contains("no complete state is at") && help.contains("`states orders-eu`"), "{message} ({help})");
    memory.put(&format!("{own}/_metadata"), metadata(7));
    let (message, _) = refused(&memory, from(&own.replace("orders-eu", "orders-us"))).await;
    assert!(message.ends_with("the state is not provably one of its own"), "{message}");
    let (message, _) = refused(&memory, from("0badcafe")).await;
    assert!(message.contains("no savepoint of an operation `0badcafe`"), "{message}");
    let answer = ordered(&memory, from(&own)).await.unwrap();
    let expected = Act::RestartFrom { path: own, of_live_run: true };
    assert_eq!(answer.jobs[0].plan.as_ref().unwrap().ordered, Some(expected));
}

#[tokio::test]
async fn the_savepoint_of_an_operation_is_found_by_the_digits_that_people_see() {
    let memory = running().await;
    ordered(&memory, Action::Savepoint(savepoint())).await.unwrap();
    let plan = memory.record(&name()).open.unwrap().plan;
    let path = format!("{}/savepoint-abcdef-0123456789ab", plan.stop_directory().unwrap());
    memory.put(&format!("{path}/_metadata"), metadata(3));
    // An operation of before noted no savepoint: it lies where its plan says.
    memory.settle(&[name()]);
    let from = Some(plan.operation.short());
    let answer = ordered(&memory, Action::Restart(RestartAsked { from, ..restart() })).await.unwrap();
    let expected = Act::RestartFrom { path, of_live_run: false };
    assert_eq!(answer.jobs[0].plan.as_ref().unwrap().ordered, Some(expected));
}

/// What `states` shows can be typed, also where the history does not reach that far.
#[tokio::test]
async fn a_savepoint_is_found_by_the_operation_in_its_path() {
    let memory = running().await;
    let at = |digits: &str| {
        format!("s3://b/savepoints/orders-eu/1/0197f0a1b2c37000800000000000{digits}/savepoint-abcdef-0123456789ab")
    };
    let from = |from: &str| Action::Restart(RestartAsked { from: Some(from.to_owned()), ..restart() });
    memory.put(&format!("{}/_metadata", at("00aa")), metadata(3));
    memory.put(&format!("{}/_metadata", at("00bb")), metadata(4));
    let told = states(&memory).await.states.into_iter().map(|state| state.operation.unwrap().short());
    assert_eq!(told.collect::<Vec<_>>(), ["000000bb", "000000aa"]);
    let (message, _) = refused(&memory, from("000000cc")).await;
    assert!(message.contains("no savepoint of an operation `000000cc`"), "{message}");
    let answer = ordered(&memory, from("000000aa")).await.unwrap();
    let expected = Act::RestartFrom { path: at("00aa"), of_live_run: false };
    assert_eq!(answer.jobs[0].plan.as_ref().unwrap().ordered, Some(expected));
    assert_eq!(answer.jobs[0].plan.as_ref().unwrap().state, orchestrator::actions::StateFate::Given);
}

#[tokio::test]
async fn states_tell_which_one_is_used_by_itself() {
    let memory = running().await;
    let run = run_id(memory.record(&name()).history[0].operation);
    let at = |n: u64| format!("s3://b/checkpoints/orders-eu/1/{run}/chk-{n}");
    let saved = "s3://b/savepoints/orders-eu/1/0197f0a1b2c3700080000000000000aa/savepoint-abcdef-0123456789ab";
    memory.put(&format!("{}/_metadata", at(9)), metadata(9));
    memory.put(&format!("{}/_metadata", at(10)), metadata(10));
    memory.put(&format!("{}/part", at(11)), Vec::new());
    let answer = states(&memory).await;
    let told: Vec<_> = answer.states.iter().map(|s| (s.path.clone(), s.checkpoint_id, s.used_by_itself)).collect();
    assert_eq!(told, [(at(10), Some(10), true), (at(9), Some(9), false)]);
    // A savepoint that it is not restored from changes nothing, whether or not its id can be read.
    memory.put(&format!("{saved}/_metadata"), metadata(4));
    memory.refuse(&format!("{saved}/_metadata"), "AccessDenied");
    let answer = states(&memory).await;
    assert_eq!((answer.states[2].savepoint, answer.states[2].version), (true, Some(1)));
    assert_eq!((answer.states.len(), answer.states[2].checkpoint_id), (3, None));
    let used: Vec<_> = answer.states.iter().filter(|state| state.used_by_itself).map(|state| &state.path).collect();
    assert_eq!((used, answer.not_now), (vec![&at(10)], None));
}

/// It is stopped with a savepoint, whose id the function cannot read, and its checkpoints are gone.
#[tokio::test]
async fn a_suspended_job_goes_on_from_its_savepoint_and_is_not_restarted() {
    let memory = running().await;
    let key = format!("p/queries/{}.yaml", name());
    let text = format!(
        "name: {0}\nstate: suspended\ndescription: d\ntarget-table: sink\nsql: SELECT a FROM orders\nflinkProperties:\n  \
         state.checkpoints.dir: s3://b/checkpoints/{0}\n  state.savepoints.dir: s3://b/savepoints/{0}\n",
        name()
    );
    memory.put(&key, text.into_bytes());
    ordered(&memory, Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
    let plan = memory.record(&name()).open.unwrap().plan;
    let saved = format!("{}/savepoint-abcdef-0123456789ab", plan.stop_directory().unwrap());
    memory.put(&format!("{saved}/_metadata"), metadata(4));
    let savepoint = Some(saved.clone());
    memory.end(&name(), &Outcome::Suspended { savepoint, newest: None, epoch: None, checkpointed: true });
    ordered(&memory, Action::Deploy { names: [name()].into(), by: None }).await.unwrap();
    let answer = states(&memory).await;
    let used: Vec<_> = answer.states.iter().map(|state| (&state.path, state.used_by_itself)).collect();
    assert_eq!(used, [(&saved, true)]);
    let told = "it is suspended; `resume orders-eu` has it go on from its newest state";
    assert_eq!(answer.not_now.as_deref(), Some(told));
    memory.remove(&key);
    memory.put(&key, b"name: [".to_vec());
    let (message, _) = refused(&memory, Action::Restart(restart())).await;
    assert!(message.ends_with("its upload is refused"), "it cannot be resumed either: {message}");
    // `states` tells what a restart would be told, and orders nothing.
    let told = "its upload is refused; correct the upload first; `history orders-eu` has every error";
    assert_eq!(states(&memory).await.not_now.as_deref(), Some(told));
    memory.remove(&key);
    let told = states(&memory).await.not_now.unwrap();
    assert!(told.starts_with("it was removed; "), "{told}");
    assert_eq!((memory.record(&name()).ordered, memory.record(&name()).suspended.is_some()), (None, true));
}
