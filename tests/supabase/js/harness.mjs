// The clients, and what the checks are written in.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'

const variable = (name) => {
  const value = process.env[name]
  if (!value) throw new Error(`the variable ${name} is not set`)
  return value
}

export const url = variable('STANDIN_URL')
export const keys = {
  serviceJwt: variable('STANDIN_SERVICE_JWT'),
  serviceSecret: variable('STANDIN_SERVICE_SECRET'),
  anonJwt: variable('STANDIN_ANON_JWT'),
  publishable: variable('STANDIN_PUBLISHABLE'),
  userJwt: variable('STANDIN_USER_JWT'),
  expiredJwt: variable('STANDIN_EXPIRED_JWT'),
}
export const userId = variable('STANDIN_USER_ID')

// Node has a WebSocket of its own from version 22.
const transport = globalThis.WebSocket ?? (await import('ws')).default

export const client = (key, options = {}) =>
  createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...options,
    realtime: { transport, ...options.realtime },
  })

export const service = client(keys.serviceJwt)
export const user = client(keys.anonJwt, { accessToken: async () => keys.userJwt })

// A request by hand, for what the client does not do.
export const byHand = async (path, { key, bearer, ...init } = {}) => {
  const headers = { ...(key && { apikey: key }), ...(bearer && { Authorization: `Bearer ${bearer}` }), ...init.headers }
  const response = await fetch(url + path, { ...init, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) }
}

export const item = (fields = {}) => ({ id: randomUUID(), name: 'thing', ...fields })

// What the client reports of a refused request.
export const refused = ({ error, status, data }, expectedStatus, code) => {
  assert.ok(error, `not refused: ${JSON.stringify(data)}`)
  assert.equal(error.code, code, JSON.stringify(error))
  assert.equal(status, expectedStatus, JSON.stringify(error))
  return error
}

export const ok = (answer) => {
  assert.equal(answer.error, null, JSON.stringify(answer.error))
  return answer
}

const checks = []
export const check = (name, run) => checks.push({ name, run })

// One line for each check; how many failed.
export const runAll = async () => {
  let failed = 0
  for (const [index, { name, run }] of checks.entries()) {
    try {
      await guarded(run(), name)
      console.log(`ok ${index + 1} - ${name}`)
    } catch (error) {
      failed += 1
      console.log(`not ok ${index + 1} - ${name}\n${String(error.stack ?? error).replace(/^/gm, '    ')}`)
    }
  }
  console.log(`1..${checks.length}`)
  return failed
}

// What hangs fails, long after anything that works is over.
const guarded = (promise, what) => {
  let timer
  const hang = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing for a minute`)), 60_000)
  })
  return Promise.race([promise, hang]).finally(() => clearTimeout(timer))
}
