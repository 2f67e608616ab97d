//! Schedules: the function is sent exactly their input, again and again.
//! Must not know what an input means.

use std::sync::Arc;

use crate::config::Schedule;
use crate::lambda::Function;
use crate::tasks::Tasks;

/// Starts the clocks of all schedules; the first firing comes one period after the start.
pub(crate) fn start(schedules: &[Schedule], function: &Arc<Function>, tasks: &Tasks) {
    for schedule in schedules.iter().filter(|schedule| !schedule.every.is_zero()) {
        let (schedule, function) = (schedule.clone(), function.clone());
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(schedule.every).await;
                tracing::debug!(name = schedule.name, "a schedule fires");
                function.invoke_async(schedule.input.clone());
            }
        });
    }
}
