// What the page is beside its chart: safe, readable by a machine, in two colours, and usable where there is nothing.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { candles, file } from '../support/candles.mjs'
import { open, settled } from '../support/browser.mjs'
import { component, folder, replay } from '../support/vyx.mjs'

const { report, signals } = replay('page', component('stoch-rsi-overbought-short'), ['--params', 'interval=1m', '--candles', file(folder, 'BTCUSDT-1m.csv', candles(1_500, { seed: 23 }))])
const BLOCK = /(<script type="application\/json" id="data">)(.*?)(<\/script>)/s

/** The same page around other data, written as the host writes it. */
function changed(name, change) {
  const page = readFileSync(report, 'utf8')
  const data = JSON.parse(BLOCK.exec(page)[2])
  change(data)
  const escapes = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' }
  const text = JSON.stringify(data).replace(/[<>&]/g, (character) => escapes[character])
  const path = join(folder, `${name}.html`)
  writeFileSync(path, page.replace(BLOCK, (_, before, __, after) => before + text + after))
  return path
}

test('words of a trader stay words', async (t) => {
  const hostile = '</script><img src=x onerror="alert(1)"><b>\'"&lt;'
  const path = changed('hostile', (data) => {
    data.trader.name = data.trader.summary = data.trader.sdk = hostile
    for (const tag of data.tags) tag.help = hostile
    for (const plot of data.plots) plot.title = hostile
    for (const param of data.params) Object.assign(param, { help: hostile, value: hostile, choices: [hostile] })
    data.cost.faults.push({ outcome: 'trap', reason: hostile, symbols: ['BTCUSDT'], interval: '1m', close_time_ms: data.signals[0].close_time_ms })
  })
  const { page, close } = await open(t, path)
  assert.equal(await page.locator('#name').textContent(), hostile)
  assert.equal(await page.locator('img, b').count(), 0)
  assert.equal(await page.locator('#cost td.words').textContent(), hostile)
  await close()
})

test('the policy of the page runs no other script and no other style', async (t) => {
  const { page } = await open(t, report)
  await page.evaluate(() => {
    window.violations = []
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.effectiveDirective))
    const script = document.createElement('script')
    script.textContent = 'window.broken = true'
    const style = document.createElement('style')
    style.textContent = 'body { color: red }'
    document.body.append(script, style)
    return fetch('https://localhost:1/').catch(() => {})
  })
  await page.waitForFunction(() => window.violations.length >= 3)
  const found = await page.evaluate(() => ({ violations: window.violations, broken: window.broken === true }))
  assert.equal(found.broken, false)
  assert.deepEqual(found.violations.sort(), ['connect-src', 'script-src-elem', 'style-src-elem'])
})

test('a reader without eyes finds title, language, heads and names', async (t) => {
  const { page, close } = await open(t, report)
  assert.match(await page.title(), /StochRSI.* · vyx test$/)
  assert.equal(await page.locator('html').getAttribute('lang'), 'en')
  const nameless = await page.evaluate(() => {
    const name = (element) => element.getAttribute('aria-label') || element.textContent.trim() || element.title
    return {
      controls: [...document.querySelectorAll('button, select, canvas:not([aria-hidden])')].filter((element) => !name(element)).length,
      tables: [...document.querySelectorAll('table')].filter((table) => !table.getAttribute('aria-label') || table.querySelectorAll('thead th[scope="col"]').length === 0).length,
      sections: [...document.querySelectorAll('section')].filter((section) => !document.getElementById(section.getAttribute('aria-labelledby'))).length,
    }
  })
  assert.deepEqual(nameless, { controls: 0, tables: 0, sections: 0 })
  await close()
})

test('its words can be read in the light and in the dark', async (t) => {
  for (const dark of [false, true]) {
    const { page, close } = await open(t, report, { dark })
    const faint = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement)
      const light = (colour) => {
        const parts = colour.match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16) / 255)
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      const of = (name) => light(style.getPropertyValue(`--${name}`).trim())
      const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      const words = ['text', 'soft', 'accent', 'up', 'down'].filter((name) => contrast(of(name), of('card')) < 4.2)
      const marks = Array.from({ length: 8 }, (_, at) => `tag-${at}`).concat(Array.from({ length: 6 }, (_, at) => `line-${at}`), ['gap'])
      return words.concat(marks.filter((name) => contrast(of(name), of('card')) < 3))
    })
    assert.deepEqual(faint, [])
    await close()
  }
})

test('the figures are those that the command prints', async (t) => {
  const { page, close } = await open(t, report)
  const facts = await page.locator('#facts').textContent()
  assert.ok(facts.includes(`Signals${signals.length}`), facts)
  const tags = [...new Set(signals.map((signal) => signal.tag))]
  const rows = await page.locator('#returns tr[data-horizon]').count()
  assert.equal(rows, 4 * (tags.length + 1))
  const bars = await page.locator('#returns svg').first().locator('title').allTextContents()
  const counted = bars.reduce((sum, text) => sum + Number(text.split(': ')[1].replace(/,/g, '')), 0)
  const known = await page.locator('#returns tr[data-horizon="1"] td').first().textContent()
  assert.equal(counted, Number(known.split(' ')[0].replace(/,/g, '')))
  await close()
})

test('a report without candles says so', async (t) => {
  const path = changed('nothing', (data) => {
    Object.assign(data, { streams: [], signals: [], gaps: [] })
    Object.assign(data.returns, { tags: [], every_candle: [] })
    data.cost.fuel = null
  })
  const { page, close } = await open(t, path)
  assert.equal(await page.locator('#nothing').textContent(), 'There are no candles to draw.')
  assert.equal(await page.locator('#candles').isVisible(), false)
  await settled(page)
  await close()
})
