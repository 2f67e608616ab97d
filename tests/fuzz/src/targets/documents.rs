//! Every document of the store, and the small texts: ids, keys, names, lives of clusters, headers of checkpoints.
//! Must not know who wrote them.

use desired::digest::Digest;
use desired::inputs::stem;
use desired::launch::Rejection;
use desired::manifest::JobName;
use lifecycle::documents::alerts::AlertsDocument;
use lifecycle::documents::batch::{Batch, Receipt};
use lifecycle::documents::claim::Claim;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::Record;
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::documents::result::OperationResult;
use lifecycle::documents::{Document, read, write};
use lifecycle::flink::Epoch;
use lifecycle::ids::{Hex32, JobId, OperationId};
use lifecycle::keys::{Keys, ObjectKind};
use lifecycle::session::SessionDocument;
use lifecycle::state::{HEADER_LENGTH, NotMetadata, beside, checkpoint_id, is_checkpoint, is_savepoint, kept_at};

/// The bytes as each kind of document: what was read is written, and says the same when it is read again.
pub fn document(data: &[u8]) {
    if let Some(record) = again::<Record>(data) {
        let _ = (lifecycle::alert_conditions::of_record(&record), record.status(), record.is_down());
    }
    if let Some(claim) = again::<Claim>(data) {
        let _ = claim.outcome_without_result();
    }
    if let Some(plan) = again::<Plan>(data) {
        let _ = (plan.secrets(), plan.can_roll_back(), plan.stop_directory());
        let launches = plan.next.iter().chain(plan.previous.as_ref().map(|previous| &previous.launch));
        let _: Vec<Option<Rejection>> = launches.map(|launch| launch.refusal(Some("s3://b/p/"))).collect();
        let _: usize = plan.previous.iter().map(|previous| previous.provable_places(None).len()).sum();
    }
    if let Some(observed) = again::<ObservedDocument>(data) {
        let _ = observed.missing().count();
    }
    again::<AlertsDocument>(data);
    again::<SessionDocument>(data);
    again::<Batch>(data);
    again::<Receipt>(data);
    again::<OperationResult>(data);
    again::<RefusedDocument>(data);
}

fn again<T: Document>(data: &[u8]) -> Option<T> {
    let document = read::<T>(data).ok()?;
    let written = write(&document);
    let twice = read::<T>(&written).unwrap_or_else(|error| panic!("{error:?}: {}", written.escape_ascii()));
    assert_eq!(write(&twice), written, "written, read and written again");
    Some(document)
}

/// The beginning of a `_metadata` file.
pub fn metadata(data: &[u8]) {
    let id = checkpoint_id(data);
    assert!(data.len() >= HEADER_LENGTH || id == Err(NotMetadata));
}

/// Names, ids, keys and paths; what is read is written as it was.
pub fn names(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    for text in text.lines().chain([text]).take(100) {
        one_name(text);
    }
}

fn one_name(text: &str) {
    if let Ok(name) = JobName::try_from(text) {
        assert_eq!(name.as_str(), text);
        let keys = Keys::new("p/");
        assert_eq!(
            keys.kind_of(&format!("{}{name}.yaml", keys.queries())),
            ObjectKind::Query { stem: name.to_string() }
        );
    }
    let _ = (text.parse::<Hex32>().map(|id| id.short()), text.parse::<JobId>());
    if let Ok(id) = text.parse::<OperationId>() {
        assert_eq!(id.to_string().parse::<OperationId>().ok(), Some(id));
    }
    let quoted = serde_json::Value::String(text.to_owned());
    let _ = serde_json::from_value::<Digest>(quoted.clone());
    if let Ok(epoch) = serde_json::from_value::<Epoch>(quoted.clone()) {
        let written = serde_json::to_value(&epoch).expect("an epoch is a text");
        assert_eq!(serde_json::from_value::<Epoch>(written).ok(), Some(epoch));
    }
    let (keys, run) = (Keys::new("p/"), JobId::from(Hex32::from_bytes([7; 16])));
    let _ = (keys.kind_of(text), keys.kind_of(&format!("p/{text}")), keys.refused(text), stem(text));
    let _ = (beside(text), kept_at(text, run), is_checkpoint(text), is_savepoint(text, Some("070707")));
    let _ = (keys.job_of_record(text), keys.job_of_manifest(text));
}
