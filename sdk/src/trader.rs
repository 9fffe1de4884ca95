//! The trait that an author implements.

use crate::{Candle, Context, Gap, Interval, Params, Plot, Subscription, Tag};

/// A trader. A value of the type is the state of **one symbol**: the SDK makes one for each and keeps them.
///
/// State is a function of the candles since the warm-up began: the host may throw an instance away at any time and feeds a new
/// one the warm-up again. So keep nothing in statics, and read neither clock nor randomness: there are none.
///
/// ```
/// use vyx_sdk::prelude::*;
///
/// const UP: Tag = Tag::new("up", "the candle closed higher than the one before");
///
/// struct Higher {
///     last: Option<f64>,
/// }
///
/// impl Trader for Higher {
///     type Params = ();
///     const NAME: &'static str = "Higher";
///     const SUMMARY: &'static str = "Says when a candle closes higher than the one before.";
///     const TAGS: &'static [Tag] = &[UP];
///
///     fn new(_: &(), _: &str) -> Self {
///         Self { last: None }
///     }
///
///     fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
///         if self.last.is_some_and(|last| candle.close > last) {
///             cx.signal(UP);
///         }
///         self.last = Some(candle.close);
///     }
/// }
///
/// vyx_sdk::register!(Higher);
/// ```
pub trait Trader: Sized + 'static {
    /// What can be tuned: a struct made by [`params!`](crate::params!), or `()`.
    type Params: Params;

    /// The name that people read, at most 80 bytes.
    const NAME: &'static str;
    /// What it does, in a sentence, at most 400 bytes.
    const SUMMARY: &'static str;
    /// The signals that it emits, at most 32.
    const TAGS: &'static [Tag];
    /// The values that it plots, at most 16 lines in all.
    const PLOTS: &'static [Plot] = &[];

    /// Refuses parameters that do not go together; what holds for one alone is declared as its bounds. By default all do.
    ///
    /// # Errors
    ///
    /// In words, which values do not go together and what to do. The trader is not run with them.
    fn check(_params: &Self::Params) -> Result<(), String> {
        Ok(())
    }

    /// What it wants to see. By default candles of five minutes after a warm-up of 1,000.
    fn subscription(_params: &Self::Params) -> Subscription {
        Subscription::to(Interval::M5, 1_000)
    }

    /// The state of a symbol that has seen no candle.
    fn new(params: &Self::Params, symbol: &str) -> Self;

    /// A candle closed. Candles come in order of their close; where two intervals close at once, the longer one first.
    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>);

    /// Candles are missing before the next one. By default nothing is done: indicators count candles, not time.
    fn on_gap(&mut self, _gap: &Gap) {}
}
