//! IAM's wildcards, and ARNs matched part by part.
//! Must not know statements.

/// Whether a text matches a pattern with `*` (any characters) and `?` (one character).
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stood, and how far into the text it reached.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, reached)) = star else { return false };
                star = Some((at, reached + 1));
                p = at + 1;
                t = reached + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How many parts an ARN has: `arn:partition:service:region:account:resource`, the last with colons of its own.
const PARTS: usize = 6;

/// Whether an ARN matches a pattern: a wildcard stays within its part, unless it is the pattern's end.
pub fn arn_matches(pattern: &str, arn: &str) -> bool {
    if pattern == "*" || arn == "*" {
        return pattern == "*";
    }
    let (patterns, parts): (Vec<&str>, Vec<&str>) =
        (pattern.splitn(PARTS, ':').collect(), arn.splitn(PARTS, ':').collect());
    match patterns.split_last() {
        Some((last, firsts)) if patterns.len() < PARTS && last.ends_with('*') && parts.len() >= patterns.len() => {
            let rest = parts[firsts.len()..].join(":");
            firsts.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part)) && matches(last, &rest)
        }
        Some(_) | None => {
            patterns.len() == parts.len() && patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in
            [("*", ""), ("*", "a/b"), ("a*", "a"), ("a*c", "abbc"), ("a?c", "abc"), ("*.json", "x.json"), ("a**", "a")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a?", "a"), ("a*c", "abcd"), ("A", "a"), ("a*b*c", "acb"), ("a.c", "abc")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_wildcard_stays_in_its_part() {
        let cluster = "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-1";
        for pattern in ["*", "arn:aws:elasticmapreduce:*:123456789012:cluster/*", "arn:aws:elasticmapreduce:*"] {
            assert!(arn_matches(pattern, cluster), "{pattern}");
        }
        for pattern in ["arn:aws:*:cluster/j-1", "arn:aws:elasticmapreduce:us-east-1:1:cluster/*", "arn:aws"] {
            assert!(!arn_matches(pattern, cluster), "{pattern}");
        }
        assert!(arn_matches("arn:aws:s3:::bucket/a/*", "arn:aws:s3:::bucket/a/b:c"));
        assert!(!arn_matches("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/a"));
        assert!(!arn_matches("arn:aws:s3:::bucket/*", "*"), "an action without a resource needs a star");
    }
}
