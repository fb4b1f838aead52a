import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as v2 from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Simulator } from '../../simulator/app.ts'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Official clients that give up and retry, as agents do, over sockets and pipes. */

const info = { name: 'official-client', version: '1.0.0' }
const server = fileURLToPath(new URL('../../server.ts', import.meta.url))
const call = { name: 'generate_image', arguments: { prompt: 'a lighthouse', size: '256x256' } }
const note = /whose response you did not receive|made for your earlier, identical call/
/** Long enough for the call to reach Azure, where the machine is not too busy. */
const PATIENCE_MS = 1_500

interface CallOptions {
  timeout: number
  signal?: AbortSignal
}

interface Caller {
  ready(): Promise<unknown>
  callTool(options: CallOptions): Promise<unknown>
  close(): Promise<void>
}

interface Options {
  /** Requests progress, so that the stream is open when the client gives up. */
  hasProgress: boolean
}

async function connectV1(transport: HttpV1 | StdioV1, { hasProgress }: Options): Promise<Caller> {
  const client = new ClientV1(info)
  await client.connect(transport)
  const progress = hasProgress ? { onprogress: () => {} } : {}
  return {
    ready: () => client.listTools(),
    callTool: (options) => client.callTool(call, undefined, { ...options, ...progress }),
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
    callTool: (options) => client.callTool(call, { ...options, ...progress }),
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

type Connect = () => Promise<Caller>

interface Loss {
  t: TestContext
  client: Caller
  connect: Connect
  /** Whether Azure works on the call. */
  isWorking(): boolean
}

interface Way {
  /** Returns the client that repeats the call. */
  giveUp(loss: Loss): Promise<Caller>
  /** Over stdio a closing client still waits for its process, and so receives the image. */
  overStdio: boolean
}

const ways: Readonly<Record<string, Way>> = {
  'times out twice': {
    async giveUp({ t, client, isWorking }) {
      for (let times = 0; times < 2 || !isWorking(); times++) {
        await t.assert.rejects(client.callTool({ timeout: PATIENCE_MS * Math.max(1, times) }), /timed out/i)
      }
      return client
    },
    overStdio: true,
  },
  'is aborted': {
    async giveUp({ t, client, isWorking }) {
      const controller = new AbortController()
      const lost = t.assert.rejects(client.callTool({ timeout: 60_000, signal: controller.signal }))
      await waitFor('a request to Azure', isWorking)
      controller.abort()
      await lost
      return client
    },
    overStdio: true,
  },
  'is closed and replaced by a new one': {
    async giveUp({ t, client, connect, isWorking }) {
      const lost = t.assert.rejects(client.callTool({ timeout: 60_000 }))
      await waitFor('a request to Azure', isWorking)
      await client.close()
      await lost
      return connect()
    },
    overStdio: false,
  },
}

async function loseAndAskAgain(t: TestContext, connect: Connect, { giveUp }: Way, simulator: Simulator): Promise<void> {
  const client = await connect()
  t.after(() => client.close())
  await client.ready()
  const isWorking = () => simulator.requests.length > 0
  const release = simulator.hold()
  const next = await giveUp({ t, client, connect, isWorking })
  t.after(() => next.close())
  const again = next.callTool({ timeout: 60_000 })
  release()
  const { content } = Object(await again)
  t.assert.match(JSON.stringify(content), note)
  t.assert.ok(content.some(({ type }: { type: string }) => type === 'image'))
  t.assert.equal(simulator.requests.length, 1)
}

describe('an official client that gives up and repeats its call gets the image, and Azure is called once', {
  concurrency: 3,
}, () => {
  for (const [what, way] of Object.entries(ways)) {
    for (const hasProgress of [false, true]) {
      const how = hasProgress ? 'with progress' : 'without progress'
      for (const [name, connect] of Object.entries(overHttp)) {
        test(`${name} over HTTP, ${how}, ${what}`, async (t: TestContext) => {
          const { url, simulator } = await startService(t)
          const start = () => connect(new URL(`${url}/mcp`), { hasProgress })
          await loseAndAskAgain(t, start, way, simulator)
        })
      }
    }
    for (const [name, connect] of way.overStdio ? Object.entries(overStdio) : []) {
      test(`${name} over stdio, ${what}`, async (t: TestContext) => {
        const { simulator, url } = await startSimulator(t)
        const env = {
          HOME: await temporaryFolder(t),
          AZURE_BASE_URL: url,
          AZURE_API_KEY: key,
          AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
          LOG_LEVEL: 'error',
        }
        const start = () =>
          connect({ command: process.execPath, args: [server, '--stdio'], env }, { hasProgress: true })
        await loseAndAskAgain(t, start, way, simulator)
      })
    }
  }
})
