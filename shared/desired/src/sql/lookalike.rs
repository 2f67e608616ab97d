//! Owns characters that look like those of SQL and are others: quotes of a word processor, letters of another alphabet,
//! blanks that are none. Must not know what a text is for.

use std::ops::Range;

use super::lexer::{Token, TokenKind, tokens};
use super::problem::SqlProblem;

/// The code of a character that looks like another.
const LOOKALIKE: &str = "lookalike";

/// The first character outside of texts, quoted names and comments that only looks like one of SQL.
pub fn lookalike(sql: &str) -> Option<SqlProblem> {
    if sql.is_ascii() {
        return None;
    }
    // A curly quote may leave a straight one open: then the text is read as it is, from the beginning.
    let found = match tokens(sql) {
        Ok(tokens) => tokens.iter().find_map(in_token),
        Err(error) => sql.get(..error.offset).and_then(|before| tokens(before).ok()?.iter().find_map(in_token)),
    };
    found.map(|(at, character, meant)| problem(at, character, &meant))
}

fn problem(at: Range<usize>, character: char, meant: &str) -> SqlProblem {
    let (message, mut help) = told(character, meant);
    if character.is_alphabetic() {
        help.push_str("; a name that is meant so stands in back-ticks");
    }
    SqlProblem::new(LOOKALIKE, at, message, help)
}

/// What is said of such a character.
pub(crate) fn told(character: char, meant: &str) -> (String, String) {
    let name = name(character);
    let code = format!("U+{:04X}", u32::from(character));
    match meant {
        "" => (format!("an invisible character stands here: {name}, {code}"), "remove it".to_owned()),
        " " => (format!("this is no blank: {name}, {code}"), "write a blank".to_owned()),
        meant if is_invisible(character) => (format!("{name} stands here, {code}"), format!("write {meant}")),
        meant if character.is_alphabetic() => {
            let help = format!("write the Latin letter {meant}");
            (format!("`{character}` is {name}, {code}, and only looks like `{meant}`"), help)
        }
        meant => (format!("`{character}` is {name}, {code}, and only looks like `{meant}`"), format!("write {meant}")),
    }
}

fn in_token(token: &Token<'_>) -> Option<(Range<usize>, char, String)> {
    match token.kind {
        TokenKind::Symbol => {
            let character = token.text.chars().next()?;
            let meant = sign(character).map(str::to_owned).or_else(|| blank(character).map(str::to_owned))?;
            Some((token.offset..token.end(), character, meant))
        }
        TokenKind::Word => {
            let (offset, character) = word(token.text)?;
            let start = token.offset + offset;
            Some((start..start + character.len_utf8(), character, letter(character)?.to_string()))
        }
        TokenKind::QuotedIdentifier | TokenKind::Literal | TokenKind::Number | TokenKind::Hint => None,
    }
}

/// The first letter of a word that looks like a Latin one, where a Latin word is meant: every other letter is Latin, or looks
/// so. A name in another alphabet is a name.
pub(crate) fn word(text: &str) -> Option<(usize, char)> {
    let looks_latin = text.chars().all(|c| c.is_ascii() || letter(c).is_some());
    let has_latin = text.chars().any(|c| c.is_ascii_alphabetic());
    let plain: String = text.chars().map(|c| letter(c).unwrap_or(c)).collect();
    let meant = looks_latin && (has_latin || super::is_reserved(&plain));
    meant.then(|| text.char_indices().find(|(_, c)| letter(*c).is_some())).flatten()
}

/// The first character of a text of any kind that only looks like another, as where nothing in it is quoted.
pub(crate) fn anywhere(text: &str) -> Option<(usize, char, String)> {
    let mut words = text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_');
    let mut offset = 0;
    loop {
        let part = words.next()?;
        let bare = part.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some((at, character)) = word(bare) {
            return Some((offset + at, character, letter(character)?.to_string()));
        }
        for (at, character) in part.char_indices() {
            if let Some(meant) = sign(character).or_else(|| blank(character)) {
                return Some((offset + at, character, meant.to_owned()));
            }
        }
        offset += part.len();
    }
}

/// What a sign is meant to be.
fn sign(character: char) -> Option<&'static str> {
    Some(match character {
        '‘' | '’' | '‛' | '′' | '´' | '＇' | 'ʼ' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' | '＂' => "'",
        '‵' | '｀' | 'ˋ' => "`",
        '−' | '–' | '—' | '‐' | '‑' | '‒' | '―' | '﹣' | '－' => "-",
        '，' | '﹐' | '、' | '‚' => ",",
        '；' | '\u{37e}' | '﹔' => ";",
        '：' => ":",
        '（' | '﹙' => "(",
        '）' | '﹚' => ")",
        '＝' | '﹦' => "=",
        '＜' | '‹' => "<",
        '＞' | '›' => ">",
        '＊' | '∗' | '×' => "*",
        '＋' => "+",
        '／' | '∕' | '⁄' => "/",
        '．' | '。' => ".",
        '％' => "%",
        '＿' => "_",
        '｜' => "|",
        '［' => "[",
        '］' => "]",
        '≠' => "<>",
        '≤' => "<=",
        '≥' => ">=",
        '…' => "...",
        _ => return None,
    })
}

