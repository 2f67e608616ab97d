//! What people upload, and what of it was wished when.
//! Must not know what is made of it.

use std::collections::BTreeMap;

use crate::flink::Nature;

/// What is wished of one job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wish {
    pub(crate) sql: String,
    pub(crate) parallelism: u32,
    /// Whether nothing of it is to run.
    pub(crate) suspended: bool,
}

impl Wish {
    pub(crate) fn new(words: &str, parallelism: u32) -> Self {
        Self { sql: format!("SELECT * FROM orders WHERE note <> '{words}'"), parallelism, suspended: false }
    }

    /// The same, not to run.
    pub(crate) fn suspended(self) -> Self {
        Self { suspended: true, ..self }
    }

    /// The same, to run.
    pub(crate) fn resumed(self) -> Self {
        Self { suspended: false, ..self }
    }

    pub(crate) fn nature(&self) -> Nature {
        Nature::of(&self.sql)
    }

    /// Whether it can be brought about: what is not to run is only compiled.
    pub(crate) fn is_good(&self) -> bool {
        let nature = self.nature();
        if self.suspended { nature.compiles } else { nature.is_good() }
    }

    /// The file that says so.
    pub(crate) fn yaml(&self, name: &str) -> String {
        let Self { sql, parallelism, suspended } = self;
        let state = if *suspended { "state: suspended\n" } else { "" };
        let instead = if sql.contains("or-a-checkpoint") { "on-savepoint-failure: checkpoint\n" } else { "" };
        format!(
            "name: {name}\n{state}{instead}description: \"\"\ntarget-table: sink\nsql: |\n  {sql}\nflinkProperties:\n  \
             execution.checkpointing.dir: s3://b/checkpoints/{name}\n  \
             execution.checkpointing.savepoint-dir: s3://b/savepoints/{name}\n  \
             execution.checkpointing.interval: 10 s\n  parallelism.default: {parallelism}\n"
        )
    }
}

/// What was wished of every job, with the number of the write that said so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    said: BTreeMap<String, Vec<(u64, Option<Wish>)>>,
}

impl Wishes {
    pub(crate) fn say(&mut self, name: &str, write: u64, wish: Option<Wish>) {
        self.said.entry(name.to_owned()).or_default().push((write, wish));
    }

    pub(crate) fn now(&self, name: &str) -> Option<&Wish> {
        self.said.get(name)?.last()?.1.as_ref()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.said.keys()
    }

    /// The jobs that are not to run, as their files are now.
    pub(crate) fn suspended(&self) -> Vec<String> {
        self.said.keys().filter(|name| self.now(name).is_some_and(|wish| wish.suspended)).cloned().collect()
    }

    /// Whether this was wished at some time since that write.
    pub(crate) fn since(&self, name: &str, write: u64, wanted: impl Fn(Option<&Wish>) -> bool) -> bool {
        let Some(said) = self.said.get(name) else { return wanted(None) };
        let standing = said.iter().rev().find(|(at, _)| *at <= write).and_then(|(_, wish)| wish.as_ref());
        let later = said.iter().filter(|(at, _)| *at > write).map(|(_, wish)| wish.as_ref());
        std::iter::once(standing).chain(later).any(wanted)
    }
}
