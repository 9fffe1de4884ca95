// Storage.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { byHand, check, client, item, keys, ok, service, user, userId } from '../harness.mjs'

const modules = (who = service) => who.storage.from('modules')
const wasm = { contentType: 'application/wasm', upsert: false, cacheControl: '31536000, immutable' }
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const fresh = async (folder = 'built-in') => {
  const bytes = randomBytes(64)
  const path = `${folder}/${sha256(bytes)}.wasm`
  ok(await modules().upload(path, bytes, wasm))
  return { bytes, path }
}
const failed = ({ error, data }, status) => {
  assert.ok(error, `not refused: ${JSON.stringify(data)}`)
  assert.equal(String(error.statusCode), status, JSON.stringify(error))
}
const object = (path) => `/storage/v1/object/authenticated/modules/${path}`

check('upload: the path and an id', async () => {
  const bytes = randomBytes(64)
  const answer = ok(await modules().upload('built-in/a.wasm', bytes, wasm))
  assert.equal(answer.data.path, 'built-in/a.wasm')
  assert.equal(answer.data.fullPath, 'modules/built-in/a.wasm')
  assert.ok(answer.data.id)
})

check('upload: the second one is refused, 409 Duplicate, and changes nothing', async () => {
  const { path, bytes } = await fresh()
  const answer = await modules().upload(path, randomBytes(64), wasm)
  failed(answer, '409')
  const raw = await byHand(`/storage/v1/object/modules/${path}`, {
    key: keys.serviceJwt,
    method: 'POST',
    headers: { 'Content-Type': 'application/wasm', 'x-upsert': 'false' },
    body: randomBytes(64),
  })
  assert.equal(raw.status, 400)
  assert.deepEqual(raw.json(), {
    statusCode: '409',
    error: 'Duplicate',
    code: 'KeyAlreadyExists',
    message: 'The resource already exists',
  })
  const kept = Buffer.from(await ok(await modules().download(path)).data.arrayBuffer())
  assert.equal(sha256(kept), sha256(bytes))
})

check('upload with upsert, and update: another version', async () => {
  const { path } = await fresh()
  const before = ok(await modules().info(path)).data
  ok(await modules().upload(path, randomBytes(10), { ...wasm, upsert: true }))
  const between = ok(await modules().info(path)).data
  ok(await modules().update(path, randomBytes(11), wasm))
  const after = ok(await modules().info(path)).data
  assert.equal(new Set([before.version, between.version, after.version]).size, 3)
  assert.equal(after.size, 11)
})

check('download: the bytes that were uploaded', async () => {
  const { path, bytes } = await fresh()
  const got = Buffer.from(await ok(await modules().download(path)).data.arrayBuffer())
  assert.equal(sha256(got), sha256(bytes))
})

check('info: what is known of an object', async () => {
  const { path } = await fresh()
  const info = ok(await modules().info(path)).data
  assert.equal(info.size, 64)
  assert.equal(info.contentType, 'application/wasm')
  assert.equal(info.name, path)
  assert.ok(info.id && info.version && info.etag && info.lastModified && info.createdAt)
})

check('list: names relative to the folder', async () => {
  const { path } = await fresh('listed')
  assert.deepEqual(ok(await modules().list('listed')).data.map((entry) => entry.name), [path.split('/')[1]])
  const folder = ok(await modules().list()).data.find((entry) => entry.name === 'listed')
  assert.equal(folder.id, null)
})

check('a missing object: HTTP 400, statusCode 404', async () => {
  failed(await modules().download('built-in/none.wasm'), '404')
  const raw = await byHand(object('built-in/none.wasm'), { key: keys.serviceJwt })
  assert.equal(raw.status, 400)
  assert.deepEqual(raw.json(), {
    statusCode: '404',
    error: 'not_found',
    code: 'NoSuchKey',
    message: 'Object not found',
  })
})

check('buckets: one that is there, and one that is not', async () => {
  const bucket = ok(await service.storage.getBucket('modules')).data
  assert.equal(bucket.public, false)
  const { error } = await service.storage.getBucket('nowhere')
  assert.equal(error.message, 'Bucket not found')
  assert.equal(String(error.statusCode), '404')
})

check('sb_secret: uploads and downloads', async () => {
  const secret = client(keys.serviceSecret)
  const bytes = randomBytes(64)
  ok(await modules(secret).upload(`built-in/${sha256(bytes)}.wasm`, bytes, wasm))
  const got = ok(await modules(secret).download(`built-in/${sha256(bytes)}.wasm`)).data
  assert.equal(sha256(Buffer.from(await got.arrayBuffer())), sha256(bytes))
})

check('anon: a private object is as if it were not there, an upload is refused', async () => {
  const { path } = await fresh()
  failed(await modules(client(keys.anonJwt)).download(path), '404')
  const answer = await modules(client(keys.publishable)).upload('built-in/x.wasm', randomBytes(4), wasm)
  failed(answer, '403')
  assert.equal(answer.error.message, 'new row violates row-level security policy')
})

check('a user: uploads to the own folder only, once', async () => {
  const path = `${userId}/own.wasm`
  ok(await modules(user).upload(path, randomBytes(8), wasm))
  failed(await modules(user).upload(path, randomBytes(8), wasm), '409')
  failed(await modules(user).upload(`${item().id}/x.wasm`, randomBytes(8), wasm), '403')
  failed(await modules(user).upload('built-in/x.wasm', randomBytes(8), wasm), '403')
  ok(await modules(user).download(path))
})

check('limits of the bucket: 413 and 415', async () => {
  failed(await modules().upload('built-in/big.wasm', randomBytes(1001), wasm), '413')
  failed(await modules().upload('built-in/a.txt', Buffer.from('a'), { ...wasm, contentType: 'text/plain' }), '415')
})

check('remove: gone afterwards', async () => {
  const { path } = await fresh()
  assert.deepEqual(ok(await modules().remove([path])).data.map((entry) => entry.name), [path])
  failed(await modules().download(path), '404')
})

check('an opaque key that was not swapped, and an expired token: 403 (by hand)', async () => {
  const opaque = await byHand(object('x'), { key: keys.publishable, bearer: keys.serviceSecret })
  assert.deepEqual([opaque.status, opaque.json().statusCode, opaque.json().message], [400, '403', 'Invalid Compact JWS'])
  const late = await byHand(object('x'), { key: keys.anonJwt, bearer: keys.expiredJwt })
  assert.deepEqual([late.json().statusCode, late.json().message], ['403', '"exp" claim timestamp check failed'])
})

check('conditional and partial downloads: 304, 206, 416 (by hand)', async () => {
  const { path, bytes } = await fresh()
  const get = (headers) => byHand(object(path), { key: keys.serviceJwt, headers })
  const whole = await get({})
  assert.equal(whole.status, 200)
  assert.equal(whole.headers.get('content-length'), '64')
  assert.match(whole.headers.get('etag'), /^".+"$/)
  assert.equal((await get({ 'If-None-Match': whole.headers.get('etag') })).status, 304)
  const part = await get({ Range: 'bytes=0-3' })
  assert.equal(part.status, 206)
  assert.equal(part.headers.get('content-range'), 'bytes 0-3/64')
  assert.equal((await get({ Range: 'bytes=64-70' })).status, 416)
  assert.equal(bytes.length, 64)
})
