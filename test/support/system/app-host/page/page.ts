import { AppBridge, type McpUiHostContext, PostMessageTransport } from '@modelcontextprotocol/ext-apps/app-bridge'
import type { HostEvent, Mount } from '../types.ts'

/** The page of a chat that shows one app: the official bridge checks every message of the app against the schemas. */

const events: HostEvent[] = []
let bridge: AppBridge | undefined
let frame: HTMLIFrameElement | undefined

/** Passes a request on to the service. */
async function forward<T>(method: string, params: unknown): Promise<T> {
  const response = await fetch('/forward', { method: 'POST', body: JSON.stringify({ method, params }) })
  const body = await response.json()
  if (!response.ok) throw new Error(body.message)
  return body
}

async function mount(options: Mount): Promise<void> {
  const element = document.createElement('iframe')
  element.setAttribute('sandbox', options.sandbox)
  element.title = 'app'
  element.style.width = `${options.width}px`
  element.style.height = `${options.height ?? 300}px`
  document.body.append(element)
  if (element.contentWindow === null) throw new Error('the frame has no window')
  const connected = new AppBridge(null, { name: 'test-host', version: '1' }, options.capabilities, {
    hostContext: options.context,
  })
  serve(connected, element, options)
  await connected.connect(new PostMessageTransport(element.contentWindow, element.contentWindow))
  bridge = connected
  frame = element
  element.src = options.src
}

function serve(app: AppBridge, element: HTMLIFrameElement, { capabilities, context, input, result, height }: Mount) {
  function record(kind: HostEvent['kind'], params: unknown) {
    events.push({ kind, params })
    return {}
  }
  if (capabilities.serverTools) app.oncalltool = (params) => forward('tools/call', params)
  if (capabilities.serverResources) app.onreadresource = (params) => forward('resources/read', params)
  if (capabilities.message) app.onmessage = async (params) => record('message', params)
  if (capabilities.updateModelContext) app.onupdatemodelcontext = async (params) => record('context', params)
  if (capabilities.openLinks) app.onopenlink = async (params) => record('link', params)
  if (capabilities.downloadFile) app.ondownloadfile = async (params) => record('download', params)
  app.addEventListener('loggingmessage', (params) => record('log', params))
  app.addEventListener('sizechange', (params) => {
    record('size', params)
    if (height === undefined && params.height !== undefined) element.style.height = `${params.height}px`
  })
  app.onrequestdisplaymode = async ({ mode }) => {
    record('mode', mode)
    if (context.availableDisplayModes?.includes(mode) !== true) return { mode: 'inline' }
    element.classList.toggle('fullscreen', mode === 'fullscreen')
    void app.sendHostContextChange({ displayMode: mode })
    return { mode }
  }
  app.addEventListener('initialized', async (params) => {
    record('initialized', params)
    if (input !== undefined) await app.sendToolInput({ arguments: input })
    // The result of the service itself, whose schema the official client has checked.
    if (result !== undefined) await app.sendToolResult(result as Parameters<AppBridge['sendToolResult']>[0])
  })
}

/** What the test drives. */
const host = {
  events,
  mount,
  /** As when the person scrolls the card out of the chat. */
  async unmount(): Promise<void> {
    await bridge?.teardownResource({})
    await bridge?.close()
    frame?.remove()
  },
  change: async (context: McpUiHostContext) => bridge?.sendHostContextChange(context),
}
Object.assign(globalThis, { host })
