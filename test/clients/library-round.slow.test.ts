import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createMCPClient, type MCPClient } from '@ai-sdk/mcp'
import { Experimental_StdioMCPTransport as AiStdio } from '@ai-sdk/mcp/mcp-stdio'
import * as v2 from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type CallTool, playLibraryRound, roundEnvironment } from '../support/library-round.ts'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The official clients, and one of another author, use the library. */

const info = { name: 'library-client', version: '1.0.0' }
const server = fileURLToPath(new URL('../../server.ts', import.meta.url))

async function stdioParameters(t: TestContext) {
  const { url } = await startSimulator(t)
  const env = {
    HOME: await temporaryFolder(t),
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    LOG_LEVEL: 'error',
    ...roundEnvironment,
  }
  return { command: process.execPath, args: [server, '--stdio'], env }
}

const callerOf =
  (client: v2.Client | ClientV1): CallTool =>
  (name, args) =>
    client.callTool({ name, arguments: args })

async function connectV2(t: TestContext, mode: 'legacy' | { pin: string }, transport: v2.Transport): Promise<CallTool> {
  const client = new v2.Client(info, { versionNegotiation: { mode } })
  await client.connect(transport)
  t.after(() => client.close())
  return callerOf(client)
}

async function connectV1(t: TestContext, transport: Parameters<ClientV1['connect']>[0]): Promise<CallTool> {
  const client = new ClientV1(info)
  await client.connect(transport)
  t.after(() => client.close())
  return callerOf(client)
}

/** A client with its own implementation of the protocol. */
async function callerOfAi(t: TestContext, client: MCPClient): Promise<CallTool> {
  t.after(() => client.close())
  const tools = await client.tools()
  return async (name, args) => {
    const tool = tools[name]
    if (tool === undefined) throw new Error(`${name} is not listed`)
    return await tool.execute(args, { toolCallId: name, messages: [], context: undefined })
  }
}

for (const [what, mode] of [
  ['legacy', 'legacy'],
  ['modern', { pin: '2026-07-28' }],
] as const) {
  test(`the client 2.x, ${what}, uses the library over HTTP`, async (t: TestContext) => {
    const { url } = await startService(t, roundEnvironment)
    const transport = new v2.StreamableHTTPClientTransport(new URL(`${url}/mcp`))
    await playLibraryRound(t, 'http', await connectV2(t, mode, transport))
  })
}

test('the client 2.x uses the library over stdio', async (t: TestContext) => {
  const transport = new StdioClientTransport(await stdioParameters(t))
  await playLibraryRound(t, 'stdio', await connectV2(t, 'legacy', transport))
})

test('the SDK 1.x uses the library over HTTP', async (t: TestContext) => {
  const { url } = await startService(t, roundEnvironment)
  await playLibraryRound(t, 'http', await connectV1(t, new HttpV1(new URL(`${url}/mcp`))))
})

test('the SDK 1.x uses the library over stdio', async (t: TestContext) => {
  await playLibraryRound(t, 'stdio', await connectV1(t, new StdioV1(await stdioParameters(t))))
})

test('the AI SDK uses the library over HTTP', async (t: TestContext) => {
  const { url } = await startService(t, roundEnvironment)
  const client = await createMCPClient({ transport: { type: 'http', url: `${url}/mcp` } })
  await playLibraryRound(t, 'http', await callerOfAi(t, client))
})

test('the AI SDK uses the library over stdio', async (t: TestContext) => {
  const client = await createMCPClient({ transport: new AiStdio(await stdioParameters(t)) })
  await playLibraryRound(t, 'stdio', await callerOfAi(t, client))
})
