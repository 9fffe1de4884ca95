// PostgREST: what works.

import assert from 'node:assert/strict'
import { byHand, check, item, keys, ok, service } from '../harness.mjs'

const items = () => service.from('items')
const ids = (rows) => rows.map((row) => row.id)

check('insert: 201 without a body', async () => {
  const answer = ok(await items().insert(item()))
  assert.equal(answer.status, 201)
  assert.equal(answer.data, null)
})

check('select: eq, is, in, order, limit', async () => {
  const rows = [item({ name: 'b', price: 1.5 }), item({ name: 'a', enabled: false }), item({ name: 'c', price: 2 })]
  ok(await items().insert(rows))
  const sorted = ok(await items().select('id,name').in('id', ids(rows)).order('name').limit(2))
  assert.deepEqual(sorted.data.map((row) => row.name), ['a', 'b'])
  const off = ok(await items().select().in('id', ids(rows)).is('enabled', false))
  assert.deepEqual(ids(off.data), [rows[1].id])
  const priceless = ok(await items().select('id').in('id', ids(rows)).is('price', null))
  assert.deepEqual(ids(priceless.data), [rows[1].id])
  const exact = ok(await items().select('name,price').eq('id', rows[0].id))
  assert.deepEqual(exact.data, [{ name: 'b', price: 1.5 }])
})

check('select: or, not, like, gt, values with commas and quotes', async () => {
  const rows = [item({ name: 'x,"y"', quantity: 1 }), item({ name: 'xz', quantity: 5 }), item({ name: 'q', quantity: 9 })]
  ok(await items().insert(rows))
  const mine = () => items().select('id').in('id', ids(rows)).order('quantity')
  assert.deepEqual(ids(ok(await mine().or('quantity.gt.8,name.eq."x,\\"y\\""')).data), [rows[0].id, rows[2].id])
  assert.deepEqual(ids(ok(await mine().or('and(quantity.gte.5,quantity.lt.9),name.eq.q')).data), [rows[1].id, rows[2].id])
  assert.deepEqual(ids(ok(await mine().not('name', 'like', 'x*')).data), [rows[2].id])
  assert.deepEqual(ids(ok(await mine().ilike('name', 'X%')).data), [rows[0].id, rows[1].id])
  assert.deepEqual(ids(ok(await mine().in('name', ['x,"y"', 'q'])).data), [rows[0].id, rows[2].id])
  assert.deepEqual(ids(ok(await mine().neq('quantity', 5).lte('quantity', 9)).data), [rows[0].id, rows[2].id])
})

check('select: paths into JSON and casts', async () => {
  const row = item({ payload: { a: { b: 'deep' } } })
  ok(await items().insert(row))
  const answer = ok(await items().select('b:payload->a->>b,quantity::text').eq('payload->a->>b', 'deep').eq('id', row.id))
  assert.deepEqual(answer.data, [{ b: 'deep', quantity: '7' }])
})

check('select: head with an exact count', async () => {
  const answer = ok(await service.from('numbers').select('*', { count: 'exact', head: true }))
  assert.equal(answer.count, 1506)
  assert.equal(answer.data, null)
})

check('single: one row as an object', async () => {
  const row = item()
  ok(await items().insert(row))
  assert.equal(ok(await items().select('id').eq('id', row.id).single()).data.id, row.id)
})

check('maybeSingle: none is null', async () => {
  assert.equal(ok(await items().select('id').eq('id', item().id).maybeSingle()).data, null)
})

check('max-rows: 1000 of 1506, without a word', async () => {
  const answer = ok(await service.from('numbers').select('n').order('n'))
  assert.equal(answer.status, 200)
  assert.equal(answer.data.length, 1000)
})

check('keyset paging: every row, and an empty page at the end', async () => {
  const seen = []
  for (;;) {
    const last = seen.at(-1)?.n ?? 0
    const page = ok(await service.from('numbers').select('n').order('n').gt('n', last).limit(700)).data
    if (page.length === 0) break
    seen.push(...page)
  }
  assert.equal(seen.length, 1506)
})

check('range with a count: 206 and Content-Range', async () => {
  const answer = ok(await service.from('numbers').select('n', { count: 'exact' }).order('n').range(10, 19))
  assert.equal(answer.status, 206)
  assert.equal(answer.count, 1506)
  assert.equal(answer.data[0].n, 11)
  const raw = await byHand('/rest/v1/numbers?select=n&order=n', {
    key: keys.serviceJwt,
    headers: { Range: '0-9', 'Range-Unit': 'items', Prefer: 'count=exact' },
  })
  assert.equal(raw.headers.get('content-range'), '0-9/1506')
})

