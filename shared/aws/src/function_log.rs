//! The lines of a function's log that hold one of some texts, by CloudWatch Logs' `FilterLogEvents`: the newest first, and
//! bounded. Must not know what the texts are, nor what a line means.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use control::errors::error_chain;
use control::ports::OutsideError;
use desired::printable::cut;

use crate::logged::{LoggedError, logged};

/// How many lines are fetched, and how much of each, in characters.
const LINES: usize = 200;
const LENGTH: usize = 2_000;
/// How many pages are asked for: many are empty where little of a long time matches.
const PAGES: usize = 40;
/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(30);
/// Reading is safe to repeat, and an account has few such calls a second.
const ATTEMPTS: u32 = 5;
/// The longest first pause; each later one is up to twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// 2024-01-01: CloudWatch Logs answers the newest lines first only from then on.
const NEWEST_FIRST_SINCE: i64 = 1_704_067_200_000;

/// Where and when to look, in milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct LogSearch {
    /// The log group.
    pub group: String,
    /// Of which every line holds one: letters, digits, and what else is no quote.
    pub texts: Vec<String>,
    pub from: i64,
    pub to: i64,
}

/// Whether a line that holds one of the texts is one that is looked for: what is not counts for no bound.
pub type IsMeant<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LogFound {
    /// As they were written, the newest first.
    pub lines: Vec<String>,
    /// Whether there may be older ones than these, beyond how many are fetched.
    pub more: bool,
    /// Why not all of the time was searched.
    pub unfinished: Option<String>,
}

/// The logs of functions.
#[derive(Debug)]
pub struct FunctionLog {
    client: Client,
}

impl FunctionLog {
    /// The CloudWatch Logs that this configuration reaches.
    pub fn new(config: &SdkConfig) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
        Self { client: Client::from_conf(Builder::from(config).retry_config(retry).build()) }
    }

    /// The lines that a search finds within its bounds and that are meant. What was found before a call failed counts.
    pub async fn find(&self, search: &LogSearch, is_meant: IsMeant<'_>) -> Result<LogFound, LoggedError> {
        let (mut found, what) = (Vec::new(), format!("searching the log group {}", search.group));
        let read = tokio::time::timeout(LONGEST, self.pages(&what, search, is_meant, &mut found)).await;
        let ended = match read {
            Ok(Ok(ended)) => ended,
            Ok(Err(LoggedError::Outside(error))) if !found.is_empty() => Ended::Early(error_chain(&error)),
            Ok(Err(error)) => return Err(error),
            Err(late) if found.is_empty() => return Err(OutsideError::unknown(what, late).into()),
            Err(_) => Ended::Early(format!("it took longer than {} s", LONGEST.as_secs())),
        };
        // Stable: of one millisecond the service's own order counts.
        found.sort_by_key(|event| std::cmp::Reverse(event.timestamp()));
        let line = |event: FilteredLogEvent| event.message.map(|text| cut(text.trim_end(), LENGTH));
        let lines = found.into_iter().take(LINES).filter_map(line).collect();
        Ok(match ended {
            Ended::All => LogFound { lines, more: false, unfinished: None },
            Ended::Enough => LogFound { lines, more: true, unfinished: None },
            Ended::Early(why) => LogFound { lines, more: false, unfinished: Some(why) },
        })
    }

    async fn pages(
        &self,
        what: &str,
        search: &LogSearch,
        is_meant: IsMeant<'_>,
        found: &mut Vec<FilteredLogEvent>,
    ) -> Result<Ended, LoggedError> {
        let LogSearch { group, texts, from, to } = search;
        let request = self.client.filter_log_events().log_group_name(group).filter_pattern(pattern(texts));
        let request = request.start_time((*from).max(NEWEST_FIRST_SINCE)).end_time((*to).max(NEWEST_FIRST_SINCE));
        // A token belongs to one search: every page is asked for alike.
        let request = request.start_from_head(false).limit(i32::try_from(LINES).unwrap_or(i32::MAX));
        let mut token = None;
        for _ in 0..PAGES {
            let page = request.clone().set_next_token(token).send().await;
            let page = page.map_err(|error| logged(what, &["ResourceNotFoundException"], error))?;
            let mut events = page.events.unwrap_or_default();
            events.retain(|event| event.message().is_some_and(is_meant));
            let room = LINES - found.len();
            let surplus = events.len() > room;
            found.extend(events.into_iter().take(room));
            // A page without lines may have one after it.
            match page.next_token {
                _ if surplus => return Ok(Ended::Enough),
                None => return Ok(Ended::All),
                Some(_) if found.len() >= LINES => return Ok(Ended::Enough),
                Some(next) => token = Some(next),
            }
        }
        Ok(Ended::Early(format!("it has more than {PAGES} pages")))
    }
}

/// A pattern that each line with one of these texts matches.
fn pattern(texts: &[String]) -> String {
    // A quote would end the term.
    let term = |text: &String| format!("\"{}\"", text.replace(['"', '\\'], ""));
    match texts {
        [one] => term(one),
        // `?` makes a term one of several; it counts for nothing beside terms without it.
        several => several.iter().map(|text| format!("?{}", term(text))).collect::<Vec<_>>().join(" "),
    }
}

/// How a search ended.
enum Ended {
    /// All of the time was searched.
    All,
    /// There are as many lines as are fetched.
    Enough,
    Early(String),
}
