//! Which of Flink's options a name that is none of them was probably meant to be.
//! Must not know what an option takes. A file may hold thousands of names: what is far away is not measured.

use std::sync::LazyLock;

use super::{OptionScope, options, renamed, scope, spellings};
use crate::suggest::{bare, distance};

/// Longer names than any of Flink's are not looked at.
const LONGEST: usize = 100;
/// Short names are near to everything.
const SHORTEST: usize = 8;

/// What was probably meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// It is this one, misspelt.
    Misspelt(&'static str),
    /// A part of a name, which only this one has: `parallelism`, `checkpointing.interval`.
    Part(&'static str),
}

struct Known {
    name: &'static str,
    plain: Vec<u8>,
    letters: u64,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let mut known: Vec<_> = spellings().map(|name| (renamed(name).is_some(), name)).collect();
    // New spellings first: of two that are equally near, the first is taken.
    known.sort_unstable();
    let of = |name: &'static str| {
        let plain = bare(name).into_bytes();
        Known { name, letters: letters(&plain), plain }
    };
    known.into_iter().map(|(_, name)| of(name)).collect()
});

/// The option that the name was probably meant to be.
pub(crate) fn meant(name: &str) -> Option<Meant> {
    if name.len() > LONGEST {
        return None;
    }
    misspelt(name).map(Meant::Misspelt).or_else(|| part(name).map(Meant::Part))
}

fn misspelt(name: &str) -> Option<&'static str> {
    let plain = bare(name).into_bytes();
    let letters = letters(&plain);
    let most = match plain.len() {
        ..SHORTEST => return None,
        SHORTEST..16 => 2,
        _ => 3,
    };
    let near = |known: &&Known| {
        known.plain.len().abs_diff(plain.len()) <= most && (known.letters ^ letters).count_ones() as usize <= 2 * most
    };
    let measured = KNOWN.iter().filter(near).map(|known| (distance(&plain, &known.plain, most), known.name));
    measured.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// The one option of jobs whose name begins with this one, or is this one after its first word.
fn part(name: &str) -> Option<&'static str> {
    let mut whole = options().iter().map(|option| option.name).filter(|known| {
        let (first, rest) = known.split_once('.').unwrap_or((known, ""));
        (first == name || (rest == name && name.contains('.'))) && scope(known) == Some(OptionScope::Job)
    });
    let one = whole.next()?;
    whole.next().is_none().then_some(one)
}

/// The letters that a name has, one bit each.
fn letters(plain: &[u8]) -> u64 {
    plain.iter().fold(0, |letters, byte| letters | 1 << (byte % 64))
}
