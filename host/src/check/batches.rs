//! How a close is split into calls changes nothing, nor does in which order symbols are told: the host splits a close where a symbol
//! is late, and tells all of a symbol alone where it joins or was set aside.

use super::play::{Play, Stumble};
use super::said::Said;
use super::{Check, Line, Subject};
use crate::market::{BatchRef, FeedError, Random};
use crate::text::grouped;

const ADVICE: &str = "keep all state in the trader's own fields, one for each symbol: no static, no count of calls, nothing of the \
                      place in a batch or of its size";
/// The same splits at every check.
const SEED: u64 = 7;

/// A way to split the symbols of a batch into calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    /// A call for each.
    Alone,
    /// A call for each, the last one first.
    Backwards,
    /// Two calls.
    Halves,
    /// Calls of any size, in any order.
    Shuffled,
    /// A call for each, and all closes of a symbol before those of the next one.
    BySymbol,
}

impl Split {
    const ALL: [Self; 5] = [Self::Alone, Self::Backwards, Self::Halves, Self::Shuffled, Self::BySymbol];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Alone => "with each symbol of a close in a call of its own",
            Self::Backwards => "with each symbol of a close in a call of its own, the last one first",
            Self::Halves => "with a close in two calls",
            Self::Shuffled => "with a close in calls of any size and order",
            Self::BySymbol => "with each symbol told to its end before the next one",
        }
    }

    fn groups(self, symbols: &[u32], random: &mut Random) -> Vec<Vec<u32>> {
        let alone = symbols.iter().map(|symbol| vec![*symbol]);
        match self {
            Self::Alone | Self::BySymbol => alone.collect(),
            Self::Backwards => alone.rev().collect(),
            Self::Halves => {
                let (first, second) = symbols.split_at(symbols.len() / 2);
                vec![first.to_vec(), second.to_vec()]
            }
            Self::Shuffled => {
                let mut groups = vec![Vec::new(); 1 + below(random, symbols.len())];
                for symbol in symbols {
                    let at = below(random, groups.len());
                    if let Some(group) = groups.get_mut(at) {
                        group.push(*symbol);
                    }
                }
                let turn = below(random, groups.len());
                groups.rotate_left(turn);
                groups
            }
        }
    }
}

pub(super) fn check(subject: &Subject<'_>) -> Result<Line, FeedError> {
    if subject.ground.market.names.len() < 2 {
        return Ok(Line::ok(Check::Batches, "there is one symbol, so no close can be split"));
    }
    for split in Split::ALL {
        let said = match play(subject, split) {
            Ok(said) => said,
            Err(stumble) => {
                return Ok(Line::fails(Check::Batches, format!("{}: {}", split.as_str(), stumble.words()), ADVICE));
            }
        };
        let how = format!("depends on how a close is split: {}, ", split.as_str());
        if let Some(line) = subject.differs(Check::Batches, &subject.said, &said, &how, ADVICE) {
            return Ok(line);
        }
    }
    let reason = format!(
        "the same {} signals with closes whole, in calls for each symbol, in halves, shuffled, and symbol by symbol",
        grouped(subject.said.signals())
    );
    Ok(Line::ok(Check::Batches, reason))
}

fn play(subject: &Subject<'_>, split: Split) -> Result<Said, Stumble> {
    let market = &subject.ground.market;
    let mut play = Play::start(subject.trader, market)?;
    if split == Split::BySymbol {
        for (symbol, _) in market.offer.listed() {
            for close in subject.ground.plain.clone().filter_map(|at| market.closes.close(at)) {
                play.close(close, |id| id == *symbol)?;
            }
        }
        return Ok(play.end());
    }
    let mut random = Random::new(SEED, "splits");
    for close in subject.ground.plain.clone().filter_map(|at| market.closes.close(at)) {
        for gap in close.gaps() {
            play.gap(gap)?;
        }
        for batch in close.batches() {
            parts(&mut play, batch, split, &mut random)?;
        }
    }
    Ok(play.end())
}

fn parts(play: &mut Play<'_>, batch: BatchRef<'_>, split: Split, random: &mut Random) -> Result<(), Stumble> {
    for group in split.groups(batch.symbols, random) {
        play.part(batch, |symbol| group.contains(&symbol))?;
    }
    Ok(())
}

fn below(random: &mut Random, bound: usize) -> usize {
    (random.bits() % bound.max(1) as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_tells_every_symbol_once_and_in_ascending_order_within_a_call() {
        let mut random = Random::new(SEED, "splits");
        for symbols in 0..7_u32 {
            let symbols: Vec<u32> = (0..symbols).collect();
            for split in Split::ALL {
                for _ in 0..50 {
                    let groups = split.groups(&symbols, &mut random);
                    assert!(groups.iter().all(|group| group.is_sorted()), "{split:?} {groups:?}");
                    let mut told: Vec<u32> = groups.concat();
                    told.sort_unstable();
                    assert_eq!(told, symbols, "{split:?}");
                }
            }
        }
    }
}
