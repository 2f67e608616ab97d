//! A server that answers what it was told to, and keeps what it was asked.
//! Must not know whose answers these are.

#![expect(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lifecycle::endpoint::Endpoint;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// For each request its answers: status and body.
type Answers = HashMap<String, Vec<(u16, String)>>;

/// Answers by method and path, the last of several again and again; and what was asked.
#[derive(Clone, Default)]
pub(crate) struct Server {
    answers: Arc<Mutex<Answers>>,
    pub(crate) asked: Arc<Mutex<Vec<(Instant, String, String)>>>,
}

impl Server {
    pub(crate) fn with(self, request: &str, status: u16, body: impl ToString) -> Self {
        self.answers.lock().unwrap().entry(request.to_owned()).or_default().push((status, body.to_string()));
        self
    }

    pub(crate) async fn serve(&self) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().answer(stream));
            }
        });
        endpoint
    }

    pub(crate) async fn answer(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut request = Vec::new();
        let (head, body) = loop {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            request.extend(&buffer[..read]);
            let text = String::from_utf8_lossy(&request);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        };
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        self.asked.lock().unwrap().push((Instant::now(), line.clone(), body));
        let (status, body) = match self.answers.lock().unwrap().get_mut(&line) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers[0].clone(),
            None => (500, format!("nothing is recorded for {line}")),
        };
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
    }
}
