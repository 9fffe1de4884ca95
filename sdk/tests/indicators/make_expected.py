"""Makes expected.bin and columns.csv beside this script: what TA-Lib says of the series of candles.bin, and for what it
does not have, what plain.py says.

    python3 -m venv /tmp/talib
    /tmp/talib/bin/pip install ta-lib==0.8.2 numpy
    /tmp/talib/bin/python sdk/tests/indicators/make_expected.py

All values of all columns would be forty megabytes. expected.bin has for each series and column the index of the first
value, then the values of some rows, then for each block of rows the sum of all values, each times a weight of its own
(from 1 to 2, with changing sign, so that two errors do not cancel each other, and those of a running sum, which are all
the same, do not add up). A column of whole numbers (patterns) is a hash of all of them
and the number of those that are not 0. `--full FOLDER` writes every value too; the test compares them all where
INDICATORS_FULL names that folder.
"""

import argparse
import math
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import talib

import plain

HERE = Path(__file__).parent



def series():
    data, at = (HERE / "candles.bin").read_bytes(), 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed():
        value = number()
        return -(value + 1) // 2 if value % 2 else value // 2

    for line in (HERE / "candles.csv").read_text().splitlines()[1:]:
        name, rows, decimals, volume_decimals = line.split(",")
        minute = close = 0
        found = []
        for _ in range(int(rows)):
            minute += signed()
            start = close + signed()
            close = start + signed()
            high = max(start, close) + number()
            low = min(start, close) - number()
            prices = [value / 10 ** int(decimals) for value in (start, high, low, close)]
            found.append([minute * 60_000, *prices, number() / 10 ** int(volume_decimals)])
        table = np.array([row[1:] for row in found])
        yield name, SimpleNamespace(
            time=np.array([row[0] for row in found]), **{
                key: np.ascontiguousarray(table[:, i])
                for i, key in enumerate(("open", "high", "low", "close", "volume"))
            })
    assert at == len(data)


def values(c):
    """Columns by name: kind (what an error is measured by), where they come from, values."""
    found = {}

    def add(kind, oracle, **columns):
        for name, column in columns.items():
            found[name] = (kind, oracle, column)

    hlc, close = (c.high, c.low, c.close), c.close
    add("price", "SMA", sma_20=talib.SMA(close, 20))
    add("price", "EMA", ema_20=talib.EMA(close, 20))
    add("price", "WMA", wma_3=talib.WMA(close, 3), wma_20=talib.WMA(close, 20))
    add("price", "DEMA", dema_20=talib.DEMA(close, 20))
    add("price", "TEMA", tema_20=talib.TEMA(close, 20))
    add("price", "plain", hma_9=plain.hma(close, 9), hma_16=plain.hma(close, 16))
    add("price", "STDDEV", std_dev_5=talib.STDDEV(close, 5, 1.0), std_dev_20=talib.STDDEV(close, 20, 1.0))
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0, talib.MA_Type.SMA)
    add("price", "BBANDS", bollinger_upper=upper, bollinger_middle=middle, bollinger_lower=lower)
    add("price", "LINEARREG", linear_regression_value=talib.LINEARREG(close, 14))
    add("price", "LINEARREG_SLOPE", linear_regression_slope=talib.LINEARREG_SLOPE(close, 14))
    add("price", "LINEARREG_INTERCEPT", linear_regression_intercept=talib.LINEARREG_INTERCEPT(close, 14))
    add("ratio", "LINEARREG_ANGLE", linear_regression_angle=talib.LINEARREG_ANGLE(close, 14))
    add("ratio", "ROC", roc_10=talib.ROC(close, 10))
    add("price", "MOM", momentum_10=talib.MOM(close, 10))
    add("ratio", "RSI", rsi_14=talib.RSI(close, 14))
    fast_k, fast_d = talib.STOCHRSI(close, 14, 14, 3, talib.MA_Type.SMA)
    slow_d = talib.SMA(fast_d, 3)
    add("ratio", "STOCHRSI", stoch_rsi_k=np.where(np.isnan(slow_d), np.nan, fast_d), stoch_rsi_d=slow_d)
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    add("price", "MACD", macd=macd, macd_signal=signal, macd_histogram=histogram)
    add("price", "MAX", highest_20=talib.MAX(c.high, 20))
    add("price", "MIN", lowest_20=talib.MIN(c.low, 20))
    add("volume", "SMA", volume_average_20=talib.SMA(c.volume, 20))

    add("price", "TRANGE", true_range=talib.TRANGE(*hlc))
    add("price", "ATR", atr_14=talib.ATR(*hlc, 14))
    add("ratio", "PLUS_DI", plus_di_14=talib.PLUS_DI(*hlc, 14))
    add("ratio", "MINUS_DI", minus_di_14=talib.MINUS_DI(*hlc, 14))
    add("ratio", "ADX", adx_14=talib.ADX(*hlc, 14))
    k, d = talib.STOCH(*hlc, 14, 3, talib.MA_Type.SMA, 3, talib.MA_Type.SMA)
    add("ratio", "STOCH", stochastic_k=k, stochastic_d=d)
    k, d = talib.STOCHF(*hlc, 14, 3, talib.MA_Type.SMA)
    add("ratio", "STOCHF", stochastic_fast_k=k, stochastic_fast_d=d)
    add("ratio", "WILLR", williams_r_14=talib.WILLR(*hlc, 14))
    add("ratio", "CCI", cci_20=talib.CCI(*hlc, 20))
    add("ratio", "MFI", mfi_14=talib.MFI(*hlc, c.volume, 14))
    add("volume", "OBV", obv=talib.OBV(close, c.volume))
    add("price", "SAR", parabolic_sar=talib.SAR(c.high, c.low, 0.02, 0.2))

    upper, middle, lower = plain.keltner(c, 20, 10, 2.0)
    add("price", "plain", keltner_upper=upper, keltner_middle=middle, keltner_lower=lower)
    upper, middle, lower = plain.donchian(c, 20)
    add("price", "plain", donchian_upper=upper, donchian_middle=middle, donchian_lower=lower)
    value, deviation = plain.vwap(c, plain.new_days(c))
    add("price", "plain", vwap=value, vwap_deviation=deviation)
    value, deviation = plain.vwap(c, np.arange(len(close)) % 1000 == 100)
    add("price", "plain", anchored_vwap=value, anchored_vwap_deviation=deviation)
    line, rising = plain.supertrend(c, 10, 3.0)
    add("price", "plain", supertrend=line)
    add("whole", "plain", supertrend_rising=rising)
    add("price", "plain", **{f"ichimoku_{name}": v for name, v in plain.ichimoku(c, 9, 26, 52, 26).items()})
    add("price", "plain", **{f"pivot_points_{name}": v for name, v in plain.pivot_points(c).items()})
    add("whole", "plain", swing_high=plain.swing_high(c.high, 3, 2) + 1,
        swing_low=plain.swing_high(-c.low, 3, 2) + 1)
    add("whole", "plain", rsi_divergence=plain.divergences(c, talib.RSI(close, 14), 5, 5))
    for name in PATTERNS:
        add("whole", f"CDL{name}", **{f"CDL{name}": getattr(talib, f"CDL{name}")(c.open, *hlc)})
    return found


