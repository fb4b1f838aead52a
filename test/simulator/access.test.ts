import { readFile } from 'node:fs/promises'
import { get } from 'node:https'
import { type TestContext, test } from 'node:test'
import { makeEntraToken } from '../../simulator/access.ts'
import { postJson, startSimulator } from '../support/simulator.ts'

const path = '/openai/deployments/FLUX.1-Kontext-pro/images/generations?api-version=2025-04-01-preview'
const body = { prompt: 'x', size: '256x256' }

test('accepts Entra tokens of both audiences until they expire', async (t: TestContext) => {
  const { url, simulator } = await startSimulator(t)
  const status = async (token: string) =>
    (await postJson(url + path, body, { authorization: `Bearer ${token}` })).status
  t.assert.strictEqual(await status(makeEntraToken()), 200)
  t.assert.strictEqual(await status(makeEntraToken({ audience: 'https://ai.azure.com/' })), 200)
  t.assert.strictEqual(await status(makeEntraToken({ audience: 'https://management.azure.com' })), 401)
  t.assert.strictEqual(await status(makeEntraToken({ expiresInSeconds: -1 })), 401)
  t.assert.strictEqual(await status('not.a.token'), 401)
  t.assert.deepStrictEqual(simulator.requests[1]?.credential, { kind: 'entra', audience: 'https://ai.azure.com/' })
})

test('audiences, clock and Entra support are configurable', async (t: TestContext) => {
  const later = () => Date.now() + 7_200_000
  const strict = await startSimulator(t, { entra: { audiences: ['https://ai.azure.com'] } })
  const late = await startSimulator(t, { entra: { now: later } })
  const off = await startSimulator(t, { entra: false })
  const token = { authorization: `Bearer ${makeEntraToken()}` }
  for (const { url } of [strict, late, off]) t.assert.strictEqual((await postJson(url + path, body, token)).status, 401)
})

test('has two shapes of 401', async (t: TestContext) => {
  const { url } = await startSimulator(t)
  const json = async (headers: Record<string, string>) => (await postJson(url + path, body, headers)).json()
  t.assert.partialDeepStrictEqual(await json({ 'api-key': 'wrong' }), { error: { code: '401' } })
  t.assert.partialDeepStrictEqual(await json({}), { statusCode: 401 })
  t.assert.partialDeepStrictEqual(await json({ authorization: 'Bearer nonsense' }), { statusCode: 401 })
})

test('keys can be rotated at run time', async (t: TestContext) => {
  const apiKeys = ['old']
  const { url } = await startSimulator(t, { apiKeys })
  t.assert.strictEqual((await postJson(url + path, body, { 'api-key': 'old' })).status, 200)
  apiKeys.splice(0, 1, 'new')
  t.assert.strictEqual((await postJson(url + path, body, { 'api-key': 'old' })).status, 401)
  t.assert.strictEqual((await postJson(url + path, body, { 'api-key': 'new' })).status, 200)
})

test('serves HTTPS with a given certificate', async (t: TestContext) => {
  const fixture = (name: string) => readFile(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8')
  const [cert, privateKey] = await Promise.all([fixture('localhost.crt'), fixture('localhost.key')])
  const { url } = await startSimulator(t, { tls: { key: privateKey, cert } })
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  get(`${url.replace('http://127.0.0.1', 'https://localhost')}/images/none`, { ca: cert, agent: false }, (response) => {
    response.resume()
    resolve(response.statusCode)
  }).on('error', reject)
  t.assert.strictEqual(await promise, 404)
})

test('a route rejects deployments that it does not serve', async (t: TestContext) => {
  const { url } = await startSimulator(t, {
    deployments: { kontext: { model: 'FLUX.1-Kontext-pro', dialects: ['bfl'] } },
  })
  t.assert.strictEqual((await postJson(url + path.replace('FLUX.1-Kontext-pro', 'kontext'), body)).status, 400)
})
