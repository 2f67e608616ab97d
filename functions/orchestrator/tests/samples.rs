//! Every sample in `events/` is read as the trigger it shows, so that people can rely on them with cargo lambda.
//! Must not call anything.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeSet;
use std::path::Path;

use desired::manifest::JobName;
use lifecycle::keys::Keys;
use lifecycle::permission::Permission;
use orchestrator::actions::{Action, AllowAsked, OrderAsked, Preview, RestartAsked};
use orchestrator::events::{Hint, Message, Trigger, read};

fn sample(name: &str) -> Trigger {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    read(serde_json::from_str(&text).unwrap(), &Keys::new("flink-sql-runner/")).unwrap()
}

fn job(name: &str) -> JobName {
    JobName::try_from(name).unwrap()
}

fn jobs(names: &[&str]) -> Hint {
    Hint { jobs: names.iter().map(|n| job(n)).collect(), ..Hint::default() }
}

fn action(action: Action) -> Trigger {
    Trigger::Action(Box::new(action))
}

#[test]
fn every_sample_is_the_trigger_it_shows() {
    let orders = || BTreeSet::from([job("orders-per-buyer")]);
    let by = || Some("anna".to_owned());
    let order = |reason: &str| {
        let reason = Some(reason.to_owned());
        OrderAsked { by: by(), reason, ..OrderAsked::about(job("orders-per-buyer")) }
    };
    let batch = "0197f0a1b2c37000800000000000b001".parse().ok();
    let table = [
        ("s3-object-created", Trigger::Objects(jobs(&["orders-per-buyer"]))),
        ("s3-object-removed", Trigger::Objects(jobs(&["filter-expensive-items"]))),
        ("s3-delete-marker", Trigger::Objects(jobs(&["orders-per-buyer"]))),
        ("s3-lifecycle-expired", Trigger::Objects(jobs(&["orders-per-buyer"]))),
        ("s3-config-changed", Trigger::Objects(Hint { config: true, ..Hint::default() })),
        ("s3-result", Trigger::Objects(jobs(&["orders-per-buyer"]))),
        ("s3-observed", Trigger::Objects(Hint { observed: true, ..Hint::default() })),
        ("s3-test-event", Trigger::Nothing("s3:TestEvent")),
        ("eventbridge-object-created", Trigger::Objects(jobs(&["orders-per-buyer"]))),
        ("eventbridge-object-deleted", Trigger::Objects(jobs(&["orders-per-buyer"]))),
        ("eventbridge-object-expired", Trigger::Objects(jobs(&["filter-expensive-items"]))),
        ("scheduler-event", action(Action::Redeploy { by: None })),
        ("scheduled-event", action(Action::Redeploy { by: None })),
        ("schedule-redeploy", action(Action::Redeploy { by: None })),
        ("schedule-sweep", action(Action::Sweep { by: None })),
        ("emr-step-running", Trigger::Nothing("a step under way")),
        ("emr-step-failed", Trigger::Ended(batch)),
        ("ssm-command-failed", Trigger::Ended(None)),
        ("action-plan", action(Action::Plan(Preview::of(orders())))),
        (
            "action-plan-files",
            action(Action::Plan(Preview {
                files: [("queries/orders-per-buyer.yaml".to_owned(), "name: orders-per-buyer\n".to_owned())].into(),
                without: BTreeSet::from(["queries/".to_owned()]),
                ..Preview::default()
            })),
        ),
        ("action-deploy", action(Action::Deploy { names: orders(), by: by() })),
        (
            "action-allow",
            action(Action::Allow(AllowAsked {
                permission: Permission::Remove,
                run: None,
                order: order("these three may go"),
            })),
        ),
        ("action-forget", action(Action::Forget(order("it was an experiment")))),
        ("action-retry", action(Action::Retry(order("the disk is back")))),
        (
            "action-restart",
            action(Action::Restart(RestartAsked {
                clean: false,
                from: Some("0197f0a1b2c3700080000000000000aa".to_owned()),
                order: OrderAsked {
                    order_id: "0197f0a1b2c3700080000000000000ff".parse().ok(),
                    ..order("the sink lost a day")
                },
            })),
        ),
        ("action-savepoint", action(Action::Savepoint(order("before the upgrade")))),
        ("action-states", action(Action::States { name: job("orders-per-buyer") })),
        ("action-status", action(Action::Status { names: BTreeSet::new() })),
        ("action-look", action(Action::Look {})),
        ("action-history", action(Action::History { name: job("orders-per-buyer") })),
    ];
    for (name, expected) in &table {
        assert_eq!(sample(name), *expected, "{name}");
    }
    let (both, batch) = (jobs(&["filter-expensive-items", "orders-per-buyer"]), batch.into_iter().collect());
    let ended = Hint { ended: batch, ..Hint::default() };
    let sweep = Hint { sweep: true, ..Hint::default() };
    let of_orders = || jobs(&["orders-per-buyer"]);
    let messages = [
        ("sqs-batch", vec![of_orders(), jobs(&["order-numbers"])]),
        ("sqs-eventbridge", vec![of_orders(), jobs(&["filter-expensive-items"]), ended, sweep]),
        ("sqs-sns", vec![both, Hint::default(), of_orders(), of_orders()]),
        ("sns-s3", vec![of_orders()]),
    ];
    for (name, expected) in &messages {
        let (Trigger::Messages(told) | Trigger::Notifications(told)) = sample(name) else { panic!("{name}") };
        assert!(told.iter().all(|Message { id, unread, .. }| !id.is_empty() && unread.is_none()), "{name}: {told:?}");
        assert_eq!(told.into_iter().map(|message| message.hint).collect::<Vec<_>>(), *expected, "{name}");
    }

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let names = table.iter().map(|(name, _)| *name).chain(messages.iter().map(|(name, _)| *name));
    let known: BTreeSet<String> = names.map(|name| format!("{name}.json")).collect();
    let there: BTreeSet<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, known, "each sample is used here");
}
