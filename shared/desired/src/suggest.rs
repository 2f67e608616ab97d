//! The known word that a misspelt one was probably meant to be.
//! Must not know manifests.

/// The closest of the known words, if one is close enough to be meant.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Far longer than any known word is far from all of them, and costly to measure.
    if word.len() > 64 {
        return None;
    }
    let plain = bare(word);
    if plain.is_empty() {
        return None;
    }
    let plain_letters: Vec<char> = plain.chars().collect();
    known
        .iter()
        .map(|candidate| {
            let candidate_plain = bare(candidate);
            let begins = plain.len() >= 4 && candidate_plain.starts_with(&plain);
            let most = (candidate_plain.len() / 3).clamp(1, 3);
            let letters: Vec<char> = candidate_plain.chars().collect();
            (if begins { 1 } else { distance(&plain_letters, &letters, most) }, most, *candidate)
        })
        .filter(|(distance, most, _)| distance <= most)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate)
}

/// Case and separators are what is misspelt most.
pub(crate) fn bare(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

/// Edit distance in which swapping two neighbours is one step, looked at only near the diagonal; more than `most` where
/// it is more than that. One that measures the whole is too slow for a file of thousands of unknown names.
pub(crate) fn distance<T: PartialEq>(a: &[T], b: &[T], most: usize) -> usize {
    let far = most + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![far; b.len() + 1];
        row[0] = i + 1;
        for j in i.saturating_sub(most)..b.len().min(i + far) {
            let mut cost = (last[j] + usize::from(*x != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == b[j] {
                cost = cost.min(before[j - 1] + 1);
            }
            row[j + 1] = cost;
        }
        if row.iter().all(|cost| *cost > most) {
            return far;
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let known = ["name", "description", "target-table", "sql", "code", "flinkProperties"];
        for (word, meant) in [
            ("target_table", Some("target-table")),
            ("targetTable", Some("target-table")),
            ("target-tabel", Some("target-table")),
            ("target", Some("target-table")),
            ("Name", Some("name")),
            ("nmae", Some("name")),
            ("sq", Some("sql")),
            ("SQL", Some("sql")),
            ("flink-properties", Some("flinkProperties")),
            ("flinkPropertes", Some("flinkProperties")),
            ("desc", Some("description")),
            ("owner", None),
            ("meta", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(closest(word, &known), meant, "{word}");
        }
    }
}
