//! Random operations under random faults, from a seed; what fails is made smaller and told with the command that repeats it.
//! Must not know what a fault does.

use std::collections::BTreeMap;

use crate::control_plane::Fate;
use crate::driver::{Deed, Played, Scenario, play};
use crate::faults::Fault;
use crate::orders::Wanted;
use crate::random_numbers::Rng;
use crate::wishes::Wish;

/// The seeds of a plain `make test`.
const SEEDS: &str = "1..60";
/// How often a failing scenario is played again to make it smaller.
const SHRINKS: usize = 100;
/// After so many failures the rest is not played.
const ENOUGH: usize = 3;

const JOBS: [&str; 3] = ["a", "b", "c"];

fn words(rng: &mut Rng) -> &'static str {
    let all = [
        "one",
        "two",
        "three",
        "one",
        "two",
        "interval:25",
        "never-checkpoints",
        "savepoint-takes:70",
        "savepoints-fail:2",
        "savepoints-break:1",
        "savepoints-break:4",
        "savepoints-break:6 or-a-checkpoint",
        "does-not-compile",
        "does-not-start",
        "dies-after:12",
        "restarts-after:18",
        "bounded:40",
        "bounded:40",
    ];
    let n = rng.below(u64::try_from(all.len()).unwrap());
    all[usize::try_from(n).unwrap()]
}

fn deed(rng: &mut Rng, cluster: &mut Cluster) -> Deed {
    let name = *rng.one_of(&JOBS);
    let wish = |rng: &mut Rng| Deed::Want(name, Wish::new(words(rng), u32::try_from(rng.below(3) + 1).unwrap()));
    match rng.below(30) {
        0..=9 => wish(rng),
        10 | 11 => Deed::Unwant(name),
        12 => Deed::Redeploy,
        13 => Deed::JobManagerDies,
        14 => cluster.next(),
        15 => Deed::Slots(if rng.percent(50) { 0 } else { 12 }),
        16 => Deed::CancelByHand(name),
        17 => Deed::Retry(name),
        18 => Deed::Fate(*rng.one_of(&[Fate::Cancelled, Fate::Pending(200), Fate::Hung(120), Fate::Unseen(90)])),
        19 => Deed::RunnersDie,
        20 | 21 => Deed::Suspend(name),
        22 | 23 => Deed::Resume(name),
        24 => Deed::Want(name, Wish::new(words(rng), 1).suspended()),
        25 => Deed::StopByHand(name),
        _ => {
            let late = if rng.percent(50) { 1 + rng.below(400) } else { 0 };
            Deed::Order(name, *rng.one_of(&Wanted::ALL), late)
        }
    }
}

/// Ends and begins of sessions, in an order that makes sense.
#[derive(Clone, Copy)]
enum Cluster {
    There,
    Gone,
    Cut,
    CutBesideAnother,
}

impl Cluster {
    fn next(&mut self) -> Deed {
        let (next, deed) = match self {
            Self::There => (Self::Gone, Deed::SessionEnds),
            Self::Gone => (Self::Cut, Deed::SessionStarts),
            Self::Cut => (Self::CutBesideAnother, Deed::Cut),
            Self::CutBesideAnother => (Self::There, Deed::SessionStarts),
        };
        *self = next;
        deed
    }

    /// Whatever happened, in the end there is one session.
    fn mended(self) -> Vec<(u64, Deed)> {
        let mut all = vec![(60, Deed::CutEnds)];
        if matches!(self, Self::Gone | Self::CutBesideAnother) {
            all.push((1, Deed::SessionStarts));
        }
        all.push((1, Deed::Slots(12)));
        all
    }
}

/// The scenario of a seed.
pub(crate) fn of(seed: u64) -> Scenario {
    let mut rng = Rng::new(seed);
    let mut cluster = Cluster::There;
    let count = 2 + rng.below(7);
    let deeds: Vec<(u64, Deed)> = (0..count)
        .map(|_| {
            let pause = if rng.percent(40) { rng.below(6) } else { 10 + rng.below(200) };
            (pause, deed(&mut rng, &mut cluster))
        })
        .collect();
    let mut setup = vec![vec![Deed::Want("z", Wish::new("z", 1))]];
    if rng.percent(60) {
        setup[0].push(Deed::Want("a", Wish::new("one", 1)));
    }
    if rng.percent(25) {
        setup[0].push(Deed::PythonJob("b", Wish::new("one", 1)));
    }
    let by_chance = *rng.one_of(&[0, 50, 150, 400]);
    Scenario {
        seed,
        ha: rng.percent(30),
        setup,
        deeds,
        mending: cluster.mended(),
        faults: BTreeMap::new(),
        by_chance,
        draws: by_chance > 0,
        duplicates: true,
    }
}

