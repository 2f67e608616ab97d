//! A `JobManager` behind TLS: a real TLS server, its certificates good and bad, with and without one of ours.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod fake;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use control::ports::OutsideError;
use control::session::SessionSelector;
use fake::Server;
use flink::flink_rest::FlinkRest;
use flink::http::Timeouts;
use flink::target::{DeploymentTarget, YarnTarget};
use flink::tls::{TlsArguments, TlsError};
use lifecycle::endpoint::Endpoint;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const LIMITS: Timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(5) };

const APPS: &str =
    "GET /ws/v1/cluster/apps?states=NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING&applicationTypes=Apache%20Flink";

/// An authority and what it signs, in files.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Pair {
    cert: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        Self::named("authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }

    fn good(&self) -> Pair {
        self.sign("127.0.0.1", |_| {})
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of the client's, in two files.
    fn client(&self) -> (PathBuf, PathBuf) {
        let pair = self.sign("runner", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
        let (cert, key) = (self.folder.path().join("client.pem"), self.folder.path().join("client.key"));
        std::fs::write(&cert, pair.cert).unwrap();
        std::fs::write(&key, pair.key).unwrap();
        (cert, key)
    }
}

/// A `JobManager` with this certificate; `asks` for one of that authority's in turn.
async fn jobmanager(pair: &Pair, asks: Option<&Authority>) -> Endpoint {
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match asks {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.issuer.der().clone()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![cert], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    let config = json!([{"key": "web.tmpdir", "value": "/tmp/flink-web-a"}]);
    let log = "-Dlog.file=/logs/application_1_0001/container_1_0001_01_000001/jobmanager.log";
    let environment = json!({"jvm": {"version": "17", "options": [log]}, "classpath": []});
    let server = Server::default().with("GET /jobmanager/config", 200, config).with(
        "GET /jobmanager/environment",
        200,
        environment,
    );
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    server.answer(stream).await;
                }
            });
        }
    });
    endpoint
}

/// Asks who it is, with these files.
async fn ask(endpoint: Endpoint, ca: PathBuf, own: Option<(PathBuf, PathBuf)>) -> Result<(), OutsideError> {
    let (cert, key) = own.unzip();
    let files = TlsArguments { jobmanager_ca: Some(ca), jobmanager_cert: cert, jobmanager_key: key };
    FlinkRest::at(endpoint, LIMITS, files.read().unwrap()).unwrap().epoch().await.map(|_| ())
}

/// The way out is in the first words, and whether something was done is unknown.
fn says(asked: Result<(), OutsideError>, said: &str) {
    let Err(OutsideError::Unknown { source, .. }) = asked else { panic!("{asked:?}") };
    let text = source.to_string();
    assert!(text.starts_with(said), "{text}; {:?}", source.source());
}

#[tokio::test]
async fn a_jobmanager_behind_tls_is_spoken_to() {
    let authority = Authority::new();
    ask(jobmanager(&authority.good(), None).await, authority.ca(), None).await.unwrap();
    let mutual = jobmanager(&authority.good(), Some(&authority)).await;
    ask(mutual, authority.ca(), Some(authority.client())).await.unwrap();
}

/// Found through a `ResourceManager` in plain text, spoken to over TLS.
#[tokio::test]
async fn a_session_on_yarn_is_spoken_to_over_tls() {
    let authority = Authority::new();
    let endpoint = jobmanager(&authority.good(), None).await;
    let app = json!({"id": "application_1_0001", "user": "hadoop", "name": "s", "state": "RUNNING",
        "finalStatus": "UNDEFINED", "applicationType": "Apache Flink", "clusterId": 1, "amRPCAddress": endpoint.to_string(),
        "amContainerLogs": "http://n:8042/node/containerlogs/container_1_0001_01_000001/hadoop"});
    let manager = Server::default().with(APPS, 200, json!({"apps": {"app": [app]}})).serve().await;
    let files = TlsArguments { jobmanager_ca: Some(authority.ca()), ..TlsArguments::default() };
    let session = SessionSelector::Named("s".to_owned());
    let target = YarnTarget {
        managers: vec![manager],
        session,
        wait: Duration::ZERO,
        timeouts: LIMITS,
        tls: files.read().unwrap(),
    };
    let rest = DeploymentTarget::Yarn(target.clone()).resolve().await.unwrap();
    assert_eq!(rest.client_arguments(), ["-Dsecurity.ssl.rest.enabled=true"]);
    let plain = DeploymentTarget::Yarn(YarnTarget { tls: None, ..target }).resolve().await;
    assert!(matches!(plain, Err(OutsideError::Unknown { .. })), "{plain:?}");
}

