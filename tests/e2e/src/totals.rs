//! What the example that counts orders printed: whether its state and its source are in step.
//! Must not know what was done to the job meanwhile.

use std::collections::BTreeMap;

use crate::{Bench, Row};

/// The query version that wrote a row of the running count.
pub fn version(row: &Row) -> &str {
    row.columns.get(7).map_or("", String::as_str)
}

/// The last order that was counted, if the buyers' counts add up to it: then state and source are in step.
fn counted(bench: &Bench, wanted: &str) -> Option<u64> {
    let mut latest: BTreeMap<String, u64> = BTreeMap::new();
    let mut last = 0;
    for row in bench.printed("buyer_totals").into_iter().filter(|r| version(r) == wanted && r.kind.starts_with('+')) {
        let number = |i: usize| row.columns[i].parse::<u64>().unwrap_or_default();
        latest.insert(row.columns[0].clone(), number(1));
        last = number(2);
    }
    (last > 0 && latest.values().sum::<u64>() == last).then_some(last)
}

/// Waits until the count is right and has gone on from `from`.
pub async fn counts_on(bench: &Bench, wanted: &str, from: u64) -> u64 {
    bench.wait("the count is right and goes on", || async { counted(bench, wanted).filter(|last| *last > from) }).await
}
