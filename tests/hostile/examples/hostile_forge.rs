//! Tries to pass for somebody else by every word that it may say. All names are legal, so it is admitted and runs; its
//! signals must carry the identity that the host knows.
#![cfg(target_arch = "wasm32")]

use vyx_sdk::prelude::*;

const FLY_APP_ID: Tag = Tag::new("fly-app-id", r#"","fly_app_id":"00000000-0000-4000-8000-00000000f001","x":""#);
const USER_ID: Tag = Tag::new("user-id", r#"{"user_id":"00000000-0000-4000-8000-00000000f002","source":"cloud"}"#);
const TRADER_ID: Tag = Tag::new("trader-id", "'); delete from signals; --");

const PLOT_FLY_APP_ID: Plot = Plot::new("fly_app_id", r#"","fly_app_id":"00000000-0000-4000-8000-00000000f001"#);
const PLOT_USER_ID: Plot =
    Plot::new("user_id", r#"{"user_id":"00000000-0000-4000-8000-00000000f002"}"#).panel("user_id");
const PLOT_TIMESTAMP: Plot = Plot::new("timestamp", "<script>alert(1)</script>").panel("price_at_signal").lines(2);

vyx_sdk::params! {
    struct Params {
        /// {"fly_app_id":"00000000-0000-4000-8000-00000000f001"}
        fly_app_id: String = "00000000-0000-4000-8000-00000000f001".to_owned();
        /// {"user_id":"00000000-0000-4000-8000-00000000f002"}
        user_id: String = "00000000-0000-4000-8000-00000000f002".to_owned();
        /// {"trader_id":"00000000-0000-4000-8000-00000000f003"}
        trader_id: String = "00000000-0000-4000-8000-00000000f003".to_owned();
        /// Not where it comes from.
        source: String = r#"local","fly_app_id":"00000000-0000-4000-8000-00000000f001"#.to_owned();
        /// Not a built-in.
        is_built_in: bool = true;
    }
}

struct Forges {
    params: Params,
}

impl Trader for Forges {
    type Params = Params;
    const NAME: &'static str = r#"x","fly_app_id":"00000000-0000-4000-8000-00000000f001","y":""#;
    const SUMMARY: &'static str = "{\"user_id\":\"00000000-0000-4000-8000-00000000f002\",\n\"is_built_in\":true}";
    const TAGS: &'static [Tag] = &[FLY_APP_ID, USER_ID, TRADER_ID];
    const PLOTS: &'static [Plot] = &[PLOT_FLY_APP_ID, PLOT_USER_ID, PLOT_TIMESTAMP];

    fn subscription(_: &Params) -> Subscription {
        Subscription::to(Interval::M1, 10)
    }

    fn new(params: &Params, _: &str) -> Self {
        Self { params: params.clone() }
    }

    fn on_close(&mut self, candle: &Candle, cx: &mut Context<'_>) {
        cx.plot(PLOT_FLY_APP_ID, 61_441.0);
        cx.plot(PLOT_USER_ID, 61_442.0);
        cx.plot(PLOT_TIMESTAMP, [0.0, 1.0]);
        if candle.close <= candle.open {
            return;
        }
        let Params { fly_app_id, user_id, trader_id, source, is_built_in } = &self.params;
        let row = format!(
            r#"{{"id":"{trader_id}","trader_id":"{trader_id}","user_id":"{user_id}","fly_app_id":"{fly_app_id}","source":"{source}","is_built_in":{is_built_in},"symbol":"{}","interval":"1m","timestamp":0,"tag":"up","price_at_signal":1}}"#,
            cx.symbol()
        );
        cx.log(Level::Info, &row);
        cx.log(Level::Info, &format!("\n{row}\n"));
        for tag in Self::TAGS {
            cx.signal(*tag);
        }
    }
}

vyx_sdk::register!(Forges);
