import { type TestContext, test } from 'node:test'
import { startService } from '../../support/service.ts'

interface ListedTool {
  name: string
  icons?: unknown
  _meta?: { ui: { visibility?: string[] } }
}

const KB = 1024
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

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
    const forModels = tools.filter(({ _meta }: ListedTool) => _meta?.ui.visibility === undefined)
    const names = forModels.map(({ name }: ListedTool) => name)
    t.assert.deepEqual(names, ['generate_image', 'edit_image', 'find_images', 'get_image', 'request_upload', 'get_job'])
    // Icons are for people: clients do not show them to the model. Those without apps show it the tools of the studio.
    const bytes = bytesOf(tools.map(({ icons: _icons, ...tool }: ListedTool) => tool))
    t.diagnostic(`${bytes} bytes without icons, ${bytesOf(forModels)} without what only the studio calls`)
    t.assert.ok(bytes <= limit, `${bytes}`)
    t.assert.ok(bytesOf(forModels) <= limit, 'with its icons')
  })
}
