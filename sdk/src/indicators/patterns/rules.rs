//! What makes a pattern.

use super::average::Setting::{self, Body, DojiBody, Far, Near, VeryShortShadow};
use super::bar::Bar;
use super::{AVERAGES, BARS, Pattern};

/// The candles, the newest first.
type Bars = [Bar; BARS];
/// The sizes that the averages of the rule say, in their order.
type Sizes = [f64; AVERAGES];

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) talib_name: &'static str,
    /// Index of the first candle that is judged.
    pub(super) lookback: usize,
    /// Settings, each for the candle that many candles back.
    pub(super) averages: &'static [(Setting, usize)],
    /// Whether it points nowhere by itself.
    pub(super) neutral: bool,
    /// The strength, negative if bearish; 0 where there is none.
    pub(super) judge: fn(&Bars, &Sizes) -> i8,
}

impl Pattern {
    pub(super) const fn rule(self) -> &'static Rule {
        match self {
            Self::Doji => &DOJI,
            Self::DragonflyDoji => &DRAGONFLY_DOJI,
            Self::GravestoneDoji => &GRAVESTONE_DOJI,
            Self::LongLeggedDoji => &LONG_LEGGED_DOJI,
            Self::DojiStar => &DOJI_STAR,
            Self::Hammer => &HAMMER,
            Self::HangingMan => &HANGING_MAN,
            Self::InvertedHammer => &INVERTED_HAMMER,
            Self::ShootingStar => &SHOOTING_STAR,
            Self::Engulfing => &ENGULFING,
            Self::Harami => &HARAMI,
            Self::HaramiCross => &HARAMI_CROSS,
            Self::Piercing => &PIERCING,
            Self::DarkCloudCover => &DARK_CLOUD_COVER,
            Self::MorningStar => &MORNING_STAR,
            Self::EveningStar => &EVENING_STAR,
            Self::MorningDojiStar => &MORNING_DOJI_STAR,
            Self::EveningDojiStar => &EVENING_DOJI_STAR,
            Self::ThreeInside => &THREE_INSIDE,
            Self::ThreeOutside => &THREE_OUTSIDE,
            Self::ThreeWhiteSoldiers => &THREE_WHITE_SOLDIERS,
            Self::ThreeBlackCrows => &THREE_BLACK_CROWS,
            Self::Marubozu => &MARUBOZU,
            Self::SpinningTop => &SPINNING_TOP,
            Self::BeltHold => &BELT_HOLD,
            Self::Kicking => &KICKING,
        }
    }
}

type Averages = &'static [(Setting, usize)];

const fn rule(talib_name: &'static str, lookback: usize, averages: Averages, judge: fn(&Bars, &Sizes) -> i8) -> Rule {
    Rule { talib_name, lookback, averages, neutral: false, judge }
}

const fn neutral(talib_name: &'static str, averages: Averages, judge: fn(&Bars, &Sizes) -> i8) -> Rule {
    Rule { talib_name, lookback: 10, averages, neutral: true, judge }
}

fn bullish(found: bool) -> i8 {
    if found { 100 } else { 0 }
}

fn bearish(found: bool) -> i8 {
    -bullish(found)
}

static DOJI: Rule = neutral("CDLDOJI", &[(DojiBody, 0)], |[now, ..], &[doji, ..]| bullish(now.body() <= doji));

static DRAGONFLY_DOJI: Rule =
    neutral("CDLDRAGONFLYDOJI", &[(DojiBody, 0), (VeryShortShadow, 0)], |[now, ..], &[doji, short, ..]| {
        bullish(now.body() <= doji && now.upper_shadow() < short && now.lower_shadow() > short)
    });

static GRAVESTONE_DOJI: Rule =
    neutral("CDLGRAVESTONEDOJI", &[(DojiBody, 0), (VeryShortShadow, 0)], |[now, ..], &[doji, short, ..]| {
        bullish(now.body() <= doji && now.lower_shadow() < short && now.upper_shadow() > short)
    });

static LONG_LEGGED_DOJI: Rule = neutral("CDLLONGLEGGEDDOJI", &[(DojiBody, 0)], |[now, ..], &[doji, ..]| {
    let body = now.body();
    bullish(body <= doji && (now.lower_shadow() > body || now.upper_shadow() > body))
});

static DOJI_STAR: Rule =
    rule("CDLDOJISTAR", 11, &[(Body, 1), (DojiBody, 0)], |[now, before, ..], &[long, doji, ..]| {
        let beyond = if before.white() { now.body_above(before) } else { now.body_below(before) };
        -before.sign() * bullish(before.body() > long && now.body() <= doji && beyond)
    });

