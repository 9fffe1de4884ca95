//! `vyx rollback`.

use crate::world::{ALICE, ALICES_TRADER, As, BOBS_TRADER, BUILT_IN, World, component, digest};

fn publish(world: &World, who: As, module: &str, trader: &str, params: &[&str]) {
    let module = component(module);
    let mut args = vec!["publish", module.as_str(), "--trader", trader, "--no-wait"];
    if !params.is_empty() {
        args.push("--params");
        args.extend(params);
    }
    world.vyx(who, &args).said(0, &[]);
}

#[test]
fn a_trader_goes_back_to_the_module_and_parameters_it_had() {
    let world = World::new();
    let [first, second] = ["golden-cross", "rsi-oversold-bounce"].map(digest);
    let alice = As::Author(ALICE);
    publish(&world, alice, "golden-cross", ALICES_TRADER, &["cooldown=1"]);
    publish(&world, alice, "golden-cross", ALICES_TRADER, &["cooldown=2"]);
    publish(&world, alice, "rsi-oversold-bounce", ALICES_TRADER, &["{}"]);
    let ran = world.vyx(alice, &["rollback", "--trader", ALICES_TRADER, "--no-wait", "--json"]);
    ran.said(0, &[]);
    assert_eq!(ran.json()[0]["previous_module_sha256"], second);
    assert_eq!(world.row(ALICES_TRADER), format!("{first} {{\"cooldown\": 2}}"));
    // Once more undoes it.
    world.vyx(alice, &["rollback", "--trader", ALICES_TRADER, "--no-wait"]).said(0, &[&second]);
    assert_eq!(world.row(ALICES_TRADER), format!("{second} {{}}"));
    world.vyx(alice, &["rollback", "--trader", "5048", "--to", &first[..8], "--no-wait"]).said(0, &[&first]);
    assert_eq!(world.row(ALICES_TRADER), format!("{first} {{\"cooldown\": 2}}"));
}

#[test]
fn where_there_is_nothing_to_go_back_to_it_says_so() {
    let world = World::new();
    let rollback = |rest: &[&str]| world.vyx(As::Operator, &[&["rollback", "--no-wait"], rest].concat());
    rollback(&["--built-in", "Golden Cross"]).failed(2, &["has run no module yet"]);
    publish(&world, As::Operator, "golden-cross", BUILT_IN, &[]);
    rollback(&["--built-in", "Golden Cross"]).failed(2, &["nothing but what it runs now"]);
    rollback(&["--built-in", "Golden Cross", "--to", "0000"]).failed(2, &["has never run \"0000\""]);
    rollback(&["--built-in", "Golden Cross", "--to", "XY"]).said(2, &["hexadecimal digits"]);
    world.vyx(As::Author(ALICE), &["rollback", "--trader", BOBS_TRADER]).failed(2, &["no such trader is yours"]);
    // A module that was withdrawn cannot be named again.
    publish(&world, As::Operator, "rsi-oversold-bounce", BUILT_IN, &[]);
    world.sql(&format!("delete from trader_modules where sha256 = '{}'", digest("golden-cross")));
    rollback(&["--trader", BUILT_IN]).failed(1, &["has not published that module", "vyx publish"]);
    world.sql("drop table trader_module_history cascade");
    rollback(&["--trader", BUILT_IN]).failed(78, &["apply the migrations"]);
}
