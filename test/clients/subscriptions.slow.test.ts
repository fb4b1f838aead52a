import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { someBytes, storeImage } from '../support/library-images.ts'
import { startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The official client with its own interface for subscriptions. */

const server = fileURLToPath(new URL('../../server.ts', import.meta.url))

function newClient(mode: 'auto' | 'legacy'): Client {
  return new Client({ name: 'official-client', version: '1.0.0' }, { versionNegotiation: { mode } })
}

/** Resolves at the next notification of the method. */
function told(client: Client, method: 'notifications/resources/list_changed' | 'notifications/resources/updated') {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  client.setNotificationHandler(method, ({ params }) => resolve(params))
  return promise
}

test('the official client listens over HTTP, and sees the end in order', async (t: TestContext) => {
  const { url, app } = await startService(t)
  const client = newClient('auto')
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  t.after(() => client.close())
  const { id } = await storeImage(app, { bytes: someBytes() })
  const uri = `image://${id}`
  const [listChanged, updated] = [
    told(client, 'notifications/resources/list_changed'),
    told(client, 'notifications/resources/updated'),
  ]
  const filter = { resourcesListChanged: true, toolsListChanged: true, resourceSubscriptions: [uri] }
  const subscription = await client.listen(filter)
  t.assert.deepStrictEqual(subscription.honoredFilter, filter)
  await app.library?.remove(id, { owner: 'x', uses: 'all', canList: true, changes: 'all' })
  await listChanged
  t.assert.strictEqual(Object(await updated).uri, uri)
  const another = await client.listen({ toolsListChanged: true })
  await another.close()
  t.assert.strictEqual(await another.closed, 'local')
  void app.close()
  t.assert.strictEqual(await subscription.closed, 'graceful')
})

for (const mode of ['auto', 'legacy'] as const) {
  test(`the official client is told of a new image over stdio (${mode})`, async (t: TestContext) => {
    const { url } = await startSimulator(t)
    const env = {
      AZURE_BASE_URL: url,
      AZURE_API_KEY: key,
      AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
      IMAGES_DIR: await temporaryFolder(t),
    }
    const client = newClient(mode)
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: [server, '--stdio'], env, stderr: 'ignore' }),
    )
    t.after(() => client.close())
    const listChanged = told(client, 'notifications/resources/list_changed')
    if (mode === 'auto') await client.listen({ resourcesListChanged: true })
    await client.callTool({ name: 'generate_image', arguments: { prompt: 'a fox' } })
    await listChanged
    t.assert.strictEqual((await client.listResources()).resources.length, 1)
  })
}
