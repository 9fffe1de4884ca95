// The binary under test, and the reports that it writes.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const variable = (name) => {
  const value = process.env[name]
  if (!value) throw new Error(`the variable ${name} is not set; run the checks with: cargo xtask test`)
  return value
}

/** A folder that is gone when the process ends. */
export const folder = mkdtempSync(join(tmpdir(), 'vyx-browser-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

export const component = (name) => join(variable('VYX_TRADERS'), `${name}.wasm`)

/** Runs `vyx test` with a report; its path, and the signals that were printed. */
export function replay(name, module, args) {
  const report = join(folder, `${name}.html`)
  const env = { PATH: process.env.PATH, HOME: folder, DATA_DIR: join(folder, 'data') }
  const ran = spawnSync(variable('VYX_BIN'), ['test', module, '--json', '--report', report, ...args], { env, encoding: 'utf8', maxBuffer: 1 << 28 })
  assert.equal(ran.status, 0, ran.stderr)
  const lines = ran.stdout.trim().split('\n').map((line) => JSON.parse(line))
  return { report, signals: lines.filter((line) => !line.summary), summary: lines.at(-1) }
}
