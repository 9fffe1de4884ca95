// The gateway and the roles behind the keys.

import assert from 'node:assert/strict'
import { byHand, check, client, item, keys, ok, refused, service, user, userId } from '../harness.mjs'

const count = (who) => who.from('items').select('*', { count: 'exact', head: true })

check('anon: a table with policies is empty, 200', async () => {
  ok(await service.from('items').insert(item()))
  for (const key of [keys.anonJwt, keys.publishable]) {
    const answer = ok(await client(key).from('items').select())
    assert.deepEqual([answer.status, answer.data], [200, []])
  }
})

check('anon: an insert is 401 42501', async () => {
  refused(await client(keys.anonJwt).from('items').insert(item()), 401, '42501')
})

check('sb_secret: works as service_role', async () => {
  const secret = client(keys.serviceSecret)
  assert.deepEqual(ok(await secret.rpc('who')).data, { role: 'service_role', uid: null })
  assert.ok(ok(await count(secret)).count > 0)
})

check('a user: sees and writes own rows only', async () => {
  const [own, foreign] = [item({ user_id: userId }), item({ user_id: item().id })]
  ok(await service.from('items').insert([own, foreign]))
  assert.deepEqual(ok(await user.from('items').select('id').in('id', [own.id, foreign.id])).data, [{ id: own.id }])
  refused(await user.from('items').insert(item({ user_id: foreign.user_id })), 403, '42501')
  assert.equal(ok(await user.rpc('who')).data.uid, userId)
})

check('a wrong key: 401 Invalid API key', async () => {
  const answer = await client('sb_secret_wrong').from('items').select()
  assert.equal(answer.status, 401)
  assert.equal(answer.error.message, 'Invalid API key')
  const raw = await byHand('/rest/v1/items', { key: keys.serviceJwt.slice(0, -2) })
  assert.deepEqual(raw.json(), {
    message: 'Invalid API key',
    hint: 'Double check your Supabase `anon` or `service_role` API key.',
  })
})

check('no key: 401 (by hand)', async () => {
  const raw = await byHand('/rest/v1/items', { bearer: keys.serviceJwt })
  assert.equal(raw.status, 401)
  assert.deepEqual(raw.json(), {
    message: 'No API key found in request',
    hint: 'No `apikey` request header or url param was found.',
  })
})

check('sb_secret alone, without Authorization (by hand)', async () => {
  const raw = await byHand('/rest/v1/rpc/who', { key: keys.serviceSecret, method: 'POST' })
  assert.equal(raw.json().role, 'service_role')
})

check('an opaque key as Bearer that is not the apikey: 401 PGRST301 (by hand)', async () => {
  const raw = await byHand('/rest/v1/items', { key: keys.publishable, bearer: keys.serviceSecret })
  assert.equal(raw.status, 401)
  assert.equal(raw.json().code, 'PGRST301')
  assert.equal(raw.json().message, 'Expected 3 parts in JWT; got 1')
})

check('a bad token beside a good key wins, and fails: 401 PGRST301 (by hand)', async () => {
  const [header, payload] = keys.userJwt.split('.')
  const raw = await byHand('/rest/v1/items', { key: keys.serviceSecret, bearer: `${header}.${payload}.x` })
  assert.equal(raw.status, 401)
  assert.equal(raw.json().code, 'PGRST301')
})

check('an expired token: 401 PGRST303', async () => {
  const late = client(keys.anonJwt, { accessToken: async () => keys.expiredJwt })
  const error = refused(await late.from('items').select(), 401, 'PGRST303')
  assert.equal(error.message, 'JWT expired')
})

check('service_role without a grant: 403 42501', async () => {
  const error = refused(await service.from('forbidden').select(), 403, '42501')
  assert.equal(error.message, 'permission denied for table forbidden')
})

check('a function that is granted to service_role only: anon gets 401 42501', async () => {
  assert.equal(ok(await service.rpc('secret')).data, 'x')
  refused(await client(keys.publishable).rpc('secret'), 401, '42501')
  refused(await user.rpc('secret'), 403, '42501')
})
