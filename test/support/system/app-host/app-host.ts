import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { McpUiHostContext } from '@modelcontextprotocol/ext-apps/app-bridge'
import type { Frame, Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { listenOnLoopback } from '../../fake-azure.ts'
import { type HostProfile, type ProfileName, profiles } from './profiles.ts'
import type { HostEvent, Mount } from './types.ts'

/** A chat of two origins, as hosts of MCP Apps are: one for the chat, one for the frames of apps. */
export interface AppHost {
  /** Every request that the app made through the host, in order. */
  readonly forwarded: { name: string; args: Record<string, unknown>; isError: boolean }[]
  /** As the chat's model does. */
  callTool(name: string, args: Record<string, unknown>): ReturnType<Client['callTool']>
  /** Opens the chat with the app in it. */
  open(page: Page, profile: ProfileName, options?: OpenOptions): Promise<OpenedApp>
}

export interface OpenOptions {
  /** Beside what the profile says. */
  context?: McpUiHostContext
  without?: readonly (keyof HostProfile['capabilities'])[]
  width?: number
  height?: number
  input?: Record<string, unknown>
  result?: unknown
}

export interface OpenedApp {
  frame: Frame
  /** What the app sent to the host, of one kind. */
  events(kind: HostEvent['kind']): Promise<unknown[]>
  changeContext(context: McpUiHostContext): Promise<void>
  /** Removes the app and shows it again, as a chat that is opened a second time. */
  remount(): Promise<Frame>
}

const UI = 'io.modelcontextprotocol/ui'
const APP_TYPE = 'text/html;profile=mcp-app'
const ForwardSchema = Type.Object({
  method: Type.Union([Type.Literal('tools/call'), Type.Literal('resources/read')]),
  params: Type.Object({
    name: Type.Optional(Type.String()),
    arguments: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    uri: Type.Optional(Type.String()),
  }),
})

const chat = `<!doctype html><meta charset="utf-8"><title>chat</title>
<style>body { margin: 0 } iframe { border: 0; display: block } .fullscreen { position: fixed; inset: 0; width: 100% !important; height: 100% !important }</style>
<script src="/host.js"></script>`

let script: Promise<string> | undefined

async function bundleScript(): Promise<string> {
  const bundle = await rolldown({ input: join(import.meta.dirname, 'page/page.ts'), platform: 'browser' })
  const { output } = await bundle.generate({ format: 'iife' })
  await bundle.close()
  return output[0].code
}

/** @param headers of every request to the service, as a person configures them in the chat */
export async function startAppHost(
  t: TestContext,
  serviceUrl: string,
  { headers = {}, uri = 'ui://azure-image-editor/studio.html' } = {},
): Promise<AppHost> {
  const client = new Client(
    { name: 'test-host', version: '1' },
    { capabilities: { extensions: { [UI]: { mimeTypes: [APP_TYPE] } } } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(`${serviceUrl}/mcp`), { requestInit: { headers } }))
  t.after(() => client.close())
  const forwarded: AppHost['forwarded'] = []

  async function forward({ method, params }: Type.Static<typeof ForwardSchema>) {
    if (method === 'resources/read') return client.readResource({ uri: params.uri ?? '' })
    const { name = '', arguments: args = {} } = params
    const result = await client.callTool({ name, arguments: args })
    forwarded.push({ name, args, isError: result.isError === true })
    return result
  }

  async function appDocument(profile: HostProfile): Promise<string> {
    const { contents } = await client.readResource({ uri })
    const [content] = contents
    if (content?.mimeType !== APP_TYPE || !('text' in content)) throw new Error('the service has no app')
    return profile.wrap(content.text)
  }

  const sandboxUrl = await serveOn(t, async ({ url = '' }, response) => {
    const name = url.slice(1)
    const profile: HostProfile | undefined = Object.entries(profiles).find(([each]) => each === name)?.[1]
    if (profile === undefined) return response.writeHead(404).end()
    const html = await appDocument(profile)
    return response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': profile.policy })
      .end(html)
  })
  const hostUrl = await serveOn(t, async (request, response) => {
    if (request.url === '/') return response.writeHead(200, { 'content-type': 'text/html' }).end(chat)
    if (request.url === '/host.js') {
      script ??= bundleScript()
      return response.writeHead(200, { 'content-type': 'text/javascript' }).end(await script)
    }
    if (request.url !== '/forward') return response.writeHead(204).end()
    const result = await forward(Value.Parse(ForwardSchema, JSON.parse(await text(request))))
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result))
  })

  return {
    forwarded,
    callTool: (name, args) => client.callTool({ name, arguments: args }),
    open: (page, name, options = {}) =>
      openApp(page, { hostUrl, src: `${sandboxUrl}/${name}`, profile: profiles[name], options }),
  }
}

interface Opening {
  hostUrl: string
  src: string
  profile: HostProfile
  options: OpenOptions
}

async function openApp(page: Page, { hostUrl, src, profile, options }: Opening): Promise<OpenedApp> {
  const { context = {}, without = [], width = 720, height, input, result } = options
  const mount: Mount = {
    src,
    sandbox: profile.sandbox,
    capabilities: Object.fromEntries(
      Object.entries(profile.capabilities).filter(([name]) => !without.some((each) => each === name)),
    ),
    context: {
      displayMode: 'inline',
      availableDisplayModes: profile.displayModes,
      containerDimensions: height === undefined ? { width, maxHeight: 5000 } : { width, height },
      ...context,
    },
    width,
    ...(height === undefined ? {} : { height }),
    ...(profile.sendsInput && input !== undefined ? { input } : {}),
    ...(result === undefined ? {} : { result }),
  }
  async function show(): Promise<Frame> {
    await page.evaluate(`host.mount(${JSON.stringify(mount)})`)
    const frame = await (await page.locator('iframe').elementHandle())?.contentFrame()
    if (!frame) throw new Error('the page has no frame')
    return frame
  }
  await page.goto(`${hostUrl}/`)
  return {
    frame: await show(),
    async events(kind) {
      const events: unknown = await page.evaluate(`host.events.filter((each) => each.kind === '${kind}')`)
      return Array.isArray(events) ? events.map(({ params }) => params) : []
    },
    async changeContext(changed) {
      await page.evaluate(`host.change(${JSON.stringify(changed)})`)
    },
    async remount() {
      await page.evaluate('host.unmount()')
      return show()
    },
  }
}

type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>

/** A server of its own origin on this machine; failures are told to the page, which shows them to the app. */
async function serveOn(t: TestContext, serve: Serve): Promise<string> {
  const server = createServer((request, response) => {
    serve(request, response).catch(({ message }: Error) => response.writeHead(500).end(JSON.stringify({ message })))
  })
  const port = await listenOnLoopback(t, server)
  t.after(() => server.closeAllConnections())
  return `http://127.0.0.1:${port}`
}
