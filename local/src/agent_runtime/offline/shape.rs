//! The shape of a value, learned from an example: `t3.large` says that `m5.xlarge` is one too and `billing` is not.

use handlers::definitions::Parameter;

/// Words after which a description gives examples.
const EXAMPLE_MARKS: &[&str] = &["for example ", "for instance ", "e.g. ", "such as "];

/// The examples of a parameter: what its description names as such, and its default.
pub(super) fn examples(parameter: &Parameter) -> Vec<String> {
    let described = EXAMPLE_MARKS.iter().filter_map(|mark| {
        let at = parameter.description.find(mark)? + mark.len();
        parameter.description.get(at..)
    });
    let mut examples: Vec<String> = described
        .flat_map(|rest| rest.split([',', ';', '(', ')']).take(1).flat_map(|list| list.split(" or ")))
        .filter_map(|example| example.split_whitespace().next())
        .map(|example| example.trim_matches(|c: char| ".\"'`".contains(c)).to_owned())
        .filter(|example| !example.is_empty())
        .collect();
    examples.extend(parameter.default.as_ref().and_then(|value| value.as_str()).map(str::to_owned));
    examples
}

/// Whether the value is built like the example. Examples that are plain words say nothing about the shape.
pub(super) fn fits(example: &str, value: &str) -> bool {
    let (pattern, parts) = (split(example), split(value));
    if pattern.len() < 2 || !value.is_ascii() {
        return false;
    }
    if pattern.iter().all(|part| digits(part)) {
        return fits_numbers(&pattern, value);
    }
    if separators(example) != separators(value) {
        return false;
    }
    pattern.iter().zip(&parts).all(|(pattern, part)| fits_part(pattern, part))
}

/// Whether the example says how a value is built.
pub(super) fn has_shape(example: &str) -> bool {
    split(example).len() > 1
}

/// Versions and addresses: three numbers may be two, four must be four. A version may begin with `v` and end in `-rc1`.
fn fits_numbers(pattern: &[&str], value: &str) -> bool {
    let value = value.strip_prefix(['v', 'V']).unwrap_or(value);
    let core = value.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    let enough = if pattern.len() == 3 { (2..=3).contains(&parts.len()) } else { parts.len() == pattern.len() };
    enough && parts.iter().all(|part| digits(part))
}

fn fits_part(pattern: &str, part: &str) -> bool {
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count();
    let numbers = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    if part.is_empty() || !part.chars().all(|c| c.is_ascii_alphanumeric()) {
        return false;
    }
    match (letters(pattern), numbers(pattern)) {
        (0, _) => letters(part) == 0,
        // Two letters are a code.
        (length @ 1..=2, 0) => letters(part) == length && numbers(part) == 0,
        (_, 0) => letters(part) > 0,
        _ => letters(part) > 0 && numbers(part) > 0,
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split(['.', '-', '/', ':', '_']).collect()
}

fn separators(text: &str) -> String {
    text.chars().filter(|c| ".-/:_".contains(*c)).collect()
}

fn digits(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_built_like_its_example() {
        for (example, value, expected) in [
            ("t3.large", "m5.xlarge", true),
            ("t3.large", "c6gd.2xlarge", true),
            ("t3.large", "example.com", false),
            ("t3.large", "1.4.2", false),
            ("1.4.2", "2.3.1", true),
            ("1.4.2", "v2.3", true),
            ("1.4.2", "2.0.0-rc1", true),
            ("1.4.2", "10.0.0.1", false),
            ("192.0.2.10", "10.0.0.1", true),
            ("us-east-1", "eu-west-1", true),
            ("us-east-1", "billing-api-2", false),
            ("api.example.com", "shop.acme.org", true),
            ("bootstrap", "compute", false),
        ] {
            assert_eq!(fits(example, value), expected, "{example} {value}");
        }
    }
}
