//! What is made of the address of a `JobManager`: a URL, and the arguments of the Flink client.
//! Must not know how it was found.

use lifecycle::endpoint::Endpoint;

/// What REST paths are appended to, without a slash at its end.
pub fn base_url(endpoint: &Endpoint) -> String {
    format!("http://{endpoint}")
}

/// What `flink run` is told. A YARN session's `JobManager` takes jobs the same way: the client speaks to exactly the
/// one that was observed, and is quicker (`benches/`) than with `-t yarn-session`, which asks the `ResourceManager`
/// for each job.
pub(crate) fn run_arguments(endpoint: &Endpoint) -> Vec<String> {
    vec![
        "-t".to_owned(),
        "remote".to_owned(),
        format!("-Drest.address={}", endpoint.host),
        format!("-Drest.port={}", endpoint.port),
        // Where the cluster's own configuration has it on, the client would ask ZooKeeper for some JobManager.
        "-Dhigh-availability.type=NONE".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_url_and_arguments() {
        let endpoint = Endpoint { host: "localhost".to_owned(), port: 8081 };
        assert_eq!(base_url(&endpoint), "http://localhost:8081");
        assert_eq!(
            run_arguments(&endpoint),
            ["-t", "remote", "-Drest.address=localhost", "-Drest.port=8081", "-Dhigh-availability.type=NONE"]
        );
        assert_eq!("[::1]:8081".parse().map(|e| base_url(&e)), Ok("http://[::1]:8081".to_owned()));
    }
}
