// PostgREST: what is refused, with which status and code.

import assert from 'node:assert/strict'
import { byHand, check, item, keys, ok, refused, service } from '../harness.mjs'

const items = () => service.from('items')

check('single: none is 406 PGRST116', async () => {
  const error = refused(await items().select().eq('id', item().id).single(), 406, 'PGRST116')
  assert.equal(error.details, 'The result contains 0 rows')
})

check('unique: 409 23505', async () => {
  const row = item({ code: item().id })
  ok(await items().insert(row))
  refused(await items().insert(item({ code: row.code })), 409, '23505')
  const tolerant = items().upsert(item({ code: row.code }), { onConflict: 'id', ignoreDuplicates: true })
  refused(await tolerant, 409, '23505')
})

check('foreign key: 409 23503, the details name the key', async () => {
  const error = refused(await items().insert(item({ maker_id: item().id })), 409, '23503')
  assert.match(error.details, /maker_id/)
})

check('a bad row refuses the whole batch', async () => {
  const good = item({ quantity: 1 })
  refused(await items().insert([good, item({ quantity: -1 })]), 400, '23514')
  assert.equal(ok(await items().select('id').eq('id', good.id).maybeSingle()).data, null)
})

check('check: 400 23514', async () => {
  refused(await items().insert(item({ quantity: -1 })), 400, '23514')
})

check('not null: 400 23502', async () => {
  refused(await items().insert(item({ name: null })), 400, '23502')
})

check('no uuid: 400 22P02', async () => {
  refused(await items().insert(item({ id: 'x' })), 400, '22P02')
  refused(await items().select().eq('id', 'x'), 400, '22P02')
})

check('a number out of range: 400 22003; a zero byte: 400 22P05', async () => {
  refused(await items().insert(item({ quantity: 3_000_000_000 })), 400, '22003')
  refused(await items().insert(item({ payload: { a: '\u0000' } })), 400, '22P05')
})

check('two equal keys in a merge: 500 21000', async () => {
  const row = item()
  refused(await items().upsert([row, row]), 500, '21000')
})

check('no constraint for on_conflict: 400 42P10', async () => {
  refused(await items().upsert(item(), { onConflict: 'name', ignoreDuplicates: true }), 400, '42P10')
})

check('an unknown column, written: 400 PGRST204', async () => {
  refused(await items().insert([item({ nope: 1 })]), 400, 'PGRST204')
  refused(await items().update({ nope: 1 }).eq('id', item().id), 400, 'PGRST204')
})

check('an unknown column, read: 400 42703', async () => {
  refused(await items().select('nope'), 400, '42703')
  refused(await items().select('id').eq('nope', 1), 400, '42703')
})

check('an unknown table: 404 PGRST205', async () => {
  refused(await service.from('nowhere').select(), 404, 'PGRST205')
})

check('an unknown function: 404 PGRST202', async () => {
  refused(await service.rpc('nowhere'), 404, 'PGRST202')
  refused(await service.rpc('add', { a: 1, c: 2 }), 404, 'PGRST202')
})

check('a bad filter: 400 PGRST100', async () => {
  refused(await items().select().filter('name', 'nope', 'x'), 400, 'PGRST100')
})

check('an offset past the end, with a count: 416 PGRST103', async () => {
  const answer = await service.from('numbers').select('n', { count: 'exact' }).range(2000, 2009)
  refused(answer, 416, 'PGRST103')
})

const post = (path, body, headers = {}) =>
  byHand(path, {
    key: keys.serviceJwt,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

check('rows with different keys and no columns: 400 PGRST102 (by hand)', async () => {
  const raw = await post('/rest/v1/items', [item(), item({ quantity: 1 })])
  assert.equal(raw.status, 400)
  assert.equal(raw.json().code, 'PGRST102')
  assert.equal(raw.json().message, 'All object keys must match')
})

check('an unknown preference with handling=strict: 400 PGRST122 (by hand)', async () => {
  const raw = await post('/rest/v1/items', item(), { Prefer: 'handling=strict, nope=1' })
  assert.equal(raw.status, 400)
  assert.equal(raw.json().code, 'PGRST122')
})

check('an error names its code in Proxy-Status, also for HEAD (by hand)', async () => {
  const raw = await byHand('/rest/v1/nowhere', { key: keys.serviceJwt, method: 'HEAD' })
  assert.equal(raw.status, 404)
  assert.equal(raw.headers.get('proxy-status'), 'PostgREST; error=PGRST205')
})
