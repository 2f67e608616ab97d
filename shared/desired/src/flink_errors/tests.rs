//! What Flink 1.20 really answers to mistakes, and what is told of each.
//! `tests/flink-errors/answers.json` is written by `shared/flink/submitter/tests/ask_flink.py`.

use std::fmt::Write as _;

use serde::Deserialize;

use super::*;
use crate::launch::LaunchStatement;
use crate::manifest::Meta;

const ANSWERS: &str = include_str!("../../tests/flink-errors/answers.json");

#[derive(Deserialize)]
struct Answers {
    tables: Vec<String>,
    insert: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    table: Option<String>,
    query: String,
    insert: Option<String>,
    answer: Answer,
}

#[derive(Deserialize)]
struct Answer {
    kind: String,
    origin: Option<String>,
    message: String,
    line: Option<u32>,
    column: Option<u32>,
}

fn answers() -> Answers {
    serde_json::from_str(ANSWERS).unwrap()
}

impl Answers {
    /// The launch of a case, as the product makes it of a manifest.
    fn launch(&self, case: &Case) -> Launch {
        let written = Self::loaded(&case.query).map(|loaded| loaded.written);
        let loaded = Self::loaded("SELECT 1").unwrap();
        let target = crate::target::Target::of(loaded.manifest, &crate::tables::TableDefinitions::default(), "");
        let meta =
            Meta { query_version: 1, query_id: "q".into(), query_create_timestamp: "2026-01-01 00:00:00".into() };
        let tables = self.tables.iter().chain(&case.table).enumerate();
        let statement = |(index, sql): (usize, &String)| LaunchStatement {
            origin: format!("config/tables/t.sql:{}", index + 1),
            sql: sql.clone(),
        };
        let insert = case.insert.as_ref().unwrap_or(&self.insert).clone();
        Launch {
            statements: tables.map(statement).collect(),
            body: case.query.clone(),
            insert,
            written,
            ..Launch::of(&target, &meta)
        }
    }

    /// The manifest of a query, as it is uploaded.
    fn loaded(query: &str) -> Option<crate::manifest::Loaded> {
        let manifest = format!(
            "name: orders\ndescription: ''\ntarget-table: two\nsql: |\n  {}\nflinkProperties:\n  state.checkpoints.dir: \
             s3://b/c/orders\n  state.savepoints.dir: s3://b/s/orders\n",
            query.replace('\n', "\n  ")
        );
        let file = crate::diagnostics::SourceFile::new("queries/orders.yaml", manifest);
        crate::manifest::load(None, &file, &crate::manifest::Policy::default()).ok()
    }

    fn told(&self, case: &Case) -> Diagnostic {
        let Answer { kind, origin, message, line, column } = &case.answer;
        let rejection = Rejection {
            kind: kind.clone(),
            origin: origin.clone(),
            message: message.clone(),
            line: *line,
            column: *column,
        };
        explain(&self.launch(case), &rejection)
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_way_out() {
    let answers = answers();
    let mut text = String::new();
    for case in &answers.cases {
        let _ = writeln!(text, "{}: [{}] {}", case.name, answers.told(case).code, answers.told(case).in_lines());
    }
    insta::assert_snapshot!(text);
}

#[test]
fn few_are_told_in_flinks_words_alone() {
    let answers = answers();
    let helpless = |case: &&Case| answers.told(case).help.is_none();
    let names: Vec<&str> = answers.cases.iter().filter(helpless).map(|case| case.name.as_str()).collect();
    assert!(names.len() * 20 < answers.cases.len(), "{names:?}");
}

#[test]
fn nothing_that_flink_may_say_is_too_much() {
    let answers = answers();
    let long = "ä'`(\"<".repeat(20_000);
    for case in answers.cases.iter().step_by(7) {
        for message in [String::new(), long.clone(), format!("{}{long}", case.answer.message)] {
            for (line, column) in [(0, 0), (u32::MAX, u32::MAX), (1, u32::MAX), (2, 1)] {
                let rejection = Rejection {
                    kind: case.answer.kind.clone(),
                    origin: case.answer.origin.clone(),
                    message: message.clone(),
                    line: Some(line),
                    column: Some(column),
                };
                let told = explain(&answers.launch(case), &rejection);
                assert!(told.message.chars().count() <= 2_001);
            }
        }
    }
}

#[test]
fn a_full_stack_is_told_the_way_out() {
    let answers = answers();
    let case = &answers.cases[0];
    // As Flink 1.20.1 answers to 1,000 brackets, 3,000 UNIONs and 1,000 ORs.
    for message in [
        "Cannot invoke \"String.contains(java.lang.CharSequence)\" because the return value of \
         \"org.apache.calcite.sql.parser.SqlParseException.getMessage()\" is null"
            .to_owned(),
        "java.lang.StackOverflowError (StackOverflowError)".to_owned(),
        format!("while converting {}", "`t`.`a` = 1 OR ".repeat(1_000)),
    ] {
        let answer = Rejection { kind: "query".to_owned(), origin: None, message, line: None, column: None };
        let told = explain(&answers.launch(case), &answer);
        assert_eq!(told.code, "too-deep", "{told}");
        assert!(told.help.is_some_and(|help| help.contains("views")));
        assert!(!told.message.contains("java"), "{}", told.message);
    }
}
