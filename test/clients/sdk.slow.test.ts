import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as v2 from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { cancelCall, playRound, type RoundClient } from '../support/client-round.ts'
import { png } from '../support/images/images.ts'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The official clients over sockets and pipes. */

const info = { name: 'official-client', version: '1.0.0' }
const server = fileURLToPath(new URL('../../server.ts', import.meta.url))

function roundOf(client: v2.Client | ClientV1): RoundClient {
  const isV1 = client instanceof ClientV1
  return {
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name, args, options = {}) =>
      isV1
        ? client.callTool({ name, arguments: args }, undefined, options)
        : client.callTool({ name, arguments: args }, options),
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    readResource: (uri) => client.readResource({ uri }),
    promptNames: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    getPrompt: (name, args) => client.getPrompt({ name, arguments: args }),
    complete: (name, argument, value) =>
      client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } }),
  }
}

function newClient(mode: 'legacy' | 'auto' | { pin: string }): v2.Client {
  return new v2.Client(info, { versionNegotiation: { mode } })
}

for (const [what, mode, version] of [
  ['legacy', 'legacy', '2025-11-25'],
  ['that finds out the era', 'auto', '2026-07-28'],
  ['modern', { pin: '2026-07-28' }, '2026-07-28'],
] as const) {
  test(`the client 2.x, ${what}, completes a round over HTTP`, async (t: TestContext) => {
    const { url } = await startService(t)
    const client = newClient(mode)
    await client.connect(new v2.StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
    t.after(() => client.close())
    t.assert.strictEqual(client.getNegotiatedProtocolVersion(), version)
    t.assert.strictEqual(client.getServerVersion()?.name, 'azure-image-editor-mcp')
    t.assert.match(client.getInstructions() ?? '', /generate_image/)
    await playRound(t, roundOf(client))
    t.diagnostic(`client 2.x ${what}: ${version}, round complete`)
  })

  test(`the client 2.x, ${what}, disconnects from a call`, async (t: TestContext) => {
    const { url, app } = await startService(t, { SHUTDOWN_GRACE_MS: '60000' }, { latencyMs: 200 })
    const client = newClient(mode)
    await client.connect(new v2.StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
    t.after(() => client.close())
    await cancelCall(t, roundOf(client))
    await client.close()
    await app.close()
    t.assert.match(
      await app.metrics.registry.metrics(),
      /rpc_requests_total\{method="tools\/call",outcome="(?:cancelled|ok)"\} 1/,
    )
  })
}

test('the SDK 1.x completes a round over HTTP', async (t: TestContext) => {
  const { url } = await startService(t)
  const client = new ClientV1(info)
  await client.connect(new HttpV1(new URL(url)))
  t.after(() => client.close())
  t.assert.strictEqual(client.getServerVersion()?.title, 'Azure Image Editor')
  await playRound(t, roundOf(client))
  await cancelCall(t, roundOf(client))
  t.diagnostic('SDK 1.x: round complete')
})

async function stdioParameters(t: TestContext) {
  const { url } = await startSimulator(t, { latencyMs: 50 })
  const folder = await temporaryFolder(t)
  return {
    folder,
    parameters: {
      command: process.execPath,
      args: [server, '--stdio'],
      env: {
        HOME: folder,
        AZURE_BASE_URL: url,
        AZURE_API_KEY: key,
        AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
        LOG_LEVEL: 'error',
      },
    },
  }
}

for (const [what, mode] of [
  ['legacy', 'legacy'],
  ['that finds out the era', 'auto'],
] as const) {
  test(`the client 2.x, ${what}, completes a round over stdio, and names a file`, async (t: TestContext) => {
    const { folder, parameters } = await stdioParameters(t)
    const client = newClient(mode)
    await client.connect(new StdioClientTransport(parameters))
    t.after(() => client.close())
    const round = roundOf(client)
    await playRound(t, round)
    await cancelCall(t, round)
    const path = join(folder, 'mine.png')
    await writeFile(path, await png(300, 200))
    const edit = async (args: Record<string, unknown>) =>
      Object(await round.callTool('edit_image', { prompt: 'blur', ...args }))
    t.assert.match((await edit({ image_path: path })).content[0].text, /^Image successfully edited\./)
    t.assert.match(
      (await edit({ image_path: 'mine.png' })).content[0].text,
      /cannot be read: it is not an absolute path/,
    )
    t.assert.match((await edit({ image_path: folder })).content[0].text, /cannot be read: it is not a regular file/)
    t.assert.match((await edit({})).content[0].text, /exactly once/)
    t.diagnostic(`client 2.x ${what} over stdio: round complete`)
  })
}

test('the SDK 1.x completes a round over stdio', async (t: TestContext) => {
  const { parameters } = await stdioParameters(t)
  const client = new ClientV1(info)
  await client.connect(new StdioV1(parameters))
  t.after(() => client.close())
  await playRound(t, roundOf(client))
  t.diagnostic('SDK 1.x over stdio: round complete')
})
