use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::market::candle::Values;
use crate::market::interval::Interval;

const HEADER: &str = "open_time,open,high,low,close,volume\n";
/// Rows of a data.binance.vision file, in milliseconds.
const KLINES: &str = "1735689600000,1.5,2.00000000,1.0,1.75,10.5,1735689659999,15.75,42,5.25,7.9,0\n\
                      1735689660000,1.75,2,1.5,1.5,0.00000000,1735689719999,0,0,0,0,0\n";
const QUOTED: [f64; 3] = [15.75, 5.25, 42.0];

fn load_bytes(file: &str, interval: Interval, content: &[u8]) -> Result<Candles, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::write(&path, content).unwrap();
    let source = CandleSource::new("BTCUSDT", interval, &path).unwrap();
    // The folder has a new name each time.
    load(&source).map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[track_caller]
fn same(candles: &Candles, times: &[i64], rows: &[Values]) {
    assert_eq!(candles.open_times, times);
    let bits = |rows: &[Values]| rows.iter().map(|row| row.map(f64::to_bits)).collect::<Vec<_>>();
    assert_eq!(bits(&candles.rows), bits(rows));
    assert!(candles.missing.is_empty());
}

#[test]
fn every_way_of_writing_the_same_candles_reads_the_same() {
    const TIMES: [i64; 2] = [1_735_689_600_000, 1_735_689_660_000];
    const NAN: f64 = f64::NAN;
    let [quote, taker, trades] = QUOTED;
    let full = [[1.5, 2.0, 1.0, 1.75, 10.5, quote, taker, trades], [1.75, 2.0, 1.5, 1.5, 0.0, 0.0, 0.0, 0.0]];
    let plain = full.map(|[open, high, low, close, volume, ..]| [open, high, low, close, volume, NAN, NAN, NAN]);
    let micros = KLINES.replace("00000,1", "00000000,1").replace("60000,1", "60000000,1").replace("9999,", "9999999,");
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";
    let json = format!("[[{}]]", KLINES.trim_end().replace('\n', "],\n["));
    let read = |file: &str, content: &[u8]| load_bytes(file, Interval::M1, content).unwrap();

    for content in [KLINES.to_owned(), micros.clone(), format!("{header}{KLINES}"), format!("\u{feff}{header}{KLINES}")]
    {
        same(&read("x.csv", content.as_bytes()), &TIMES, &full);
        same(&read("x.csv", content.replace('\n', "\r\n").as_bytes()), &TIMES, &full);
        same(&read("x.csv", format!("{content}\n\r\n \n").as_bytes()), &TIMES, &full);
        same(&read("x.csv", content.trim_end().as_bytes()), &TIMES, &full);
        same(&read("x.zip", &zipped(&[("BTCUSDT-1m-2025-01.csv", content.as_bytes())])), &TIMES, &full);
    }
    same(&read("x.csv", format!("\u{feff}{KLINES}").as_bytes()), &TIMES, &full);
    same(&read("x.json", json.as_bytes()), &TIMES, &full);
    same(&read("no-extension", json.replace(",1.5,", ", \"1.5\" ,").as_bytes()), &TIMES, &full);

    let six: String = KLINES.lines().map(|line| line.split(',').take(6).collect::<Vec<_>>().join(",") + "\n").collect();
    same(&read("x.csv", six.as_bytes()), &TIMES, &plain);
    same(&read("x.csv", format!("{HEADER}{six}").as_bytes()), &TIMES, &plain);
    same(&read("x.csv", six.replace("00000,", "00,").replace("60000,", "60,").as_bytes()), &TIMES, &plain);
    let shuffled = "Trades,Volume,Close,Low,High,Open,Timestamp,note\n42,10.5,1.75,1.0,2,1.5,1735689600000,hello\n";
    let [open, high, low, close, volume, ..] = full[0];
    same(&read("x.csv", shuffled.as_bytes()), &TIMES[..1], &[[open, high, low, close, volume, NAN, NAN, trades]]);
}

#[test]
fn microseconds_are_floored() {
    let row = "1735689600000999,1,1,1,1,1\n";
    assert_eq!(load_bytes("x.csv", Interval::M1, row.as_bytes()).unwrap().open_times, [1_735_689_600_000]);
}