static HAMMER: Rule = rule("CDLHAMMER", 11, UMBRELLA, |bars, &[short, very_short, near, ..]| {
    bullish(umbrella(&bars[0], short, very_short) && bars[0].bottom() <= bars[1].low + near)
});

static HANGING_MAN: Rule = rule("CDLHANGINGMAN", 11, UMBRELLA, |bars, &[short, very_short, near, ..]| {
    bearish(umbrella(&bars[0], short, very_short) && bars[0].bottom() >= bars[1].high - near)
});

const UMBRELLA: Averages = &[(Body, 0), (VeryShortShadow, 0), (Near, 1)];

/// A short body at the upper end of the candle.
fn umbrella(now: &Bar, short: f64, very_short: f64) -> bool {
    now.body() < short && now.lower_shadow() > now.body() && now.upper_shadow() < very_short
}

static INVERTED_HAMMER: Rule =
    rule("CDLINVERTEDHAMMER", 11, &[(Body, 0), (VeryShortShadow, 0)], |bars, &[short, very_short, ..]| {
        bullish(hung(&bars[0], short, very_short) && bars[0].body_below(&bars[1]))
    });

static SHOOTING_STAR: Rule =
    rule("CDLSHOOTINGSTAR", 11, &[(Body, 0), (VeryShortShadow, 0)], |bars, &[short, very_short, ..]| {
        bearish(hung(&bars[0], short, very_short) && bars[0].body_above(&bars[1]))
    });

/// A short body at the lower end of the candle.
fn hung(now: &Bar, short: f64, very_short: f64) -> bool {
    now.body() < short && now.upper_shadow() > now.body() && now.lower_shadow() < very_short
}

static ENGULFING: Rule = rule("CDLENGULFING", 2, &[], |[now, before, ..], _| {
    let covers = (now.top() >= before.top() && now.bottom() < before.bottom())
        || (now.top() > before.top() && now.bottom() <= before.bottom());
    if now.sign() == before.sign() || !covers {
        return 0;
    }
    let shares = now.open == before.close || now.close == before.open;
    now.sign() * if shares { 80 } else { 100 }
});

static HARAMI: Rule = rule("CDLHARAMI", 11, &[(Body, 1), (Body, 0)], |[now, before, ..], &[long, short, ..]| {
    within(now, before) * i8::from(before.body() > long && now.body() <= short)
});

static HARAMI_CROSS: Rule =
    rule("CDLHARAMICROSS", 11, &[(Body, 1), (DojiBody, 0)], |[now, before, ..], &[long, doji, ..]| {
        within(now, before) * i8::from(before.body() > long && now.body() <= doji)
    });

/// A body within that before, against its colour.
fn within(now: &Bar, before: &Bar) -> i8 {
    if now.top() < before.top() && now.bottom() > before.bottom() {
        -before.sign() * 100
    } else if now.top() <= before.top() && now.bottom() >= before.bottom() {
        -before.sign() * 80
    } else {
        0
    }
}

static PIERCING: Rule = rule("CDLPIERCING", 11, &[(Body, 1), (Body, 0)], |[now, before, ..], &[first, second, ..]| {
    bullish(
        !before.white()
            && before.body() > first
            && now.white()
            && now.body() > second
            && now.open < before.low
            && now.close < before.open
            && now.close > before.close + before.body() * 0.5,
    )
});

static DARK_CLOUD_COVER: Rule = rule("CDLDARKCLOUDCOVER", 11, &[(Body, 1)], |[now, before, ..], &[long, ..]| {
    bearish(
        before.white()
            && before.body() > long
            && !now.white()
            && now.open > before.high
            && now.close > before.open
            && now.close < before.close - before.body() * 0.5,
    )
});

const STAR: Averages = &[(Body, 2), (Body, 1), (Body, 0)];
const CROSS: Averages = &[(Body, 2), (DojiBody, 1), (Body, 0)];

static MORNING_STAR: Rule = rule("CDLMORNINGSTAR", 12, STAR, |bars, sizes| bullish(morning(bars, sizes)));
static EVENING_STAR: Rule = rule("CDLEVENINGSTAR", 12, STAR, |bars, sizes| bearish(evening(bars, sizes)));
static MORNING_DOJI_STAR: Rule = rule("CDLMORNINGDOJISTAR", 12, CROSS, |bars, sizes| bullish(morning(bars, sizes)));
static EVENING_DOJI_STAR: Rule = rule("CDLEVENINGDOJISTAR", 12, CROSS, |bars, sizes| bearish(evening(bars, sizes)));

/// How far into the body of the first the last candle has to close.
const PENETRATION: f64 = 0.3;

