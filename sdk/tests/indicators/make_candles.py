"""Makes candles.bin and candles.csv beside this script: the series on which the indicators are compared.

Run it with the folder of the real candles, whose files SOURCES.md names:

    python3 sdk/tests/indicators/make_candles.py FOLDER

candles.csv lists the series. candles.bin has them one after the other, as numbers of 7 bits a byte, the last byte of a
number without the top bit. A candle is six of them, all in ticks: minutes since the candle before, open less the close
before, close less open, high less the body, the body less low, volume; the first three with their sign in the lowest bit.
"""

import csv
import datetime
import random
import sys
from decimal import Decimal
from pathlib import Path

MINUTE_MS = 60_000
START_MS = 1_735_689_600_000
VOLUME_DECIMALS = 4
EDGE_ROWS = 300

# One series, in which the parts follow each other: prices jump, and running sums have no chance to start anew.
REAL = [
    "bitfinex-1h-btc-usd.csv",
    "Coinbase_BTCUSD_1h.csv",
    "BTCUSDT-1h-binance-2025-01-microseconds.csv",
    "BTCUSDT-1m-bybit-2022-12-13.csv",
    "LTCUSD-1m-coinbase-2018-04-04.csv",
    "BTCUSD-1m-coinbase-2018-04-04.csv",
    "ETHUSD-1m-coinbase-2018-04-04.csv",
    "BTCEUR-1m-coinbase-2018-04-04.csv",
    "BTCBUSD-1m-binance-2022-12-13.csv",
]


def time_ms(text):
    for form in ("%Y-%m-%d %I-%p", "%Y-%m-%d %H:%M"):
        try:
            time = datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)
            return int(time.timestamp()) * 1000
        except ValueError:
            pass
    time = int(text)
    return time // 1000 if time > 10**14 else time


def read(path):
    """Rows of open time and five decimals, oldest first."""
    rows = []
    with open(path, newline="", encoding="utf-8") as file:
        for cells in csv.reader(file):
            if len(cells) < 6 or cells[0].lower() in ("date", "open_time"):
                continue
            numbers = cells[1:6] if len(cells) == 6 else cells[2:7]
            rows.append([time_ms(cells[0])] + [Decimal(cell) for cell in numbers])
    if rows[0][0] > rows[-1][0]:
        rows.reverse()
    return rows


def usable(row):
    _, start, high, low, close, volume = row
    return low > 0 and high >= max(start, close) and low <= min(start, close) and volume >= 0


def walk(rng, price, tick, step, rows=EDGE_ROWS, volume=lambda rng, i: 50 * rng.random()):
    """A walk in ticks: `step` is the largest change of a candle as a share of the price."""
    found = []
    for i in range(rows):
        start = price
        price = max(tick, start * (1 + step * (rng.random() + rng.random() + rng.random() - 1.5)))
        high = max(start, price) * (1 + step / 4 * rng.random())
        low = min(start, price) * (1 - step / 4 * rng.random())
        found.append([i, start, high, low, price, volume(rng, i)])
    return found