/// What a blank or an invisible character is meant to be.
fn blank(character: char) -> Option<&'static str> {
    Some(match character {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{200b}'..='\u{200f}'
        | '\u{feff}'
        | '\u{2060}'..='\u{2064}'
        | '\u{ad}'
        | '\u{202a}'..='\u{202e}'
        | '\u{180e}' => "",
        '\u{2028}' | '\u{2029}' | '\u{85}' => "a line break",
        _ => return None,
    })
}

fn is_invisible(character: char) -> bool {
    blank(character).is_some()
}

/// The Latin letter that a letter of another alphabet looks like.
fn letter(character: char) -> Option<char> {
    const CYRILLIC: [(char, char); 30] = [
        ('а', 'a'),
        ('е', 'e'),
        ('о', 'o'),
        ('р', 'p'),
        ('с', 'c'),
        ('у', 'y'),
        ('х', 'x'),
        ('і', 'i'),
        ('ј', 'j'),
        ('ѕ', 's'),
        ('ԁ', 'd'),
        ('һ', 'h'),
        ('ԛ', 'q'),
        ('ԝ', 'w'),
        ('А', 'A'),
        ('В', 'B'),
        ('Е', 'E'),
        ('К', 'K'),
        ('М', 'M'),
        ('Н', 'H'),
        ('О', 'O'),
        ('Р', 'P'),
        ('С', 'C'),
        ('Т', 'T'),
        ('У', 'Y'),
        ('Х', 'X'),
        ('І', 'I'),
        ('Ј', 'J'),
        ('Ѕ', 'S'),
        ('ԍ', 'G'),
    ];
    const GREEK: [(char, char); 18] = [
        ('Α', 'A'),
        ('Β', 'B'),
        ('Ε', 'E'),
        ('Ζ', 'Z'),
        ('Η', 'H'),
        ('Ι', 'I'),
        ('Κ', 'K'),
        ('Μ', 'M'),
        ('Ν', 'N'),
        ('Ο', 'O'),
        ('Ρ', 'P'),
        ('Τ', 'T'),
        ('Υ', 'Y'),
        ('Χ', 'X'),
        ('ο', 'o'),
        ('ν', 'v'),
        ('ρ', 'p'),
        ('ι', 'i'),
    ];
    let wide = u32::from(character).checked_sub(0xfee0).and_then(char::from_u32).filter(char::is_ascii_alphanumeric);
    let of = |table: &[(char, char)]| table.iter().find(|(other, _)| *other == character).map(|(_, latin)| *latin);
    of(&CYRILLIC).or_else(|| of(&GREEK)).or(wide)
}

/// What a person may call it.
fn name(character: char) -> &'static str {
    match character {
        '\u{400}'..='\u{52f}' => "a Cyrillic letter",
        '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{3ff}' => "a Greek letter",
        '\u{a0}' | '\u{202f}' => "a non-breaking space",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' | '\u{2060}'..='\u{2064}' => "a zero-width character",
        '\u{feff}' => "a byte order mark",
        '\u{ad}' => "a soft hyphen",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => "a mark for the direction of writing",
        '\u{2000}'..='\u{200a}' | '\u{3000}' | '\u{1680}' | '\u{205f}' => "a space of a width of its own",
        '\u{2212}' => "a minus sign of mathematics",
        '–' | '—' | '‐' | '‑' | '‒' | '―' => "a dash",
        '‘' | '’' | '‚' | '‛' | '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' => {
            "a quote of a word processor"
        }
        '\u{ff00}'..='\u{ffef}' | '、' | '。' => "a full-width character",
        _ => "another character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &str = "write the Latin letter";

    #[test]
    fn what_looks_like_sql_and_is_not() {
        for (sql, at, says, help) in [
            ("SELECT a FROM оrders", 14, "a Cyrillic letter, U+043E", LETTER),
            ("SЕLECT a FROM t", 1, "U+0415", LETTER),
            ("ЅЕТ x", 0, "U+0405", LETTER),
            ("SELECT ‘x’ FROM t", 7, "a quote of a word processor, U+2018", "write '"),
            ("SELECT “x” FROM t", 7, "U+201C", "write '"),
            ("SELECT\u{a0}a FROM t", 6, "no blank: a non-breaking space, U+00A0", "write a blank"),
            ("SELECT a\u{200b} FROM t", 8, "an invisible character", "remove it"),
            ("SELECT a \u{2212} 1 FROM t", 9, "a minus sign of mathematics, U+2212", "write -"),
            ("SELECT a，b FROM t", 8, "a full-width character", "write ,"),
            ("SELECT ＣＯＵＮＴ(*) FROM t", 7, "full-width", LETTER),
            ("SELECT a FROM t WHERE b = ‘it's’", 27 - 1, "U+2018", "write '"),
        ] {
            let problem = lookalike(sql).unwrap_or_else(|| panic!("{sql}"));
            assert_eq!(problem.at.start, at, "{sql}");
            assert!(problem.message.contains(says), "{}", problem.message);
            assert!(problem.help.starts_with(help), "{sql}: {}", problem.help);
        }
    }

    #[test]
    fn what_is_meant_is_left_alone() {
        for sql in [
            "SELECT 'а “b” \u{a0}' FROM t -- кто − что",
            "SELECT имя, `оrders` FROM заказы /* “x” */",
            "SELECT größe, señal, 名前 FROM übersicht",
            "SELECT сор FROM t",
        ] {
            assert_eq!(lookalike(sql), None, "{sql}");
        }
    }
}
