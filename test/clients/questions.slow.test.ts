import { type TestContext, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { listen } from '../support/app.ts'
import { as, both, gpt, startAsked } from '../support/asked-client.ts'
import { askingTool } from '../support/asking-tool.ts'

/** The official client with a user who is asked. */
async function connect(t: TestContext, mode: 'legacy' | 'auto') {
  const { url } = await listen(t, {}, { extendCatalog: () => ({ tools: [askingTool] }) })
  const asked: string[] = []
  const client = new Client(
    { name: 'official-client', version: '1.0.0' },
    { versionNegotiation: { mode }, capabilities: { elicitation: {} } },
  )
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message)
    return { action: 'accept', content: { ok: true } }
  })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  t.after(() => client.close())
  const { content } = await client.callTool({ name: 'ask_first', arguments: { note: 'a' } })
  return { asked, content }
}

for (const mode of ['auto', 'legacy'] as const) {
  test(`the user of the official client (${mode}) is asked once, and the call then ends`, async (t: TestContext) => {
    const { asked, content } = await connect(t, mode)
    t.assert.deepStrictEqual(asked, ['This costs money.'])
    t.assert.deepStrictEqual(content, [{ type: 'text', text: 'confirmed' }])
  })
}

for (const mode of ['auto', 'legacy'] as const) {
  test(`the user of the official client (${mode}) chooses the image to edit, and uploads one where the chat has none`, async (t: TestContext) => {
    const service = await startAsked(t, gpt, { timing: { uploadWaitMs: 10_000 } })
    const [image] = await service.generate()
    const choices: unknown[] = [{ image }, { image: 'upload' }]
    const client = new Client(
      { name: 'official-client', version: '1.0.0' },
      { versionNegotiation: { mode }, capabilities: both },
    )
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      if (params.mode !== 'url') return { action: 'accept', content: Object(choices.shift()) }
      t.assert.strictEqual((await service.upload(params.url, as('ann'))).status, 201)
      return { action: 'accept' }
    })
    const requestInit = { headers: as('ann') }
    await client.connect(new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit }))
    t.after(() => client.close())
    for (const size of ['1024x1024', '64x48']) {
      const { content } = await client.callTool({ name: 'edit_image', arguments: { prompt: 'make the sky pink' } })
      t.assert.deepStrictEqual(content[0], { type: 'text', text: 'Image successfully edited.' }, size)
    }
    t.assert.strictEqual(service.sent(), 3)
    t.assert.deepStrictEqual(choices, [])
  })
}

for (const action of ['decline', 'cancel'] as const) {
  test(`nothing is sent where the user of the official client responds with ${action}`, async (t: TestContext) => {
    const service = await startAsked(t)
    await service.generate()
    const client = new Client(
      { name: 'official-client', version: '1.0.0' },
      { versionNegotiation: { mode: 'auto' }, capabilities: { elicitation: {} } },
    )
    client.setRequestHandler('elicitation/create', async () => ({ action }))
    const requestInit = { headers: as('ann') }
    await client.connect(new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit }))
    t.after(() => client.close())
    const { isError } = await client.callTool({ name: 'edit_image', arguments: { prompt: 'make the sky pink' } })
    t.assert.strictEqual(isError, true)
    t.assert.strictEqual(service.sent(), 1)
  })
}
