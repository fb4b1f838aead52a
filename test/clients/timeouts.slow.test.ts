import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as v2 from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Simulator } from '../../simulator/app.ts'
import { temporaryFolder } from '../support/app.ts'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'

/** Official clients that time out and retry, as agents do, over sockets and pipes. */

const info = { name: 'official-client', version: '1.0.0' }
const server = fileURLToPath(new URL('../../server.ts', import.meta.url))
const call = { name: 'generate_image', arguments: { prompt: 'a lighthouse', size: '256x256' } }
const note = /whose response you did not receive/
/** Longer than the time-outs of two attempts, shorter than of three. */
const LATENCY_MS = 1_000
const PATIENCE_MS = 300

interface Caller {
  ready(): Promise<unknown>
  callTool(timeout: number): Promise<unknown>
  close(): Promise<void>
}

interface Options {
  /** Requests progress, so that the stream is open when the client times out. */
  hasProgress: boolean
}

async function connectV1(transport: HttpV1 | StdioV1, { hasProgress }: Options): Promise<Caller> {
  const client = new ClientV1(info)
  await client.connect(transport)
  const progress = hasProgress ? { onprogress: () => {} } : {}
  return {
    ready: () => client.listTools(),
    callTool: (timeout) => client.callTool(call, undefined, { timeout, ...progress }),
    close: () => client.close(),
  }
}

async function connectV2(
  transport: v2.StreamableHTTPClientTransport | StdioClientTransport,
  mode: 'legacy' | { pin: string },
  { hasProgress }: Options,
): Promise<Caller> {
  const client = new v2.Client(info, { versionNegotiation: { mode } })
  await client.connect(transport)
  const progress = hasProgress ? { onprogress: () => {} } : {}
  return {
    ready: () => client.listTools(),
    callTool: (timeout) => client.callTool(call, { timeout, ...progress }),
    close: () => client.close(),
  }
}

const modern = { pin: '2026-07-28' }

const overHttp: Record<string, (url: URL, options: Options) => Promise<Caller>> = {
  'the SDK 1.x': (url, options) => connectV1(new HttpV1(url), options),
  'the client 2.x, legacy,': (url, options) => connectV2(new v2.StreamableHTTPClientTransport(url), 'legacy', options),
  'the client 2.x, modern,': (url, options) => connectV2(new v2.StreamableHTTPClientTransport(url), modern, options),
}

interface StdioParameters {
  command: string
  args: string[]
  env: Record<string, string>
}

const overStdio: Record<string, (parameters: StdioParameters, options: Options) => Promise<Caller>> = {
  'the SDK 1.x': (parameters, options) => connectV1(new StdioV1(parameters), options),
  'the client 2.x, legacy,': (parameters, options) =>
    connectV2(new StdioClientTransport(parameters), 'legacy', options),
  'the client 2.x, modern,': (parameters, options) => connectV2(new StdioClientTransport(parameters), modern, options),
}

/** Times out twice, and waits the third time. */
async function loseAndAskAgain(t: TestContext, client: Caller, simulator: Simulator): Promise<void> {
  await client.ready()
  await t.assert.rejects(client.callTool(PATIENCE_MS), /timed out/i)
  await t.assert.rejects(client.callTool(PATIENCE_MS), /timed out/i)
  const { content } = Object(await client.callTool(10_000))
  t.assert.equal(content[1].type, 'image')
  t.assert.match(content[2].text, note)
  t.assert.equal(simulator.requests.length, 1)
}

describe('a client that times out twice and retries gets its image, and Azure is called once', {
  concurrency: 3,
}, () => {
  for (const hasProgress of [false, true]) {
    const how = hasProgress ? 'with progress' : 'without progress'
    for (const [name, connect] of Object.entries(overHttp)) {
      test(`${name} over HTTP, ${how}`, async (t: TestContext) => {
        const { url, simulator } = await startService(t, {}, { latencyMs: LATENCY_MS })
        const client = await connect(new URL(`${url}/mcp`), { hasProgress })
        t.after(() => client.close())
        await loseAndAskAgain(t, client, simulator)
      })
    }
  }
  for (const [name, connect] of Object.entries(overStdio)) {
    test(`${name} over stdio`, async (t: TestContext) => {
      const { simulator, url } = await startSimulator(t, { latencyMs: LATENCY_MS })
      const env = {
        HOME: await temporaryFolder(t),
        AZURE_BASE_URL: url,
        AZURE_API_KEY: key,
        AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
        LOG_LEVEL: 'error',
      }
      const client = await connect({ command: process.execPath, args: [server, '--stdio'], env }, { hasProgress: true })
      t.after(() => client.close())
      await loseAndAskAgain(t, client, simulator)
    })
  }
})
