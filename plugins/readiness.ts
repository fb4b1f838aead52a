import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { FaultCode } from '../services/errors/faults.ts'
import { createFaultLog } from '../services/telemetry/fault-log.ts'
import { type CheckPart, createParts } from '../services/telemetry/parts.ts'

export interface Readiness {
  /** Adds a part. Its check must be cheap, since every probe runs it, and any client may probe. */
  add(part: string, check: CheckPart): void
  /** The states of all parts; `status` is `ready`, `degraded`, `shutting down` or `not ready`. */
  report(): Promise<{ ready: boolean; faults: readonly FaultCode[]; body: Record<string, unknown> }>
}

declare module 'fastify' {
  interface FastifyInstance {
    readiness: Readiness
  }
}

/** Where no one probes or scrapes, for instance over stdio, the log has faults all the same. */
const LOOK_EVERY_MS = 60_000

/** A fault that begins and ends all the time must not fill the log, however often clients probe. */
const LOG_EVERY_MS = 1_000

/** The named checks that `GET /ready` and each scrape run. */
async function readiness(fastify: FastifyInstance): Promise<void> {
  const { log, metrics } = fastify
  const parts = createParts((part, err) => log.error({ err, part }, 'the check of a part of /ready failed'))
  const logFaults = createFaultLog(log)
  let isClosing = false
  let loggedAt = Number.NEGATIVE_INFINITY

  async function report() {
    const states = await parts.states()
    const ready = !isClosing && states.every((state) => state.ready)
    const isDegraded = states.some((state) => state.isDegraded === true)
    const status = isClosing ? 'shutting down' : !ready ? 'not ready' : isDegraded ? 'degraded' : 'ready'
    const found = states.flatMap(({ faults = [], facts }) => faults.map((code) => ({ code, facts })))
    if (performance.now() - loggedAt >= LOG_EVERY_MS) {
      loggedAt = performance.now()
      logFaults(found)
    }
    const faults = [...new Set(found.map(({ code }) => code))]
    const body = { status, faults, ...Object.fromEntries(states.map(({ part, state }) => [part, state])) }
    return { ready, faults, body }
  }

  fastify.decorate('readiness', { add: parts.add, report })
  metrics.setFaults(async () => (await report()).faults)
  let timer: NodeJS.Timeout | undefined
  fastify.addHook('onReady', async function logFirstFaults() {
    await report()
    timer = setInterval(() => void report(), LOOK_EVERY_MS).unref()
  })
  fastify.addHook('preClose', async () => {
    isClosing = true
    clearInterval(timer)
  })
}

export default fp(readiness, { name: 'readiness', dependencies: ['logger', 'metrics'] })
