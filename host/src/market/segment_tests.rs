use super::*;

fn row(price: f64) -> Values {
    [price, price, price, price, 1.0, f64::NAN, f64::NAN, f64::NAN]
}

#[test]
fn reads_back_in_order() {
    let mut segment = Segment::new();
    for _ in 0..2 {
        let mut builder = segment.builder();
        builder.batch(Interval::M1, 180_000).unwrap();
        builder.row(SymbolId(1), &row(1.0), 0).unwrap();
        builder.batch(Interval::M5, 0).unwrap();
        builder.row(SymbolId(0), &row(2.0), 3).unwrap();
        builder.batch(Interval::M1, 240_000).unwrap();
        builder.gap(SymbolId(0), 120_000).unwrap();
        builder.row(SymbolId(0), &row(3.0), 0).unwrap();
        builder.row(SymbolId(1), &row(4.0), 0).unwrap();
        assert_eq!(builder.closes(), 2);
        builder.finish().unwrap();
    }
    assert_eq!((segment.len(), segment.candles()), (2, 4));
    assert_eq!((segment.first_close_ms(), segment.last_close_ms()), (Some(239_999), Some(299_999)));
    let first = segment.close(0).unwrap();
    assert_eq!((first.close_time_ms(), first.gaps().len(), first.batches().count()), (239_999, 0, 1));
    let second = segment.closes().nth(1).unwrap();
    assert_eq!(
        second.gaps(),
        [Gap { symbol: SymbolId(0), interval: Interval::M1, from_open_ms: 120_000, until_open_ms: 240_000 }]
    );
    let batches: Vec<_> = second.batches().collect();
    assert_eq!(batches.iter().map(|b| b.interval).collect::<Vec<_>>(), [Interval::M5, Interval::M1]);
    assert_eq!((batches[0].symbols, batches[0].missing, batches[0].open_time_ms), (&[0][..], &[3][..], 0));
    assert_eq!(batches[1].rows().map(|(s, v, m)| (s.0, v[0], m)).collect::<Vec<_>>(), [(0, 3.0, 0), (1, 4.0, 0)]);
    assert!(segment.close(2).is_none());
}

#[test]
fn refuses_disorder() {
    let mut segment = Segment::new();
    let mut builder = segment.builder();
    assert_eq!(builder.row(SymbolId(0), &row(1.0), 0), Err(SegmentError::Empty));
    assert_eq!(builder.gap(SymbolId(0), 0), Err(SegmentError::Empty));
    builder.batch(Interval::M1, 240_000).unwrap();
    assert_eq!(builder.batch(Interval::M1, 300_000), Err(SegmentError::Empty));
    assert!(matches!(builder.gap(SymbolId(0), 240_000), Err(SegmentError::Gap { .. })));
    builder.row(SymbolId(1), &row(1.0), 0).unwrap();
    assert!(matches!(builder.row(SymbolId(1), &row(1.0), 0), Err(SegmentError::Row { .. })));
    assert!(matches!(builder.gap(SymbolId(0), 0), Err(SegmentError::Row { .. })));
    assert!(matches!(builder.batch(Interval::M5, 0), Err(SegmentError::Batch { .. })));
    assert!(matches!(builder.batch(Interval::M1, 180_000), Err(SegmentError::Batch { .. })));
    builder.batch(Interval::M1, 300_000).unwrap();
    assert_eq!(builder.finish(), Err(SegmentError::Empty));
}
