import { describe, type TestContext, test } from 'node:test'
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { createKeySet } from '../../../services/auth/jwks.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const MINUTE = 60_000

async function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const startedAt = Date.now()
  const world = { now: 0, isUp: true, fetches: 0, kid: 'one', pair: await generateKeyPair('ES256') }
  const findKey = createKeySet({
    issuer: 'https://issuer.example',
    log: silent,
    now: () => world.now,
    fetchKeys: async () => {
      world.fetches++
      if (!world.isUp) throw new Error('down')
      return { keys: [{ ...(await exportJWK(world.pair.publicKey)), kid: world.kid, alg: 'ES256' }] }
    },
  })
  const sign = (kid = world.kid) =>
    new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid }).sign(world.pair.privateKey)
  const check = async (token: string) => {
    t.mock.timers.setTime(startedAt + world.now)
    return jwtVerify(token, findKey)
  }
  return { world, sign, check }
}

describe('signing keys', () => {
  test('are fetched once for many tokens at once', async (t: TestContext) => {
    const { world, sign, check } = await setUp(t)
    const token = await sign()
    await Promise.all(Array.from({ length: 20 }, () => check(token)))
    t.assert.equal(world.fetches, 1)
  })

  test('are fetched again when a token names a new one', async (t: TestContext) => {
    const { world, sign, check } = await setUp(t)
    await check(await sign())
    Object.assign(world, { now: MINUTE, kid: 'two', pair: await generateKeyPair('ES256') })
    await check(await sign())
    t.assert.equal(world.fetches, 2)
  })

  test('are not fetched for every invented key name', async (t: TestContext) => {
    const { world, sign, check } = await setUp(t)
    await check(await sign())
    for (let n = 0; n < 50; n++) {
      world.now += 100
      await t.assert.rejects(check(await sign(`invented-${n}`)), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
    }
    t.assert.equal(world.fetches, 1)
  })

  test('stay in use for an hour while the issuer is unreachable, then tokens get 503 until it is back', async (t: TestContext) => {
    const { world, sign, check } = await setUp(t)
    const token = await sign()
    await check(token)
    world.isUp = false
    world.now = 59 * MINUTE
    await check(token)
    world.now = 61 * MINUTE
    await t.assert.rejects(check(token), { statusCode: 503 })
    world.isUp = true
    world.now += MINUTE
    await check(token)
  })

  test('are not fetched for invented names while the issuer is unreachable, which give 401', async (t: TestContext) => {
    const { world, sign, check } = await setUp(t)
    await check(await sign())
    Object.assign(world, { now: MINUTE, isUp: false })
    for (let n = 0; n < 10; n++) {
      world.now += 100
      await t.assert.rejects(check(await sign(`invented-${n}`)), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
    }
    t.assert.equal(world.fetches, 2)
  })

  test('that were never fetched give 503, not 401', async (t: TestContext) => {
    const { world, sign, check } = await setUp(t)
    world.isUp = false
    await t.assert.rejects(check(await sign()), { statusCode: 503 })
  })
})
