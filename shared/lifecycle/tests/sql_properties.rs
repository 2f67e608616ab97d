//! What holds for any SQL.

use lifecycle::sql::{
    StatementKind, same_meaning, same_meaning_as_deployed_by_python, split, table_references, tokens,
};
use lifecycle::tables::{Parameters, TableFile, parse};
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
            let _ = definitions.for_sql(&other, &sql);
            let _ = definitions.for_code(&other, &sql);
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
