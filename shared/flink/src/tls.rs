//! How a `JobManager` behind TLS is spoken to: who is trusted, who we are, what a failed handshake means.
//! Must not know addresses, nor what is asked.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

/// The most that is read of a PEM file.
const PEM: u64 = 1024 * 1024;
const CA: &str = "JOBMANAGER_CA";
const CERT: &str = "JOBMANAGER_CERT";
const KEY: &str = "JOBMANAGER_KEY";

/// Whom a `JobManager` behind TLS must prove to be, and who we are to it.
#[derive(Clone)]
pub struct JobManagerTls {
    config: Arc<ClientConfig>,
    is_mutual: bool,
}

/// The PEM files that say so.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "TLS to the JobManager")]
pub struct TlsArguments {
    /// The certificates that sign the JobManager's, as a PEM file; with it the JobManager is spoken to over TLS.
    #[arg(long, env = "JOBMANAGER_CA", value_name = "FILE")]
    pub jobmanager_ca: Option<PathBuf>,
    /// Our own certificate, where the JobManager asks for one, as a PEM file.
    #[arg(long, env = "JOBMANAGER_CERT", value_name = "FILE")]
    pub jobmanager_cert: Option<PathBuf>,
    /// Its key, as a PEM file.
    #[arg(long, env = "JOBMANAGER_KEY", value_name = "FILE")]
    pub jobmanager_key: Option<PathBuf>,
}

/// Settings that make no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: cannot read {}", path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{setting}: {} holds no {what} in PEM form", path.display())]
    NotPem {
        /// The setting that names it.
        setting: &'static str,
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// A certificate without its key, or the other way round.
    #[error("JOBMANAGER_CERT and JOBMANAGER_KEY belong together: set both or neither")]
    HalfAPair,
    /// Nobody to trust.
    #[error("{0} needs JOBMANAGER_CA: the PEM file with the certificates that sign the JobManager's")]
    NoCa(&'static str),
    /// The address says one thing, the certificates another.
    #[error("JOBMANAGER_ADDRESS says http://, JOBMANAGER_CA says TLS: write https://, or leave JOBMANAGER_CA out")]
    Contradiction,
    /// The certificates make no configuration.
    #[error("JOBMANAGER_CERT and JOBMANAGER_KEY do not belong to each other, or are of a kind that is not supported")]
    Pair(#[source] rustls::Error),
    /// No TLS at all.
    #[error("TLS cannot be set up")]
    SetUp(#[source] rustls::Error),
}

impl TlsArguments {
    /// What they say; nothing where the `JobManager` is not behind TLS.
    pub fn read(&self) -> Result<Option<JobManagerTls>, TlsError> {
        let pair = match (&self.jobmanager_cert, &self.jobmanager_key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            (Some(_), None) | (None, Some(_)) => return Err(TlsError::HalfAPair),
        };
        let Some(ca) = &self.jobmanager_ca else {
            return if pair.is_some() { Err(TlsError::NoCa(CERT)) } else { Ok(None) };
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(CA, ca)? {
            let not_one = |_| TlsError::NotPem { setting: CA, path: ca.clone(), what: "usable certificate" };
            roots.add(certificate).map_err(not_one)?;
        }
        let builder = trusting(roots)?;
        let config = match pair {
            None => builder.with_no_client_auth(),
            Some((cert, file)) => {
                let no_key = |_| TlsError::NotPem { setting: KEY, path: file.clone(), what: "private key" };
                let key = PrivateKeyDer::from_pem_slice(&content(KEY, file)?).map_err(no_key)?;
                builder.with_client_auth_cert(certificates(CERT, cert)?, key).map_err(TlsError::Pair)?
            }
        };
        Ok(Some(JobManagerTls { config: Arc::new(config), is_mutual: pair.is_some() }))
    }
}

impl JobManagerTls {
    /// What `flink run` is told beside the address. Its truststore, keystore and their passwords come from the node's own
    /// configuration of Flink: an argument would show them to everybody on the node.
    pub fn client_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-Dsecurity.ssl.rest.enabled=true".to_owned()];
        if self.is_mutual {
            arguments.push("-Dsecurity.ssl.rest.authentication-enabled=true".to_owned());
        }
        arguments
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }
}

/// Nobody is trusted: for addresses without TLS.
pub(crate) fn nobody() -> Result<ClientConfig, TlsError> {
    Ok(trusting(RootCertStore::empty())?.with_no_client_auth())
}

fn trusting(
    roots: RootCertStore,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::SetUp)?;
    Ok(builder.with_root_certificates(roots))
}

fn certificates(setting: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = || TlsError::NotPem { setting, path: path.to_owned(), what: "certificate" };
    let content = content(setting, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(wrong)
}

fn content(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PEM).read_to_end(&mut content));
    read.map_err(|source| TlsError::File { setting, path: path.to_owned(), source })?;
    Ok(content)
}

/// What a failed handshake means, and the setting to look at; nothing if the error is another one.
pub(crate) fn meaning(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let error = handshake(error)?;
    let said = match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            // The second where an authority of the same name has another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the JobManager's certificate is signed by none of JOBMANAGER_CA's"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the JobManager's certificate has expired"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the JobManager's certificate is for another name than its address (JOBMANAGER_ADDRESS)"
            }
            _ => "the JobManager's certificate is not accepted (JOBMANAGER_CA)",
        },
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the JobManager wants a certificate of ours: set JOBMANAGER_CERT and JOBMANAGER_KEY"
        }
        // Java's answer to a client with none of its cipher suites; Flink's default is one that nobody should speak.
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the JobManager speaks no cipher suite of ours: set Flink's security.ssl.algorithms to \
             TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        }
        rustls::Error::AlertReceived(_) => {
            "the JobManager breaks off the handshake: it may not accept JOBMANAGER_CERT, or want one"
        }
        rustls::Error::InvalidMessage(_) => "no TLS is spoken at this address: leave JOBMANAGER_CA and https:// out",
        _ => "the TLS handshake with the JobManager failed (JOBMANAGER_CA, JOBMANAGER_CERT)",
    };
    Some(format!("{said}: {error}"))
}

/// The error of the handshake among the causes, wherever it is wrapped.
fn handshake<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| handshake(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl fmt::Debug for JobManagerTls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobManagerTls").field("is_mutual", &self.is_mutual).finish_non_exhaustive()
    }
}

impl PartialEq for JobManagerTls {
    /// The same settings, read once.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

impl Eq for JobManagerTls {}
