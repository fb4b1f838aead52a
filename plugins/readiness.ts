import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { FaultCode } from '../services/errors/faults.ts'
import { createFaultLog } from '../services/telemetry/fault-log.ts'

type State = string | number | boolean | { readonly [name: string]: State | undefined }

/** The state of one part. `ready: false` takes the whole service out of the load balancer. */
export interface PartState {
  ready: boolean
  /** Calls fail at the moment, but no other replica would do better. */
  isDegraded?: boolean
  /** A few words from a closed set, or several such states by name, shown in `/ready`. */
  state: State
  /** What an operator has to repair. */
  faults?: readonly FaultCode[] | undefined
}

export interface Readiness {
  /** Adds a part. Its check must be cheap, since every probe runs it, and any client may probe. */
  add(part: string, check: () => PartState | Promise<PartState>): void
  /** The states of all parts; `status` is `ready`, `degraded`, `shutting down` or `not ready`. */
  report(): Promise<{ ready: boolean; faults: readonly FaultCode[]; body: Record<string, unknown> }>
}

declare module 'fastify' {
  interface FastifyInstance {
    readiness: Readiness
  }
}

/** Milliseconds after which a part has its previous state: the time limit of a probe is often a second. */
const PATIENCE_MS = 500
const UNKNOWN: PartState = { ready: true, state: 'unknown' }

/** The named checks that `GET /ready` and each scrape run. */
async function readiness(fastify: FastifyInstance): Promise<void> {
  const parts = new Map<string, () => PartState | Promise<PartState>>()
  const last = new Map<string, PartState>()

  async function look(part: string, check: () => PartState | Promise<PartState>): Promise<PartState> {
    const state = await check()
    last.set(part, state)
    return state
  }

  const logFaults = createFaultLog(fastify.log)
  let isClosing = false

  fastify.decorate('readiness', {
    add(part, check) {
      parts.set(part, check)
    },
    async report() {
      const isLate = pause(PATIENCE_MS, undefined, { ref: false })
      const states = await Promise.all(
        [...parts].map(async ([part, check]) => {
          const state = await Promise.race([look(part, check), isLate])
          return { part, ...(state ?? last.get(part) ?? UNKNOWN) }
        }),
      )
      const ready = !isClosing && states.every((state) => state.ready)
      const isDegraded = states.some((state) => state.isDegraded === true)
      const status = isClosing ? 'shutting down' : !ready ? 'not ready' : isDegraded ? 'degraded' : 'ready'
      const faults = [...new Set(states.flatMap((state) => state.faults ?? []))]
      logFaults(faults)
      const body = { status, faults, ...Object.fromEntries(states.map(({ part, state }) => [part, state])) }
      return { ready, faults, body }
    },
  })
  fastify.metrics.setFaults(async () => (await fastify.readiness.report()).faults)
  // The first report logs what is wrong from the start.
  fastify.addHook('onReady', () => fastify.readiness.report())
  fastify.addHook('preClose', async () => {
    isClosing = true
  })
}

export default fp(readiness, { name: 'readiness', dependencies: ['logger', 'metrics'] })
