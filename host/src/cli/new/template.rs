//! What a new crate is made of. The files lie in `templates`, as they are written but for a few words.

use uuid::Uuid;

use super::name::Name;

/// Words of the templates that become those of the new crate.
const NAME: &str = "my-trader";
const TITLE: &str = "My Trader";
const ID: &str = "00000000-0000-4000-8000-000000000000";
const SDK: &str = "{ path = \"../../../../../../sdk\" }";
const TEST: &str = "vyx test . --candles candles/BTCUSDT-5m.csv";
/// From here on the manifest is that of a crate that stands alone.
const OWN_WORKSPACE: &str = "\n# Its own workspace";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Template {
    /// One interval: RSI comes back over its oversold line.
    SingleInterval,
    /// Two intervals: a dip on the short one while the long one rises.
    MultiInterval,
    /// Each symbol against BTC: one that runs ahead of it.
    MultiSymbol,
    /// Volume: a spike of it, above or below the average price of the day.
    Volume,
}

/// A path below the crate, and what stands in the file.
type File = (&'static str, &'static str);

const COMMON: [File; 4] = [
    (".gitignore", include_str!("templates/common/gitignore")),
    ("Cargo.toml", include_str!("templates/common/manifest.toml")),
    ("README.md", include_str!("templates/common/README.md")),
    ("traders.toml", include_str!("templates/common/traders.toml")),
];
const BTC: File = ("candles/BTCUSDT-5m.csv", include_str!("templates/common/BTCUSDT-5m.csv"));
const ETH: File = ("candles/ETHUSDT-5m.csv", include_str!("templates/common/ETHUSDT-5m.csv"));

/// What is filled in.
pub(super) struct Filling<'a> {
    pub(super) name: &'a Name,
    /// The id of the trader in traders.toml.
    pub(super) id: Uuid,
    /// What stands after `vyx-sdk =`.
    pub(super) sdk: String,
    /// Whether the crate stands alone.
    pub(super) is_own_workspace: bool,
}

impl Template {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::SingleInterval => "single-interval",
            Self::MultiInterval => "multi-interval",
            Self::MultiSymbol => "multi-symbol",
            Self::Volume => "volume",
        }
    }

    /// The candle files of the crate.
    pub(super) fn candles(self) -> Vec<&'static str> {
        self.recorded().iter().map(|(path, _)| *path).collect()
    }

    /// The files of the crate.
    pub(super) fn files(self, filling: &Filling<'_>) -> Vec<(&'static str, String)> {
        let recorded = self.recorded().iter().map(|(path, text)| (*path, (*text).to_owned()));
        let written = COMMON.iter().chain(self.own()).map(|(path, text)| (*path, self.filled(text, filling)));
        let mut files: Vec<_> = written.chain(recorded).collect();
        files.sort();
        files
    }

    const fn own(self) -> &'static [File] {
        match self {
            Self::SingleInterval => &[
                ("src/lib.rs", include_str!("templates/single-interval/lib.rs")),
                ("golden.jsonl", include_str!("templates/single-interval/golden.jsonl")),
            ],
            Self::MultiInterval => &[
                ("src/lib.rs", include_str!("templates/multi-interval/lib.rs")),
                ("golden.jsonl", include_str!("templates/multi-interval/golden.jsonl")),
            ],
            Self::MultiSymbol => &[
                ("src/lib.rs", include_str!("templates/multi-symbol/lib.rs")),
                ("golden.jsonl", include_str!("templates/multi-symbol/golden.jsonl")),
            ],
            Self::Volume => &[
                ("src/lib.rs", include_str!("templates/volume/lib.rs")),
                ("golden.jsonl", include_str!("templates/volume/golden.jsonl")),
            ],
        }
    }

    const fn recorded(self) -> &'static [File] {
        match self {
            Self::MultiSymbol => &[BTC, ETH],
            Self::SingleInterval | Self::MultiInterval | Self::Volume => &[BTC],
        }
    }

    fn filled(self, text: &str, filling: &Filling<'_>) -> String {
        let text = text
            .replace(NAME, filling.name.as_str())
            .replace(TITLE, &filling.name.title())
            .replace(ID, &filling.id.to_string())
            .replace(TEST, &format!("vyx test . --candles {}", self.candles().join(" ")))
            .replace(SDK, &filling.sdk);
        match text.split_once(OWN_WORKSPACE) {
            Some((before, _)) if !filling.is_own_workspace => format!("{}\n", before.trim_end()),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(template: Template, is_own_workspace: bool) -> Vec<(&'static str, String)> {
        let name = Name::parse("btc-outrun").unwrap();
        let sdk = "\"0.1.0\"".to_owned();
        template.files(&Filling { name: &name, id: Uuid::from_u128(7), sdk, is_own_workspace })
    }

    #[test]
    fn every_word_is_filled_in() {
        for template in clap::ValueEnum::value_variants() {
            for (path, text) in files(*template, true) {
                for word in [NAME, TITLE, ID, SDK, "my_trader"] {
                    assert!(!text.contains(word), "{} {path} still says {word}", template.as_str());
                }
                assert!(!text.is_empty(), "{} {path}", template.as_str());
            }
        }
    }

    #[test]
    fn the_manifest_says_what_it_depends_on_and_whether_it_stands_alone() {
        let manifest = |alone| -> toml::Table {
            let files = files(Template::MultiSymbol, alone);
            files.iter().find(|(path, _)| *path == "Cargo.toml").unwrap().1.parse().unwrap()
        };
        for alone in [true, false] {
            let manifest = manifest(alone);
            assert_eq!(manifest["package"]["name"].as_str(), Some("btc-outrun"));
            assert_eq!(manifest["dependencies"]["vyx-sdk"].as_str(), Some("0.1.0"));
            assert_eq!(manifest.contains_key("workspace"), alone);
        }
    }

    #[test]
    fn the_commands_name_the_candles_that_are_there() {
        let all = files(Template::MultiSymbol, true);
        let readme = &all.iter().find(|(path, _)| *path == "README.md").unwrap().1;
        assert!(readme.contains("--candles candles/BTCUSDT-5m.csv candles/ETHUSDT-5m.csv "), "{readme}");
    }
}
