//! What `suspend`, `resume` and `rollback` make of uploaded manifests: another state and nothing else, the same manifest.
//! Must not know how a file is edited or written.

use std::sync::OnceLock;

use desired::diagnostics::SourceFile;
use desired::manifest::{JobManifest, Operating, Policy, WantedState, load, render_readable, stated, with_state};

use crate::seeds;

const FILE: &str = "queries/orders-per-buyer.yaml";

/// An uploaded manifest.
pub fn edited(data: &[u8]) {
    let file = SourceFile::new(FILE, data);
    let before = read(&file);
    for state in [WantedState::Running, WantedState::Suspended] {
        let Ok(text) = with_state(&file, state) else { continue };
        let after = SourceFile::new(FILE, text.as_str());
        assert_eq!(stated(&after), Some(state), "{text}");
        let more = text.len().saturating_sub(data.len());
        assert!(more < 200 + 2 * state.as_str().len() + indent(data), "{more} bytes more: {text}");
        if let Some(before) = &before {
            let after = read(&after).unwrap_or_else(|| panic!("refused once it was edited:\n{text}"));
            assert_eq!((computes(before), after.operating.state), (computes(&after), state), "{text}");
        }
    }
    if let Some(manifest) = before {
        let text = render_readable(&manifest, Some(manifest.operating.state), &["a\nb".to_owned()]);
        let again =
            read(&SourceFile::new(FILE, text.as_str())).unwrap_or_else(|| panic!("refused once written:\n{text}"));
        assert_eq!(computes(&again), computes(&manifest), "{text}");
        assert_eq!(again.operating, manifest.operating, "{text}");
    }
}

/// The longest line: what stands before a field is written once more.
fn indent(data: &[u8]) -> usize {
    data.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0)
}

fn read(file: &SourceFile) -> Option<JobManifest> {
    static TEMPLATE: OnceLock<SourceFile> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let text = seeds::files(&["examples/config/job-template.yaml"]).concat();
        SourceFile::new("config/job-template.yaml", text)
    });
    let policy = Policy { allow_code: true, allow_files: true, ..Policy::default() };
    load(Some(template), file, &policy).ok().map(|loaded| loaded.manifest)
}

fn computes(manifest: &JobManifest) -> JobManifest {
    JobManifest { operating: Operating::default(), ..manifest.clone() }
}
