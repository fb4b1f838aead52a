import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createImagesClient, type ImagesClientOptions } from '../../services/azure/client.ts'
import { keyCredential } from '../../services/azure/credential.ts'
import type { DeploymentOptions } from '../../services/azure/deployment.ts'
import { createModelCatalog } from '../../services/azure/models/model-catalog.ts'
import type { CallContext, ImagesClient } from '../../services/azure/types.ts'
import { createBufferSpool } from '../../services/bytes/spooled-buffer.ts'
import { ServiceError } from '../../services/errors/errors.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A request as the server received it. */
export interface SeenRequest {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface FakeAzure {
  url: string
  /** Requests whose head arrived, in order. `body` is filled as it arrives. */
  seen: SeenRequest[]
}

type Behaviour = (request: IncomingMessage, response: ServerResponse, seen: SeenRequest) => void

/** A server that does exactly what a test says, including protocol violations. Closed after the test. */
export async function fakeAzure(
  t: TestContext,
  behave: Behaviour,
  tls?: { key: string; cert: string },
): Promise<FakeAzure> {
  const seen: SeenRequest[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const entry: SeenRequest = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.alloc(0),
    }
    seen.push(entry)
    behave(request, response, entry)
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  const port = await listenOnLoopback(t, server)
  t.after(() => server.closeAllConnections())
  return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, seen }
}

/** Writes `content` to a file in a new folder; anything but text as JSON. */
export async function fileOf(t: TestContext, content: unknown): Promise<string> {
  const path = join(await temporaryFolder(t), 'file.json')
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** Listens on a free port of the loopback interface until the test ends. */
export async function listenOnLoopback(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Reads the whole request, then runs `act`. */
export function afterBody(act: (response: ServerResponse, seen: SeenRequest) => void): Behaviour {
  return (request, response, seen) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.body = Buffer.concat(chunks)
      act(response, seen)
    })
  }
}

/** Sends the same response to every request, once it has been received. */
export function responding(status: number, body: unknown, headers: Record<string, string> = {}): Behaviour {
  return afterBody((response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  })
}

/** A valid 1x1 PNG, base64. */
export const pixelPng =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

export const imageResult = { created: 1, data: [{ b64_json: pixelPng }] }

/** A call with a long deadline by default. */
export function callContext(changes: Partial<CallContext> = {}): CallContext {
  return {
    signal: new AbortController().signal,
    deadlineAt: performance.now() + 10_000,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    ...changes,
  }
}

const catalog = createModelCatalog()

/** A deployment at that URL, on its model's preferred route. */
export function deploymentOf(
  baseUrl: string,
  model = 'FLUX.1-Kontext-pro',
  changes: Partial<DeploymentOptions> = {},
): DeploymentOptions {
  return {
    name: model,
    baseUrl,
    deployment: model,
    model: catalog.resolve(model, changes.dialect ?? 'auto'),
    credential: keyCredential('the-secret-key'),
    dialect: 'auto',
    fallbacks: [],
    maxWaiting: 100,
    blockMs: 60_000,
    ...changes,
  }
}

/** A client, closed after the test. */
export function clientOf(
  t: TestContext,
  deployments: ImagesClientOptions['deployments'],
  changes: Partial<ImagesClientOptions> = {},
): ImagesClient {
  const images = createImagesClient({
    deployments,
    connectTimeoutMs: 10_000,
    maxResponseBytes: 1_000_000,
    spool: createBufferSpool({ maxBytes: 100_000_000, spillFolders: [] }),
    streaming: 'never',
    imageHosts: ['localhost'],
    ...changes,
  })
  t.after(() => images.close())
  return images
}

/** The error of a call that must fail. */
export async function failureOf(t: TestContext, call: Promise<unknown>): Promise<ServiceError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.assert.ok(error instanceof ServiceError, `expected a ServiceError, got ${String(error)}`)
  return error
}
