// Markers stand on the candles that `vyx test` signalled, whatever is in view.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MINUTE_MS, START_MS, candles, file } from '../support/candles.mjs'
import { markers, open, settled, view } from '../support/browser.mjs'
import { component, folder, replay } from '../support/vyx.mjs'

const btc = candles(4_000, { seed: 5, holes: [1_500, 1_501, 1_502, 2_700] })
const eth = candles(3_000, { seed: 11, price: 50 })
const files = [file(folder, 'BTCUSDT-1m.csv', btc), file(folder, 'ETHUSDT-1m.csv', eth)]
const { report, signals } = replay('markers', component('rsi-oversold-bounce'), ['--params', 'interval=1m', '--candles', ...files])

const openMs = (signal) => Date.parse(signal.open_time)
const of = (symbol) => signals.filter((signal) => signal.symbol === symbol)
const key = (symbol, ms, tag) => `${symbol} ${ms} ${tag}`

test('every signal of the replay has its marker on its candle', async (t) => {
  assert.ok(of('BTCUSDT').length > 5 && of('ETHUSDT').length > 5, 'the replay signals on both')
  const { page, close } = await open(t, report)
  const streams = await page.evaluate(() => window.vyxReport.data.streams.map(({ symbol, candles }) => ({ symbol, candles })))
  assert.deepEqual(streams, [{ symbol: 'BTCUSDT', candles: btc.length }, { symbol: 'ETHUSDT', candles: eth.length }])
  const found = []
  for (const [index, { symbol, candles: count }] of streams.entries()) {
    const rows = new Map((symbol === 'BTCUSDT' ? btc : eth).map((row) => [row[0], row]))
    await page.evaluate((index) => window.vyxReport.show(index), index)
    for (let from = 0; from < count; from += 150) {
      await page.evaluate(([from, to]) => window.vyxReport.setView(from, to), [from, from + 150])
      await settled(page)
      const { from: left, to: right, width } = await view(page)
      for (const marker of await markers(page)) {
        const row = rows.get(marker.openTimeMs)
        assert.ok(row, 'its candle is one of the file')
        assert.deepEqual([marker.under.openTimeMs, marker.under.open, marker.under.high, marker.under.low, marker.under.close], row.slice(0, 5), 'the candle under it is that of the file')
        assert.equal(marker.price, row[4], 'and its price the close')
        const expected = ((marker.candle + 0.5 - left) / (right - left)) * width
        assert.ok(Math.abs(marker.x - expected) < 0.01, `${marker.x} is not ${expected}`)
        if (marker.x > 2 && marker.x < width - 2) assert.deepEqual(marker.colour, [0x7a, 0x3f, 0xf2, 255], 'it is drawn there')
        found.push(key(symbol, marker.openTimeMs, marker.tag))
      }
    }
  }
  const told = signals.map((signal) => key(signal.symbol, openMs(signal), signal.tag))
  assert.deepEqual([...new Set(found)].sort(), told.sort())
  await close()
})

test('after a hole candles are still those that opened then', async (t) => {
  const { page, close } = await open(t, report)
  await page.evaluate(() => window.vyxReport.show(0))
  await page.evaluate(() => window.vyxReport.setView(1_490, 1_510))
  await settled(page)
  const times = await page.evaluate(() => {
    const { from, to, width } = window.vyxReport.view()
    return [1_499, 1_500].map((candle) => window.vyxReport.candleAt(((candle + 0.5 - from) / (to - from)) * width).openTimeMs)
  })
  assert.deepEqual(times, [START_MS + 1_499 * MINUTE_MS, START_MS + 1_503 * MINUTE_MS])
  const gaps = await page.locator('#gaps tbody tr').allTextContents()
  assert.equal(gaps.length, 2)
  assert.match(gaps[0], /BTCUSDT1m2025-01-02 01:002025-01-02 01:033$/)
  await close()
})

test('a signal of the table comes into view, on its stream', async (t) => {
  const { page, close } = await open(t, report)
  for (const symbol of ['ETHUSDT', 'BTCUSDT']) {
    const signal = of(symbol)[2]
    await page.locator(`tr[data-open-time="${openMs(signal)}"]`, { hasText: symbol }).locator('td').nth(3).click()
    await settled(page)
    const now = await view(page)
    assert.equal(now.stream, symbol === 'BTCUSDT' ? 0 : 1)
    const marker = (await markers(page)).find((marker) => marker.openTimeMs === openMs(signal))
    assert.ok(marker.x > now.width * 0.2 && marker.x < now.width * 0.8, 'it stands in the middle')
    assert.equal(await page.evaluate(() => window.vyxReport.chosen()), marker.signal)
    const chosen = await page.locator('tr[aria-selected="true"]').getAttribute('data-open-time')
    assert.equal(Number(chosen), openMs(signal))
  }
  await close()
})

test('streams are picked and signals stepped through by keys', async (t) => {
  const { page, close } = await open(t, report)
  await page.locator('#stream').selectOption('1')
  await settled(page)
  assert.equal((await view(page)).stream, 1)
  await page.locator('#candles').focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('n')
  await settled(page)
  const first = await page.evaluate(() => window.vyxReport.chosen())
  await page.keyboard.press('n')
  await page.keyboard.press('p')
  await settled(page)
  assert.equal(await page.evaluate(() => window.vyxReport.chosen()), first)
  const before = await view(page)
  await page.keyboard.press('ArrowRight')
  await settled(page)
  const moved = await view(page)
  assert.ok(moved.from > before.from)
  await page.keyboard.press('+')
  await settled(page)
  const zoomed = await view(page)
  assert.ok(zoomed.to - zoomed.from < moved.to - moved.from)
  await page.keyboard.press('0')
  await settled(page)
  const all = await view(page)
  assert.ok(all.from <= 0 && all.to >= 3_000)
  await close()
})

test('a kind of signal that is switched off is neither drawn nor listed', async (t) => {
  const { page, close } = await open(t, report)
  const chip = page.locator('#tags button').first()
  assert.equal(await chip.textContent(), `bounce ${signals.length}`)
  await chip.click()
  await settled(page)
  assert.deepEqual(await markers(page), [])
  assert.equal(await page.locator('tr[data-signal]').count(), 0)
  await chip.click()
  await settled(page)
  assert.ok((await page.locator('tr[data-signal]').count()) > 0)
  await close()
})
