//! What is made of the address of a `JobManager`: a URL, and the arguments of the Flink client.
//! Must not know how it was found.

use std::str::FromStr;

use lifecycle::endpoint::{Endpoint, NotAnEndpoint};

/// What REST paths are appended to, without a slash at its end.
pub fn base_url(endpoint: &Endpoint) -> String {
    format!("http://{endpoint}")
}

/// The same behind TLS.
pub(crate) fn secure_url(endpoint: &Endpoint) -> String {
    format!("https://{endpoint}")
}

/// The address of a standalone `JobManager` as people give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobManagerAddress {
    pub endpoint: Endpoint,
    /// What its scheme says of TLS, if it has one.
    pub is_secure: Option<bool>,
}

impl FromStr for JobManagerAddress {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let schemes = [("https://", true), ("http://", false)];
        let scheme = schemes.into_iter().find_map(|(scheme, is_secure)| Some((text.strip_prefix(scheme)?, is_secure)));
        let (address, is_secure) = scheme.map_or((text, None), |(address, is_secure)| (address, Some(is_secure)));
        let address = if is_secure.is_some() { address.trim_end_matches('/') } else { address };
        Ok(Self { endpoint: address.parse()?, is_secure })
    }
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
    fn people_may_name_the_scheme() {
        let read = |text: &str| text.parse().map(|a: JobManagerAddress| (a.endpoint.to_string(), a.is_secure));
        assert_eq!(read("jm:8081"), Ok(("jm:8081".to_owned(), None)));
        assert_eq!(read("https://jm:8081/"), Ok(("jm:8081".to_owned(), Some(true))));
        assert_eq!(read("http://jm:8081"), Ok(("jm:8081".to_owned(), Some(false))));
        for wrong in ["https://jm", "ftp://jm:1", "https://jm:1/path", "jm:1/", "https://https://jm:1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_becomes_a_url_and_arguments() {
        let endpoint = Endpoint { host: "localhost".to_owned(), port: 8081 };
        assert_eq!(base_url(&endpoint), "http://localhost:8081");
        assert_eq!(
            run_arguments(&endpoint),
            ["-t", "remote", "-Drest.address=localhost", "-Drest.port=8081", "-Dhigh-availability.type=NONE"]
        );
        assert_eq!(secure_url(&endpoint), "https://localhost:8081");
        assert_eq!("[::1]:8081".parse().map(|e| base_url(&e)), Ok("http://[::1]:8081".to_owned()));
    }
}
