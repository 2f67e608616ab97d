//! The job template's `{job_name}`, filled in as Python's `str.format` does it.
//! Must not know YAML: the template is plain text until it is filled in.

use super::name::JobName;
use super::source::{Range, SourceText};
use crate::diagnostics::Diagnostic;
use crate::secrets::leading;

/// Fills in the job's name; every other brace is an error unless doubled, or of a secret reference.
pub(crate) fn fill_in<'a>(source: SourceText<'a>, name: &JobName) -> Result<SourceText<'a>, Vec<Diagnostic>> {
    let mut text = String::with_capacity(source.text().len());
    // Characters, not bytes: positions are counted in characters.
    let (mut written, mut read) = (0, 0);
    let mut shifts = Vec::new();
    let mut errors = Vec::new();
    let mut rest = source.text();
    while let Some(character) = rest.chars().next() {
        if let Some((length, _)) = leading(rest) {
            let (reference, after) = rest.split_at(length);
            text.push_str(reference);
            let count = reference.chars().count();
            (written, read) = (written + count, read + count);
            rest = after;
            continue;
        }
        let doubled = rest.starts_with("{{") || rest.starts_with("}}");
        if !doubled && !matches!(character, '{' | '}') {
            text.push(character);
            rest = &rest[character.len_utf8()..];
            (written, read) = (written + 1, read + 1);
            continue;
        }
        let consumed = if doubled {
            text.push(character);
            written += 1;
            2
        } else if let Some(field) = field_of(rest) {
            if field == "job_name" {
                text.push_str(name.as_str());
                shifts.push((written, read));
                written += name.as_str().len();
            } else {
                let length = field.chars().count() + 2;
                let at = Range { start: read, end: read + length };
                let message = format!("`{{{field}}}` is no name that the template knows");
                errors.push(
                    source
                        .error("template-field", at, message)
                        .with_help("only `{job_name}` is filled in; double a literal brace: `{{`, `}}`"),
                );
            }
            field.chars().count() + 2
        } else {
            let at = Range { start: read, end: read + 1 };
            errors.push(
                source
                    .error("template-brace", at, format!("a single `{character}` in the template"))
                    .with_help(format!("write `{character}{character}` for a literal brace")),
            );
            1
        };
        read += consumed;
        shifts.push((written, read));
        let bytes = rest.char_indices().nth(consumed).map_or(rest.len(), |(at, _)| at);
        rest = &rest[bytes..];
    }
    if errors.is_empty() { Ok(source.filled_in(text, shifts)) } else { Err(errors) }
}

/// What is between `{` and its `}` on the same line.
fn field_of(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let end = inner.find(['}', '{', '\n'])?;
    inner[end..].starts_with('}').then(|| &inner[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::SourceFile;

    fn filled(text: &str) -> Result<String, Vec<String>> {
        let file = SourceFile::new("config/job-template.yaml", text);
        let name = JobName::try_from("orders").unwrap();
        fill_in(SourceText::open(&file).unwrap(), &name)
            .map(|source| source.text().to_owned())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn braces_as_in_python() {
        for (text, expected) in [
            ("a: {job_name}", "a: orders"),
            ("{job_name}{job_name}", "ordersorders"),
            ("flinkProperties: {{ }}", "flinkProperties: { }"),
            ("{{job_name}}", "{job_name}"),
            ("{{{job_name}}}", "{orders}"),
            ("ä{{ö{job_name}ü", "ä{öordersü"),
            ("a: ${ssm:/x}-{job_name}", "a: ${ssm:/x}-orders"),
            ("a: ${{env:X}}", "a: ${env:X}"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn other_braces_are_errors_with_their_place() {
        insta::assert_snapshot!(
            filled("a: 1\nb: {x}\nc: {}\nd: }\ne: {\n").unwrap_err().join("\n"),
            @r"
        config/job-template.yaml:2:4: error[template-field]: `{x}` is no name that the template knows; only `{job_name}` is filled in; double a literal brace: `{{`, `}}`
        config/job-template.yaml:3:4: error[template-field]: `{}` is no name that the template knows; only `{job_name}` is filled in; double a literal brace: `{{`, `}}`
        config/job-template.yaml:4:4: error[template-brace]: a single `}` in the template; write `}}` for a literal brace
        config/job-template.yaml:5:4: error[template-brace]: a single `{` in the template; write `{{` for a literal brace
        "
        );
    }

    #[test]
    fn positions_point_into_the_template_as_written() {
        let file = SourceFile::new("t.yaml", "a: {job_name}/x, b: {{ c\n");
        let name = JobName::try_from("a-rather-long-name").unwrap();
        let source = fill_in(SourceText::open(&file).unwrap(), &name).unwrap();
        for (wanted, column) in [("/x", 14), ("b:", 18), (" c", 23), ("rather", 4)] {
            let byte = source.text().find(wanted).unwrap();
            let start = source.text()[..byte].chars().count();
            let found = source.error("x", Range { start, end: start + 1 }, "");
            let span = found.span.unwrap();
            // Inside the name that was filled in, anywhere within its braces will do.
            let within = span.column == column || (wanted == "rather" && (4..14).contains(&span.column));
            assert!(within, "{wanted}: {span:?}");
        }
    }
}
