//! SNS on the wire: forms in, XML out. A published message is kept, and written to a file for people.
//! Must not know who reads it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use hyper::Response;

use super::MessageView;
use crate::http::{self, Body};
use crate::tasks::lock;

/// The namespace of every answer.
const XMLNS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
/// The most bytes of a message.
const MAX_MESSAGE: usize = 262_144;
/// A subject has fewer characters than this.
const SUBJECT_LIMIT: usize = 100;

/// The topics and what was published to them.
pub(crate) struct Topics {
    arns: Vec<String>,
    file: Option<PathBuf>,
    messages: Mutex<Vec<MessageView>>,
}

/// Why a call is refused.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Topics {
    pub(crate) fn new(arns: Vec<String>, file: Option<PathBuf>) -> Self {
        Self { arns, file, messages: Mutex::default() }
    }

    pub(crate) fn messages(&self) -> Vec<MessageView> {
        lock(&self.messages).clone()
    }

    /// Carries out a call; what its result element holds.
    pub(super) fn answer(&self, form: &BTreeMap<String, String>) -> Result<String, Refused> {
        match text(form, "Action") {
            "Publish" => self.publish(form),
            other => Err(Refused { status: 400, code: "InvalidAction", message: format!("no operation {other}") }),
        }
    }

    fn publish(&self, form: &BTreeMap<String, String>) -> Result<String, Refused> {
        let invalid = |message: &str| Refused {
            status: 400,
            code: "InvalidParameter",
            message: format!("Invalid parameter: {message}"),
        };
        let (topic, subject, message) = (text(form, "TopicArn"), text(form, "Subject"), text(form, "Message"));
        if !self.arns.iter().any(|arn| arn == topic) {
            return Err(Refused { status: 404, code: "NotFound", message: "Topic does not exist".to_owned() });
        }
        let printable = subject.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        if form.contains_key("Subject") && (subject.is_empty() || subject.len() >= SUBJECT_LIMIT || !printable) {
            return Err(invalid("Subject"));
        }
        if message.is_empty() {
            return Err(invalid("Empty message"));
        }
        if message.len() > MAX_MESSAGE {
            return Err(invalid("Message too long"));
        }
        let view = MessageView {
            id: uuid::Uuid::now_v7().to_string(),
            topic: topic.to_owned(),
            subject: subject.to_owned(),
            message: message.to_owned(),
            attributes: attributes(form),
        };
        let id = view.id.clone();
        self.write(&view);
        lock(&self.messages).push(view);
        Ok(format!("<MessageId>{id}</MessageId>"))
    }

    fn write(&self, view: &MessageView) {
        let Some(path) = &self.file else { return };
        let text = format!("{}\n\n{}\n----\n", view.subject, view.message);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
            tracing::warn!(%error, "a message cannot be written to its file");
        }
    }
}

fn text<'a>(form: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    form.get(name).map(String::as_str).unwrap_or_default()
}

/// `MessageAttributes.entry.N.Name` and `MessageAttributes.entry.N.Value.StringValue`.
fn attributes(form: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let entry = |n: usize| {
        let at = |member: &str| form.get(&format!("MessageAttributes.entry.{n}.{member}")).cloned();
        Some((at("Name")?, at("Value.StringValue").unwrap_or_default()))
    };
    (1..).map_while(entry).collect()
}

/// The members of a form body.
pub(super) fn form(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// The answer to a call that was carried out.
pub(super) fn response(action: &str, result: &str) -> Response<Body> {
    let id = uuid::Uuid::now_v7();
    let metadata = format!("<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>");
    let whole = format!(
        "<{action}Response xmlns=\"{XMLNS}\"><{action}Result>{result}</{action}Result>{metadata}</{action}Response>"
    );
    http::response(200, "text/xml", whole.into())
}

/// The answer to a call that was refused.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let inside = format!("<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    let id = uuid::Uuid::now_v7();
    let whole = format!("<ErrorResponse xmlns=\"{XMLNS}\">{inside}<RequestId>{id}</RequestId></ErrorResponse>");
    http::response(status, "text/xml", whole.into())
}
