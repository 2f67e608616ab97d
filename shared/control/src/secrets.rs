//! Secret values of one batch: each read once, kept in memory only, and taken out of every text that somebody may see.
//! Must not know where values are kept, or what they are for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use desired::secrets::{SecretReference, SecretValue, SecretValues};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use crate::errors::error_chain;
use crate::ports::{OutsideError, SecretSource};

/// Values shorter than this many characters are not looked for: they would turn harmless text into stars and so tell
/// where they are.
const SHORTEST: usize = 4;
/// How many values are read at a time: Parameter Store allows 40 reads a second.
const AT_A_TIME: usize = 4;

/// How long reading ahead may hold up a batch.
const AHEAD: Duration = Duration::from_secs(30);

/// The values that must not be seen; shared, so that those found out later count too.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Vec<String>>>);

impl Secrets {
    /// These values and no others so far.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let secrets = Self::default();
        secrets.add(values);
        secrets
    }

    /// More values to keep out.
    pub fn add(&self, values: impl IntoIterator<Item = String>) {
        let mut known = lock(&self.0);
        for value in values {
            for line in lines(&value) {
                known.extend(spellings(line));
            }
        }
        known.retain(|value| is_long_enough(value));
        // A secret that contains another one goes first, or its rest would stay readable.
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
    }

    /// `text` with stars for every secret value.
    pub fn scrub(&self, text: &str) -> String {
        let known = lock(&self.0);
        known
            .iter()
            .filter(|value| text.contains(value.as_str()))
            .fold(text.to_owned(), |text, value| text.replace(value, "***"))
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", lock(&self.0).len())
    }
}

/// A secret of several lines is printed line by line.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    value.lines().map(str::trim)
}

fn is_long_enough(line: &str) -> bool {
    line.chars().count() >= SHORTEST
}

/// One line as it is, and as SQL, JSON and Python write it between quotes.
fn spellings(line: &str) -> Vec<String> {
    let in_sql = line.replace('\'', "''");
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
    };
    let in_python = line.replace('\\', "\\\\");
    let in_python_quoted = in_python.replace('\'', "\\'");
    vec![line.to_owned(), json(line), json(&in_sql), in_sql, in_python, in_python_quoted]
}

/// Why a value is not known.
#[derive(Clone, Debug)]
enum Unread {
    /// There is none, it may not be read, or it cannot be kept secret.
    Refused(String),
    /// No answer to rely on.
    Unknown(String),
}

/// Why the values of a job are not known.
#[derive(Debug)]
pub enum NoValues {
    /// One cannot be had: which one, and why.
    Refused(String),
    /// No answer to rely on.
    Unknown(OutsideError),
}

type Cell = Arc<OnceCell<Result<SecretValue, Unread>>>;

/// Reads the secret values of one batch, each at most once, and keeps them out of every text.
///
/// What it read is what the whole batch sees; a value that was rotated is seen by the next one.
#[derive(Clone)]
pub struct SecretReader {
    source: Arc<dyn SecretSource>,
    cells: Arc<Mutex<HashMap<SecretReference, Cell>>>,
    turns: Arc<Semaphore>,
    secrets: Secrets,
}

impl std::fmt::Debug for SecretReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretReader").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

impl SecretReader {
    /// A reader that has read nothing; what it reads is kept out of texts by `secrets`.
    pub fn new(source: Arc<dyn SecretSource>, secrets: Secrets) -> Self {
        Self { source, cells: Arc::default(), turns: Arc::new(Semaphore::new(AT_A_TIME)), secrets }
    }

    /// The values that are kept out.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Reads these values now, a few at a time. One that cannot be had is told to whom it concerns, not here.
    pub async fn read_all(&self, references: impl IntoIterator<Item = SecretReference>) {
        let mut reads = JoinSet::new();
        for reference in references {
            let reader = self.clone();
            reads.spawn(async move { reader.read(&reference).await.map(|_| ()) });
        }
        // Whoever needs a value that is missing or late asks for it, and is told.
        let all = async { while reads.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(AHEAD, all).await;
    }

    /// The values of these references, each with the place where it stands.
    pub async fn values(&self, references: &[(String, SecretReference)]) -> Result<SecretValues, NoValues> {
        let mut values = BTreeMap::new();
        for (place, reference) in references {
            match self.read(reference).await {
                Ok(value) => {
                    values.insert(reference.clone(), value);
                }
                Err(Unread::Refused(why)) => return Err(NoValues::Refused(format!("{place}: {why}"))),
                Err(Unread::Unknown(why)) => {
                    return Err(NoValues::Unknown(OutsideError::unknown(format!("{place}: read {reference}"), why)));
                }
            }
        }
        Ok(values)
    }

    /// `text`, which an outsider said about a job with these references, fit to be shown.
    ///
    /// While one of their values is not known, nobody can tell whether the text holds it.
    pub fn told<'a>(&self, text: &str, references: impl IntoIterator<Item = &'a SecretReference>) -> String {
        let cells = lock(&self.cells);
        let is_known =
            |reference: &&SecretReference| cells.get(*reference).and_then(|cell| cell.get()).is_some_and(Result::is_ok);
        match references.into_iter().find(|reference| !is_known(reference)) {
            Some(unknown) => format!("(Flink's words are not shown: without the value of {unknown} they may hold it)"),
            None => self.secrets.scrub(text),
        }
    }

