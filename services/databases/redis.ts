import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { AppError } from '../errors/app-error.ts'
import { faultMessages, type ServiceFault } from '../errors/faults.ts'
import type { Logger } from '../logging/logger.ts'

/** The keys of this service in a Redis that others may use as well. */
export const KEY_PREFIX = 'azure-image-editor'

/** No call waits longer for Redis. */
const COMMAND_TIMEOUT_MS = 500
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RECONNECT_MS = 5_000

/** Of every connection. */
export const connectionOptions = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  retryStrategy: (attempt: number) => Math.min(attempt * 200, MAX_RECONNECT_MS),
}

/** Interval of the probes while Redis does not respond. */
const PROBE_MS = 2_000

/** The error of Redis for every write at its `maxmemory`. */
const OUT_OF_MEMORY = 'OOM'

/** Writes, because a read-only replica or a full Redis also answers a ping. */
const PROBE = `redis.call('SET', KEYS[1], 1, 'PX', 1000)`

/** Begins scripts that need the time: `now` in milliseconds, by Redis' clock, which all replicas share. */
export const CLOCK = `local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`

/** Redis did not respond, or rejected a command; its text is not repeated. */
export class RedisUnavailableError extends AppError {
  override name = 'RedisUnavailableError'
}

/** What replicas share in Redis. While Redis does not respond each replica works by itself, and no call waits for Redis. */
export interface RedisConnection {
  /** For libraries that send commands themselves; they must check `isUsable` before and report failures with `lose`. */
  readonly client: Redis
  /** False after a command failed, until a probe succeeds. */
  readonly isUsable: boolean
  /** Runs a Lua script. @throws RedisUnavailableError, at once while Redis is not usable */
  run(script: string, keys: readonly string[], args?: readonly (string | number)[]): Promise<unknown>
  /** The same; undefined while Redis is not usable or if the script fails, which is logged here. */
  tryRun(...script: Parameters<RedisConnection['run']>): Promise<unknown>
  /** Sends a message to the subscribers of all replicas, this one included. Never rejects: messages may get lost. */
  publish(channel: string, message: string): Promise<void>
  /**
   * Calls back for each message from now on, also after a connection was lost and is back.
   * @param onRestored after such a loss, in which messages were lost
   * @returns what ends it
   */
  subscribe(channel: string, listener: (message: string) => void, onRestored?: () => void): () => void
  /** A command failed: no other one is sent until a probe succeeds. */
  lose(error?: unknown): void
  /** Whether Redis takes writes now. */
  isResponding(): Promise<boolean>
  /** It responds, but its memory is full. */
  readonly isFull: boolean
  /** Calls back when Redis is usable again, and when it no longer is. */
  onChange(listener: (isUsable: boolean) => void): void
  close(): void
}

/** Connects in the background: the service starts without Redis, and uses it as soon as it responds. */
export function connectRedis(url: string, log: Logger): RedisConnection {
  const client = new Redis(url, {
    ...connectionOptions,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
  })
  /** Set while Redis is not usable, so that a change is logged once and not with every error. */
  let probing: NodeJS.Timeout | undefined
  let loggedReason: string | undefined
  const changes: ((isUsable: boolean) => void)[] = []
  const subscriptions = createSubscriptions(url)

  function lose(err?: unknown): void {
    const reason = reasonOf(err)
    // What was full may be gone now.
    const isWorse = loggedReason === OUT_OF_MEMORY && client.status !== 'ready'
    if (probing !== undefined && !isWorse && (reason === undefined || reason === loggedReason)) return
    loggedReason = reason
    const code = codeOf(reason)
    log.warn({ code, err, reason }, faultMessages[code])
    if (probing !== undefined) return
    probing = setInterval(isResponding, PROBE_MS).unref()
    for (const change of changes) change(false)
  }

  function regain(): void {
    if (probing === undefined) return
    clearInterval(probing)
    probing = undefined
    log.info({ code: codeOf(loggedReason) }, 'redis reachable again, replicas count together')
    for (const change of changes) change(true)
  }

  async function isResponding(): Promise<boolean> {
    // A connection that is not there yet, or lost, reports itself.
    if (client.status !== 'ready') return false
    try {
      await client.eval(PROBE, 1, `${KEY_PREFIX}:probe`)
      regain()
      return true
    } catch (error) {
      lose(error)
      return false
    }
  }

  const isUsable = () => probing === undefined && client.status === 'ready'

  async function run(script: string, keys: readonly string[], args: readonly (string | number)[] = []) {
    if (!isUsable()) throw new RedisUnavailableError('redis is not usable')
    try {
      return await runScript(client, script, keys, args)
    } catch (cause) {
      lose(cause)
      throw new RedisUnavailableError('redis did not respond', { cause })
    }
  }

  client.on('error', lose)
  client.on('ready', isResponding)

  return {
    client,
    get isUsable() {
      return isUsable()
    },
    run,
    tryRun: (...script) => (isUsable() ? run(...script).catch(() => undefined) : Promise.resolve(undefined)),
    async publish(channel, message) {
      if (isUsable()) await client.publish(`${KEY_PREFIX}:${channel}`, message).catch(lose)
    },
    subscribe: subscriptions.add,
    lose,
    isResponding,
    get isFull() {
      return probing !== undefined && client.status === 'ready' && loggedReason === OUT_OF_MEMORY
    },
    onChange: (listener) => void changes.push(listener),
    close() {
      clearInterval(probing)
      subscriptions.close()
      client.disconnect()
    },
  }
}

