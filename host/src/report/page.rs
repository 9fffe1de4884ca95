//! The page: style, script and data in one file that asks for nothing else.
//!
//! Nothing of a trader is markup: its words are data, in a block that no parser of HTML can leave early, and the script writes them
//! as text. The policy of the page names the hashes of its own script and style, so that no other would run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::data::Report;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
/// In the order in which they need each other.
const SCRIPT: &[&str] = &[
    "'use strict';\n(() => {\n",
    include_str!("page/data.js"),
    include_str!("page/words.js"),
    include_str!("page/levels.js"),
    include_str!("page/panels.js"),
    include_str!("page/paint.js"),
    include_str!("page/chart.js"),
    include_str!("page/overview.js"),
    include_str!("page/moves.js"),
    include_str!("page/tables.js"),
    include_str!("page/figures.js"),
    include_str!("page/main.js"),
    "})();\n",
];

/// The report as a page.
///
/// # Errors
///
/// If the data cannot be written as JSON.
pub fn html(report: &Report) -> serde_json::Result<String> {
    let data = in_html(&serde_json::to_string(report)?);
    let script = SCRIPT.concat();
    let values = [
        ("script-hash", hash(&script)),
        ("style-hash", hash(STYLE)),
        ("title", text(&report.trader.name)),
        ("style", STYLE.to_owned()),
        ("data", data),
        ("script", script),
    ];
    Ok(fill(PAGE, &values))
}

/// JSON that no parser of HTML takes for markup: within strings, which is the only place for them, these have another form.
fn in_html(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn hash(inline: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(inline.as_bytes())))
}

/// Puts each value where `{{name}}` stands. What was put in is not looked at again, so no value can ask for another.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut page = String::with_capacity(template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        page.push_str(value.unwrap_or_default());
        rest = after;
    }
    page.push_str(rest);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_leave_its_block() {
        let hostile = "</script><!--<img src=x onerror=\"alert(1)\">&amp;\u{2028}'";
        let json = serde_json::to_string(&[hostile]).unwrap();
        let safe = in_html(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        let read: Vec<String> = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, [hostile]);
    }

    #[test]
    fn a_value_asks_for_no_other() {
        let values = [("a", "{{b}}".to_owned()), ("b", "secret".to_owned())];
        assert_eq!(fill("<{{a}}|{{b}}|{{c}}>", &values), "<{{b}}|secret|>");
    }

    #[test]
    fn the_page_names_every_part_and_asks_for_nothing() {
        let names = ["script-hash", "style-hash", "title", "style", "data", "script"];
        for name in names {
            assert_eq!(PAGE.matches(&format!("{{{{{name}}}}}")).count(), 1, "{name}");
        }
        let page = [PAGE, STYLE, &SCRIPT.concat()].concat();
        // The name of a namespace is no address that anybody asks.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for asks in
            ["http:", "https:", "//cdn", " src=", " href=", "url(", "@import", "fetch(", "innerHTML", "onclick="]
        {
            assert!(!page.contains(asks), "{asks}");
        }
    }
}
