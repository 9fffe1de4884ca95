// Chromium without a head, and a page that may ask for nothing but its own file.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { folder } from './vyx.mjs'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium']
const executablePath = process.env.VYX_CHROMIUM ?? PLACES.find((path) => existsSync(path))
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** A browser of its own for each visit, so that nothing is left over. It ends with the test, however that ends. */
export async function open(t, path, { width = 1280, height = 900, dark = false, touch = false } = {}) {
  assert.ok(executablePath, 'no Chromium found; set VYX_CHROMIUM to its path')
  const context = await chromium.launchPersistentContext(mkdtempSync(join(folder, 'profile-')), {
    executablePath,
    args: ARGS,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: touch,
  })
  t.after(() => context.close())
  const page = context.pages()[0] ?? (await context.newPage())
  const said = []
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => said.push(`error: ${error.stack}`))
  page.on('dialog', (dialog) => {
    said.push(`dialog: ${dialog.message()}`)
    dialog.dismiss()
  })
  page.on('request', (request) => said.push(`request: ${request.url()}`))
  const url = pathToFileURL(path).href
  await page.goto(url)
  await settled(page)
  return {
    page,
    /** Ends it: nothing was said on the console, and nothing asked for but the file. */
    async close() {
      await settled(page)
      await context.close()
      assert.deepEqual(said, [`request: ${url}`])
    },
  }
}

/** Once the chart has drawn all that was asked for. */
export const settled = (page) => page.evaluate(() => window.vyxReport.settled())

export const view = (page) => page.evaluate(() => window.vyxReport.view())

/** The markers, each with the candle that is drawn at its pixel and the colour that the canvas has there. */
export const markers = (page) =>
  page.evaluate(() => {
    const canvas = document.getElementById('candles')
    const ratio = canvas.width / canvas.clientWidth
    // Read from a copy: reading from the canvas itself would change how it is drawn.
    const copy = document.createElement('canvas')
    copy.width = canvas.width
    copy.height = canvas.height
    const context = copy.getContext('2d', { willReadFrequently: true })
    context.drawImage(canvas, 0, 0)
    return window.vyxReport.markers().map((marker) => ({
      ...marker,
      under: window.vyxReport.candleAt(marker.x),
      colour: [...context.getImageData(Math.round(marker.x * ratio), Math.round(marker.y * ratio), 1, 1).data],
    }))
  })

export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
