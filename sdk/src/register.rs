//! The registration macro. It stands here, and not beside the exports, because authors' native tests expand it as well.

/// Exports a [`Trader`](crate::Trader) from the component; on other machines it does nothing. Once in a crate, which is a `cdylib`.
///
/// ```
/// # use vyx_sdk::prelude::*;
/// # const UP: Tag = Tag::new("up", "closed higher than it opened");
/// # struct Up;
/// # impl Trader for Up {
/// #     type Params = ();
/// #     const NAME: &'static str = "Up";
/// #     const SUMMARY: &'static str = "";
/// #     const TAGS: &'static [Tag] = &[UP];
/// #     fn new(_: &(), _: &str) -> Self { Up }
/// #     fn on_close(&mut self, _: &Candle, _: &mut Context<'_>) {}
/// # }
/// vyx_sdk::register!(Up);
/// ```
#[macro_export]
macro_rules! register {
    ($trader:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__abi as abi;

            thread_local! {
                static SLOT: abi::Slot<$trader> = const { abi::Slot::empty() };
            }

            struct Component;

            impl abi::Guest for Component {
                fn describe() -> abi::Description {
                    abi::describe::<$trader>()
                }
                fn init(
                    params: ::std::vec::Vec<(::std::string::String, abi::ParamValue)>,
                    symbols: ::std::vec::Vec<abi::Symbol>,
                ) -> ::core::result::Result<abi::Subscription, ::std::string::String> {
                    SLOT.with(|slot| abi::init(slot, params, symbols))
                }
                fn on_close(
                    interval: u32,
                    open_time: i64,
                    _close_time: i64,
                    symbols: ::std::vec::Vec<u32>,
                    candles: ::std::vec::Vec<f64>,
                ) -> ::std::vec::Vec<f64> {
                    SLOT.with(|slot| abi::on_close(slot, interval, open_time, &symbols, &candles))
                }
                fn on_symbols(added: ::std::vec::Vec<abi::Symbol>, gone: ::std::vec::Vec<u32>) {
                    SLOT.with(|slot| abi::on_symbols(slot, added, &gone));
                }
                fn on_gap(symbol: u32, interval: u32, first: i64, until: i64) {
                    SLOT.with(|slot| abi::on_gap(slot, symbol, interval, first, until));
                }
            }

    abi::export!(Component with_types_in abi::bindings);
        };
    };
}