#[test]
fn each_bad_row_is_named_with_its_place_and_a_way_out() {
    let rows = [
        "",
        HEADER,
        "open_time,open,high,low,close\n",
        "60000,1,1,1,1,1\n60000,1,1,1,1,1\n",
        "60000,1,1,1,1,1\n\n0,1,1,1,1,1\n",
        "60000,1,1,1,1,1\n120000,1,1,1,1\n",
        "open_time,open,high,low,close,volume\r\n60000,1,1,1,1,1\r\n\r\n \r\n120000,1,1,1,1,x",
        "60000,1,1,1,1,1\r\n120000,1,1,1,1,1\r\n180000,1,1,1,1,\r\n",
        "60000,1,1,1,1\n",
        "60001,1,1,1,1,1\n",
        "1735689600000000000,1,1,1,1,1\n",
        "1735689600000,1,1,1,1,1\n1735689660000000,1,1,1,1,1\n",
        "60000.0,1,1,1,1,1\n",
        "2025-01-01,1,1,1,1,1\n",
        ",1,1,1,1,1\n",
        "-60000,1,1,1,1,1\n",
        "60000,NaN,1,1,1,1\n",
        "60000,1,inf,1,1,1\n",
        "60000,1,1,,1,1\n",
        "60000,1,1,1,0,1\n",
        "60000,1,1,1,1,-1\n",
        "60000,1,1,1,1e999,1\n",
        "60000,1,1,1,\u{1b}[31mred and much too long to be shown as a whole in one line,1\n",
        "60000,1,0.5,1,1,1\n",
        "60000,1,2,1.5,1.75,1\n",
        "60000,\"1,1,1,1,1\n120000,1,1,1,1,1\n",
        "0,1,1,1,1,1,3599999,1,1,1,1,0\n",
        "\u{0}\u{0}\u{0}\u{0}",
    ];
    let messages: Vec<String> =
        rows.iter().map(|row| load_bytes("x.csv", Interval::M1, row.as_bytes()).unwrap_err()).collect();
    assert!(messages.iter().all(|message| !message.contains(char::is_control)));
    insta::assert_snapshot!(messages.join("\n"), @r"
    x.csv has no candles (it is empty); give a file with at least one row
    x.csv has no candles (only a header); give a file with at least one row
    x.csv, line 1: the header has no volume column (it has open_time, open, high, low, close); name the columns open_time,open,high,low,close,volume, separated by commas
    x.csv, line 2: open_time 60000 does not come after 60000 in the row before; sort the rows by open_time and remove duplicates
    x.csv, line 3: open_time 0 does not come after 60000 in the row before; sort the rows by open_time and remove duplicates
    x.csv, line 2: 5 columns where the rows before have 6; complete the row or remove it
    x.csv, line 5, volume `x`: not a number; correct or remove the row
    x.csv, line 3, volume ``: empty; correct or remove the row
    x.csv, line 1: 5 columns and no header; give open_time,open,high,low,close,volume, or the 12 columns of Binance klines, or add a header that names the columns, separated by commas
    x.csv, line 1, open_time `60001`: no 1m candle opens at 60001 (the one around it opens at 60000); check that the file has 1m candles
    x.csv, line 1, open_time `1735689600000000000`: looks like nanoseconds; give milliseconds since 1970
    x.csv, line 2, open_time `1735689660000000`: not in the unit of the rows before; give all times of a file in one unit
    x.csv, line 1, open_time `60000.0`: not a whole number; give milliseconds since 1970, such as 1735689600000
    x.csv, line 1, open_time `2025-01-01`: not a whole number; give milliseconds since 1970, such as 1735689600000
    x.csv, line 1, open_time ``: empty; give milliseconds since 1970
    x.csv, line 1, open_time `-60000`: not a whole number; give milliseconds since 1970, such as 1735689600000
    x.csv, line 1, open `NaN`: not finite; correct or remove the row
    x.csv, line 1, high `inf`: not finite; correct or remove the row
    x.csv, line 1, low ``: empty; correct or remove the row
    x.csv, line 1, close `0`: close 0 is not a positive price; correct or remove the row
    x.csv, line 1, volume `-1`: volume -1 is not an amount (zero or more); correct or remove the row
    x.csv, line 1, close `1e999`: not finite; correct or remove the row
    x.csv, line 1, close `\u{1b}[31mred and much too long to be shown a…`: not a number; correct or remove the row
    x.csv, line 1, high `0.5`: high 0.5 is below the open 1; correct or remove the row
    x.csv, line 1, low `1.5`: low 1.5 is above the open 1; correct or remove the row
    x.csv, line 3: 2 columns and no header; give open_time,open,high,low,close,volume, or the 12 columns of Binance klines, or add a header that names the columns, separated by commas
    x.csv, line 1, close_time `3599999`: this is a 1h candle, but the file is given as 1m; say 1h instead of 1m
    cannot read x.csv: it is not text: it has zero bytes; give a CSV, zip or JSON file
    ");
    let optional = "open_time,open,high,low,close,volume,trades\n60000,1,1,1,1,1,\n";
    insta::assert_snapshot!(load_bytes("x.csv", Interval::M1, optional.as_bytes()).unwrap_err(), @"x.csv, line 2, trades ``: empty; correct it, or remove the whole column");
    let overlapping = "0,1,1,1,1,1\n86400000,1,1,1,1,1\n";
    insta::assert_snapshot!(load_bytes("x.csv", Interval::D3, overlapping.as_bytes()).unwrap_err(), @"x.csv, line 2, open_time `86400000`: opens before the candle in the row before has closed; remove one of them");
}

#[test]
fn each_bad_container_is_named() {
    let row = b"60000,1,1,1,1,1\n".as_slice();
    let mut broken = zipped(&[("a.csv", row)]);
    broken.truncate(broken.len() / 2);
    let mut wrong = zipped(&[("a.csv", row)]);
    let last_byte_of_row = wrong.windows(5).position(|window| window == b"a.csv").unwrap() + 8;
    wrong[last_byte_of_row] ^= 0x55;
    let cases: [(&str, &[u8]); 8] = [
        ("x.zip", row),
        ("x.zip", &zipped(&[])),
        ("x.zip", &zipped(&[("a.csv", row), ("b.csv", row)])),
        ("x.zip", &zipped(&[("a.txt", row)])),
        ("x.zip", &broken),
        ("x.csv.gz", &[0x1f, 0x8b, 8, 0]),
        ("x.json", b"{\"code\":-1003,\"msg\":\"Too many requests\"}"),
        ("x.json", b"[[0,\"1\",\"1\",\"1\",\"1\",\"1\"],\n[1]]"),
    ];
    let messages = cases.map(|(file, content)| load_bytes(file, Interval::M1, content).unwrap_err());
    insta::assert_snapshot!(messages.join("\n"), @r"
    cannot read x.zip: it is not a zip archive; download it again
    cannot read x.zip: the archive holds 0 files; give one that holds exactly one CSV file
    cannot read x.zip: the archive holds 2 files; give one that holds exactly one CSV file
    cannot read x.zip: the file in the archive is not a .csv; give one that holds exactly one CSV file
    cannot read x.zip: the zip archive is broken (invalid Zip archive: Could not find EOCD); download it again
    cannot read x.csv.gz: it is packed with gzip; unpack it first
    x.json, line 1: not an array of klines; give the body of a GET /api/v3/klines as it came
    x.json, line 2: 1 columns where the rows before have 6; complete the row or remove it
    ");
    assert!(load_bytes("x.zip", Interval::M1, &wrong).is_err());
}

#[test]
fn what_is_no_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let message = |path: &Path| {
        let source = CandleSource::new("BTCUSDT", Interval::M1, path).unwrap();
        load(&source).unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(message(dir.path()), @"DIR is a directory; name candle files one by one, such as BTCUSDT-1m-2025-01.csv");
    insta::assert_snapshot!(message(&dir.path().join("absent.csv")), @"cannot read DIR/absent.csv: No such file or directory (os error 2); check the path and that it may be read");
    insta::assert_snapshot!(message(&dir.path().join("no/absent.csv")), @"cannot read DIR/no/absent.csv: No such file or directory (os error 2); check the path and that it may be read");
    assert!(message(Path::new("/")).contains("is a directory"));
    assert!(message(Path::new("..")).contains("is a directory"));
}

#[test]
fn no_more_is_unpacked_than_allowed() {
    let mut capped = Capped { input: io::repeat(b'1').take(100), left: 99 };
    let error = capped.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it unpacks to at least 536870913 bytes, more than the 536870912 that are read; split it by month"
    );
    let mut exact = Capped { input: io::repeat(b'1').take(99), left: 99 };
    assert_eq!(exact.read_to_end(&mut Vec::new()).unwrap(), 99);
}

proptest! {
    #[test]
    fn no_content_makes_it_panic(
        start in prop::sample::select(vec!["", HEADER, "[[", "PK\u{3}\u{4}", "60000,1,1,1,1,1\n"]),
        content in prop::collection::vec(prop_oneof![3 => prop::sample::select(b"0123456789.,-\n\"[]eNa ".to_vec()), 1 => any::<u8>()], 0..200),
    ) {
        let content = [start.as_bytes(), &content].concat();
        if let Err(message) = load_bytes("x.csv", Interval::M1, &content) {
            prop_assert!(!message.contains(char::is_control), "{message:?}");
            prop_assert!(message.contains("x.csv"));
        }
    }
}
