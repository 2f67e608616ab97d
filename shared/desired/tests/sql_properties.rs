//! What holds for any SQL.

use desired::sql::{
    StatementKind, TokenKind, same_meaning, same_meaning_as_deployed_by_python, split, table_references, tokens,
};
use desired::tables::{NameScope, Parameters, TableDefinitions, TableFile, Used, compare, parse};
use proptest::prelude::*;

/// Pieces of SQL, so that quotes, comments and hints meet more often than in plain noise.
fn sql() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "'",
            "''",
            "`",
            "--",
            "//",
            "/*",
            "*/",
            "/*+",
            ";",
            "\n",
            "\r",
            " ",
            "(",
            ")",
            ",",
            ".",
            "{",
            "}",
            "{group_id}",
            "=",
            "<",
            ">",
            "-",
            "/",
            "*",
            "N",
            "_u",
            "U&",
            "1",
            "e",
            "5",
            "SELECT",
            "from",
            "TABLE",
            "CREATE",
            "WITH",
            "LIKE",
            "AS",
            "SET",
            "'a'",
            "b",
            "é",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Statements and queries whose keywords are in capitals and whose names are not.
const WRITTEN: &[&str] = &[
    "CREATE TABLE r (a INT, b AS f(a), first ROW<data STRING, key INT>, WATERMARK FOR t AS t - INTERVAL '5' SECONDS) WITH ('a' = 'b')",
    "CREATE TEMPORARY TABLE k.w (a MAP<STRING, INT> METADATA FROM 'x' VIRTUAL, PRIMARY KEY (a) NOT ENFORCED) PARTITIONED BY (a) LIKE r (EXCLUDING OPTIONS)",
    "CREATE VIEW v (a, b) AS SELECT a, SUM(b) OVER (ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM r, LATERAL TABLE(f(a)) AS s (x)",
    "CREATE FUNCTION k.f AS 'F' LANGUAGE PYTHON",
    "CREATE CATALOG lake WITH ('a' = 'b')",
    "CREATE DATABASE lake.d WITH ('a' = 'b')",
    "USE CATALOG lake",
    "USE k",
    "WITH x AS (SELECT key FROM r), y (a) AS (SELECT * FROM x) SELECT EXTRACT(DOW FROM y), a FROM y JOIN lake.d.t ON a = b ORDER BY a DESC NULLS LAST",
    "SELECT JSON_OBJECT(KEY 'a' VALUE key ABSENT ON NULL), TRIM(BOTH 'x' FROM v), k.f(a) FROM v /*+ OPTIONS('a'='b') */ WHERE a IS DISTINCT FROM w",
    "SELECT * FROM r MATCH_RECOGNIZE (ORDER BY t MEASURES FIRST(m.a) AS b AFTER MATCH SKIP PAST LAST ROW PATTERN (m) DEFINE m AS a > 1)",
];

/// The same in other words: keywords and functions in another case, quotes around names, space and comments.
fn respelled(sql: &str, choices: &[u8]) -> String {
    let tokens = tokens(sql).unwrap_or_default();
    let mut text = String::new();
    for (at, (token, choice)) in tokens.iter().zip(choices.iter().cycle()).enumerate() {
        text.push_str([" ", "\n", " /* FROM r */ ", " -- 'x\n", "\t", " // `\n"][usize::from(*choice) % 6]);
        let name = token.text.chars().any(char::is_lowercase);
        let called = tokens.get(at + 1).is_some_and(|next| next.text == "(");
        match (token.kind, choice % 3) {
            (TokenKind::Word, 0) if !name => text.push_str(&token.text.to_lowercase()),
            (TokenKind::Word, 0) if called && token.text == "f" => text.push('F'),
            (TokenKind::Word, 1) if name => text.extend(["`", token.text, "`"]),
            _ => text.push_str(token.text),
        }
    }
    text
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![" ", "\n", "\t\r\n", " /* it's */ ", " -- `a\n", " // /*\n", "\u{c}"])
}

