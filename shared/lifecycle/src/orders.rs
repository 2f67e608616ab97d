//! The orders that texts of the core name: written for any job, filled in where a text is shown for one.
//! Must not know where a text is shown, nor what an order does.

/// What stands for the job in a text.
const ANY: &str = "NAME";
/// The orders that a text may name.
const ORDERS: [&str; 4] = ["allow", "retry", "history", "states"];

/// A text of the core about this job: `allow NAME remove` becomes `allow orders remove`.
pub fn named(text: &str, job: &str) -> String {
    with_orders(text, "", job)
}

/// The same with the program before each order, as it is typed in a shell; of several jobs the name stays open.
pub fn typed(text: &str, job: Option<&str>) -> String {
    with_orders(text, "flink-sql-runner ", job.unwrap_or(ANY))
}

fn with_orders(text: &str, program: &str, job: &str) -> String {
    ORDERS.iter().fold(text.to_owned(), |text, order| {
        text.replace(&format!("`{order} {ANY}"), &format!("`{program}{order} {job}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_told_for_its_job_and_as_it_is_typed() {
        let text = "no state; `allow NAME clean-start` starts it, `states NAME` lists some of NAME";
        assert_eq!(
            named(text, "orders"),
            "no state; `allow orders clean-start` starts it, `states orders` lists some of NAME"
        );
        assert_eq!(
            typed(text, Some("orders")),
            "no state; `flink-sql-runner allow orders clean-start` starts it, `flink-sql-runner states orders` lists \
             some of NAME"
        );
        assert!(typed(text, None).contains("`flink-sql-runner allow NAME clean-start`"), "of several jobs");
    }
}
