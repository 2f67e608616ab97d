//! The address of a REST API.
//! Must not know how it was found, nor what is asked there.

use std::fmt;
use std::str::FromStr;

/// The address of a `JobManager`'s REST API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host, without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
}

/// A text that is not `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address: host:port is expected")]
pub struct NotAnEndpoint(String);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let wrong = || NotAnEndpoint(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let good = match inner {
            Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
            // A host also becomes an argument of the Flink client: nothing but a name or an IPv4 address gets there.
            None => {
                !host.is_empty()
                    && !host.starts_with('-')
                    && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            }
        };
        if !good || port == 0 {
            return Err(wrong());
        }
        Ok(Self { host: inner.unwrap_or(host).to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        let endpoint = Endpoint { host: "localhost".to_owned(), port: 8081 };
        assert_eq!("localhost:8081".parse(), Ok(endpoint.clone()));
        assert_eq!("[::1]:8081".parse::<Endpoint>().map(|e| e.to_string()), Ok("[::1]:8081".to_owned()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in
            ["", "localhost", "localhost:", ":8081", "a:0", "a:65536", "::1:80", "a b:1", "-x:1", "http://a:1", "a/b:1"]
        {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }
}
