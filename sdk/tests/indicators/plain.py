"""Indicators that TA-Lib does not have, or has with a rounding error, the plain way: loops over whole windows, nothing incremental.

Written from the definitions in the documentation of each indicator; nothing here is shared with the code that it judges.
"""

import math

import numpy as np

NAN = float("nan")
DAY_MS = 86_400_000


def windows(values, period):
    """For each candle its last `period` values, None before there are that many."""
    return [values[i + 1 - period : i + 1] if i + 1 >= period else None for i in range(len(values))]


def wma(values, period):
    weights = np.arange(1.0, period + 1)
    return np.array([NAN if w is None or np.isnan(w).any() else float(np.dot(w, weights) / weights.sum())
                     for w in windows(values, period)])


def hma(close, period):
    return wma(2 * wma(close, period // 2) - wma(close, period), math.isqrt(period))


def ema(values, period):
    found = np.full(len(values), NAN)
    if len(values) >= period:
        found[period - 1] = values[:period].mean()
        for i in range(period, len(values)):
            found[i] = found[i - 1] + (values[i] - found[i - 1]) * 2 / (period + 1)
    return found


def slope(close, period):
    x = np.arange(period) - (period - 1) / 2
    return np.array([NAN if w is None else math.fsum(x * w) / float(np.dot(x, x)) for w in windows(close, period)])


def mfi(candles, period):
    price = (candles.high + candles.low + candles.close) / 3
    change = np.diff(price)
    change[abs(change) <= 1e-14 * (price[1:] + price[:-1])] = 0
    flow = np.sign(change) * price[1:] * candles.volume[1:]
    found = [NAN]
    for w in windows(flow, period):
        total = 0 if w is None else math.fsum(abs(w))
        found.append(NAN if w is None else 100 * math.fsum(w[w > 0]) / total if total > 0 else 0.0)
    return np.array(found)


def true_range(candles):
    before = np.concatenate([[NAN], candles.close[:-1]])
    return np.fmax(candles.high - candles.low, np.fmax(abs(candles.high - before), abs(candles.low - before)))


def atr(candles, period):
    ranges, found = true_range(candles), np.full(len(candles.close), NAN)
    found[period] = ranges[1 : period + 1].mean()
    for i in range(period + 1, len(ranges)):
        found[i] = (found[i - 1] * (period - 1) + ranges[i]) / period
    return found


def keltner(candles, period, atr_period, factor):
    middle, width = ema(candles.close, period), factor * atr(candles, atr_period)
    upper, lower = middle + width, middle - width
    return upper, np.where(np.isnan(upper), NAN, middle), lower


def donchian(candles, period):
    upper = np.array([NAN if w is None else w.max() for w in windows(candles.high, period)])
    lower = np.array([NAN if w is None else w.min() for w in windows(candles.low, period)])
    return upper, (upper + lower) / 2, lower


def vwap(candles, starts):
    """Price and deviation since the last row that starts anew."""
    price = (candles.high + candles.low + candles.close) / 3
    values, deviations, first = [], [], 0
    for i, start in enumerate(starts):
        first = i if start else first
        volume, prices = candles.volume[first : i + 1], price[first : i + 1]
        total = volume.sum()
        mean = (prices * volume).sum() / total if total > 0 else price[i]
        values.append(mean)
        deviations.append(math.sqrt(((prices - mean) ** 2 * volume).sum() / total) if total > 0 else 0.0)
    return np.array(values), np.array(deviations)


def new_days(candles):
    days = candles.time // DAY_MS
    return np.concatenate([[True], days[1:] != days[:-1]])


def supertrend(candles, period, factor):
    middle, width = (candles.high + candles.low) / 2, factor * atr(candles, period)
    line, rising = np.full(len(middle), NAN), np.zeros(len(middle))
    upper = lower = up = None
    for i in range(period, len(middle)):
        top, bottom, close = middle[i] + width[i], middle[i] - width[i], candles.close
        if upper is None:
            up = False
        else:
            top = top if top < upper or close[i - 1] > upper else upper
            bottom = bottom if bottom > lower or close[i - 1] < lower else lower
            up = close[i] >= bottom if up else close[i] > top
        upper, lower = top, bottom
        line[i], rising[i] = (lower, 1) if up else (upper, -1)
    return line, rising.astype(int)


def ichimoku(candles, conversion, base, span, displacement):
    def middle(period):
        return donchian(candles, period)[1]

    fast, slow = middle(conversion), middle(base)
    future_a, future_b = (fast + slow) / 2, middle(span)
    past = [np.concatenate([np.full(displacement, NAN), v[:-displacement]])
            for v in (future_a, future_b, candles.close)]
    found = dict(conversion=fast, base=slow, future_a=future_a, future_b=future_b, span_a=past[0], span_b=past[1],
                 past_close=past[2])
    cold = np.isnan(past[1])
    return {name: np.where(cold, NAN, values) for name, values in found.items()}


def pivot_points(candles):
    """From the UTC day before; a first day that was not seen from its start does not count."""
    names = ("pivot", "r1", "s1", "r2", "s2", "r3", "s3")
    found = {name: np.full(len(candles.close), NAN) for name in names}
    days = candles.time // DAY_MS
    first, levels = 0, None
    for i in range(len(days)):
        if days[i] != days[first]:
            if first > 0 or candles.time[0] % DAY_MS == 0:
                high, low = candles.high[first:i].max(), candles.low[first:i].min()
                p = (high + low + candles.close[i - 1]) / 3
                levels = (p, 2 * p - low, 2 * p - high, p + high - low, p - high + low,
                          high + 2 * (p - low), low - 2 * (high - p))
            first = i
        for name, level in zip(names, levels or ()):
            found[name][i] = level
    return found


def swing_high(values, left, right, slack=0.0):
    """At the candle that confirms it, the index of the swing; -1 elsewhere."""
    found = np.full(len(values), -1)
    for i in range(left, len(values) - right):
        before, after = values[i - left : i], values[i + 1 : i + 1 + right]
        if not np.isnan(before).any() and (values[i] > before + slack).all() and (values[i] >= after - slack).all():
            found[i + right] = i
    return found


def divergences(candles, rsi, left, right, least=5, most=60):
    """1 and 2: regular and hidden bullish; -1 and -2: regular and hidden bearish."""
    found = np.zeros(len(rsi), dtype=int)
    for sign, prices in ((1, candles.low), (-1, candles.high)):
        last = None
        for i, at in enumerate(swing_high(-sign * rsi, left, right, 1e-9)):
            if at < 0:
                continue
            if last is not None and least <= at - last <= most:
                price, index = sign * (prices[at] - prices[last]), sign * (rsi[at] - rsi[last])
                if price < 0 and index > 1e-9:
                    found[i] = sign
                elif price > 0 and index < -1e-9:
                    found[i] = 2 * sign
            last = at
    return found