    async fn read(&self, reference: &SecretReference) -> Result<SecretValue, Unread> {
        let cell = Arc::clone(lock(&self.cells).entry(reference.clone()).or_default());
        cell.get_or_init(|| self.read_once(reference)).await.clone()
    }

    async fn read_once(&self, reference: &SecretReference) -> Result<SecretValue, Unread> {
        let _turn = self.turns.acquire().await.map_err(|closed| Unread::Unknown(closed.to_string()))?;
        let value = self.source.read(reference).await.map_err(|error| match error {
            OutsideError::Refused { message, .. } => Unread::Refused(format!("{reference} cannot be read: {message}")),
            OutsideError::Unknown { .. } => Unread::Unknown(error_chain(&error)),
        })?;
        if !lines(value.reveal()).any(is_long_enough) {
            let why =
                format!("the value of {reference} cannot be kept secret: it is shorter than {SHORTEST} characters");
            return Err(Unread::Refused(why));
        }
        self.secrets.add([value.reveal().to_owned()]);
        Ok(value)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// Knows `/known`, refuses `/refused`, answers about others once it is asked a second time.
    #[derive(Default)]
    struct Vault(AtomicUsize);

    #[async_trait]
    impl SecretSource for Vault {
        async fn read(&self, reference: &SecretReference) -> Result<SecretValue, OutsideError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            match reference {
                SecretReference::Parameter(name) if name == "/known" => Ok(SecretValue::new("hunter2")),
                SecretReference::Parameter(name) if name == "/refused" => Err(OutsideError::refused("reading", "no")),
                _ => Err(OutsideError::unknown("reading", "no route to host")),
            }
        }
    }

    fn reference(name: &str) -> SecretReference {
        SecretReference::Parameter(name.to_owned())
    }

    #[tokio::test]
    async fn each_value_is_asked_for_once_whatever_the_answer() {
        let vault = Arc::new(Vault::default());
        let reader = SecretReader::new(Arc::<Vault>::clone(&vault), Secrets::default());
        let all = ["/known", "/refused", "/silent"].map(reference);
        reader.read_all(all.clone()).await;
        let known = vec![("here".to_owned(), reference("/known"))];
        let (one, other) = tokio::join!(reader.values(&known), reader.values(&known));
        assert_eq!(one.unwrap(), other.unwrap());
        for name in ["/refused", "/silent"] {
            let failed = reader.values(&[("here".to_owned(), reference(name))]).await.unwrap_err();
            assert_eq!(matches!(failed, NoValues::Refused(_)), name == "/refused", "{failed:?}");
        }
        assert_eq!(vault.0.load(Ordering::SeqCst), 3);
    }

    /// A runner that takes over a run never passed its values on: it reads them to know what to take out.
    #[tokio::test]
    async fn words_about_a_run_whose_values_are_not_known_are_not_told() {
        let reader = SecretReader::new(Arc::new(Vault::default()), Secrets::default());
        let about = [reference("/known"), reference("/silent")];
        let said = "cannot log in with hunter2";
        assert!(!reader.told(said, &about[..1]).contains("hunter2"), "nothing is read yet");
        reader.read_all(about.clone()).await;
        assert_eq!(reader.told(said, &about[..1]), "cannot log in with ***");
        assert_eq!(reader.told(said, []), "cannot log in with ***");
        let withheld = reader.told(said, &about);
        assert!(withheld.contains("${ssm:/silent}") && !withheld.contains("log in"), "{withheld}");
    }

    #[test]
    fn a_value_is_known_in_every_spelling() {
        let secrets = Secrets::new(["it's\\ \"1\"\nab\n  second line ".to_owned(), "é\u{1b}x1".to_owned()]);
        for text in [
            r#"it's\ "1""#,
            r#"it''s\ "1""#,
            r#"it's\\ \"1\""#,
            r#"it''s\\ \"1\""#,
            r#"it's\\ "1""#,
            r#"it\'s\\ "1""#,
            "second line",
            "é\u{1b}x1",
            "é\\u001bx1",
        ] {
            assert_eq!(secrets.scrub(&format!("<{text}>")), "<***>", "{text}");
        }
        assert_eq!(secrets.scrub("ab"), "ab", "too short to be looked for");
    }
}
