// Realtime.

import assert from 'node:assert/strict'
import { byHand, check, client, item, keys, ok, service, url, user, userId } from '../harness.mjs'

const SUBSCRIBED = 'Subscribed to PostgreSQL'

// Messages as they come, and waiting for the first that fits; those before it are given back too.
const inbox = () => {
  const messages = []
  let wake = () => {}
  return {
    put: (message) => {
      messages.push(message)
      wake()
    },
    until: async (fits) => {
      for (;;) {
        const at = messages.findIndex(fits)
        if (at >= 0) return messages.splice(0, at + 1)
        await new Promise((resolve) => (wake = resolve))
      }
    },
  }
}

// Subscribes to changes and waits for the word that they will come. Returns the changes and a way to leave.
const subscribe = async (who, bindings = [{ event: '*', table: 'items' }]) => {
  const changes = inbox()
  const system = inbox()
  const channel = who.channel(`check-${item().id}`)
  for (const binding of bindings) {
    channel.on('postgres_changes', { schema: 'public', ...binding }, changes.put)
  }
  channel.on('system', {}, system.put)
  const statuses = inbox()
  channel.subscribe((status, error) => statuses.put({ status, error }))
  const [joined] = (await statuses.until(({ status }) => status !== 'CLOSED')).slice(-1)
  const [word] = joined.status === 'SUBSCRIBED' ? (await system.until(() => true)).slice(-1) : []
  return { changes, joined, word, leave: () => who.removeChannel(channel) }
}

const items = () => service.from('items')
const of = (id) => (change) => (change.new.id ?? change.old.id) === id
const added = async (fields) => {
  const row = item(fields)
  ok(await items().insert(row))
  return row
}
const set = async (row, fields) => ok(await items().update(fields).eq('id', row.id))

check('subscribe: SUBSCRIBED, then a system message that says ok', async () => {
  const { joined, word, leave } = await subscribe(service)
  assert.equal(joined.status, 'SUBSCRIBED')
  assert.equal(word.message, SUBSCRIBED)
  assert.equal(word.status, 'ok')
  assert.equal(word.extension, 'postgres_changes')
  assert.equal(await leave(), 'ok')
})

check('INSERT: the row, typed', async () => {
  const { changes, leave } = await subscribe(service)
  const row = await added({ price: 1.25, payload: { a: [1] }, enabled: false })
  const [change] = (await changes.until(of(row.id))).slice(-1)
  assert.equal(change.eventType, 'INSERT')
  assert.deepEqual([change.new.price, change.new.payload, change.new.enabled], [1.25, { a: [1] }, false])
  assert.equal(change.errors, null)
  await leave()
})

check('UPDATE: two of them in order, the old row is its key', async () => {
  const { changes, leave } = await subscribe(service)
  const row = await added()
  await set(row, { quantity: 1 })
  await set(row, { quantity: 2 })
  const seen = await changes.until((change) => of(row.id)(change) && change.new.quantity === 2)
  const updates = seen.filter((change) => of(row.id)(change) && change.eventType === 'UPDATE')
  assert.deepEqual(updates.map((change) => change.new.quantity), [1, 2])
  assert.deepEqual(updates[0].old, { id: row.id })
  await leave()
})

check('DELETE: the key only', async () => {
  const { changes, leave } = await subscribe(service)
  const row = await added()
  ok(await items().delete().eq('id', row.id))
  const [change] = (await changes.until((change) => change.eventType === 'DELETE' && of(row.id)(change))).slice(-1)
  assert.deepEqual(change.old, { id: row.id })
  assert.deepEqual(change.new, {})
  await leave()
})

check('a table that is not in the publication: SUBSCRIBED, then a system message with an error', async () => {
  const { joined, word, leave } = await subscribe(service, [{ event: '*', table: 'unpublished' }])
  assert.equal(joined.status, 'SUBSCRIBED')
  assert.equal(word.status, 'error')
  assert.match(word.message, /Please check Realtime is enabled for the given connect parameters/)
  await leave()
})

check('a filter on an unknown column: a system message with an error', async () => {
  const { word, leave } = await subscribe(service, [{ event: '*', table: 'items', filter: 'nope=eq.1' }])
  assert.equal(word.status, 'error')
  await leave()
})

check('filters look at the new row: the event that switches something off does not pass', async () => {
  const filtered = await subscribe(service, [{ event: '*', table: 'items', filter: 'enabled=eq.true' }])
  const row = await added()
  await set(row, { enabled: false })
  await set(row, { enabled: true })
  const seen = await filtered.changes.until((change) => of(row.id)(change) && change.eventType === 'UPDATE')
  assert.deepEqual(seen.filter(of(row.id)).map((change) => change.new.enabled), [true, true])
  await filtered.leave()
})

