//! Numbers of candle files, read fast and exactly.

/// Powers of ten that an `f64` holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// So many digits always fit into a `u64`.
const SAFE_DIGITS: usize = 19;
/// Integers are exact as `f64` up to here.
const EXACT: u64 = 1 << 53;

/// The nearest `f64` of a decimal number; may be infinite. None if the field is not a number.
#[inline]
pub(super) fn decimal(field: &[u8]) -> Option<f64> {
    if field.len() > SAFE_DIGITS {
        return slow(field);
    }
    let mut digits = 0_u64;
    let mut count = 0_usize;
    let mut fraction = None;
    for byte in field {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            digits = digits * 10 + u64::from(digit);
            count += 1;
        } else if *byte == b'.' && fraction.is_none() {
            fraction = Some(count);
        } else {
            return slow(field);
        }
    }
    let places = count - fraction.unwrap_or(count);
    match POWERS.get(places) {
        // Both are exact, so the quotient is the nearest.
        Some(power) if digits <= EXACT && count > 0 => Some(digits as f64 / power),
        _ => slow(field),
    }
}

#[cold]
fn slow(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

/// A whole number. None if the field is not one, or too large.
#[inline]
pub(super) fn integer(field: &[u8]) -> Option<i64> {
    let field = field.trim_ascii();
    if field.is_empty() || field.len() > SAFE_DIGITS {
        return None;
    }
    let mut number = 0_u64;
    for byte in field {
        let digit = byte.wrapping_sub(b'0');
        if digit >= 10 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    i64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_numbers() {
        assert_eq!(decimal(b"13715.65000000"), Some(13715.65));
        assert_eq!(decimal(b" 1e-3 "), Some(0.001));
        assert_eq!(decimal(b"12345678901234567890.5"), Some(12345678901234567890.5));
        assert!(decimal(b"NaN").is_some_and(f64::is_nan));
        for bad in ["", ".", "-", "1.2.3", "1,5", "0x10", "ten", "1_000", "\u{1b}"] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(integer(b" 1735689600000 "), Some(1735689600000));
        for bad in ["", "-1", "1.0", "1e3", "9999999999999999999", "2025-01-01"] {
            assert_eq!(integer(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reads_as_the_standard_library_does(text in "[0-9]{0,12}\\.?[0-9]{0,12}") {
            prop_assert_eq!(decimal(text.as_bytes()).map(f64::to_bits), text.parse().ok().map(f64::to_bits));
        }

        #[test]
        fn reads_back_what_is_printed(value in any::<f64>()) {
            prop_assert_eq!(decimal(format!("{value}").as_bytes()).map(f64::to_bits), format!("{value}").parse().ok().map(f64::to_bits));
        }
    }
}
