//! Reads a page of metrics as strictly as a scraper may: the OpenMetrics text format 1.0.

use std::collections::{BTreeMap, BTreeSet};

/// A family: its type, and its samples by name and labels.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    pub samples: BTreeMap<(String, Labels), f64>,
}

pub type Labels = BTreeMap<String, String>;

/// The families of a page; panics where it breaks the format.
pub fn parse(page: &str) -> BTreeMap<String, Family> {
    let body = page.strip_suffix("# EOF\n").expect("the page ends with `# EOF`");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in body.lines() {
        assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
        if let Some(meta) = line.strip_prefix("# ") {
            let mut parts = meta.splitn(3, ' ');
            let (what, name, text) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default());
            if current.as_deref() != Some(name) {
                assert!(is_name(name) && !families.contains_key(name), "{line}: a family comes in one piece");
                families.insert(name.to_owned(), Family::default());
                current = Some(name.to_owned());
            }
            let family = families.get_mut(name).unwrap();
            assert!(family.samples.is_empty(), "{line}: after samples");
            match what {
                "HELP" => family.help = text.to_owned(),
                "TYPE" => family.kind = text.to_owned(),
                "UNIT" => assert!(name.ends_with(text), "{line}"),
                other => panic!("{other} in {line}"),
            }
            continue;
        }
        let name = current.clone().unwrap_or_else(|| panic!("{line}: before any family"));
        let (sample, labels, value) = self::sample(line);
        let family = families.get_mut(&name).unwrap();
        let suffix = sample.strip_prefix(&name).unwrap_or_else(|| panic!("{line} in the family {name}"));
        let fits = match family.kind.as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "histogram" => ["_bucket", "_count", "_sum"].contains(&suffix),
            other => panic!("{name} is of type {other}"),
        };
        assert!(fits, "{line} in a {}", family.kind);
        assert!(family.kind != "counter" || value >= 0.0, "{line}");
        assert!(family.samples.insert((sample, labels), value).is_none(), "{line}: twice");
    }
    for (name, family) in &families {
        assert!(!family.help.is_empty() && !family.kind.is_empty(), "{name}: {family:?}");
        if family.kind == "histogram" {
            histogram(name, family);
        }
    }
    families
}

/// Buckets grow, and the last one has all.
fn histogram(name: &str, family: &Family) {
    let sample = |suffix: &str| family.samples[&(format!("{name}{suffix}"), Labels::new())];
    let mut buckets: Vec<(f64, f64)> = family
        .samples
        .iter()
        .filter(|((sample, _), _)| sample.ends_with("_bucket"))
        .map(|((_, labels), count)| (number(&labels["le"]), *count))
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name}: {buckets:?}");
    assert_eq!(buckets.last().copied(), Some((f64::INFINITY, sample("_count"))), "{name}");
    assert!(sample("_sum") >= 0.0);
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let (value, after) = quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}: a label twice");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
    }
    (name.to_owned(), labels, number(rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"))))
}

/// The value of a label up to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next().unwrap().1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                other => panic!("an escaped {other} in {text}"),
            },
            char => value.push(char),
        }
    }
    panic!("no end of {text}")
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "NaN" => f64::NAN,
        text => text.parse().unwrap_or_else(|_| panic!("{text} is not a number")),
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_' || char == ':')
}

/// The labels of that name that some sample of the family has.
pub fn values(family: &Family, label: &str) -> BTreeSet<String> {
    family.samples.keys().filter_map(|(_, labels)| labels.get(label).cloned()).collect()
}