check('a filter on another column than the key: no DELETE passes', async () => {
  const filtered = await subscribe(service, [{ event: '*', table: 'items', filter: 'name=eq.kept' }])
  const [gone, last] = [await added({ name: 'kept' }), item({ name: 'kept' })]
  ok(await items().delete().eq('id', gone.id))
  ok(await items().insert(last))
  const seen = await filtered.changes.until(of(last.id))
  assert.deepEqual(seen.filter(of(gone.id)).map((change) => change.eventType), ['INSERT'])
  await filtered.leave()
})

check('bindings for one event each', async () => {
  const bindings = [{ event: 'DELETE', table: 'items' }, { event: 'UPDATE', table: 'items', filter: 'quantity=gt.5' }]
  const { changes, leave } = await subscribe(service, bindings)
  const row = await added()
  await set(row, { quantity: 1 })
  await set(row, { quantity: 6 })
  ok(await items().delete().eq('id', row.id))
  const seen = await changes.until((change) => change.eventType === 'DELETE' && of(row.id)(change))
  assert.deepEqual(seen.filter(of(row.id)).map((change) => change.eventType), ['UPDATE', 'DELETE'])
  await leave()
})

// Compresses badly, so that it is stored outside of its row.
const large = (bytes) => ({ text: Array.from({ length: bytes / 32 }, () => item().id.replaceAll('-', '')).join('') })

check('a large value that did not change: its column is absent, not null', async () => {
  const row = await added({ payload: large(20_000) })
  const { changes, leave } = await subscribe(service)
  await set(row, { enabled: false })
  const [change] = (await changes.until((change) => change.eventType === 'UPDATE' && of(row.id)(change))).slice(-1)
  assert.equal(change.new.enabled, false)
  assert.equal('payload' in change.new, false)
  await leave()
})

check('a row above 1 MB: Error 413, small fields only', async () => {
  const { changes, leave } = await subscribe(service)
  const row = await added({ payload: large(1_100_000) })
  const [change] = (await changes.until(of(row.id))).slice(-1)
  assert.deepEqual(change.errors, ['Error 413: Payload Too Large'])
  assert.equal('payload' in change.new, false)
  await leave()
})

check('sb_secret: subscribes', async () => {
  const secret = client(keys.serviceSecret)
  const { changes, word, leave } = await subscribe(secret)
  assert.equal(word.message, SUBSCRIBED)
  const row = await added()
  await changes.until(of(row.id))
  await leave()
  await secret.realtime.disconnect()
})

check('a user: own rows only', async () => {
  await user.realtime.setAuth()
  const { changes, word, leave } = await subscribe(user)
  assert.equal(word.message, SUBSCRIBED)
  const foreign = await added({ user_id: item().id })
  const own = await added({ user_id: userId })
  const seen = await changes.until(of(own.id))
  assert.equal(seen.some(of(foreign.id)), false)
  await leave()
})

check('version 1.0.0 of the serializer', async () => {
  const old = client(keys.serviceJwt, { realtime: { vsn: '1.0.0' } })
  const { changes, word, leave } = await subscribe(old)
  assert.equal(word.message, SUBSCRIBED)
  const row = await added()
  await changes.until(of(row.id))
  assert.equal(await leave(), 'ok')
  await old.realtime.disconnect()
})

check('an expired token: the join is refused', async () => {
  const late = client(keys.anonJwt, { accessToken: async () => keys.expiredJwt })
  await late.realtime.setAuth()
  const { joined, leave } = await subscribe(late)
  assert.equal(joined.status, 'CHANNEL_ERROR')
  assert.match(String(joined.error?.message ?? joined.error), /InvalidJWTToken/)
  await leave()
  await late.realtime.disconnect()
})

check('heartbeats are answered', async () => {
  const beats = inbox()
  const beating = client(keys.serviceJwt, { realtime: { heartbeatIntervalMs: 50, heartbeatCallback: beats.put } })
  const { leave } = await subscribe(beating)
  await beats.until((status) => status === 'ok')
  await leave()
  await beating.realtime.disconnect()
})

check('a wrong key: the handshake is refused with 401 (by hand)', async () => {
  const raw = await byHand('/realtime/v1/websocket?apikey=sb_secret_wrong&vsn=2.0.0')
  assert.equal(raw.status, 401)
  assert.equal(raw.json().message, 'Invalid API key')
  assert.ok(url.startsWith('http://127.0.0.1:'))
})
