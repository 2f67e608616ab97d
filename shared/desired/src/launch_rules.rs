//! What a launch must be before anything of it reaches Flink: judged again on the node, whoever wrote the plan.
//! Must not know the files: uploads are judged in `manifest`, with their own lines.

use crate::launch::{INPUT_VIEW, Launch, LaunchKind, Rejection};
use crate::manifest::{CHECKPOINT_DIR, Policy, SAVEPOINT_DIR, state_directory_refusal};
use crate::place::{Place, java_place_of};
use crate::sql::{SqlProblem, Token, TokenKind, leading_target, query_problems, tokens};

/// Stands for a text that only the manifest knows.
const ANY_TEXT: &str = "'…'";

impl Launch {
    /// Why this is not run: a query that is not one query, a hint or target that may not be written, an INSERT that is
    /// not ours, a state directory that belongs to somebody else. `deployment` is `s3://bucket/prefix/`, where known.
    pub fn refusal(&self, deployment: Option<&str>) -> Option<Rejection> {
        let query = match self.kind {
            LaunchKind::Sql => query_problems(&self.body).into_iter().next().map(|it| told("query", &self.body, &it)),
            LaunchKind::Code => None,
        };
        query.or_else(|| self.insert_refusal()).or_else(|| self.directory_refusal(deployment))
    }

    fn insert_refusal(&self) -> Option<Rejection> {
        let is_ours = tokens(&self.insert).is_ok_and(|insert| self.is_ours(&insert));
        let message =
            "the INSERT is not the one that is made of a manifest: its target may be no table alone".to_owned();
        (!is_ours).then(|| plain("insert", message))
    }

    /// Whether this is the INSERT that a plan makes, whatever the description and the name of the time stamp are.
    fn is_ours(&self, insert: &[Token<'_>]) -> bool {
        let [first, second, rest @ ..] = insert else { return false };
        let Some(target) = leading_target(&self.insert, rest) else { return false };
        let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
        let (name, id, created) = (text(self.name.as_str()), text(&self.query_id), text(&self.created));
        let expected = format!(
            "CAST({name} AS STRING) AS __query_name, CAST({ANY_TEXT} AS STRING) AS __query_description, \
             CAST({id} AS STRING) AS __query_id, CAST({version} AS INT) AS __query_version, \
             CAST({created} AS TIMESTAMP) AS __query_create_timestamp FROM {INPUT_VIEW}",
            version = self.version,
        );
        let Ok(expected) = tokens(&expected) else { return false };
        let after = rest.get(target..).unwrap_or_default();
        let Some(columns) = begins(after, &["SELECT", "*", ","]) else { return false };
        let columns = match begins(columns, &["NOW", "(", ")", "AS"]) {
            Some([stamp, comma, columns @ ..]) if comma.is_symbol(",") => {
                // A target has no names but its path, its options and the columns of its partition.
                let path = |token: &&Token<'_>| !token.is_word("PARTITION");
                let partition = rest.get(..target).unwrap_or_default().iter().skip_while(path);
                let Some(stamp) = stamp.name() else { return false };
                if partition.filter_map(Token::name).any(|column| column.eq_ignore_ascii_case(&stamp)) {
                    return false;
                }
                columns
            }
            Some(_) => return false,
            None => columns,
        };
        let same = |(found, expected): (&Token<'_>, &Token<'_>)| {
            found.text == expected.text || expected.text == ANY_TEXT && found.kind == TokenKind::Literal
        };
        first.is_word("INSERT")
            && second.is_word("INTO")
            && columns.len() == expected.len()
            && columns.iter().zip(&expected).all(same)
    }

    fn directory_refusal(&self, deployment: Option<&str>) -> Option<Rejection> {
        // Files of the machine are the deployment's own choice, which an upload met already.
        let policy = Policy { allow_code: true, allow_files: true, deployment: deployment.map(str::to_owned) };
        let refused = |option: &str| {
            let directory = self.properties.get(option).filter(|directory| !directory.is_empty())?;
            let why = state_directory_refusal(directory, &self.name, &policy)?;
            // The field is found by its name.
            Some(plain("configuration", format!("`{option}`: {why}")))
        };
        [CHECKPOINT_DIR, SAVEPOINT_DIR].into_iter().find_map(refused)
    }
}

/// What follows these texts, if the tokens begin with them.
fn begins<'a, 'b>(tokens: &'a [Token<'b>], texts: &[&str]) -> Option<&'a [Token<'b>]> {
    let all = tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text);
    all.then(|| tokens.get(texts.len()..)).flatten()
}

fn plain(kind: &str, message: String) -> Rejection {
    Rejection { kind: kind.to_owned(), origin: None, message, line: None, column: None }
}

fn told(kind: &str, text: &str, problem: &SqlProblem) -> Rejection {
    // It is read back as a place that Flink told.
    let Place { line, column } = java_place_of(text, problem.at.start);
    let message = format!("{}; {}", problem.message, problem.help);
    Rejection { line: Some(line), column: Some(column), ..plain(kind, message) }
}
