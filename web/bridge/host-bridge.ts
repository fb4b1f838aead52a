import type { Bridge, DisplayMode, HostAbilities, HostContext, ToolResult } from './bridge.ts'
import { type Channel, createChannel, type Port } from './channel.ts'
import { mergeContext } from './host-context.ts'
import { isObject, type JsonObject, objectOf, textOf } from './json.ts'
import { StudioError, toStudioError } from './studio-error.ts'
import { readToolResult } from './tool-result.ts'

/** https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx */
const VERSION = '2026-01-26'

export interface HostBridge extends Bridge {
  /** Tells the host how much space the studio takes, in CSS pixels. */
  reportSize(width: number, height: number): void
}

/**
 * The bridge inside a chat.
 * @param version of the studio
 * @param initial what counts until the host says otherwise
 * @throws StudioError if the host does not complete the handshake
 */
export async function connectHost(port: Port, version: string, initial: HostContext): Promise<HostBridge> {
  const channel = createChannel(port)
  const listeners = new Set<(context: HostContext) => void>()
  let context = initial
  let onTeardown: () => Promise<void> = async () => {}
  let opened: ToolResult | undefined
  let onOpened: ((result: ToolResult) => void) | undefined

  const update = (changes: JsonObject) => {
    context = mergeContext(context, changes)
    for (const listener of listeners) listener(context)
  }
  // Before the handshake, because the host may send them right after it.
  channel.onNotification('ui/notifications/host-context-changed', update)
  channel.onNotification('ui/notifications/tool-result', (params) => {
    opened = resultOrNothing(params)
    if (opened !== undefined) onOpened?.(opened)
  })
  channel.onRequest('ping', async () => ({}))
  channel.onRequest('ui/resource-teardown', async () => {
    await onTeardown()
    return {}
  })

  const host = await channel.request('ui/initialize', {
    appInfo: { name: 'azure-image-editor-studio', title: 'Image studio', version },
    appCapabilities: { availableDisplayModes: ['inline', 'fullscreen'] },
    protocolVersion: VERSION,
  })
  const capabilities = objectOf(host.hostCapabilities)
  const canCallTools = isObject(capabilities.serverTools)
  update(objectOf(host.hostContext))
  channel.notify('ui/notifications/initialized', {})

  return {
    mode: 'host',
    abilities: abilitiesOf(channel, capabilities, () => context),
    get context() {
      return context
    },
    onContext(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async callTool(name, args, options) {
      const params = { name, arguments: withoutUndefined(args) }
      try {
        return readToolResult(await channel.request('tools/call', params, options))
      } catch (error) {
        const { kind, message } = toStudioError(error)
        // It is tried all the same, because hosts forget to declare what they can.
        if (!canCallTools && kind !== 'aborted') throw new StudioError('unsupported')
        throw kind === 'rejected' ? new StudioError('interrupted', message) : error
      }
    },
    onOpenedWith(listener) {
      onOpened = listener
      if (opened !== undefined) listener(opened)
    },
    onTeardown(listener) {
      onTeardown = listener
    },
    reportSize: (width, height) => channel.notify('ui/notifications/size-changed', { width, height }),
  }
}

/** `postMessage` would send members that are undefined, which JSON does not have. */
const withoutUndefined = (args: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined))

/** The call may have been one of another version; the studio opens anyway. */
function resultOrNothing(params: JsonObject): ToolResult | undefined {
  try {
    return readToolResult(params)
  } catch {
    return undefined
  }
}

/** Only what the host declared. `ui/download-file` is newer than the version above, so that few hosts have it. */
function abilitiesOf(channel: Channel, capabilities: JsonObject, current: () => HostContext): HostAbilities {
  const { updateModelContext, message, openLinks, downloadFile } = capabilities
  const text = (value: string) => [{ type: 'text', text: value }]
  return {
    ...(isObject(updateModelContext) && {
      async updateModelContext(value: string) {
        await channel.request('ui/update-model-context', { content: text(value) })
      },
    }),
    ...(isObject(message) && {
      async sendMessage(value: string) {
        await succeed(channel.request('ui/message', { role: 'user', content: text(value) }))
      },
    }),
    ...(isObject(openLinks) && {
      async openLink(url: string) {
        await succeed(channel.request('ui/open-link', { url }))
      },
    }),
    ...(isObject(downloadFile) && {
      async saveFile({ uri, mimeType, bytes }) {
        const resource = { uri, mimeType, blob: bytes.toBase64() }
        await succeed(channel.request('ui/download-file', { contents: [{ type: 'resource', resource }] }))
      },
    }),
    async requestDisplayMode(mode: DisplayMode) {
      const result = await channel.request('ui/request-display-mode', { mode })
      return textOf(result.mode) === mode ? mode : current().displayMode
    },
  }
}

/** A host that was stopped by the person says so in its result. */
async function succeed(request: Promise<JsonObject>): Promise<void> {
  if ((await request).isError === true) throw new StudioError('rejected')
}
