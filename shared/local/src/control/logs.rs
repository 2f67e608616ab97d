//! CloudWatch Logs on the wire: `FilterLogEvents`, one page of the function's own lines after the other, some empty.
//! Must not know what a line means, nor who wrote it.

use serde_json::{Value, json};

use super::{Reply, ServiceError, text};
use crate::lambda::{LogGroup, LogLine};

/// How many lines are looked at for one page: so few that a page may be empty and have one after it.
const SCANNED: usize = 100;
/// How many lines a page has at most.
const MOST: usize = 10_000;
/// The first instant since which the newest lines can be had first: 2024-01-01.
const NEWEST_FIRST_SINCE: i64 = 1_704_067_200_000;
/// The one stream of the group.
const STREAM: &str = "local";

pub(super) fn answer(group: Option<&LogGroup>, operation: &str, input: &Value) -> Reply {
    match operation {
        "FilterLogEvents" => filter(group, input),
        _ => Err(ServiceError::new("UnknownOperationException", operation)),
    }
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}

fn filter(group: Option<&LogGroup>, input: &Value) -> Reply {
    let name = text(input, "logGroupName");
    let group = group.filter(|group| group.name == name);
    let absent = || ServiceError::new("ResourceNotFoundException", "The specified log group does not exist.");
    let lines = group.ok_or_else(absent)?.lines();
    page(lines, input)
}

fn page(mut lines: Vec<LogLine>, input: &Value) -> Reply {
    let pattern = Pattern::read(text(input, "filterPattern"))?;
    let (from, to) = (input["startTime"].as_i64().unwrap_or_default(), input["endTime"].as_i64().unwrap_or(i64::MAX));
    let limit = input["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(invalid("limit must be between 1 and 10000"));
    }
    let asked = input["startFromHead"].as_bool().unwrap_or(true);
    let token = token(text(input, "nextToken"))?;
    let forward = token.map_or(asked, |(forward, _)| forward);
    if !forward && from < NEWEST_FIRST_SINCE {
        return Err(invalid("startFromHead is false: startTime must be on or after January 1, 2024"));
    }
    lines.retain(|line| (from..=to).contains(&line.at));
    // Places count from the oldest line, so that new lines do not move them.
    let all = lines.len();
    let mut place = token.map_or(if forward { 0 } else { all }, |(_, place)| place.min(all));
    let mut events = Vec::new();
    for _ in 0..SCANNED {
        let n = if forward { Some(place) } else { place.checked_sub(1) };
        let Some((n, line)) = n.and_then(|n| Some((n, lines.get(n)?))) else { break };
        if events.len() == limit {
            break;
        }
        place = if forward { n + 1 } else { n };
        if pattern.holds(&line.text) {
            events.push(event(n, line));
        }
    }
    let mut body = json!({ "events": events, "searchedLogStreams": [] });
    if forward && place < all {
        body["nextToken"] = json!(format!("f{place}"));
    } else if !forward && place > 0 {
        body["nextToken"] = json!(format!("b{place}"));
    }
    Ok(body)
}

fn event(n: usize, line: &LogLine) -> Value {
    json!({
        "logStreamName": STREAM,
        "timestamp": line.at,
        "ingestionTime": line.at,
        "message": line.text,
        "eventId": format!("{n:056}"),
    })
}

/// Where a search goes on, and in which direction.
fn token(token: &str) -> Result<Option<(bool, usize)>, ServiceError> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = || invalid("The specified nextToken is invalid.");
    let (forward, place) = match token.split_at_checked(1) {
        Some(("f", place)) => (true, place),
        Some(("b", place)) => (false, place),
        Some(_) | None => return Err(wrong()),
    };
    Ok(Some((forward, place.parse().map_err(|_| wrong())?)))
}

/// The terms of a pattern for lines of text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pattern {
    /// A line holds all of these,
    all: Vec<String>,
    /// one of these, if there are any,
    any: Vec<String>,
    /// and none of these.
    none: Vec<String>,
}

