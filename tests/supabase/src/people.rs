//! The people of the tests: two users with an app each, as rows of production.

/// A user with an app, and one of whose traders is in production.
pub const ALICE: &str = "63eea370-27a1-4099-866a-e3ed340b278d";
/// Her app.
pub const ALICES_APP: &str = "a11ce000-0000-4000-8000-0000000000aa";
/// The name of her app.
pub const ALICES_APP_NAME: &str = "vyx-user-35682909";
/// Her trader.
pub const ALICES_TRADER: &str = "5048128b-9ea9-4af7-b08b-cc1361d552fa";
/// Another user with an app and a trader.
pub const BOB: &str = "b0b00000-0000-4000-8000-000000000001";
/// His app.
pub const BOBS_APP: &str = "b0b00000-0000-4000-8000-0000000000aa";
/// His trader.
pub const BOBS_TRADER: &str = "b0b00000-0000-4000-8000-0000000000bb";
/// A trader of nobody.
pub const BUILT_IN: &str = "73d7da06-0000-4000-8000-000000000001";

/// The users and their apps.
pub const USERS_SQL: &str = "
    insert into auth.users (id, email) values
        ('63eea370-27a1-4099-866a-e3ed340b278d', 'alice@example.com'),
        ('b0b00000-0000-4000-8000-000000000001', 'bob@example.com');
    insert into user_fly_apps (id, user_id, fly_app_name, fly_org_slug, status, region, docker_image) values
        ('a11ce000-0000-4000-8000-0000000000aa', '63eea370-27a1-4099-866a-e3ed340b278d', 'vyx-user-35682909', 'personal',
            'active', 'sin', 'image'),
        ('b0b00000-0000-4000-8000-0000000000aa', 'b0b00000-0000-4000-8000-000000000001', 'vyx-user-2', 'personal',
            'active', 'sin', 'image');
";

/// A trader of each of them, and a built-in one of this name. None has a module yet.
#[must_use]
pub fn traders_sql(built_in: &str) -> String {
    format!(
        "insert into traders (id, name, description, filter, strategy, user_id, is_built_in, ownership_type) values
            ('{BUILT_IN}', '{built_in}', '', '{{}}', '{{}}', null, true, 'system'),
            ('{ALICES_TRADER}', 'StochRSI Overbought Short', '', '{{}}', '{{}}', '{ALICE}', false, 'user'),
            ('{BOBS_TRADER}', 'Golden Cross', '', '{{}}', '{{}}', '{BOB}', false, 'user');"
    )
}
