// Candles that are the same at every run, as files of `vyx test`.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const START_MS = 1_735_689_600_000
export const MINUTE_MS = 60_000

/** `count` candles of a minute; those whose number is in `holes` are left out. Rows of open time, open, high, low, close, volume. */
export function candles(count, { seed = 1, price = 1_000, holes = [] } = {}) {
  let state = BigInt(seed)
  const next = () => {
    state = BigInt.asUintN(64, state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n)
    return Number(state >> 33n) / 2 ** 31
  }
  const isHole = new Set(holes)
  const rows = []
  for (let at = 0; at < count; at++) {
    const open = price
    const wild = Math.floor(at / 61) % 3 === 2 ? 5 : 1
    price = Math.round(price * (1 + (next() - 0.5) * 0.004 * wild) * 100) / 100
    const volume = Math.round(next() * 50_000) / 1_000
    const [high, low] = [Math.max(open, price) + 0.5, Math.min(open, price) - 0.5]
    if (!isHole.has(at)) rows.push([START_MS + at * MINUTE_MS, open, high, low, price, volume])
  }
  return rows
}

/** Writes them where the name says symbol and interval. */
export function file(folder, name, rows) {
  const path = join(folder, name)
  const lines = ['open_time,open,high,low,close,volume', ...rows.map((row) => row.join(','))]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}
