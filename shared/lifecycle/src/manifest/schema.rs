//! The JSON Schema that editors complete and check manifests with.
//! Knows only the wire types; draft-07 is the newest that the YAML editors read.

use schemars::generate::SchemaSettings;

use super::wire::Fields;

/// The schema of an uploaded manifest.
pub fn json_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    generator.into_root_schema_for::<Fields<'static>>().to_value()
}
