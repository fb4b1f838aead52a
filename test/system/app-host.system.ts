import { type TestContext, test } from 'node:test'
import type { Catalog } from '../../services/mcp/catalog.ts'
import { listen } from '../support/app.ts'
import { echo } from '../support/fixture-catalog.ts'
import { startAppHost } from '../support/system/app-host/app-host.ts'
import { profiles } from '../support/system/app-host/profiles.ts'
import { openPage } from '../support/system/browser.ts'
import { startInspectorWeb } from '../support/system/inspector-web.ts'

/** The chat of the tests is as strict as the chats that it stands for; otherwise what works in it proves nothing. */

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** An app without any library that tries what hosts forbid, and says what worked. */
const html = `<!doctype html><html><head><title>Probe</title></head><body><pre id="report"></pre><script>
  const open = new Map()
  const ask = (id, method, params) => new Promise((resolve) => {
    open.set(id, resolve)
    parent.postMessage({ jsonrpc: '2.0', id, method, params }, '*')
  })
  addEventListener('message', ({ source, data }) => {
    if (source !== parent) return
    if (data.method === undefined) open.get(data.id)?.(data.result ?? { isRejected: true })
    if (data.method === 'ui/notifications/tool-result') seen.push('result')
    if (data.method === 'ui/notifications/tool-input') seen.push('input')
  })
  const seen = []
  const bytes = Uint8Array.from(atob('${pixel}'), (each) => each.charCodeAt(0))
  const blob = new Blob([bytes], { type: 'image/png' })
  const shows = (src) => new Promise((resolve) => {
    const image = document.createElement('img')
    image.onload = () => resolve(true)
    image.onerror = () => resolve(false)
    image.src = src
  })
  const works = async (attempt) => { try { return (await attempt()) !== false } catch { return false } }
  void (async () => {
    const host = await ask(1, 'ui/initialize', { appInfo: { name: 'probe', version: '1' }, appCapabilities: {}, protocolVersion: '2026-01-26' })
    parent.postMessage({ jsonrpc: '2.0', method: 'ui/notifications/initialized', params: {} }, '*')
    const called = await ask(2, 'tools/call', { name: 'probe', arguments: { text: 'hello' } })
    const report = {
      theme: host.hostContext.theme,
      tool: called.content?.[0]?.text,
      bitmap: await works(async () => (await createImageBitmap(blob)).width === 1),
      dataImage: await shows('data:image/png;base64,${pixel}'),
      blobImage: await shows(URL.createObjectURL(blob)),
      eval: await works(() => (0, eval)('true')),
      fetch: await works(() => fetch('https://example.com/')),
      storage: await works(() => { localStorage.setItem('a', 'b') }),
      cookies: await works(() => { document.cookie = 'a=b'; return document.cookie === 'a=b' }),
    }
    document.getElementById('report').textContent = JSON.stringify({ ...report, seen })
  })()
</script></body></html>`

const uri = 'ui://fixture/probe.html'
const withProbe = (own: Catalog): Catalog => ({
  ...own,
  tools: [...own.tools, { ...echo, name: 'probe', ui: { resourceUri: uri } }],
  apps: [{ uri, html: async () => html, ui: {} }],
})

const strictAlone = { bitmap: true, eval: false, fetch: false, blobImage: false, seen: ['input', 'result'] }
const strict = { ...strictAlone, tool: 'hello' }
const noOrigin = { storage: false, cookies: false }
const ownOrigin = { storage: true, cookies: true }
const expected = {
  specification: { ...strict, ...ownOrigin, dataImage: true },
  inspector: { ...strict, ...noOrigin, dataImage: false, seen: ['result'] },
  vscode: { ...strict, ...ownOrigin, dataImage: true },
  claude: { ...strict, ...ownOrigin, dataImage: true, blobImage: true, eval: true },
  bare: { ...strictAlone, ...ownOrigin, dataImage: true },
}

for (const name of Object.keys(profiles) as (keyof typeof profiles)[]) {
  test(`the chat of the tests permits an app what ${name} does, and no more`, async (t: TestContext) => {
    const { url } = await listen(t, {}, { extendCatalog: withProbe })
    const host = await startAppHost(t, url, { uri })
    const { page } = await openPage(t)
    const result = await host.callTool('probe', { text: 'opened' })
    const options = { context: { theme: 'dark' }, input: { text: 'opened' }, result } as const
    const { frame } = await host.open(page, name, options)
    await frame.locator('#report:not(:empty)').waitFor({ state: 'attached' })
    const report: unknown = JSON.parse((await frame.locator('#report').textContent()) ?? '')
    t.assert.deepEqual(report, { theme: 'dark', ...expected[name] })
    t.assert.deepEqual(
      host.forwarded,
      name === 'bare' ? [] : [{ name: 'probe', args: { text: 'hello' }, isError: false }],
    )
  })
}

test("MCP Inspector's web client permits an app what the chat of its name does", async (t: TestContext) => {
  const { url } = await listen(t, {}, { extendCatalog: withProbe })
  const inspector = await startInspectorWeb(t, url)
  const { page } = await openPage(t)
  const frame = await inspector.openApp(page, 'probe', { text: 'opened' })
  await frame.locator('#report:not(:empty)').waitFor({ state: 'attached' })
  const report = JSON.parse((await frame.locator('#report').textContent()) ?? '')
  t.assert.deepEqual({ ...report, theme: 'any' }, { ...expected.inspector, theme: 'any' })
})
