import { type TestContext, test } from 'node:test'
import { startService } from '../../support/service.ts'

const KB = 1024

for (const [model, limit] of [
  ['FLUX.1-Kontext-pro', 12 * KB],
  ['gpt-image-1', 16 * KB],
  ['gpt-image-2', 16 * KB],
] as const) {
  test(`the list of all default tools of ${model} takes at most ${limit / KB} KB of a model's context`, async (t: TestContext) => {
    const { url } = await startService(t, { AZURE_DEPLOYMENT_NAME: model })
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
    const { tools } = JSON.parse(await response.text()).result
    const names = tools.map(({ name }: { name: string }) => name)
    t.assert.deepEqual(names, ['generate_image', 'edit_image', 'find_images', 'get_image', 'request_upload'])
    // Icons are for people: clients do not show them to the model.
    const bytes = Buffer.byteLength(
      JSON.stringify(tools.map(({ icons: _icons, ...tool }: { icons?: unknown }) => tool)),
    )
    t.diagnostic(`${bytes} bytes`)
    t.assert.ok(bytes <= limit, `${bytes}`)
    t.assert.ok(Buffer.byteLength(JSON.stringify(tools)) <= limit, 'with its icons')
  })
}