fn judged(scenario: &Scenario, played: &Played) -> Vec<String> {
    let mut broken = played.broken.clone();
    // Each deed may lead to an operation, which is sent twice at most, and to one more for what it left behind; what
    // waits is tried again with growing pauses; each fault may cost that once more.
    let most = 12 + 4 * scenario.deeds.len() + 4 * played.met.len();
    if played.steps > most {
        broken.push(format!("{} steps were sent, the faults explain {most}", played.steps));
    }
    broken
}

/// Plays it with the faults that it met planned by their calls, then leaves out what it fails without.
fn shrunk(scenario: &Scenario, played: &Played) -> (Scenario, Vec<String>) {
    // In the same way: what was taken away may be what kept the scenario possible at all.
    let how = |broken: &[String]| broken.first().map(|text| text.replace(|c: char| c.is_ascii_digit(), ""));
    let same = how(&judged(scenario, played));
    let fails = |scenario: &Scenario| {
        let broken = judged(scenario, &play(scenario));
        (how(&broken) == same).then_some(broken)
    };
    let planned: BTreeMap<usize, Fault> = played.met.iter().map(|(number, _, _, fault)| (*number, *fault)).collect();
    let mut best = scenario.clone();
    let mut broken = judged(scenario, played);
    let without_chance = Scenario { by_chance: 0, faults: planned, ..scenario.clone() };
    if let Some(found) = fails(&without_chance) {
        (best, broken) = (without_chance, found);
    }
    let mut left = SHRINKS;
    let mut smaller = true;
    while smaller && left > 0 {
        smaller = false;
        let without_deed = (0..best.deeds.len()).map(|n| {
            let mut deeds = best.deeds.clone();
            let (pause, _) = deeds.remove(n);
            if let Some(next) = deeds.get_mut(n) {
                next.0 += pause;
            }
            Scenario { deeds, ..best.clone() }
        });
        let without_fault = best.faults.keys().map(|number| {
            let mut faults = best.faults.clone();
            faults.remove(number);
            Scenario { faults, ..best.clone() }
        });
        let candidates: Vec<Scenario> = without_deed.chain(without_fault).collect();
        for candidate in candidates {
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
            if let Some(found) = fails(&candidate) {
                (best, broken, smaller) = (candidate, found, true);
                break;
            }
        }
    }
    (best, broken)
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    let text = std::env::var("SEEDS").unwrap_or_else(|_| SEEDS.to_owned());
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    first.parse().unwrap()..=last.trim_start_matches('=').parse().unwrap()
}

#[test]
fn random() {
    let mut wrong = Vec::new();
    let (mut played_all, mut faults) = (0, 0);
    for seed in seeds() {
        if wrong.len() == ENOUGH {
            break;
        }
        let scenario = of(seed);
        let played = play(&scenario);
        played_all += 1;
        faults += played.met.len();
        let broken = judged(&scenario, &played);
        if broken.is_empty() {
            continue;
        }
        let (small, still) = shrunk(&scenario, &played);
        let deeds: Vec<String> = small.deeds.iter().map(|(pause, deed)| format!("      {pause} s, {deed:?}")).collect();
        wrong.push(format!(
            "seed {seed}, again by: make simulate SEEDS={seed}..{seed}\n    {}\n    made smaller (HA {}): {}\n    \
             after {:?}\n{}\n    faults {:?} chance {}",
            broken.join("\n    "),
            small.ha,
            still.join("\n    "),
            small.setup,
            deeds.join("\n"),
            small.faults,
            small.by_chance,
        ));
    }
    println!("{played_all} random scenarios, {faults} faults, {} failed", wrong.len());
    assert!(wrong.is_empty(), "{}\n{} of {played_all} failed", wrong.join("\n"), wrong.len());
}