check('upsert, ignoring duplicates: 201 and the number of new rows', async () => {
  const rows = [item(), item(), item()]
  ok(await items().insert(rows[0]))
  const send = () => items().upsert(rows, { onConflict: 'id', ignoreDuplicates: true, count: 'exact' })
  const first = ok(await send())
  assert.deepEqual([first.status, first.count], [201, 2])
  const again = ok(await send())
  assert.deepEqual([again.status, again.count], [201, 0])
})

check('upsert, ignoring duplicates: the representation has new rows only', async () => {
  const rows = [item(), item()]
  ok(await items().insert(rows[0]))
  const answer = ok(await items().upsert(rows, { onConflict: 'id', ignoreDuplicates: true }).select('id'))
  assert.deepEqual(answer.data, [{ id: rows[1].id }])
})

check('upsert, ignoring duplicates: a duplicate within the batch counts once', async () => {
  const row = item()
  const answer = ok(await items().upsert([row, row], { onConflict: 'id', ignoreDuplicates: true, count: 'exact' }))
  assert.deepEqual([answer.status, answer.count], [201, 1])
})

check('upsert, merging: the row is updated, 200 when none is new', async () => {
  const row = item({ quantity: 1 })
  ok(await items().insert(row))
  const answer = ok(await items().upsert({ ...row, quantity: 2 }).select())
  assert.equal(answer.status, 200)
  assert.equal(answer.data[0].quantity, 2)
})

check('insert with columns: missing=default takes the default, otherwise null', async () => {
  const rows = [item({ quantity: 3 }), item()]
  const answer = ok(await items().insert(rows, { defaultToNull: false }).select('quantity').order('quantity'))
  assert.deepEqual(answer.data.map((row) => row.quantity).sort(), [3, 7])
  const bare = item()
  const withNull = await items().insert([item({ enabled: false }), bare])
  ok(withNull)
  assert.equal(ok(await items().select('enabled').eq('id', bare.id).single()).data.enabled, null)
})

check('insert with columns: other keys of the payload are ignored', async () => {
  const row = item()
  const raw = await byHand('/rest/v1/items?on_conflict=id&columns=id,name', {
    key: keys.serviceJwt,
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Prefer: 'resolution=ignore-duplicates,return=minimal,missing=default,count=exact,handling=strict',
    },
    body: JSON.stringify([{ ...row, quantity: 99, unknown: 1 }]),
  })
  assert.equal(raw.status, 201, raw.text)
  assert.equal(raw.text, '')
  assert.equal(raw.headers.get('content-range'), '*/1')
  const applied = 'resolution=ignore-duplicates, missing=default, return=minimal, count=exact, handling=strict'
  assert.equal(raw.headers.get('preference-applied'), applied)
  assert.equal(ok(await items().select('quantity').eq('id', row.id).single()).data.quantity, 7)
})

check('update: 204, or 200 with the rows', async () => {
  const row = item()
  ok(await items().insert(row))
  assert.equal(ok(await items().update({ name: 'new' }).eq('id', row.id)).status, 204)
  const answer = ok(await items().update({ quantity: 0 }, { count: 'exact' }).eq('id', row.id).select('name,quantity'))
  assert.deepEqual([answer.status, answer.count, answer.data], [200, 1, [{ name: 'new', quantity: 0 }]])
})

check('delete: 204, or 200 with the rows', async () => {
  const rows = [item(), item()]
  ok(await items().insert(rows))
  assert.equal(ok(await items().delete().eq('id', rows[0].id)).status, 204)
  assert.deepEqual(ok(await items().delete().in('id', ids(rows)).select('id')).data, [{ id: rows[1].id }])
})

check('rpc: a value, rows, and nothing', async () => {
  assert.equal(ok(await service.rpc('add', { a: 2, b: 3 })).data, 5)
  assert.equal(ok(await service.rpc('add', { a: 2 })).data, 3)
  assert.deepEqual(ok(await service.rpc('first_numbers', { how_many: 2 })).data, [{ n: 1 }, { n: 2 }])
  assert.equal(ok(await service.rpc('nothing')).status, 204)
})

check('rpc: the role and the claims are those of the key', async () => {
  assert.deepEqual(ok(await service.rpc('who')).data, { role: 'service_role', uid: null })
})
