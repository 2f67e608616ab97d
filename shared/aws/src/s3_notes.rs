//! Notes of uploads as user metadata of S3 objects, whose values are ASCII.
//! Must not know what is said in a note.

use std::collections::HashMap;
use std::fmt::Write as _;

use control::ports::UploadNote;

/// The names of the metadata, after `x-amz-meta-`.
const BY: &str = "by";
const REASON: &str = "reason";
/// S3 keeps 2 KB of metadata per object.
const MOST: usize = 1_800;

/// The metadata that says the note; none of a value that S3 could not keep.
pub(crate) fn metadata(note: &UploadNote) -> Option<HashMap<String, String>> {
    let value = |name: &str, text: Option<&str>, most: usize| Some((name.to_owned(), encoded(text?, most)));
    let by = value(BY, note.by(), MOST / 4);
    let length = by.as_ref().map_or(0, |(_, by)| by.len());
    let found: HashMap<String, String> = by.into_iter().chain(value(REASON, note.reason(), MOST - length)).collect();
    (!found.is_empty()).then_some(found)
}

/// The note that the metadata says.
pub(crate) fn note(metadata: Option<&HashMap<String, String>>) -> UploadNote {
    let value = |name: &str| metadata.and_then(|metadata| metadata.get(name)).map(|value| decoded(value));
    UploadNote::new(value(BY).as_deref(), value(REASON).as_deref())
}

/// Printable ASCII as it is, everything else as `%` and two digits for each byte; whole characters, at most so many bytes.
fn encoded(text: &str, most: usize) -> String {
    let mut told = String::new();
    for character in text.chars() {
        let before = told.len();
        match character {
            ' '..='~' if character != '%' => told.push(character),
            _ => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(told, "%{byte:02X}");
                }
            }
        }
        if told.len() > most {
            told.truncate(before);
            break;
        }
    }
    told
}

/// The text; what is not encoded so is taken as it is.
fn decoded(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_as_it_was_said() {
        for (by, reason) in [
            (Some("anna"), Some("the broker is down, 50% of it")),
            (None, Some("Störung — 東京 %41")),
            (Some("ä"), None),
        ] {
            let said = UploadNote::new(by, reason);
            let metadata = metadata(&said).unwrap();
            assert!(metadata.values().all(|value| value.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
            assert_eq!(note(Some(&metadata)), said);
        }
        assert!(metadata(&UploadNote::default()).is_none() && note(None).is_empty());
    }

    #[test]
    fn s3_can_keep_it_and_anything_can_be_read() {
        let long = UploadNote::new(Some(&"\u{1f600}".repeat(100)), Some(&"\u{1f600}".repeat(250)));
        let kept: usize = metadata(&long).unwrap().iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(kept < 2048, "{kept}");
        for (odd, read) in [("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("ä%C3%A4", "ää"), ("%FF", "\u{fffd}")] {
            assert_eq!(decoded(odd), read);
        }
    }
}
