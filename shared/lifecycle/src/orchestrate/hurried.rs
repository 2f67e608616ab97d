//! An order that waits because no savepoint could be taken, once its manifest says otherwise about savepoints that fail.
//! Must not know how an order is carried out.

use desired::target::Target;
use jiff::Timestamp;

use crate::documents::record::Record;
use crate::owed::Cause;

/// Takes in what a target says that restarts nothing.
pub(super) fn describe(record: &mut Record, target: &Target, now: Timestamp) {
    let Some(deployed) = &mut record.deployed else { return };
    let before = deployed.target.manifest.operating.on_savepoint_failure;
    deployed.target = target.clone();
    if before == target.manifest.operating.on_savepoint_failure {
        return;
    }
    let waits = record.ordered.as_mut().and_then(|ordered| ordered.debt.as_mut());
    if let Some(debt) = waits.filter(|debt| debt.cause == Cause::NoSavepoint) {
        debt.next = Some(now);
    }
}
