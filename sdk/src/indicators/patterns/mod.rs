//! Candle patterns.

mod average;
mod bar;
mod rules;

use self::average::Average;
use self::bar::Bar;
use self::rules::Rule;
use super::usable_candle;
use crate::Candle;

/// Which pattern a [`CandlePattern`] looks for.
///
/// A candle is white where it closed at its open or above, and black otherwise. Its body reaches from open to close, its
/// shadows are what lies above and below the body. A body is long if it is longer than the mean of the ten before it, short
/// if it is shorter, and a doji's if it is at most a tenth of the mean height of the ten candles before it. A shadow is very
/// short if it is below a tenth of that mean height, and long if it is longer than the body. Near is a fifth, far three fifths
/// of the mean height of the five candles before. These are TA-Lib's own settings.
///
/// None of them asks whether a trend came before, though most mean something after one only: a hammer and a hanging man are
/// the same candle after a fall and after a rise.
///
/// ```
/// use vyx_sdk::indicators::Pattern;
///
/// assert_eq!(Pattern::Engulfing.talib_name(), "CDLENGULFING");
/// assert!(Pattern::ALL.contains(&Pattern::Doji));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pattern {
    /// Open and close are nearly equal. Neutral.
    Doji,
    /// A doji with a very short upper shadow and a lower one that is not. Neutral.
    DragonflyDoji,
    /// A doji with a very short lower shadow and an upper one that is not. Neutral.
    GravestoneDoji,
    /// A doji with at least one long shadow. Neutral.
    LongLeggedDoji,
    /// A long body, then a doji's body beyond it: bearish after white, bullish after black.
    DojiStar,
    /// A short body, a long lower and a very short upper shadow, the body near the low before or below. Bullish.
    Hammer,
    /// The same candle with the body near the high before or above. Bearish.
    HangingMan,
    /// A short body below that before, a long upper and a very short lower shadow. Bullish.
    InvertedHammer,
    /// The same candle with the body above that before. Bearish.
    ShootingStar,
    /// A body of the other colour that covers that before: bullish if white. Of strength 80 if it shares an end with it.
    Engulfing,
    /// A short body within the long one before: bullish after black, bearish after white. Of strength 80 if it shares an end.
    Harami,
    /// The same with a doji's body.
    HaramiCross,
    /// A long black body, then a long white one that opens below its low and closes in its upper half. Bullish.
    Piercing,
    /// A long white body, then a black one that opens above its high and closes in its lower half. Bearish.
    DarkCloudCover,
    /// A long black body, a short one below it, then a white one that is not short and closes well within the first. Bullish.
    MorningStar,
    /// The same upside down. Bearish.
    EveningStar,
    /// A morning star whose second body is a doji's. Bullish.
    MorningDojiStar,
    /// An evening star whose second body is a doji's. Bearish.
    EveningDojiStar,
    /// A harami, then a candle of its direction that closes beyond the open of the first.
    ThreeInside,
    /// An engulfing, then a close further in its direction.
    ThreeOutside,
    /// Three white candles that close higher and higher with very short upper shadows, each opening within or near the body
    /// before and none of them far shorter than that. Bullish.
    ThreeWhiteSoldiers,
    /// After a white candle, three black ones that close lower and lower with very short lower shadows, each opening within
    /// the body before. Bearish.
    ThreeBlackCrows,
    /// A long body with very short shadows: bullish if white, bearish if black.
    Marubozu,
    /// A short body with longer shadows on both sides: bullish if white, bearish if black, as TA-Lib says.
    SpinningTop,
    /// A long body that opens at its end, with a very short shadow there: bullish if white, bearish if black.
    BeltHold,
    /// Two marubozu of different colours with a gap between them, in the direction of the second.
    Kicking,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 26] = [
        Self::Doji,
        Self::DragonflyDoji,
        Self::GravestoneDoji,
        Self::LongLeggedDoji,
        Self::DojiStar,
        Self::Hammer,
        Self::HangingMan,
        Self::InvertedHammer,
        Self::ShootingStar,
        Self::Engulfing,
        Self::Harami,
        Self::HaramiCross,
        Self::Piercing,
        Self::DarkCloudCover,
        Self::MorningStar,
        Self::EveningStar,
        Self::MorningDojiStar,
        Self::EveningDojiStar,
        Self::ThreeInside,
        Self::ThreeOutside,
        Self::ThreeWhiteSoldiers,
        Self::ThreeBlackCrows,
        Self::Marubozu,
        Self::SpinningTop,
        Self::BeltHold,
        Self::Kicking,
    ];

    /// The function of TA-Lib that it equals.
    #[must_use]
    pub fn talib_name(self) -> &'static str {
        self.rule().talib_name
    }
}

/// Looks for one [`Pattern`] in candles.
///
/// First at index [`warm_up`](Self::warm_up), which is TA-Lib's lookback: 10 to 13, or less where no sizes are compared.
/// Equals TA-Lib's `CDL…` functions on every candle, with their own settings and `penetration`: bodies and shadows are often
/// equal to their averages, so the averages are TA-Lib's running sums with the rounding of their last bits. Where such a sum
/// has gone wrong by more than 1e-9, after a candle of quite another size, it is built anew; in TA-Lib it stays wrong.
///
/// **Flat prices** are a [`Doji`](Pattern::Doji) and nothing else. Volume plays no part. Source: Nison, Japanese Candlestick
/// Charting Techniques, 1991, and Morris 1992.
///
/// Candles with a price that is no usable number are ignored, see [the module](super).
///
/// ```
/// use vyx_sdk::indicators::{Bias, CandlePattern, Pattern};
/// # use vyx_sdk::{Interval, testkit::candles_from_closes};
///
/// let mut engulfing = CandlePattern::new(Pattern::Engulfing);
/// let mut candles = candles_from_closes(Interval::M1, &[10.0, 10.5, 10.0, 12.0]);
/// candles[3].open = 9.5; // opens below the black body before, and closes above it
/// candles[3].low = 9.5;
/// let found: Vec<_> = candles.iter().map(|candle| engulfing.next(candle).map(|found| found.bias)).collect();
/// assert_eq!(found, [None, None, None, Some(Bias::Bullish)]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CandlePattern {
    pattern: Pattern,
    rule: &'static Rule,
    /// Candles that were taken, up to the lookback.
    taken: usize,
    /// The newest first.
    bars: [Bar; BARS],
    averages: Box<[Average]>,
    value: Option<PatternMatch>,
}

