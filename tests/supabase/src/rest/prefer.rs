//! The header `Prefer`, and `Preference-Applied`.

use axum::http::HeaderMap;

use super::error::RestError;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    pub(crate) resolution: Option<Resolution>,
    pub(crate) missing_default: bool,
    pub(crate) representation: bool,
    pub(crate) count: bool,
    /// What was understood, in the order in which it is echoed.
    applied: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Ignore,
    Merge,
}

/// In the order in which `Preference-Applied` has them; of each group the first that is asked for counts.
const KNOWN: &[&[&str]] = &[
    &["resolution=merge-duplicates", "resolution=ignore-duplicates"],
    &["missing=default", "missing=null"],
    &["return=representation", "return=minimal", "return=headers-only"],
    &["count=exact", "count=planned", "count=estimated"],
    &["handling=strict", "handling=lenient"],
];

/// Which of [`KNOWN`] a kind of request echoes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    Read,
    Insert,
    Update,
    Delete,
}

impl Prefer {
    pub(crate) fn of(headers: &HeaderMap, echo: Echo) -> Result<Self, RestError> {
        let asked: Vec<&str> = headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .collect();
        let known = |value: &str| {
            KNOWN.iter().any(|group| group.contains(&value))
                || matches!(value, "tx=commit" | "tx=rollback")
                || value.starts_with("max-affected=")
                || value.starts_with("timezone=")
        };
        let unknown: Vec<&str> = asked.iter().copied().filter(|value| !known(value)).collect();
        if asked.contains(&"handling=strict") && !unknown.is_empty() {
            let error = RestError::new(400, "PGRST122", "Invalid preferences given with handling=strict");
            return Err(error.details(format!("Invalid preferences: {}", unknown.join(", "))));
        }
        let chosen: Vec<Option<&str>> =
            KNOWN.iter().map(|group| asked.iter().copied().find(|value| group.contains(value))).collect();
        let echoed = |group: usize| match group {
            0 => echo == Echo::Insert,
            1 => matches!(echo, Echo::Insert | Echo::Update),
            2 => echo != Echo::Read,
            _ => true,
        };
        let applied = chosen.iter().enumerate().filter(|(group, _)| echoed(*group));
        Ok(Self {
            resolution: match chosen[0] {
                Some("resolution=merge-duplicates") => Some(Resolution::Merge),
                Some(_) => Some(Resolution::Ignore),
                None => None,
            },
            missing_default: chosen[1] == Some("missing=default"),
            representation: chosen[2] == Some("return=representation"),
            count: chosen[3].is_some(),
            applied: applied.filter_map(|(_, value)| value.map(str::to_owned)).collect(),
        })
    }

    pub(crate) fn applied(&self) -> Option<String> {
        (!self.applied.is_empty()).then(|| self.applied.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefer(value: &str, echo: Echo) -> Result<Prefer, RestError> {
        Prefer::of(&HeaderMap::from_iter([("prefer".parse().unwrap(), value.parse().unwrap())]), echo)
    }

    #[test]
    fn what_is_understood_is_echoed_in_a_fixed_order() {
        let insert = prefer("count=exact,return=minimal,resolution=ignore-duplicates,missing=default", Echo::Insert);
        let insert = insert.unwrap();
        let all = "resolution=ignore-duplicates, missing=default, return=minimal, count=exact";
        assert_eq!(insert.applied().as_deref(), Some(all));
        assert_eq!(insert.resolution, Some(Resolution::Ignore));
        let read = prefer("count=exact,return=minimal,resolution=ignore-duplicates", Echo::Read).unwrap();
        assert_eq!(read.applied().as_deref(), Some("count=exact"));
    }

    #[test]
    fn an_unknown_preference_is_refused_when_asked_to() {
        assert!(prefer("count=all", Echo::Read).is_ok());
        assert!(prefer("count=all, handling=strict", Echo::Read).is_err());
    }
}