fn morning([now, star, first, _]: &Bars, &[long, small, short, ..]: &Sizes) -> bool {
    first.body() > long
        && !first.white()
        && star.body() <= small
        && star.body_below(first)
        && now.body() > short
        && now.white()
        && now.close > first.close + first.body() * PENETRATION
}

fn evening([now, star, first, _]: &Bars, &[long, small, short, ..]: &Sizes) -> bool {
    first.body() > long
        && first.white()
        && star.body() <= small
        && star.body_above(first)
        && now.body() > short
        && !now.white()
        && now.close < first.close - first.body() * PENETRATION
}

static THREE_INSIDE: Rule =
    rule("CDL3INSIDE", 12, &[(Body, 2), (Body, 1)], |[now, inner, first, _], &[long, short, ..]| {
        let inside = inner.top() < first.top() && inner.bottom() > first.bottom();
        let turned =
            if first.white() { !now.white() && now.close < first.open } else { now.white() && now.close > first.open };
        -first.sign() * bullish(first.body() > long && inner.body() <= short && inside && turned)
    });

static THREE_OUTSIDE: Rule = rule("CDL3OUTSIDE", 3, &[], |[now, outer, first, _], _| {
    let covers = outer.sign() != first.sign() && outer.top() > first.top() && outer.bottom() < first.bottom();
    let further = if outer.white() { now.close > outer.close } else { now.close < outer.close };
    outer.sign() * bullish(covers && further)
});

static THREE_WHITE_SOLDIERS: Rule = rule(
    "CDL3WHITESOLDIERS",
    12,
    &[
        (VeryShortShadow, 2),
        (VeryShortShadow, 1),
        (VeryShortShadow, 0),
        (Near, 2),
        (Near, 1),
        (Far, 2),
        (Far, 1),
        (Body, 0),
    ],
    |[third, second, first, _], &[shadow1, shadow2, shadow3, near1, near2, far1, far2, short]| {
        let follows = |now: &Bar, before: &Bar, near: f64, far: f64| {
            now.close > before.close
                && now.open > before.open
                && now.open <= before.close + near
                && now.body() > before.body() - far
        };
        bullish(
            first.white()
                && second.white()
                && third.white()
                && first.upper_shadow() < shadow1
                && second.upper_shadow() < shadow2
                && third.upper_shadow() < shadow3
                && follows(second, first, near1, far1)
                && follows(third, second, near2, far2)
                && third.body() > short,
        )
    },
);

static THREE_BLACK_CROWS: Rule = rule(
    "CDL3BLACKCROWS",
    13,
    &[(VeryShortShadow, 2), (VeryShortShadow, 1), (VeryShortShadow, 0)],
    |[third, second, first, white], &[shadow1, shadow2, shadow3, ..]| {
        let opens_within = |now: &Bar, before: &Bar| now.open < before.open && now.open > before.close;
        bearish(
            white.white()
                && !first.white()
                && !second.white()
                && !third.white()
                && first.lower_shadow() < shadow1
                && second.lower_shadow() < shadow2
                && third.lower_shadow() < shadow3
                && opens_within(second, first)
                && opens_within(third, second)
                && white.high > first.close
                && first.close > second.close
                && second.close > third.close,
        )
    },
);

static MARUBOZU: Rule = rule("CDLMARUBOZU", 10, &[(Body, 0), (VeryShortShadow, 0)], |bars, &[long, short, ..]| {
    bars[0].sign() * bullish(marubozu(&bars[0], long, short))
});

fn marubozu(now: &Bar, long: f64, short: f64) -> bool {
    now.body() > long && now.upper_shadow() < short && now.lower_shadow() < short
}

static SPINNING_TOP: Rule = rule("CDLSPINNINGTOP", 10, &[(Body, 0)], |[now, ..], &[short, ..]| {
    let body = now.body();
    now.sign() * bullish(body < short && now.upper_shadow() > body && now.lower_shadow() > body)
});

static BELT_HOLD: Rule =
    rule("CDLBELTHOLD", 10, &[(Body, 0), (VeryShortShadow, 0)], |[now, ..], &[long, short, ..]| {
        let shadow = if now.white() { now.lower_shadow() } else { now.upper_shadow() };
        now.sign() * bullish(now.body() > long && shadow < short)
    });

static KICKING: Rule = rule(
    "CDLKICKING",
    11,
    &[(Body, 1), (VeryShortShadow, 1), (Body, 0), (VeryShortShadow, 0)],
    |[now, before, ..], &[long1, short1, long2, short2, ..]| {
        let gap = if now.white() { now.low > before.high } else { now.high < before.low };
        let both = marubozu(before, long1, short1) && marubozu(now, long2, short2);
        now.sign() * bullish(now.sign() != before.sign() && both && gap)
    },
);
