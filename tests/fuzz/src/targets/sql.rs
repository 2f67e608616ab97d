//! SQL as text: what it is, what it uses, whether two texts mean the same.
//! Must not know which file it stands in.

use std::collections::BTreeMap;

use desired::secrets::{
    SecretReference, SecretValue, SecretValues, check_sql, fill_sql, references, references_in_sql,
};
use desired::sql::{
    KnownTables, StatementKind, TablePath, has_dynamic_options, insert_target, query_problems, same_meaning,
    same_meaning_as_deployed_by_python, split, table_references, target_path, target_problems, tokens, unknown_tables,
    unknown_target,
};
use desired::tables::{
    NameScope, Parameters, TableDefinitions, TableFile, compare, fill_group_id, forgotten_offsets, parse, read,
    shared_transactions,
};

pub fn query(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let problems = query_problems(text);
    for problem in &problems {
        // What is missing in an empty text is told of its first byte.
        assert!(text.is_empty() || text.get(problem.at.clone()).is_some(), "{problem:?} points outside");
    }
    let known = KnownTables::of(&[]);
    let _ = (table_references(text), has_dynamic_options(text), unknown_tables(text, &known));
    let one_line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    assert!(same_meaning(text, text), "a text means what it means");
    let _ = (same_meaning(text, &one_line), same_meaning_as_deployed_by_python(text, &one_line));
    if let Ok(tokens) = tokens(text) {
        // One token starts where the one before ends, or later.
        assert!(tokens.windows(2).all(|pair| matches!(pair, [a, b] if a.end() <= b.offset)));
    }
}

/// A target table.
pub fn target(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let _ = (target_path(text), unknown_target(text, &KnownTables::of(&[])), TablePath::parse(text));
    let written = insert_target(text);
    if target_problems(text).is_empty() {
        assert!(target_problems(&written).is_empty(), "{text} becomes {written}");
    }
}

/// Statements, as a table file and as what was deployed.
pub fn statements(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let _ = (split("a.sql", &text), StatementKind::of(&text), fill_group_id(&text, "rta-a-1"));
    let files = [TableFile { key: "a.sql".to_owned(), text }];
    let parameters = Parameters(BTreeMap::from([("orders_per_second".to_owned(), "20".to_owned())]));
    let _ = read(&files, &parameters);
    let Ok(definitions) = parse(&files, &parameters) else { return };
    let _ =
        (shared_transactions(&definitions), forgotten_offsets(&definitions), KnownTables::of(&definitions.statements));
    for statement in &definitions.statements {
        let _ = (statement.kind.name(), statement.kind.options());
    }
    let query = "SELECT * FROM orders JOIN numbered_orders ON TRUE";
    let by_sql = definitions.for_sql(query, "buyer_totals", NameScope::default());
    let by_code = definitions.for_code(query, "buyer_totals", NameScope::default());
    assert_eq!(compare(&by_sql, &by_sql), [], "nothing changed");
    let _ = (
        compare(&by_sql, &by_code),
        compare(&TableDefinitions::default().for_sql(query, "b", NameScope::default()), &by_sql),
    );
}

/// References to secrets.
pub fn secrets(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    for found in references(text) {
        assert!(text.get(found.start..found.end).is_some(), "{found:?} points outside");
    }
    let _ = check_sql(text);
    let hostile = || SecretValue::new("'; DROP TABLE a --");
    let values: SecretValues = references_in_sql(text).into_iter().map(|it: SecretReference| (it, hostile())).collect();
    let Ok(filled) = fill_sql(text, &values) else { return };
    // A value never ends the literal that it stands in.
    if let (Ok(before), Ok(after)) = (tokens(text), tokens(&filled)) {
        assert_eq!(before.len(), after.len(), "{filled}");
    }
}
