import { describe, type TestContext, test } from 'node:test'
import { STUDIO_META } from '../../../schemas/studio.ts'
import type { HostContext, ToolResult } from '../../../web/bridge/bridge.ts'
import { connectHost } from '../../../web/bridge/host-bridge.ts'
import { isObject, type JsonObject, objectOf } from '../../../web/bridge/json.ts'
import { toStudioError } from '../../../web/bridge/studio-error.ts'
import { waitFor } from '../../support/wait-for.ts'

const initial: HostContext = { theme: 'light', locale: 'en', displayMode: 'inline', displayModes: [], variables: {} }

/** A host that responds to requests as told, and records what it receives. */
function createHost(results: Record<string, unknown> = {}) {
  const received: JsonObject[] = []
  let deliver: (message: unknown) => void = () => {}
  const send = (message: JsonObject) => deliver({ jsonrpc: '2.0', ...message })
  return {
    received,
    send,
    raw: (message: unknown) => deliver(message),
    of: (method: string) => received.filter((each) => each.method === method),
    port: {
      post(message: JsonObject) {
        received.push(message)
        const { id, method } = message
        if (id === undefined || typeof method !== 'string' || !Object.hasOwn(results, method)) return
        const result = results[method]
        queueMicrotask(() =>
          send(result instanceof Error ? { id, error: { code: -1, message: result.message } } : { id, result }),
        )
      },
      listen(receive: (message: unknown) => void) {
        deliver = receive
      },
    },
  }
}

const handshake = (capabilities: JsonObject = {}, hostContext: JsonObject = {}) => ({
  'ui/initialize': {
    protocolVersion: '2026-01-26',
    hostInfo: {},
    hostCapabilities: { serverTools: {}, ...capabilities },
    hostContext,
  },
})
const connect = (host: ReturnType<typeof createHost>) => connectHost(host.port, '1.2.3', initial)