/// The candles that the longest pattern looks at.
const BARS: usize = 4;
/// No pattern compares with more averages.
const AVERAGES: usize = 8;

/// Which way a pattern points.
///
/// ```
/// use vyx_sdk::indicators::Bias;
///
/// assert_ne!(Bias::Bullish, Bias::Bearish);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// To rising prices.
    Bullish,
    /// To falling prices.
    Bearish,
    /// Nowhere by itself.
    Neutral,
}

/// What a [`CandlePattern`] found at one candle.
///
/// ```
/// use vyx_sdk::indicators::{Bias, PatternMatch};
///
/// assert_eq!(PatternMatch { bias: Bias::Bearish, strength: 80 }.talib(), -80);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct PatternMatch {
    /// Which way it points.
    pub bias: Bias,
    /// 100, or 80 where an engulfing or a harami shares an end with the other body.
    pub strength: u8,
}

impl PatternMatch {
    /// The number that TA-Lib returns for it: the strength, negative if bearish.
    #[must_use]
    pub fn talib(self) -> i32 {
        match self.bias {
            Bias::Bearish => -i32::from(self.strength),
            Bias::Bullish | Bias::Neutral => i32::from(self.strength),
        }
    }
}

impl CandlePattern {
    /// Looks for that pattern.
    pub fn new(pattern: Pattern) -> Self {
        let rule = pattern.rule();
        let averages = rule.averages.iter().map(|&(setting, back)| Average::new(setting, back)).collect();
        Self { pattern, rule, taken: 0, bars: [Bar::default(); BARS], averages, value: None }
    }

    /// The pattern that it looks for.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        self.pattern
    }

    /// Takes the next candle and returns the pattern, if it ends with this candle.
    pub fn next(&mut self, candle: &Candle) -> Option<PatternMatch> {
        self.value = None;
        if usable_candle(candle) {
            self.take(candle);
        }
        self.value
    }

    fn take(&mut self, candle: &Candle) {
        let [newest, second, third, _] = self.bars;
        self.bars = [Bar::of(candle), newest, second, third];
        if self.taken == self.rule.lookback {
            let mut sizes = [0.0; AVERAGES];
            for (size, average) in sizes.iter_mut().zip(&self.averages) {
                *size = average.value();
            }
            let found = (self.rule.judge)(&self.bars, &sizes);
            if found != 0 {
                let neutral = self.rule.neutral;
                let bias = if neutral {
                    Bias::Neutral
                } else if found > 0 {
                    Bias::Bullish
                } else {
                    Bias::Bearish
                };
                self.value = Some(PatternMatch { bias, strength: found.unsigned_abs() });
            }
        }
        // Sizes are compared with the candles before: so this one counts from the next on.
        for average in &mut self.averages {
            if self.taken + average.period() >= self.rule.lookback {
                average.take(&self.bars);
            }
        }
        self.taken += usize::from(self.taken < self.rule.lookback);
    }

    /// What the last candle completed.
    #[must_use]
    pub fn value(&self) -> Option<PatternMatch> {
        self.value
    }

    /// Candles before the first that may complete the pattern.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.rule.lookback
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_candles::{candle, flat};
    use super::*;

    #[test]
    fn flat_prices_are_a_doji_and_nothing_else() {
        for pattern in Pattern::ALL {
            let mut looks = CandlePattern::new(pattern);
            for i in 0..50 {
                let found = looks.next(&flat(0.1, 0.0));
                assert_eq!(found.is_some(), pattern == Pattern::Doji && i >= 10, "{pattern:?}, candle {i}");
                assert_eq!(looks.next(&flat(f64::NAN, 0.0)), None);
            }
        }
    }

    #[test]
    fn all_are_different_and_have_the_averages_that_they_use() {
        let mut names: Vec<_> = Pattern::ALL.iter().map(|pattern| pattern.talib_name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Pattern::ALL.len());
        assert!(Pattern::ALL.iter().all(|pattern| pattern.rule().averages.len() <= AVERAGES));
    }

    #[test]
    fn a_candle_of_another_size_is_forgotten() {
        for pattern in Pattern::ALL {
            let (mut with, mut without) = (CandlePattern::new(pattern), CandlePattern::new(pattern));
            with.next(&candle(1e15, 2e15, 1.0, 1.5e15, 1.0));
            for i in 0..400 {
                let (open, close) = (100.0 + f64::from(i * i % 17) / 7.0, 100.0 + f64::from((i * i + 5) % 13) / 7.0);
                let (top, bottom) = (open.max(close), open.min(close));
                let candle = candle(open, top + f64::from(i % 3) / 7.0, bottom - f64::from(i % 5) / 7.0, close, 1.0);
                let (a, b) = (with.next(&candle), without.next(&candle));
                assert!(i < 20 || a == b, "{pattern:?}, candle {i}: {a:?}, {b:?}");
            }
        }
    }
}