proptest! {
    #[test]
    fn nothing_panics(sql in sql(), other in sql()) {
        let _ = tokens(&sql);
        let _ = StatementKind::of(&sql);
        let _ = table_references(&sql);
        let _ = split("f", &sql);
        let _ = same_meaning_as_deployed_by_python(&sql, &other);
        let files = [TableFile { key: "f".to_owned(), text: sql.clone() }];
        if let Ok(definitions) = parse(&files, &Parameters::default()) {
            let _ = definitions.for_sql(&other, &sql, NameScope::default());
            let used = definitions.for_code(&other, &sql, NameScope::default());
            let others = [TableFile { key: "f".to_owned(), text: other }];
            let others = parse(&others, &Parameters::default()).unwrap_or_default().for_sql(&sql, "t", NameScope::default());
            for change in compare(&used, &others) {
                let _ = change.fields();
            }
            prop_assert_eq!(compare(&used, &used), vec![]);
        }
    }

    #[test]
    fn tokens_are_the_text_at_their_place(sql in sql()) {
        if let Ok(tokens) = tokens(&sql) {
            let mut end = 0;
            for token in &tokens {
                prop_assert!(token.offset >= end && !token.text.is_empty());
                prop_assert_eq!(&sql[token.offset..token.end()], token.text);
                end = token.end();
            }
        }
    }

    #[test]
    fn space_and_comments_between_tokens_say_nothing(sql in sql(), spaces in prop::collection::vec(space(), 1..8)) {
        if let Ok(tokens) = tokens(&sql) {
            let mut spaced = String::new();
            for (token, space) in tokens.iter().zip(spaces.iter().cycle()) {
                spaced.push_str(space);
                spaced.push_str(token.text);
            }
            spaced.push_str(spaces[0]);
            prop_assert!(same_meaning(&sql, &spaced), "{spaced}");
            prop_assert!(same_meaning(&spaced, &sql));
        }
    }

    #[test]
    fn spelling_says_nothing(which in prop::collection::vec(any::<bool>(), 8), query in 8..11_usize, choices in prop::collection::vec(any::<u8>(), 1..60)) {
        let statements = || WRITTEN.iter().take(8).zip(&which).filter(|(_, used)| **used).map(|(sql, _)| *sql);
        let used = |files: Vec<String>, query: &str| {
            let files = [TableFile { key: "f".to_owned(), text: files.join(";") }];
            parse(&files, &Parameters::default()).unwrap_or_default().for_sql(query, "k.w", NameScope::default())
        };
        let plain = used(statements().map(str::to_owned).collect(), WRITTEN[query]);
        let other = respelled(WRITTEN[query], &choices);
        prop_assert!(same_meaning(WRITTEN[query], &other), "{other}");
        let respelled = used(statements().map(|sql| respelled(sql, &choices)).collect(), &other);
        prop_assert_eq!(compare(&plain, &respelled), vec![], "{}", other);
        prop_assert_eq!(compare(&respelled, &plain), vec![]);
        let roles = |used: &Used| used.definitions.iter().map(|it| it.role).collect::<Vec<_>>();
        prop_assert_eq!(roles(&plain), roles(&respelled));
        // What is used is used again where only it is there.
        let again = TableDefinitions::of(&plain.definitions).for_sql(WRITTEN[query], "k.w", NameScope::default());
        prop_assert_eq!(&again.definitions, &plain.definitions);
        prop_assert_eq!(compare(&plain, &again), vec![]);
    }

    #[test]
    fn a_query_equals_what_python_made_of_it(sql in sql()) {
        prop_assert!(same_meaning_as_deployed_by_python(&sql, &sql.replace('\n', " ")));
    }

    #[test]
    fn statements_hold_every_token_in_order(sql in sql()) {
        if let (Ok(all), Ok(statements)) = (tokens(&sql), split("f", &sql)) {
            let joined: Vec<_> = statements.iter().map(|it| it.sql.as_str()).collect();
            let joined = joined.join("\n");
            let kept: Vec<_> = tokens(&joined).unwrap().iter().map(|it| it.text.to_owned()).collect();
            let all: Vec<_> = all.iter().filter(|it| it.text != ";").map(|it| it.text.to_owned()).collect();
            prop_assert_eq!(kept, all);
        }
    }
}
