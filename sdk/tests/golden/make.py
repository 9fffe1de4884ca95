"""Makes candles.csv and expected.csv beside this script: candles, and what TA-Lib says about them.

Run it with:

    python3 -m venv /tmp/talib
    /tmp/talib/bin/pip install ta-lib==0.8.2 numpy
    /tmp/talib/bin/python sdk/tests/golden/make.py

It takes no input but its seed, so a second run writes the same bytes. `--candles IN.csv --expected OUT.csv` computes
the expected values of other candles instead (columns open_time,open,high,low,close,volume).

StochRSI: K without smoothing and its D are TA-Lib's FASTK and FASTD. K smoothed over 3 is FASTD, and its D the SMA of
that. Older TA-Lib versions return other numbers where prices stand still (they divide one rounding error by another),
hence the version.
"""

import argparse
import csv
import random
from pathlib import Path

import numpy as np
import talib

SEED = 20261122
ROWS = 600
START_MS = 1_735_689_600_000
MINUTE_MS = 60_000


def candles():
    """A walk with what breaks indicators: flat stretches, zero volume, jumps, runs, prices below 1."""
    rng = random.Random(SEED)
    rows = []
    price = 100.0
    for i in range(ROWS):
        flat = 200 <= i < 262 or 450 <= i < 475
        start = price
        if i == 300:
            price *= 40.0
        elif i == 330:
            price /= 40.0
        elif i == 520:
            price /= 5000.0
        elif 390 <= i < 412:
            price *= 1.004
        elif 412 <= i < 432:
            price *= 0.996
        elif not flat:
            # The sum of three is near enough to a bell and, unlike gauss(), fixed for a seed in every Python.
            price *= 1.0 + 0.004 * (rng.random() + rng.random() + rng.random() - 1.5)
        wick = 0.0 if flat else 0.001 * rng.random() * price
        quiet = 200 <= i < 240 or i % 53 == 0
        volume = 0.0 if quiet else 50.0 * rng.random() * (20.0 if i % 97 == 0 else 1.0)
        price = round(price, 6)
        high, low = max(start, price) + wick, min(start, price) - wick
        rows.append([START_MS + i * MINUTE_MS] + [f"{v:.6f}" for v in (start, high, low, price, volume)])
    return rows


def expected(rows):
    high, low, close, volume = (np.array([float(row[i]) for row in rows]) for i in (2, 3, 4, 5))
    fast_k, fast_d = talib.STOCHRSI(close, 14, 14, 3, talib.MA_Type.SMA)
    slow_d = talib.SMA(fast_d, 3)
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    return {
        "sma_3": talib.SMA(close, 3),
        "sma_20": talib.SMA(close, 20),
        "ema_20": talib.EMA(close, 20),
        "rsi_2": talib.RSI(close, 2),
        "rsi_14": talib.RSI(close, 14),
        "stochrsi_1_3_k": fast_k,
        "stochrsi_1_3_d": fast_d,
        "stochrsi_3_3_k": np.where(np.isnan(slow_d), np.nan, fast_d),
        "stochrsi_3_3_d": slow_d,
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "volume_average_20": talib.SMA(volume, 20),
        "highest_20": talib.MAX(high, 20),
        "lowest_20": talib.MIN(low, 20),
    }


def write(path, header, rows):
    with open(path, "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candles")
    parser.add_argument("--expected")
    args = parser.parse_args()
    here = Path(__file__).parent
    if args.candles:
        with open(args.candles, newline="", encoding="ascii") as file:
            rows = list(csv.reader(file))[1:]
    else:
        rows = candles()
        write(here / "candles.csv", ["open_time", "open", "high", "low", "close", "volume"], rows)
    columns = expected(rows)
    cells = [["" if np.isnan(v) else repr(float(v)) for v in column] for column in columns.values()]
    write(args.expected or here / "expected.csv", list(columns), zip(*cells))
    print(f"{len(rows)} candles, TA-Lib {talib.__ta_version__.decode()}")


if __name__ == "__main__":
    main()
