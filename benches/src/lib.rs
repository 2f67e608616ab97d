//! Figures come from here: ratios measured side by side in one run, with all samples kept under `results/`.
//! Must not hold anything that a test relies on.
