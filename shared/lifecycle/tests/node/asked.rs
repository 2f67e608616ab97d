//! What a person orders of the job in these tests, and the invocation that takes it in.
//! Must not know what comes of it.

use desired::inputs::Desired;
use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::record::{OpenOperation, Record};
use lifecycle::orchestrate::{Dispatched, Effect, Input, Situation, State, step};

use super::{first, id, name, situation, wanted};

pub(crate) fn ordered(act: Act) -> OrderedAct {
    let (by, why) = ("anna".to_owned(), Some("the sink was restored".to_owned()));
    OrderedAct { id: id(77), act, by, why, at: Timestamp::UNIX_EPOCH, about: None, debt: None }
}

/// The record after an invocation in which `ordered` was asked for, and what was ordered of it.
pub(crate) fn asked(record: &Record, ordered: &OrderedAct, n: u8) -> (Record, Option<OpenOperation>) {
    let situation = Situation { ordered: Some(ordered.clone()), ..situation(n) };
    invoked(record, &wanted(&first()), &situation)
}

/// The record after an invocation, and the operation that was sent by it.
pub(crate) fn invoked(record: &Record, desired: &Desired, situation: &Situation) -> (Record, Option<OpenOperation>) {
    let mut record = record.clone();
    let (mut state, mut effect) = step(&name(), situation, State::new(), Input::Begin);
    let mut sent = None;
    loop {
        let input = match effect {
            Effect::ReadRecord => Input::Record(Some(Box::new(record.clone()))),
            Effect::ReadDesired => Input::Desired(desired.clone()),
            Effect::ReadResult(_) => Input::Result(None),
            Effect::WriteRecord(written) => {
                record = *written;
                Input::Written
            }
            Effect::Dispatch(plan) => {
                sent = Some(plan.operation);
                Input::Written
            }
            Effect::WritePlan(_) => Input::Written,
            Effect::AskDispatch(_) => Input::Dispatched(Dispatched::Waiting),
            Effect::Done(_) => break,
            other => panic!("{other:?}"),
        };
        (state, effect) = step(&name(), situation, state, input);
    }
    let open = record.open.clone().filter(|open| Some(open.plan.operation) == sent);
    (record, open)
}
