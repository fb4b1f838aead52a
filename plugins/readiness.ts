import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** The state of one part. `ready: false` takes the whole service out of the load balancer. */
export interface PartState {
  ready: boolean
  /** A few words from a closed set, or several such states by name, shown in `/ready`. */
  state: string | Readonly<Record<string, string>>
}

export interface Readiness {
  /** Adds a part. Its check must be cheap, since every probe runs it, and any client may probe. */
  add(part: string, check: () => PartState | Promise<PartState>): void
  /** The states of all parts; `status` is `ready`, `shutting down` or `not ready`. */
  report(): Promise<{ ready: boolean; body: Record<string, PartState['state']> }>
}

declare module 'fastify' {
  interface FastifyInstance {
    readiness: Readiness
  }
}

/** The named checks that `GET /ready` runs. */
async function readiness(fastify: FastifyInstance): Promise<void> {
  const parts = new Map<string, () => PartState | Promise<PartState>>()
  let isClosing = false

  fastify.decorate('readiness', {
    add(part, check) {
      parts.set(part, check)
    },
    async report() {
      const states = await Promise.all([...parts].map(async ([part, check]) => ({ part, ...(await check()) })))
      const ready = !isClosing && states.every((state) => state.ready)
      const status = isClosing ? 'shutting down' : ready ? 'ready' : 'not ready'
      return { ready, body: { status, ...Object.fromEntries(states.map(({ part, state }) => [part, state])) } }
    },
  })
  fastify.addHook('preClose', async () => {
    isClosing = true
  })
}

export default fp(readiness, { name: 'readiness' })