def edges():
    """What breaks indicators, each by its name and the decimals of its prices."""
    rng = random.Random(20261122)
    flat = [[i, 100, 100, 100, 100, 0 if i % 3 == 0 else 7] for i in range(EDGE_ROWS)]
    flat_silent = [[i, 100.1, 100.1, 100.1, 100.1, 0] for i in range(EDGE_ROWS)]
    up = [[i, 100 + i, 101.5 + i, 99.75 + i, 101 + i, 3 + i % 5] for i in range(EDGE_ROWS)]
    down = [[i, 900 - 2 * i, 900.25 - 2 * i, 897.5 - 2 * i, 898 - 2 * i, 3 + i % 5] for i in range(EDGE_ROWS)]
    zero_volume = walk(rng, 100, 0.01, 0.01, volume=lambda rng, i: 0 if i % 120 < 100 else 50 * rng.random())
    tiny = walk(rng, 1e-8, 1e-13, 0.01)
    huge = walk(rng, 1e12, 0.01, 0.01, volume=lambda rng, i: 1e6 * rng.random())
    alternating = [[i, 100 + i % 2, 101.5, 99.5, 101 - i % 2, 2 + i % 2] for i in range(EDGE_ROWS)]
    gaps = walk(rng, 100, 0.01, 0.01)
    for i, row in enumerate(gaps):
        factor = (1, 30, 0.02, 4)[i // 25 % 4]
        row[1:5] = [value * factor for value in row[1:5]]
        # Whole days are missing now and then.
        row[0] = i + i // 40 * 2000
    # Few ticks high: bodies and shadows are equal to each other and to their averages all the time.
    ticks = []
    price = 5000
    for i in range(4 * EDGE_ROWS):
        start = price + rng.choice((-1, 0, 0, 0, 1))
        price = start + rng.choice((-4, -2, -1, -1, 0, 0, 1, 1, 2, 4))
        high, low = max(start, price) + rng.choice((0, 0, 1, 2, 5)), min(start, price) - rng.choice((0, 0, 1, 2, 5))
        ticks.append([i] + [value / 100 for value in (start, high, low, price)] + [rng.choice((0, 1, 1, 2))])
    # Bodies with gaps between them and hardly any shadows, in runs: what patterns of two to four candles are made of.
    bodies, price, run = [], 5000, 1
    for i in range(4 * EDGE_ROWS):
        jump = rng.choice((-9, -3, -1, 0, 0, 1, 3, 9))
        if i % 4 == 0:
            run = rng.choice((1, -1))
            jump = run * rng.choice((0, 3, 20))
        start = max(500, price + jump)
        price = max(500, start + run * rng.choice((0, 1, 2, 5, 8, 8, 12, -5)))
        high, low = max(start, price) + rng.choice((0, 0, 0, 0, 1)), min(start, price) - rng.choice((0, 0, 0, 0, 1))
        bodies.append([i] + [value / 100 for value in (start, high, low, price)] + [1])
    # Moves, stands still, moves again: what is left of the moves must not be divided by nothing.
    stops = walk(rng, 100, 0.01, 0.01)
    for i, row in enumerate(stops):
        if 80 <= i % 150 < 150:
            last = stops[i // 150 * 150 + 79][4]
            row[1:] = [last, last, last, last, 0]
    # Rows that count their own time.
    named = [("flat", flat, 2), ("flat_silent", flat_silent, 2), ("up", up, 2), ("down", down, 2),
             ("zero_volume", zero_volume, 2), ("tiny", tiny, 13), ("huge", huge, 2), ("alternating", alternating, 2),
             ("gaps", gaps, 4), ("ticks", ticks, 2), ("bodies", bodies, 2), ("stops", stops, 3)]
    return [(name, [[START_MS + row[0] * MINUTE_MS * 7] + row[1:] for row in rows], decimals)
            for name, rows, decimals in named]


def ticks(value, decimals):
    return int((Decimal(value) * 10**decimals).to_integral_value())


def number(value, signed):
    if signed:
        value = value * 2 if value >= 0 else -value * 2 - 1
    found = bytearray()
    while value >= 128:
        found.append(128 | value & 127)
        value >>= 7
    found.append(value)
    return bytes(found)


def packed(rows, decimals):
    out, last_minute, last_close = bytearray(), 0, 0
    for time, *prices, volume in rows:
        start, high, low, close = (ticks(value, decimals) for value in prices)
        high, low = max(high, start, close), min(low, start, close)
        minute = time // MINUTE_MS
        out += number(minute - last_minute, True) + number(start - last_close, True) + number(close - start, True)
        out += number(high - max(start, close), False) + number(min(start, close) - low, False)
        out += number(ticks(volume, VOLUME_DECIMALS), False)
        last_minute, last_close = minute, close
    return bytes(out)


def main():
    folder, here = Path(sys.argv[1]), Path(__file__).parent
    real = []
    for name in REAL:
        rows = read(folder / name)
        kept = [row for row in rows if usable(row)]
        print(f"{name}: {len(kept)} candles, {len(rows) - len(kept)} rows whose prices contradict each other left out")
        real += kept
    decimals = max(-value.normalize().as_tuple().exponent for row in real for value in row[1:5])
    series = [("real", real, decimals)] + edges()
    with open(here / "candles.csv", "w", encoding="ascii") as file:
        file.write("name,rows,price_decimals,volume_decimals\n")
        for name, rows, decimals in series:
            file.write(f"{name},{len(rows)},{decimals},{VOLUME_DECIMALS}\n")
    (here / "candles.bin").write_bytes(b"".join(packed(rows, decimals) for _, rows, decimals in series))


if __name__ == "__main__":
    main()