impl Pattern {
    /// Patterns of JSON and of columns are not known here.
    fn read(pattern: &str) -> Result<Self, ServiceError> {
        let (mut read, mut rest) = (Self::default(), pattern.trim());
        while !rest.is_empty() {
            let (list, body) = match rest.split_at_checked(1) {
                Some(("?", body)) => (&mut read.any, body),
                Some(("-", body)) => (&mut read.none, body),
                Some(_) | None => (&mut read.all, rest),
            };
            let (term, after) = term(body)?;
            list.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(read)
    }

    fn holds(&self, line: &str) -> bool {
        let holds = |term: &String| line.contains(term.as_str());
        self.all.iter().all(holds)
            && (self.any.is_empty() || self.any.iter().any(holds))
            && !self.none.iter().any(holds)
    }
}

/// The first term, and what comes after it. Only a quoted one has other characters than letters, digits and `_`.
fn term(text: &str) -> Result<(&str, &str), ServiceError> {
    let wrong = || invalid("Invalid filter pattern");
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.split_once('"').ok_or_else(wrong);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (term, after) = text.split_at(end);
    let plain = !term.is_empty() && term.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { Ok((term, after)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = NEWEST_FIRST_SINCE;

    fn lines(texts: &[String]) -> Vec<LogLine> {
        (AT..).zip(texts).map(|(at, text)| LogLine { at, text: text.clone() }).collect()
    }

    fn texts(page: &Value) -> Vec<&str> {
        page["events"].as_array().into_iter().flatten().filter_map(|event| event["message"].as_str()).collect()
    }

    #[test]
    fn a_search_goes_page_by_page_also_through_empty_ones() {
        let all: Vec<String> =
            (0..250).map(|n| if n == 5 { "wanted".to_owned() } else { format!("line {n}") }).collect();
        let mut input = json!({ "filterPattern": "\"wanted\"", "startTime": AT, "startFromHead": false });
        let mut pages = Vec::new();
        loop {
            let page = page(lines(&all), &input).unwrap_or_default();
            pages.push(texts(&page).len());
            if page["nextToken"].is_null() {
                break;
            }
            input["nextToken"] = page["nextToken"].clone();
        }
        assert_eq!(pages, [0, 0, 1]);
    }

    #[test]
    fn a_page_keeps_limit_order_and_times() {
        let all: Vec<String> = (0..9).map(|n| n.to_string()).collect();
        let input = json!({ "startTime": AT + 2, "endTime": AT + 6, "limit": 2, "startFromHead": false });
        let newest = page(lines(&all), &input).unwrap_or_default();
        assert_eq!((texts(&newest), &newest["nextToken"]), (vec!["6", "5"], &json!("b3")));
        let oldest = page(lines(&all), &json!({ "limit": 2, "nextToken": "f3" })).unwrap_or_default();
        assert_eq!(texts(&oldest), ["3", "4"]);
        let wrong = [
            json!({ "startFromHead": false }),
            json!({ "nextToken": "x" }),
            json!({ "limit": 0 }),
            json!({ "filterPattern": "a-b" }),
        ];
        for wrong in wrong {
            assert!(page(lines(&all), &wrong).is_err_and(|error| error.kind == "InvalidParameterException"), "{wrong}");
        }
    }

    #[test]
    fn terms_are_all_one_of_or_none() {
        let holds = |pattern: &str, line: &str| Pattern::read(pattern).is_ok_and(|pattern| pattern.holds(line));
        assert!(holds("", "anything") && holds("a \"b c\"", "b c a") && !holds("a \"b c\"", "a b"));
        assert!(holds("?a ?b", "b") && !holds("?a ?b", "c") && !holds("a -b", "a b"));
        let one_of = r#"?"0a-1" ?"orders.eu""#;
        assert!(holds(one_of, "of orders.eu") && holds(one_of, "0a-1") && !holds(one_of, "orders-eu"));
        assert!(Pattern::read("\"open").is_err() && Pattern::read("{ $.x = 1 }").is_err());
    }
}