#[tokio::test]
async fn who_cannot_prove_to_be_it_is_told_by_the_setting() {
    let authority = Authority::new();
    // Another one, and another one of the same name.
    for other in [Authority::named("other"), Authority::new()] {
        let wrong = ask(jobmanager(&authority.good(), None).await, other.ca(), None).await;
        says(wrong, "the JobManager's certificate is signed by none of JOBMANAGER_CA's");
    }
    let old = authority.sign("127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let old = ask(jobmanager(&old, None).await, authority.ca(), None).await;
    says(old, "the JobManager's certificate has expired");
    let named = authority.sign("elsewhere.example", |_| {});
    let named = ask(jobmanager(&named, None).await, authority.ca(), None).await;
    says(named, "the JobManager's certificate is for another name than its address (JOBMANAGER_ADDRESS)");
}

#[tokio::test]
async fn a_certificate_that_it_wants_is_told_by_the_setting() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mutual = jobmanager(&authority.good(), Some(&authority)).await;
    let none = ask(mutual.clone(), authority.ca(), None).await;
    says(none, "the JobManager wants a certificate of ours: set JOBMANAGER_CERT and JOBMANAGER_KEY");
    let foreign = ask(mutual, authority.ca(), Some(other.client())).await;
    says(foreign, "the JobManager breaks off the handshake: it may not accept JOBMANAGER_CERT");
}

/// A server that answers whatever comes first with these bytes.
async fn answering(bytes: &'static [u8]) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
    });
    endpoint
}

#[tokio::test]
async fn tls_where_there_is_none_and_none_where_there_is() {
    let authority = Authority::new();
    let plain = answering(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    says(ask(plain, authority.ca(), None).await, "no TLS is spoken at this address");
    // Flink's answer to plain text on a port behind TLS.
    let moved = b"HTTP/1.1 301 X\r\nlocation: https://jm:1/jobmanager/config\r\ncontent-length: 0\r\n\r\n";
    let endpoint = answering(moved).await;
    let error = FlinkRest::new(endpoint, LIMITS).unwrap().epoch().await.unwrap_err();
    let OutsideError::Unknown { source, .. } = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("set JOBMANAGER_CA"), "{source}");
}

/// As a `JobManager` with Flink's default `security.ssl.algorithms` answers: the alert `handshake_failure`.
#[tokio::test]
async fn cipher_suites_that_differ_are_told_by_flinks_option() {
    let endpoint = answering(&[21, 3, 3, 0, 2, 2, 40]).await;
    let said = "the JobManager speaks no cipher suite of ours: set Flink's security.ssl.algorithms to TLS_ECDHE_RSA_";
    says(ask(endpoint, Authority::new().ca(), None).await, said);
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let authority = Authority::new();
    let (cert, key) = authority.client();
    let other = Authority::new();
    let (_, foreign) = other.client();
    let read = |ca: Option<&Path>, cert: Option<&Path>, key: Option<&Path>| {
        let own = |path: Option<&Path>| path.map(Path::to_owned);
        let files = TlsArguments { jobmanager_ca: own(ca), jobmanager_cert: own(cert), jobmanager_key: own(key) };
        files.read().unwrap_err().to_string()
    };
    let ca = authority.ca();
    assert!(read(Some(Path::new("nowhere")), None, None).starts_with("JOBMANAGER_CA: cannot read nowhere"));
    assert!(read(Some(&key), None, None).contains("holds no certificate in PEM form"));
    assert!(read(Some(&ca), Some(&cert), None).contains("set both or neither"));
    assert!(read(Some(&ca), Some(&cert), Some(&cert)).starts_with("JOBMANAGER_KEY"));
    assert!(read(None, Some(&cert), Some(&key)).contains("needs JOBMANAGER_CA"));
    let mut files =
        TlsArguments { jobmanager_ca: Some(ca), jobmanager_cert: Some(cert), jobmanager_key: Some(foreign) };
    assert!(matches!(files.read(), Err(TlsError::Pair(_))), "another one's key");
    files.jobmanager_key = Some(key);
    let tls = files.read().unwrap().unwrap();
    // A key appears in no text of ours.
    assert_eq!(format!("{tls:?}"), "JobManagerTls { is_mutual: true, .. }");
    let options = ["-Dsecurity.ssl.rest.enabled=true", "-Dsecurity.ssl.rest.authentication-enabled=true"];
    assert_eq!(tls.client_arguments(), options);
}
