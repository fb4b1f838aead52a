import { createHash, randomUUID } from 'node:crypto'
import { KEY_PREFIX, type RedisConnection } from '../databases/redis.ts'
import { memoize } from '../net/memoize.ts'
import { ASK, BLOCK, CLAIM_PROBE, PAUSE, PROVE_ROUTE, SET_INTERVAL, START_FAILED } from './shared-scripts.ts'
import type { SharedDeployment, SharedState, Turn, TurnRequest } from './shared-state.ts'

/** What identifies a deployment: replicas may call different ones by the same name. */
export interface DeploymentAddress {
  baseUrl: string
  /** Its name in Azure. */
  deployment: string
}

/** Callers are compared, never listed, so Redis has only a part of their digest. */
const digestOf = memoize((text) => createHash('sha256').update(text).digest('base64url').slice(0, 16))

/** The state of a deployment in Redis, shared by every replica that reaches it at the same address. */
export function shareDeployment(redis: RedisConnection, address: DeploymentAddress): SharedDeployment {
  const name = digestOf(`${hostOf(address.baseUrl)}\n${address.deployment.toLowerCase()}`)
  // Redis Cluster keeps keys with the same text in braces together.
  const keyOf = (part: string) => `${KEY_PREFIX}:azure:{${name}}:${part}`
  const keys = [keyOf('state'), keyOf('replicas'), keyOf('callers')]
  const replica = randomUUID()
  const listeners: ((state: SharedState) => void)[] = []
  let state: SharedState | undefined
  /** Changes by this replica: a state that was read before one of them is out of date. */
  let changes = 0

  function change(script: string, ...args: readonly (string | number)[]): Promise<unknown> {
    changes++
    return redis.tryRun(script, keys, args)
  }

  async function ask(request: TurnRequest): Promise<Turn | undefined> {
    const { waiting, waitingCallers, intervalMs, callers, isAgain } = request
    const known = changes
    const digests = isAgain ? ['!'] : callers.map(digestOf)
    const reply = await redis.tryRun(ASK, keys, [replica, waiting, waitingCallers, intervalMs ?? '', digests.join(',')])
    if (!Array.isArray(reply)) return undefined
    const [waitMs, caller, ...rest] = reply.map(String)
    const read = stateOf(rest)
    // What is known better here is not replaced.
    state = known === changes ? read : { ...read, blockedMs: undefined, intervalMs: undefined }
    for (const listener of listeners) listener(state)
    return { waitMs: Number(waitMs), caller: isAgain ? undefined : callers[digests.indexOf(caller ?? '')] }
  }

  return {
    get isUsable() {
      return redis.isUsable
    },
    get state() {
      return state
    },
    ask,
    async setInterval(intervalMs, expected) {
      await change(SET_INTERVAL, intervalMs, expected === undefined ? 0 : 1, expected?.intervalMs ?? '')
    },
    startFailed: () => void change(START_FAILED),
    pause: (ms) => void change(PAUSE, Math.ceil(ms)),
    block: (ms) => void change(BLOCK, Math.ceil(ms)),
    unblock: () => void change(BLOCK, ''),
    claimProbe: async (nextMs) => Number((await change(CLAIM_PROBE, Math.ceil(nextMs))) ?? 0),
    proveRoute: (route) => void change(PROVE_ROUTE, route),
    onState: (listener) => void listeners.push(listener),
    onChange: (listener) => redis.onChange(listener),
  }
}

function hostOf(baseUrl: string): string {
  return URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl
}

/** The part of a reply that describes the state. */
function stateOf(reply: readonly string[]): SharedState {
  const [interval, startsInMs, pausedMs, blockedMs, isClosed, route, ...counts] = reply
  const [replicas = 1, rank = 0, waiting = 0, waitingCallers = 0] = counts.map(Number)
  return {
    startsInMs: Number(startsInMs),
    pausedMs: Number(pausedMs),
    intervalMs: interval === '' ? undefined : Number(interval),
    blockedMs: isClosed === '1' ? 'closed' : blockedMs === '' ? undefined : Number(blockedMs),
    route: route === '' ? undefined : route,
    replicas,
    rank,
    waiting,
    waitingCallers,
  }
}
