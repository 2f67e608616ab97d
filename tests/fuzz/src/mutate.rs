//! Valid inputs made nasty: bytes, lines and pieces that mean something are changed, moved, repeated and nested.
//! Must not know which parser reads the result.

use crate::random::Random;

/// What a mutation may lengthen an input to; what is longer is measured by `growth`.
pub const LONGEST: usize = 64 * 1024;

/// Pieces that mean something to one of the parsers.
const PIECES: &[&str] = &[
    "'",
    "''",
    "\"",
    "`",
    "--",
    "//",
    "/*",
    "*/",
    "/*+",
    ";",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "\0",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    ",",
    ".",
    "=",
    "=>",
    ":",
    ": ",
    "- ",
    "#",
    " #",
    "&a ",
    "*a",
    "<<: *a\n",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "!!binary ",
    "? ",
    "%YAML 1.1\n",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{202e}",
    "\u{2028}",
    "é",
    "𝄞",
    "\u{0301}",
    "${",
    "}",
    "${ssm:/a}",
    "${env:A}",
    "{group_id}",
    "{job_name}",
    "{{",
    "}}",
    "$(id)",
    "%2F",
    "%",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "9223372036854775807",
    "2147483648",
    "4294967296",
    "SELECT ",
    "FROM ",
    "WITH ",
    "TABLE ",
    "CREATE TABLE ",
    "CREATE VIEW v AS ",
    "AS ",
    "LIKE ",
    "LATERAL ",
    "U&'\\",
    "INTERVAL ",
    "ROW<",
    "MAP<",
    "OPTIONS(",
    "BEGIN STATEMENT SET;",
    "END;",
    "N'",
    "_utf8'",
    "format",
    "name: ",
    "java.lang.E: ",
    "\nCaused by: ",
    "\n\tat a.B(C.java:1)",
    "container_e1_",
    "application_1_1",
    "<a>",
    "</a>",
    "<!DOCTYPE a [<!ENTITY b \"b\">]>",
    "&b;",
    "<![CDATA[",
    "<?xml?>",
];

/// What opens, and what closes it.
const PAIRS: &[(&str, &str)] = &[
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("/*", "*/"),
    ("<a>", "</a>"),
    ("ROW<", ">"),
    ("(SELECT * FROM ", ")"),
    ("{\"a\":", "}"),
    ("{a: ", "}"),
    ("- ", ""),
    ("? ", ""),
    ("CASE WHEN ", " END"),
];

/// One of the seeds, changed a few times.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.one_of(seeds).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        change(&mut input, seeds, random);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    match random.below(14) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.byte();
            }
        }
        2 => drop(input.drain(random.span(input.len()))),
        3 => input.truncate(at),
        4 | 5 => {
            let piece = piece(random);
            insert(input, at, &piece);
        }
        6 => {
            let span = random.span(input.len());
            let piece = piece(random);
            input.splice(span, piece);
        }
        7 => {
            let copied = input.get(random.span(input.len())).unwrap_or_default().to_vec();
            insert(input, at, &copied);
        }
        8 => {
            let piece = piece(random);
            insert(input, at, &piece.repeat(1 << random.below(13)));
        }
        9 => {
            let copied = input.get(random.span(input.len())).unwrap_or_default().to_vec();
            let times = (LONGEST / copied.len().max(1)).min(1 << random.below(10));
            insert(input, at, &copied.repeat(times));
        }
        10 => nest(input, random),
        11 => {
            let other = random.one_of(seeds).map(Vec::as_slice).unwrap_or_default();
            let part = other.get(random.span(other.len())).unwrap_or_default();
            insert(input, at, part);
        }
        12 => lines(input, random),
        _ => number(input, at, random),
    }
}

fn piece(random: &mut Random) -> Vec<u8> {
    random.one_of(PIECES).map(|piece| piece.as_bytes().to_vec()).unwrap_or_default()
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8]) {
    input.splice(at..at, part.iter().copied());
}

/// Part of the input within many of the same brackets, of which some may not be closed.
fn nest(input: &mut Vec<u8>, random: &mut Random) {
    let Some((open, close)) = random.one_of(PAIRS) else { return };
    let span = random.span(input.len());
    let depth = 1 << random.below(12);
    let closed = if random.below(3) == 0 { random.below(depth) } else { depth };
    insert(input, span.end, close.repeat(closed).as_bytes());
    insert(input, span.start, open.repeat(depth).as_bytes());
}

/// Lines are left out, given twice or exchanged.
fn lines(input: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(3) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(other, lines.get(one).cloned().unwrap_or_default()),
        _ => lines.swap(one, other),
    }
    *input = lines.concat();
}

/// The next digits become another number.
fn number(input: &mut Vec<u8>, from: usize, random: &mut Random) {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = input.iter().skip(from).position(digit).map(|found| from + found) else { return };
    let length = input.iter().skip(start).take_while(|byte| digit(byte)).count();
    let numbers =
        ["0", "-1", "1.5", "1e400", "255", "4294967296", "-9223372036854775809", "99999999999999999999", "08"];
    let number = random.one_of(&numbers).copied().unwrap_or_default();
    input.splice(start..start + length, number.bytes());
}
