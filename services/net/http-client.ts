import type { Dispatcher } from 'undici'
import { cachePromise } from './cached-promise.ts'

/** The proxy of outgoing connections. */
export interface ProxySettings {
  /** Its URL, which may contain credentials; undefined: connections are direct. */
  readonly https?: { reveal(): string } | undefined
  /** Hosts that are reached directly. */
  readonly none?: readonly string[]
}

export interface HttpClientOptions {
  /** Milliseconds until a connection (name look-up, proxy and TLS included) must be established. */
  connectTimeoutMs: number
  proxy?: ProxySettings
  /** Certificate authorities to trust instead of Node's own list, PEM. */
  certificateAuthority?: string
}

/** Outgoing HTTP connections, direct or through the proxy. */
export interface HttpClient {
  /** A failure is not remembered. */
  get(): Promise<Dispatcher>
  /** Whether the last `get` did not fail. */
  readonly isUsable: boolean
  /** Waits for running exchanges. */
  close(): Promise<void>
}

/** Milliseconds after which undici is loaded in the background: neither start-up nor a later first request waits for it. */
const LOAD_AFTER_MS = 1_000

/** @param connect further options for the connector of direct connections */
export function createHttpClient(options: HttpClientOptions, connect: object = {}): HttpClient {
  let dispatcher: Dispatcher | undefined
  let isUsable = true
  const get = cachePromise(async () => {
    try {
      dispatcher = await createDispatcher(options, connect)
      isUsable = true
      return dispatcher
    } catch (error) {
      isUsable = false
      throw error
    }
  })
  // A failure is reported to the caller of `get`.
  const loading = setTimeout(() => get().catch(() => undefined), LOAD_AFTER_MS).unref()
  return {
    get,
    get isUsable() {
      return isUsable
    },
    async close() {
      clearTimeout(loading)
      await dispatcher?.close()
    },
  }
}

async function createDispatcher(options: HttpClientOptions, connect: object): Promise<Dispatcher> {
  const { Agent, EnvHttpProxyAgent } = await import('undici')
  const tls = options.certificateAuthority === undefined ? {} : { ca: options.certificateAuthority }
  // HTTP/1.1 only: over HTTP/2 one lost connection would lose every paid call on it. undici's own response timers are off:
  // their 300 s are shorter than Azure can take, and every request has its own deadline.
  const shared = {
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: options.connectTimeoutMs,
    connect: { ...tls, ...connect, timeout: options.connectTimeoutMs },
  }
  const { https, none } = options.proxy ?? {}
  if (https === undefined) return new Agent(shared)
  // Empty strings keep undici from reading the environment itself.
  return new EnvHttpProxyAgent({
    ...shared,
    requestTls: tls,
    httpProxy: '',
    httpsProxy: https.reveal(),
    noProxy: none?.join() ?? '',
  })
}
