import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as v2 from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The official clients, with a user who is asked for the price. */

const info = { name: 'official-client', version: '1.0.0' }
const capabilities = { elicitation: {} }
const server = fileURLToPath(new URL('../../server.ts', import.meta.url))
type Answer = { action: 'accept'; content: { confirm: boolean } } | { action: 'decline' | 'cancel' }

const yes: Answer = { action: 'accept', content: { confirm: true } }
const answers: readonly (readonly [what: string, answer: Answer, isMade: boolean])[] = [
  ['agrees', yes, true],
  ['says no', { action: 'accept', content: { confirm: false } }, false],
  ['declines', { action: 'decline' }, false],
]

interface Asked {
  asked: string[]
  generate(): Promise<unknown>
  close(): Promise<void>
}

type Connect = (url: string, environment: Record<string, string>, answer: Answer) => Promise<Asked>

const call = { name: 'generate_image', arguments: { prompt: 'A red boat', quality: 'low' } }

function newV2(mode: 'legacy' | 'auto', answer: Answer, asked: string[]): v2.Client {
  const client = new v2.Client(info, { versionNegotiation: { mode }, capabilities })
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message)
    return answer
  })
  return client
}

function newV1(answer: Answer, asked: string[]): ClientV1 {
  const client = new ClientV1(info, { capabilities })
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    asked.push(params.message)
    return answer
  })
  return client
}

const ways: Readonly<Record<string, Connect>> = {
  'the modern client 2.x over HTTP': async (url, _environment, answer) => {
    const asked: string[] = []
    const client = newV2('auto', answer, asked)
    await client.connect(new v2.StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
    return { asked, generate: () => client.callTool(call), close: () => client.close() }
  },
  'the client 2.x of 2025-11-25 over HTTP': async (url, _environment, answer) => {
    const asked: string[] = []
    const client = newV2('legacy', answer, asked)
    await client.connect(new v2.StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
    return { asked, generate: () => client.callTool(call), close: () => client.close() }
  },
  'the client 2.x of 2025-11-25 over stdio': async (_url, env, answer) => {
    const asked: string[] = []
    const client = newV2('legacy', answer, asked)
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: [server, '--stdio'], env, stderr: 'ignore' }),
    )
    return { asked, generate: () => client.callTool(call), close: () => client.close() }
  },
  'the SDK 1.x over HTTP': async (url, _environment, answer) => {
    const asked: string[] = []
    const client = newV1(answer, asked)
    await client.connect(new HttpV1(new URL(`${url}/mcp`)))
    return { asked, generate: () => client.callTool(call), close: () => client.close() }
  },
  'the SDK 1.x over stdio': async (_url, env, answer) => {
    const asked: string[] = []
    const client = newV1(answer, asked)
    await client.connect(new StdioV1({ command: process.execPath, args: [server, '--stdio'], env, stderr: 'ignore' }))
    return { asked, generate: () => client.callTool(call), close: () => client.close() }
  },
}

async function policyFile(t: TestContext): Promise<string> {
  const path = join(await temporaryFolder(t), 'policy.json')
  await writeFile(path, JSON.stringify({ rules: [{ name: 'dear', confirm_above_usd: 0.001 }] }))
  return path
}

for (const [way, connect] of Object.entries(ways)) {
  test(`${way}: its user is asked for the price once, and only a yes is sent to Azure`, async (t: TestContext) => {
    const { simulator, url: azure } = await startSimulator(t)
    const folder = await temporaryFolder(t)
    const policy = { AZURE_DEPLOYMENT_NAME: 'gpt-image-2', POLICY_FILE: await policyFile(t) }
    const environment = {
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: key,
      IMAGES_DIR: folder,
      PATH: process.env.PATH ?? '',
      ...policy,
    }
    const isHttp = way.includes('HTTP')
    const service = isHttp ? await startService(t, policy) : undefined
    const sent = service?.simulator ?? simulator
    for (const [what, answer, isMade] of answers) {
      const before = sent.requests.length
      const client = await connect(service?.url ?? '', environment, answer)
      t.after(() => client.close())
      const { content, isError } = Object(await client.generate())
      t.assert.strictEqual(client.asked.length, 1, what)
      t.assert.match(client.asked[0] ?? '', /^Generate an image with gpt-image-2\? It costs about US\$/)
      t.assert.strictEqual(sent.requests.length - before, isMade ? 1 : 0, what)
      if (isMade) t.assert.strictEqual(content[1].type, 'image')
      else {
        t.assert.deepStrictEqual(
          [isError, content[0].text],
          [true, 'The price was not confirmed, so nothing was sent or billed.'],
        )
      }
      await client.close()
    }
  })
}
