//! The faults that `scripts/planted-faults.sh` plants can be planted: their texts stand in the sources as they are now.
//! Must not plant any: that takes minutes each.

use std::fs;

use tests::sources::root;

#[test]
fn every_planted_fault_changes_a_line_that_is_there() {
    let list = fs::read_to_string(root().join("tests/planted-faults.txt")).unwrap();
    let faults: Vec<Vec<&str>> = list
        .split("\n\n")
        .skip(1)
        .map(|fault| fault.lines().collect())
        .filter(|fault: &Vec<_>| !fault.is_empty())
        .collect();
    assert!(faults.len() >= 24, "{}", faults.len());
    for fault in faults {
        let [kind, file, from, to] = fault[..] else { panic!("{fault:?}") };
        let (Some(from), Some(to)) = (from.strip_prefix("- "), to.strip_prefix("+ ")) else { panic!("{kind}") };
        let source = fs::read_to_string(root().join(file)).unwrap();
        assert!(source.contains(from), "{kind}: {file} has no `{from}`");
        assert_ne!(from, to, "{kind}");
    }
}
