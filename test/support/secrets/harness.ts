import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Environment } from '../../../services/config/environment.ts'
import { type BuiltApp, listen } from '../app.ts'
import { startCollector } from '../collector.ts'
import { fakeAzure, listenOnLoopback } from '../fake-azure.ts'
import { temporaryFolder } from '../temporary-folder.ts'

/** Every secret of a configuration, and a prompt. None is part of another. */
export const secrets = {
  azureKey: 'AzureKey0Qw7ZrT5pLm9Xc3V',
  deploymentKey: 'DeplKey4Hn8BvYt2WsKd6Ju',
  callerKey: 'CallerKey9Gf5RdEx1PoIu7Lk',
  metricsToken: 'MetricsTok3Zx8CvBn2MqAs',
  redisPassword: 'RedisPwd6Ty4UiOp1LkJh',
  serverSecret: 'ServerSec1Qz4MnBv7CxLk0Jh5GfDs8A',
  proxyPassword: 'ProxyPwd2Wq9ErTy5UiAs',
  clientSecret: 'EntraSec8Df3GhJk1ZxCv',
  accessToken: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJBY2Nlc3NUb2s3In0.QmVhcmVyU2lnNVR5N1Vp',
  linkCredential: 'LinkCred5Bn7MkLo3PqRs',
  collectorKey: 'CollectorKey6Vb2NqXe9HtYw',
  storageKey: Buffer.from('StorageKey1Hb6NjMk8UyTr3'.padEnd(64, 'StoreSec7Vf4CdXz')).toString('base64'),
} as const

export const prompt = 'A crimson "umbrella" for Zoë,\nseen in 夕阳'
/** Recognizable words of the prompt that no text of the service contains. */
const promptParts = ['crimson', 'umbrella', '夕阳', 'zoë']

/** The encodings in which a text can leak. */
function formsOf(text: string): string[] {
  const bytes = Buffer.from(text)
  // Only the characters that do not depend on base64's alignment.
  const aligned = [0, 1, 2].map((from) =>
    bytes.subarray(from, bytes.length - ((bytes.length - from) % 3)).toString('base64'),
  )
  return [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    bytes.toString('hex'),
    [...text].reverse().join(''),
    ...aligned,
    ...aligned.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    [...text].map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    [...text].map((character) => `&#${character.codePointAt(0)};`).join(''),
  ].map((form) => form.toLowerCase())
}
const forbidden = [...Object.values(secrets), ...promptParts].flatMap((text) =>
  // Short base64 occurs in ordinary words by chance.
  formsOf(text).flatMap((form) => (form === text || form.length > 4 ? [{ text, form }] : [])),
)

/** The secrets and parts of the prompt in an output. */
export function leaksIn(output: string): string[] {
  const folded = output.toLowerCase()
  return forbidden.filter(({ form }) => folded.includes(form)).map(({ text, form }) => `${text} as ${form}`)
}

/** The running service of a set-up and its collected outputs. */
export interface Lab extends BuiltApp {
  t: TestContext
  url: string
  /** Sends a request, and collects the response. */
  ask(path: string, init?: RequestInit): Promise<Response>
  /** Calls a tool as alice. */
  call(args?: object, tool?: string): Promise<void>
  outputs: Map<string, string>
}

export interface Setup {
  name: string
  /** Prepares the service's environment, and returns its changed variables. */
  prepare: (t: TestContext) => Promise<Environment> | Environment
  /** The caller's requests; one valid tool call by default. */
  act?: (lab: Lab) => Promise<unknown>
  /** The response may contain the caller's own input; no other output may. */
  isEchoed?: boolean
}

/** Runs the service in a set-up with all logs on, and returns all of its outputs. */
export async function runSetup(t: TestContext, { prepare, act }: Setup): Promise<Map<string, string>> {
  const logFolder = await temporaryFolder(t)
  const collector = await startCollector(t, { OTEL_EXPORTER_OTLP_HEADERS: `api-key=${secrets.collectorKey}` })
  const built = await listen(t, {
    ...collector.environment,
    AZURE_BASE_URL: 'http://127.0.0.1:9',
    AZURE_API_KEY: secrets.azureKey,
    AZURE_CONNECT_TIMEOUT_MS: '300',
    CALL_DEADLINE_MS: '1500',
    MCP_API_KEYS: `alice:${secrets.callerKey}`,
    METRICS_TOKEN: secrets.metricsToken,
    LOG_LEVEL: 'trace',
    // Standard output is pretty-printed, the files are JSON.
    LOG_FORMAT: 'pretty',
    LOG_DIR: logFolder,
    ABANDONED_RESULT_TTL_MS: '0',
    ...(await prepare(t)),
  })
  const outputs = new Map<string, string>()
  const lab: Lab = { ...built, t, outputs, ask: asker(built.url, outputs), call: async () => {} }
  lab.call = (args = { prompt }, tool = 'generate_image') => callTool(lab, args, tool)
  await (act ?? ((each: Lab) => each.call()))(lab)
  for (const path of ['/health', '/ready', '/metrics', '/']) {
    await lab.ask(path, { headers: { authorization: `Bearer ${secrets.metricsToken}` } })
  }
  await built.app.close()
  outputs.set('stdout', built.logs.text)
  outputs.set('log files', await readAll(logFolder))
  outputs.set('traces', Buffer.concat(collector.bodies).toString())
  t.assert.notStrictEqual(collector.bodies.length, 0, 'something was exported')
  t.assert.match(built.logs.text, /request completed|client disconnected/, 'something was logged')
  return outputs
}

function asker(url: string, outputs: Map<string, string>): Lab['ask'] {
  return async (path, init = {}) => {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(60_000), ...init })
    const head = JSON.stringify([...response.headers])
    outputs.set(`response ${outputs.size} to ${path}`, `${head}\n${await response.clone().text()}`)
    return response
  }
}

export const asAlice = { 'content-type': 'application/json', 'x-api-key': secrets.callerKey }

async function callTool({ ask }: Lab, args: object, tool: string): Promise<void> {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } }
  await ask('/', { method: 'POST', headers: asAlice, body: JSON.stringify(message) })
}

export async function readAll(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n')
}

/** What a server received, so that it can echo it. */
export interface ReceivedRequest {
  key: string
  prompt: string
}

type Echo = (received: ReceivedRequest) => { status: number; body: string; headers?: Record<string, string> }

/** An Azure that echoes the request. */
export async function echoingAzure(t: TestContext, echo: Echo, more: Environment = {}): Promise<Environment> {
  const { url } = await fakeAzure(t, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      const said = typeof body === 'object' && body !== null && 'prompt' in body ? String(body.prompt) : ''
      const { status, body: text, headers = {} } = echo({ key: String(request.headers['api-key']), prompt: said })
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
    })
  })
  return { AZURE_BASE_URL: url, ...more }
}

/** A TCP server that sends a fixed response to any input. */
export async function rawServer(
  t: TestContext,
  onData: (socket: Socket, text: string) => void,
  onConnect: (socket: Socket) => void = () => {},
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => onData(socket, chunk.toString('latin1')))
    onConnect(socket)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return await listenOnLoopback(t, server)
}
