//! A server that answers what a test says, one answer a request, and keeps the requests.
//! Must not know any service: heads and bodies are the test's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request, after it has read it whole.
pub(crate) enum Answer {
    /// Answers.
    Reply { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Closes the connection: the request was taken, its reply is lost.
    Lost,
    /// Never answers.
    Silence,
    /// Answers half of the body, then closes.
    Cut { body: String },
    /// Announces a body of this length and sends nothing of it.
    Announced { headers: Vec<(&'static str, String)>, length: usize },
}

/// An answer with this status and body.
pub(crate) fn reply(status: u16, body: impl Into<String>) -> Answer {
    Answer::Reply { status, headers: Vec::new(), body: body.into() }
}

/// An answer with headers too.
pub(crate) fn reply_with(status: u16, headers: &[(&'static str, &str)], body: impl Into<String>) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Answer::Reply { status, headers, body: body.into() }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) struct Fake {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// Gives these answers in this order, then refuses.
    pub(crate) async fn answering(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut answers = VecDeque::from(answers);
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let Some(request) = read(&mut stream).await else { continue };
                kept.lock().unwrap().push(request);
                match answers.pop_front().unwrap_or_else(|| reply(418, "")) {
                    Answer::Silence => open.push(stream),
                    answer => write(stream.into_inner(), answer).await,
                }
            }
        });
        Self { url, requests }
    }

    /// A client's configuration that speaks to this server.
    pub(crate) fn config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys("AKIA", "secret", None)))
            .timeout_config(aws::timeouts())
            .build()
    }

    /// What came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let line = lines.next()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}

async fn write(mut stream: TcpStream, answer: Answer) {
    let (status, headers, body, sent, length) = match answer {
        Answer::Lost | Answer::Silence => return,
        Answer::Reply { status, headers, body } => {
            let sent = body.len();
            (status, headers, body, sent, sent)
        }
        Answer::Cut { body } => {
            let length = body.len();
            (200, Vec::new(), body, length / 2, length)
        }
        Answer::Announced { headers, length } => (200, headers, String::new(), 0, length),
    };
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", &value, "\r\n"]);
    }
    let _ = stream.write_all(format!("{head}\r\n{}", &body[..sent]).as_bytes()).await;
    let _ = stream.shutdown().await;
}
