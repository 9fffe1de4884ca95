//! Ids of the database, one type each, so that none can stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is not a uuid like 63eea370-27a1-4099-866a-e3ed340b278d; {hint}")]
pub struct InvalidId {
    text: String,
    hint: &'static str,
}

/// Reads the one form that the database prints. Braces, `urn:uuid:` and missing hyphens are refused: where they turn up,
/// a value was pasted by hand, and it should be looked at before something runs under it.
fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let fail = |hint| InvalidId { text: crate::config::quoted(text), hint };
    if text.trim().is_empty() {
        return Err(fail("it is empty"));
    }
    if text.trim() != text {
        return Err(fail("remove the spaces around it"));
    }
    let hint = "it has 32 hexadecimal digits in groups of 8-4-4-4-12";
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(fail(hint));
    }
    Uuid::try_parse(text).map_err(|_| fail(hint))
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this uuid.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The uuid itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// `traders.id`.
    TraderId;
    /// `auth.users.id`, the owner of a user's trader.
    UserId;
    /// `user_fly_apps.id`, which signals of a dedicated app carry.
    FlyAppId;
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "63eea370-27a1-4099-866a-e3ed340b278d";

    #[test]
    fn reads_and_prints_the_form_of_the_database() {
        let user: UserId = TEXT.parse().unwrap();
        assert_eq!(user.to_string(), TEXT);
        assert_eq!(TEXT.to_uppercase().parse::<UserId>().unwrap(), user);
        assert_eq!(serde_json::to_string(&user).unwrap(), format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<UserId>(&format!("\"{TEXT}\"")).unwrap(), user);
        assert_eq!(format!("{user:?}"), format!("UserId({TEXT})"));
    }

    #[test]
    fn refuses_everything_else_and_names_it() {
        for text in [
            "",
            " ",
            "me",
            "63eea37027a14099866ae3ed340b278d",
            "{63eea370-27a1-4099-866a-e3ed340b278d}",
            "urn:uuid:63eea370-27a1-4099-866a-e3ed340b278d",
            "63eea370-27a1-4099-866a-e3ed340b278g",
            "63eea370-27a1-4099-866a-e3ed340b278d\n",
        ] {
            let error = text.parse::<TraderId>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is not a uuid")), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
