// Mouse, wheel and touch; a phone; many candles; none.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { candles, file } from '../support/candles.mjs'
import { markers, open, overflow, settled, view } from '../support/browser.mjs'
import { component, folder, replay } from '../support/vyx.mjs'

const COUNT = 100_000
const small = file(folder, 'LTCUSDT-1m.csv', candles(900, { seed: 3 }))
const large = file(folder, 'SOLUSDT-1m.csv', candles(COUNT, { seed: 7, holes: [50_000, 50_001] }))
const many = replay('many', component('macd-cross-below-40'), ['--params', 'interval=1m', '--candles', large])
// The averages are never there.
const none = replay('none', component('golden-cross'), ['--params', 'interval=1m', 'short_period=400', 'long_period=500', '--candles', file(folder, 'XRPUSDT-1m.csv', candles(300))])
const plain = replay('plain', component('dual-stoch-rsi-entry'), ['--candles', small])

/** Drags over the chart from one share of its width to another. */
async function drag(page, from, to) {
  const box = await page.locator('#candles').boundingBox()
  const y = box.y + 120
  await page.mouse.move(box.x + box.width * from, y)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * ((from + to) / 2), y, { steps: 4 })
  await page.mouse.move(box.x + box.width * to, y, { steps: 4 })
  await page.mouse.up()
  await settled(page)
}

test('a hundred thousand candles open, move and zoom', async (t) => {
  assert.ok(many.signals.length > 100)
  const { page, close } = await open(t, many.report)
  const first = await view(page)
  await drag(page, 0.3, 0.7)
  const moved = await view(page)
  assert.ok(moved.from < first.from, 'what was dragged to the right shows earlier candles')
  assert.ok(Math.abs(moved.to - moved.from - (first.to - first.from)) < 1e-6)
  await page.locator('#all').click()
  await settled(page)
  const all = await view(page)
  assert.ok(all.from <= 0 && all.to >= COUNT - 2)
  const shown = await markers(page)
  assert.equal(shown.length, many.signals.length, 'every signal is somewhere')
  for (const marker of shown) assert.ok(Math.abs(marker.under.candle - marker.candle) <= (4 * COUNT) / all.width, 'near its candle')
  const box = await page.locator('#candles').boundingBox()
  const at = box.width * 0.25
  const under = await page.evaluate((x) => window.vyxReport.candleAt(x).candle, at)
  await page.mouse.move(box.x + at, box.y + 100)
  for (let turn = 0; turn < 12; turn++) await page.mouse.wheel(0, -240)
  await page.waitForFunction(() => window.vyxReport.view().to - window.vyxReport.view().from < 2_000)
  await settled(page)
  const near = await page.evaluate((x) => window.vyxReport.candleAt(x).candle, at)
  assert.ok(Math.abs(near - under) <= COUNT / all.width + 2, 'what was under the pointer stays there')
  const zoomed = await view(page)
  await page.mouse.wheel(300, 0)
  await page.waitForFunction((from) => window.vyxReport.view().from !== from, zoomed.from)
  await close()
})

test('the list of many signals has pages', async (t) => {
  const { page, close } = await open(t, many.report)
  assert.equal(await page.locator('tr[data-signal]').count(), 100)
  await page.getByRole('button', { name: 'Later rows' }).click()
  assert.equal(await page.locator('tr[data-signal]').first().getAttribute('data-signal'), '100')
  await page.locator('#signals th button', { hasText: '+20' }).click()
  const returns = await page.locator('tr[data-signal] td:nth-child(7)').allTextContents()
  const values = returns.filter((text) => text !== '–').map((text) => Number(text.replace('−', '-').replace('%', '')))
  assert.deepEqual(values, [...values].sort((a, b) => a - b))
  await close()
})

test('a phone shows it without moving sideways, and fingers move the chart', async (t) => {
  for (const { report } of [plain, many, none]) {
    const { page, close } = await open(t, report, { width: 390, height: 844, touch: true })
    assert.equal(await overflow(page), 0)
    const outside = await page.evaluate(() =>
      [...document.querySelectorAll('body *')]
        .filter((element) => !element.closest('.scroll, .unseen') && element.getBoundingClientRect().right > window.innerWidth + 0.5)
        .map((element) => element.outerHTML.slice(0, 80)),
    )
    assert.deepEqual(outside, [])
    await close()
  }
  const { page, close } = await open(t, plain.report, { width: 390, height: 844, touch: true })
  const before = await view(page)
  const session = await page.context().newCDPSession(page)
  const touch = (type, points) => session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) })
  await page.locator('#candles').scrollIntoViewIfNeeded()
  const box = await page.locator('#candles').boundingBox()
  const y = box.y + 80
  await touch('touchStart', [[100, y]])
  for (const x of [120, 160, 200, 240]) await touch('touchMove', [[x, y]])
  await touch('touchEnd', [])
  await page.waitForFunction((from) => window.vyxReport.view().from < from, before.from)
  await settled(page)
  const moved = await view(page)
  await touch('touchStart', [[150, y], [200, y]])
  for (const by of [10, 20, 30, 40]) await touch('touchMove', [[150 - by, y], [200 + by, y]])
  await touch('touchEnd', [])
  await page.waitForFunction((span) => window.vyxReport.view().to - window.vyxReport.view().from < span * 0.7, moved.to - moved.from)
  await close()
})

test('without a signal there is a chart and plain words', async (t) => {
  assert.equal(none.signals.length, 0)
  const { page, close } = await open(t, none.report)
  assert.match(await page.locator('#signals').textContent(), /The trader signalled nothing on these candles\./)
  assert.match(await page.locator('#returns').textContent(), /Without signals there is nothing to look after\./)
  const now = await view(page)
  assert.ok(now.to > 0)
  await page.locator('#next').click()
  await drag(page, 0.7, 0.3)
  await close()
})

test('the plots of the chart are those of the signals', async (t) => {
  const { page, close } = await open(t, plain.report)
  assert.ok(plain.signals.length > 3)
  for (const signal of plain.signals) {
    const lines = await page.evaluate((openMs) => {
      const { data, linesAt } = window.vyxReport
      const found = data.signals.find((signal) => signal.open_time_ms === openMs)
      window.vyxReport.show(found.stream)
      return linesAt(found.candle)
    }, Date.parse(signal.open_time))
    const told = [...signal.plots.fast, ...signal.plots.slow]
    lines.forEach((value, at) => assert.ok(Math.abs(value - told[at]) < 1e-5, `${value} is not ${told[at]}`))
  }
  await close()
})
