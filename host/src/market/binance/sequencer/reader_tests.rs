use super::*;

const MINUTE: i64 = 60_000;
const VALUES: Values = [2.0, 3.0, 1.0, 2.5, 1.0, 2.0, 1.0, 5.0];

fn rows(minutes: &[i64]) -> Vec<Kline> {
    minutes.iter().map(|minute| Kline { open_ms: minute * MINUTE, values: VALUES }).collect()
}

fn reader() -> Reader {
    Reader::new(Grid::new(Interval::M1), 0)
}

/// The minutes that can be told, with whether they were asked for.
fn told(reader: &mut Reader) -> Vec<(i64, bool)> {
    std::iter::from_fn(|| reader.pop()).map(|row| (row.open_ms / MINUTE, row.asked)).collect()
}

#[test]
fn the_forming_candle_of_an_answer_is_never_taken_as_closed() {
    let mut reader = reader();
    // Minute 2 closes at 179,999 and settles a second later.
    reader.answer(&rows(&[0, 1, 2]), 180_500, false);
    assert!(reader.knows(MINUTE) && !reader.knows(2 * MINUTE));
    reader.answer(&rows(&[2, 3]), 181_000, false);
    assert!(reader.knows(2 * MINUTE) && !reader.knows(3 * MINUTE));
    assert_eq!(told(&mut reader), [(0, true), (1, true), (2, true)]);
}

#[test]
fn what_is_ahead_waits_until_the_gap_is_filled() {
    let mut reader = reader();
    assert!(reader.hear(0, VALUES));
    assert!(!reader.hear(0, VALUES), "it is told once");
    assert!(reader.hear(3 * MINUTE, VALUES) && reader.hear(2 * MINUTE, VALUES));
    assert!(!reader.knows(MINUTE) && reader.wants(0, 2_000), "at once, since a later one is there");
    reader.answer(&rows(&[1, 2]), 4 * MINUTE, false);
    assert_eq!(told(&mut reader), [(0, false), (1, true), (2, false), (3, false)]);
}

#[test]
fn a_hole_is_proved_by_a_later_candle_or_by_time() {
    let mut reader = reader();
    reader.answer(&rows(&[0]), 2 * MINUTE + 29_998, false);
    assert!(!reader.knows(MINUTE), "it may only be late");
    reader.answer(&rows(&[]), 2 * MINUTE + 29_999, false);
    assert!(reader.knows(MINUTE) && reader.holes() == 1);
    reader.answer(&rows(&[4]), 5 * MINUTE + 1_000, false);
    assert!(reader.knows(4 * MINUTE) && reader.holes() == 0);
    assert_eq!(told(&mut reader), [(0, true), (4, true)]);
}

#[test]
fn a_full_answer_says_nothing_of_what_follows_it() {
    let mut reader = reader();
    reader.answer(&rows(&[0, 1, 2]), 1_000 * MINUTE, true);
    assert_eq!(reader.known_until_ms(), 3 * MINUTE);
    reader.answer(&rows(&[3]), 1_000 * MINUTE, false);
    assert!(reader.knows(900 * MINUTE));
}

#[test]
fn a_candle_that_no_trader_may_see_is_asked_for_and_then_a_hole() {
    let mut reader = reader();
    let mut bad = VALUES;
    bad[1] = f64::NAN;
    assert!(!reader.hear(0, bad) && !reader.hear(1, VALUES));
    reader.answer(&[Kline { open_ms: 0, values: bad }, Kline { open_ms: MINUTE, values: VALUES }], 3 * MINUTE, false);
    assert_eq!(told(&mut reader), [(1, true)]);
}

#[test]
fn what_is_held_is_bounded_and_asked_for_again() {
    let mut reader = reader();
    for minute in 1..10_000 {
        reader.hear(minute * MINUTE, VALUES);
    }
    assert_eq!(reader.beyond.len(), BEYOND);
    assert!(reader.beyond.contains_key(&MINUTE), "the newest are dropped");
    let mut reader = self::reader();
    for minute in 0..10_000 {
        reader.hear(minute * MINUTE, VALUES);
    }
    assert_eq!(reader.ready.len(), READY);
    assert!(!reader.wants(i64::MAX, 0), "there is no room for an answer");
    assert_eq!(told(&mut reader).len(), READY);
    assert!(reader.wants(i64::MAX, 0) && reader.known_until_ms() == READY as i64 * MINUTE);
}

#[test]
fn three_day_candles_have_a_grid_of_their_own() {
    let day = Interval::D1.as_ms();
    let grid = Grid::through(Interval::D3, 5 * day);
    assert_eq!((grid.open_of(7 * day), grid.open_of(8 * day - 1), grid.open_of(8 * day)), (5 * day, 5 * day, 8 * day));
    assert_eq!(grid.open_at_close(8 * day - 1), Some(5 * day));
    assert_eq!(grid.open_at_close(9 * day - 1), None);
    assert_eq!(grid.first_after(8 * day - 1), 8 * day);
}
