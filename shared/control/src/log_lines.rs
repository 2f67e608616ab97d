//! Lines of the log as flat JSON: the fields of the spans around a line are fields of the line.
//! Must not know what is logged, nor where lines go.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields, MakeWriter};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// One line of JSON for each event: `timestamp`, `level`, `target`, `message`, then the fields of its spans from the
/// outermost to the innermost, and its own; of two with one name the innermost counts. So a reader finds all about an
/// operation by `filter operation = "…"`, wherever it was logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlatJson;

impl<S> FormatEvent<S, JsonFields> for FlatJson
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    #[expect(clippy::disallowed_methods, reason = "when a line was written")]
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str());
            if let Some(Ok(Value::Object(fields))) = fields.map(serde_json::from_str) {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        let metadata = event.metadata();
        line.insert("timestamp".to_owned(), Timestamp::now().to_string().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Collects an event's fields.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// A subscriber that writes such lines; only what `filter` lets pass.
pub fn subscriber<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .fmt_fields(JsonFields::new())
        .event_format(FlatJson)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_names_what_it_is_about() {
        let written = Written::default();
        let sink = written.clone();
        let lines = subscriber(EnvFilter::new("info"), move || sink.clone());
        tracing::subscriber::with_default(lines, || {
            let _request = tracing::info_span!("request", requestId = "r-1").entered();
            let job = tracing::info_span!("job", job = "orders", operation = tracing::field::Empty).entered();
            tracing::info!(reason = "it \"is\"\nso", "before");
            job.record("operation", "0a");
            job.record("operation", "0b");
            tracing::warn!(count = 3, job = "inner", "after");
            tracing::debug!("not asked for");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["requestId"], "r-1");
        assert_eq!(lines[0]["job"], "orders");
        assert_eq!(lines[0]["reason"], "it \"is\"\nso");
        assert_eq!(lines[0]["message"], "before");
        assert_eq!(lines[0]["operation"], Value::Null);
        assert_eq!((&lines[1]["operation"], &lines[1]["job"]), (&Value::from("0b"), &Value::from("inner")));
        assert_eq!((&lines[1]["count"], &lines[1]["level"]), (&Value::from(3), &Value::from("WARN")));
        assert!(lines[1]["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }
}
