//! The JSON Schema that editors complete and check manifests with.
//! Must not know which values are good: that is judged elsewhere. Draft-07 is the newest that YAML editors read.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::catalogue::{self, FlinkOption, OptionScope, OptionType, Scalar};
use super::operating_rules::OperatingFields;
use super::options::refusal;
use super::wire::Fields;

/// The schema of an uploaded manifest.
pub fn json_schema() -> Value {
    let mut schema = schema_of::<Fields<'static>>();
    if let (Some(fields), Value::Object(more)) =
        (schema["properties"].as_object_mut(), schema_of::<OperatingFields<'static>>()["properties"].take())
    {
        fields.extend(more);
    }
    schema["definitions"] = definitions();
    // Other keys are still allowed: some are read by code that no catalogue knows.
    schema["properties"]["flinkProperties"]["properties"] = options();
    schema
}

fn schema_of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    generator.into_root_schema_for::<T>().to_value()
}

/// The options that a manifest may set and that do something there.
fn options() -> Value {
    let effective = |option: &&FlinkOption| {
        catalogue::scope(option.name) == Some(OptionScope::Job) && refusal(option.name).is_none()
    };
    let options = catalogue::options().iter().filter(effective);
    Value::Object(options.map(|option| (option.name.to_owned(), described(option))).collect::<Map<_, _>>())
}

fn described(option: &FlinkOption) -> Value {
    let type_of = |name: &str| json!({ "$ref": format!("#/definitions/{name}") });
    let (named, are_all) = option.named_values();
    let mut schema = if named.is_empty() {
        json!({ "allOf": [type_of(definition(&option.takes))] })
    } else {
        json!({ "anyOf": [{ "enum": named }, type_of(if are_all { "other" } else { "text" })] })
    };
    let counts = matches!(option.takes, OptionType::One(Scalar::Int | Scalar::Long | Scalar::Number));
    let (least, most) = option.range();
    for (word, bound) in [("minimum", least), ("maximum", most)] {
        if let Some(bound) = bound.filter(|_| counts) {
            // `1`, not `1.0`.
            schema[word] = serde_json::from_str(&bound.to_string()).unwrap_or_else(|_| json!(bound));
        }
    }
    if !option.description.is_empty() {
        schema["description"] = json!(option.description);
    }
    if !option.default.is_empty() {
        // `true` and `4`, not texts, where that is what one would write.
        let plain = !matches!(&option.takes, OptionType::One(Scalar::Text) | OptionType::List(_) | OptionType::Map);
        let parsed = serde_json::from_str(option.default).ok().filter(|_| plain);
        schema["default"] = parsed.unwrap_or_else(|| json!(option.default));
    }
    schema
}

fn definition(takes: &OptionType) -> &'static str {
    match takes {
        OptionType::One(Scalar::Bool) => "bool",
        OptionType::One(Scalar::Int | Scalar::Long) => "int",
        OptionType::One(Scalar::Number) => "number",
        OptionType::One(Scalar::Duration) => "duration",
        OptionType::One(Scalar::Memory) => "memory",
        OptionType::One(Scalar::Text | Scalar::Enum(_)) => "text",
        OptionType::List(_) => "list",
        OptionType::Map => "map",
    }
}

/// What each type is written as. A text may always be a reference to a secret, and `null` takes the template's back.
fn definitions() -> Value {
    let quantity = r"^\s*[0-9]+\s*([a-zA-Zµ]+\s*)?$|\$\{";
    let text = ["string", "number", "boolean", "null"];
    json!({
        "bool": {
            "anyOf": [
                { "type": ["boolean", "null"] },
                { "type": "string", "pattern": r"^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$|\$\{" },
            ],
        },
        "int": { "type": ["integer", "string", "null"], "pattern": r"^[+-]?[0-9]+$|\$\{" },
        "number": { "type": ["number", "string", "null"], "pattern": r"[0-9]|NaN|Infinity|\$\{" },
        "duration": {
            "type": ["string", "integer", "null"],
            "pattern": quantity,
            "examples": ["500 ms", "10 s", "5 min", "1 h", "1 d"],
        },
        "memory": { "type": ["string", "integer", "null"], "pattern": quantity, "examples": ["64 kb", "128 mb", "1 gb"] },
        "text": { "type": text },
        "list": { "type": text, "description": "Values with `;` between them." },
        "map": { "type": text, "description": "`key:value` pairs with `,` between them." },
        "other": { "type": ["string", "null"], "pattern": r"^[^A-Z]*$|\$\{" },
    })
}