PATTERNS = """DOJI DRAGONFLYDOJI GRAVESTONEDOJI LONGLEGGEDDOJI DOJISTAR HAMMER HANGINGMAN INVERTEDHAMMER SHOOTINGSTAR
ENGULFING HARAMI HARAMICROSS PIERCING DARKCLOUDCOVER MORNINGSTAR EVENINGSTAR MORNINGDOJISTAR EVENINGDOJISTAR 3INSIDE
3OUTSIDE 3WHITESOLDIERS 3BLACKCROWS MARUBOZU SPINNINGTOP BELTHOLD KICKING""".split()


def exact(c):
    """Where TA-Lib 0.8.1 rounds a sum so often that it is off by 1e-9 itself. Here each window is summed without rounding."""
    return {"mfi_14": plain.mfi(c, 14), "linear_regression_angle": np.degrees(np.arctan(plain.slope(c.close, 14)))}


def weight(row):
    return (1 + row * 40503 % 65536 / 65536) * (-1) ** row


def hashed(column):
    found = 0xCBF29CE484222325
    for value in column:
        found = (found ^ int(value) & 0xFFFFFFFF) * 0x100000001B3 % 2**64
    return found


def packed(kind, column):
    if kind == "whole":
        return struct.pack("<QQ", hashed(column), np.count_nonzero(column))
    rows = len(column)
    valid = np.flatnonzero(~np.isnan(column))
    first = int(valid[0]) if len(valid) else rows
    assert not np.isnan(column[first:]).any() and not np.isinf(column[first:]).any()
    stride, block = (97, 128) if rows > 2000 else (11, 32)
    out = [float(first)]
    out += [column[row] for row in range(first, rows) if row - first < 3 or row % stride == 0]
    for start in range(0, rows, block):
        out.append(math.fsum(weight(row) * column[row] for row in range(max(start, first), min(start + block, rows))))
    return struct.pack(f"<{len(out)}d", *out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full")
    args = parser.parse_args()
    out, header, off = b"", {}, {}
    for name, candles in series():
        columns = values(candles)
        mine = exact(candles)
        for column, found in mine.items():
            error = np.nanmax(abs(columns[column][2] - found) / np.maximum(abs(found), 1.0))
            if error > 1e-9:
                print(f"{name}: TA-Lib's {column} is off by {error:.1e}")
                off.setdefault(column, []).append(name)
        header = {column: f"{column},{kind},{oracle}" for column, (kind, oracle, _) in columns.items()}
        for column, (kind, _, found) in columns.items():
            if name in off.get(column, ()):
                found = mine[column]
            out += packed(kind, found)
            if args.full:
                found.astype("<i8" if kind == "whole" else "<f8").tofile(Path(args.full) / f"{name}.{column}")
        print(f"{name}: {len(candles.close)} candles")
    (HERE / "expected.bin").write_bytes(out)
    (HERE / "columns.csv").write_text("name,kind,oracle,plain_on\n" + "".join(
        f"{line},{' '.join(off.get(column, ()))}\n" for column, line in header.items()), encoding="ascii")
    print(f"TA-Lib {talib.__ta_version__.decode()}, {len(header)} columns, {len(out)} bytes")


if __name__ == "__main__":
    main()