/** By script; there are a few of them. */
const digests = new Map<string, string>()

function digestOf(script: string): string {
  const digest = digests.get(script) ?? createHash('sha1').update(script).digest('hex')
  digests.set(script, digest)
  return digest
}

/** Redis knows a script by its digest, except after a restart: then it is sent. */
async function runScript(client: Redis, script: string, keys: readonly string[], args: readonly (string | number)[]) {
  const rest = [keys.length, ...keys, ...args] as const
  try {
    return await client.evalsha(digestOf(script), ...rest)
  } catch (error) {
    if (reasonOf(error) !== 'NOSCRIPT') throw error
    return await client.eval(script, ...rest)
  }
}

/** A connection that subscribes can do nothing else; it is opened with the first subscription. */
function createSubscriptions(url: string) {
  const listeners = new Map<string, Set<(message: string) => void>>()
  const restored = new Set<() => void>()
  let connection: Redis | undefined

  function connect(): Redis {
    const subscriber = new Redis(url, { ...connectionOptions, maxRetriesPerRequest: null })
    // The other connection reports it.
    subscriber.on('error', () => {})
    subscriber.on('message', (channel: string, message: string) => {
      for (const listener of listeners.get(channel) ?? []) listener(message)
    })
    let isFirst = true
    subscriber.on('ready', () => {
      if (!isFirst) void restore(subscriber)
      isFirst = false
    })
    return subscriber
  }

  /** ioredis subscribes again by itself, but does not tell when Redis has confirmed it. */
  async function restore(subscriber: Redis): Promise<void> {
    if (restored.size === 0) return
    const isConfirmed = await subscriber.subscribe(...listeners.keys()).then(
      () => true,
      () => false,
    )
    if (isConfirmed) for (const callback of restored) callback()
  }

  return {
    add(name: string, listener: (message: string) => void, onRestored?: () => void): () => void {
      const channel = `${KEY_PREFIX}:${name}`
      connection ??= connect()
      const known = listeners.get(channel)
      if (known === undefined) {
        listeners.set(channel, new Set([listener]))
        // ioredis subscribes again by itself after a reconnect.
        void connection.subscribe(channel).catch(() => {})
      } else known.add(listener)
      if (onRestored !== undefined) restored.add(onRestored)
      return () => {
        listeners.get(channel)?.delete(listener)
        if (onRestored !== undefined) restored.delete(onRestored)
      }
    },
    close: () => connection?.disconnect(),
  }
}

const codeOf = (reason: string | undefined): ServiceFault =>
  reason === OUT_OF_MEMORY ? 'IMG_ERR_REDIS_FULL' : 'IMG_ERR_REDIS_UNREACHABLE'

/** The code that an error response of Redis begins with, such as `WRONGPASS` or `READONLY`; its text is not logged. */
function reasonOf(error: unknown): string | undefined {
  return error instanceof Error && error.name === 'ReplyError' ? /^[A-Z]+\b/.exec(error.message)?.[0] : undefined
}
