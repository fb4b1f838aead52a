import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, describe, type TestContext, test } from 'node:test'
import * as v2 from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { accepted, greet, textOf } from '../support/handshake-client.ts'
import { type NginxProxy, startNginxInFront } from '../support/system/nginx.ts'
import { type Neighbours, prepareReplicas, startNeighbours } from '../support/system/replicas.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const headers = { 'x-api-key': 'key-of-ann-0123456789' }
const low = { prompt: 'A red boat', quality: 'low' }
const info = { name: 'official-client', version: '1' }
const yes = accepted({ confirm: true })

const neighbours: Neighbours = await startNeighbours()
after(() => neighbours[Symbol.asyncDispose]())

/** Three replicas whose prices must be confirmed. */
async function startReplicas(t: TestContext, environment: Record<string, string> = {}) {
  const path = join(await temporaryFolder(t), 'policy.json')
  await writeFile(path, JSON.stringify({ rules: [{ name: 'dear', confirm_above_usd: 0.001 }] }))
  const set = await prepareReplicas(t, neighbours, {
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
    POLICY_FILE: path,
    MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789',
    TRUST_PROXY: '127.0.0.1',
    ...environment,
  })
  const replicas = await Promise.all([set.start(), set.start(), set.start()])
  return { replicas, sent: () => set.simulator.requests.length }
}

type Replicas = Awaited<ReturnType<typeof startReplicas>>['replicas']

/** Requests of an official client through Nginx, whose certificate only the test knows. */
const fetchThrough =
  ({ send }: NginxProxy) =>
  async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const { pathname } = new URL(url)
    if (init.method !== 'POST') return new Response(null, { status: 405 })
    const { statusCode, headers, body } = await send(pathname, {
      headers: Object.fromEntries(new Headers(init.headers)),
      body: String(init.body),
    })
    const known = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
    return new Response(Readable.toWeb(body) as ReadableStream, { status: statusCode, headers: known })
  }

const asked = (replicas: Replicas) =>
  replicas.map(({ log }) => log.split('a question to the client has ended').length - 1)

describe('at three replicas', () => {
  test('behind the shipped Nginx, the users of official clients confirm, and each image is made once', async (t: TestContext) => {
    const { replicas, sent } = await startReplicas(t)
    const proxy = await startNginxInFront(t, replicas)
    const url = new URL(`${proxy.httpsUrl}/mcp`)
    const options = { fetch: fetchThrough(proxy), requestInit: { headers } }
    const first = new ClientV1(info, { capabilities: { elicitation: {} } })
    first.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { confirm: true } }))
    await first.connect(new HttpV1(url, options))
    const second = new v2.Client(info, {
      versionNegotiation: { mode: 'legacy' },
      capabilities: { elicitation: {} },
    })
    second.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { confirm: true } }))
    await second.connect(new v2.StreamableHTTPClientTransport(url, options))
    for (let n = 1; n <= 3; n++) {
      for (const client of [first, second]) {
        const { content } = Object(await client.callTool({ name: 'generate_image', arguments: low }))
        t.assert.strictEqual(content[1]?.type, 'image', content[0].text)
      }
      t.assert.strictEqual(sent(), 2 * n)
    }
    t.assert.strictEqual(
      asked(replicas).reduce((all, one) => all + one),
      6,
    )
    await first.close()
    await second.close()
  })

  test('a response is taken at any of them, once, from the caller who was asked; so is the end of a call', async (t: TestContext) => {
    const { replicas, sent } = await startReplicas(t)
    const [one, two, three] = replicas.map(({ url }) => url)
    const client = await greet(one ?? '', { headers })
    const at = async (url: string | undefined, message: object, more: Record<string, string> = {}) => {
      const response = await fetch(`${url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...client.headers, ...more },
        body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      })
      await response.arrayBuffer()
      return response.status
    }

    const call = await client.call('generate_image', low)
    const { id } = await call.question()
    t.assert.strictEqual(await at(two, { id, result: yes }, { 'x-api-key': 'key-of-bob-0123456789' }), 202)
    t.assert.strictEqual(sent(), 0)
    t.assert.strictEqual(await at(two, { id, result: yes }), 202)
    t.assert.strictEqual(await at(three, { id, result: yes }), 202)
    t.assert.strictEqual((await call.response()).result.content[1].type, 'image')
    t.assert.strictEqual(sent(), 1)

    const cancelled = await client.call('generate_image', low, { id: 77 })
    const question = await cancelled.question()
    await at(three, { method: 'notifications/cancelled', params: { requestId: 77 } })
    t.assert.match((await cancelled.response()).error.message, /cancelled/)
    t.assert.strictEqual(await at(two, { id: question.id, result: yes }), 202)
    t.assert.strictEqual(sent(), 1)
  })

  test('without Redis for a while, a response counts at the replica that asked', async (t: TestContext) => {
    const { replicas, sent } = await startReplicas(t)
    const [one] = replicas
    const client = await greet(one?.url ?? '', { headers })
    await neighbours.redis.crash()
    await waitFor('Redis to be missed', () => one?.log.includes('redis unreachable'))
    const call = await client.call('generate_image', low)
    await client.answer(await call.question(), { action: 'decline' })
    t.assert.match(textOf(await call.response()), /not confirmed/)
    t.assert.strictEqual(sent(), 0)
    await neighbours.redis.start()
  })
})