describe('the bridge to a host', () => {
  test('says hello once, and reads the context', async (t: TestContext) => {
    const context = {
      theme: 'dark',
      locale: 'zh-CN',
      displayMode: 'fullscreen',
      availableDisplayModes: ['inline', 'fullscreen', 'hologram'],
      containerDimensions: { maxHeight: 400, width: 300 },
      safeAreaInsets: { top: 5 },
      styles: { variables: { '--font-sans': 'x', '--broken': undefined }, css: { fonts: '@font-face{}' } },
    }
    const host = createHost(handshake({}, context))
    const bridge = await connect(host)
    t.assert.deepStrictEqual(
      host.received.map(({ method }) => method),
      ['ui/initialize', 'ui/notifications/initialized'],
    )
    t.assert.deepStrictEqual(bridge.context, {
      theme: 'dark',
      locale: 'zh-CN',
      displayMode: 'fullscreen',
      displayModes: ['inline', 'fullscreen'],
      variables: { '--font-sans': 'x' },
      fonts: '@font-face{}',
      maxHeight: 400,
      safeArea: { top: 5, right: 0, bottom: 0, left: 0 },
    })
  })

  test('takes changes of the context, and leaves the rest as it was', async (t: TestContext) => {
    const host = createHost(handshake({}, { theme: 'dark', locale: 'zh', styles: { variables: { '--a': '1' } } }))
    const bridge = await connect(host)
    const seen: HostContext[] = []
    const stop = bridge.onContext((context) => seen.push(context))
    host.send({ method: 'ui/notifications/host-context-changed', params: { theme: 'light' } })
    host.send({ method: 'ui/notifications/host-context-changed', params: { theme: 7, displayMode: 'wall' } })
    t.assert.deepStrictEqual(
      seen.map(({ theme, locale, displayMode, variables }) => ({ theme, locale, displayMode, variables })),
      Array(2).fill({ theme: 'light', locale: 'zh', displayMode: 'inline', variables: { '--a': '1' } }),
    )
    stop()
    host.send({ method: 'ui/notifications/host-context-changed', params: { theme: 'dark' } })
    t.assert.strictEqual(seen.length, 2)
  })

  test('offers only what the host declared', async (t: TestContext) => {
    const without = await connect(createHost(handshake()))
    t.assert.deepStrictEqual(Object.keys(without.abilities), ['requestDisplayMode'])
    const all = { updateModelContext: {}, message: {}, openLinks: {}, downloadFile: {} }
    const results = {
      'ui/update-model-context': {},
      'ui/message': {},
      'ui/open-link': { isError: true },
      'ui/download-file': {},
    }
    const host = createHost({ ...handshake(all), ...results })
    const { abilities } = await connect(host)
    await abilities.updateModelContext?.('this one')
    await abilities.sendMessage?.('use it')
    await abilities.saveFile?.({
      name: 'a.png',
      mimeType: 'image/png',
      uri: 'image://img_1',
      bytes: new Uint8Array([1]),
    })
    t.assert.deepStrictEqual(objectOf(host.of('ui/update-model-context')[0]?.params), {
      content: [{ type: 'text', text: 'this one' }],
    })
    t.assert.deepStrictEqual(objectOf(host.of('ui/message')[0]?.params), {
      role: 'user',
      content: [{ type: 'text', text: 'use it' }],
    })
    t.assert.deepStrictEqual(objectOf(host.of('ui/download-file')[0]?.params), {
      contents: [{ type: 'resource', resource: { uri: 'image://img_1', mimeType: 'image/png', blob: 'AQ==' } }],
    })
    // The person said no.
    await t.assert.rejects(async () => abilities.openLink?.('https://example.org'), { kind: 'rejected' })
  })

  test('shows the display mode that the host chose, not the one that was asked for', async (t: TestContext) => {
    const host = createHost({ ...handshake(), 'ui/request-display-mode': { mode: 'inline' } })
    const { abilities } = await connect(host)
    t.assert.strictEqual(await abilities.requestDisplayMode?.('fullscreen'), 'inline')
  })

  test('reads results with their facts, and drops arguments that are undefined', async (t: TestContext) => {
    const result = { content: [{ type: 'text', text: 'ok' }], _meta: { [STUDIO_META]: { draft: 'x' } } }
    const host = createHost({ ...handshake(), 'tools/call': result })
    const bridge = await connect(host)
    const { meta, text, isError } = await bridge.callTool('studio_draft', { id: undefined, text: 'a' })
    t.assert.deepStrictEqual({ meta, text, isError }, { meta: { draft: 'x' }, text: 'ok', isError: false })
    t.assert.deepStrictEqual(host.of('tools/call')[0]?.params, { name: 'studio_draft', arguments: { text: 'a' } })
  })

  test('fails in one way for each cause', async (t: TestContext) => {
    const kind = async (
      results: Record<string, unknown>,
      options: { timeoutMs?: number; signal?: AbortSignal } = {},
    ) => {
      const bridge = await connect(createHost({ ...handshake(), ...results }))
      return await bridge.callTool('list_models', {}, options).then(
        () => 'none',
        (error) => toStudioError(error).kind,
      )
    }
    t.assert.strictEqual(await kind({ 'tools/call': new Error('Request timed out') }), 'interrupted')
    t.assert.strictEqual(await kind({ 'tools/call': { content: 'none' } }), 'protocol')
    t.assert.strictEqual(
      await kind({ 'tools/call': { content: [], _meta: { [STUDIO_META]: { draft: 1 } } } }),
      'protocol',
    )
    t.assert.strictEqual(await kind({}, { timeoutMs: 1 }), 'offline')
    t.assert.strictEqual(await kind({}, { signal: AbortSignal.abort() }), 'aborted')
    const abort = new AbortController()
    const aborted = kind({}, { signal: abort.signal })
    setImmediate(() => abort.abort())
    t.assert.strictEqual(await aborted, 'aborted')
  })

  test('tries to call tools of a host that does not declare it, and says so if that fails', async (t: TestContext) => {
    const silent = { ...handshake({ serverTools: undefined }) }
    const without = await connect(createHost({ ...silent, 'tools/call': new Error('Method not found') }))
    await t.assert.rejects(without.callTool('list_models', {}), { kind: 'unsupported' })
    const bridge = await connect(createHost({ ...silent, 'tools/call': { content: [] } }))
    t.assert.strictEqual((await bridge.callTool('list_models', {})).isError, false)
  })

  test('hears the result for which it was opened, whenever it comes', async (t: TestContext) => {
    for (const isLate of [false, true]) {
      const host = createHost(handshake())
      const seen: ToolResult[] = []
      const bridge = await connect(host)
      const send = () =>
        host.send({ method: 'ui/notifications/tool-result', params: { content: [{ type: 'text', text: 'img' }] } })
      if (!isLate) send()
      bridge.onOpenedWith((result) => seen.push(result))
      if (isLate) send()
      host.send({ method: 'ui/notifications/tool-result', params: { content: 7 } })
      t.assert.deepStrictEqual(
        seen.map(({ text }) => text),
        ['img'],
      )
    }
  })

  test('stores what is not stored before it is closed', async (t: TestContext) => {
    const host = createHost(handshake())
    const bridge = await connect(host)
    const { promise, resolve } = Promise.withResolvers<void>()
    bridge.onTeardown(() => promise)
    const responses = () => host.received.filter(({ id, method }) => id === 'close' && method === undefined)
    host.send({ id: 'close', method: 'ui/resource-teardown', params: {} })
    await new Promise(setImmediate)
    t.assert.strictEqual(responses().length, 0)
    resolve()
    await waitFor('the response', () => responses().length === 1)
    t.assert.deepStrictEqual(responses()[0]?.result, {})
  })

  test('responds to requests that it does not know, and ignores what is no message', async (t: TestContext) => {
    const host = createHost(handshake())
    await connect(host)
    for (const noise of [null, 'x', 7, [], {}, { jsonrpc: '1.0', method: 'ping', id: 1 }, { jsonrpc: '2.0', id: 99 }]) {
      host.raw(noise)
    }
    host.send({ id: 'a', method: 'sampling/createMessage' })
    host.send({ id: 'b', method: 'ping' })
    await waitFor('both responses', () => host.received.length === 4)
    const [unknown, ping] = host.received.slice(2)
    t.assert.ok(isObject(unknown?.error) && unknown.error.code === -32601)
    t.assert.deepStrictEqual(ping?.result, {})
  })
})
