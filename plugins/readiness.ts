import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** What one part says of itself. `ready: false` takes the whole service out of the load balancer. */
export interface PartState {
  ready: boolean
  /** One or a few words from a closed set, or such words by name, shown in `/ready`. */
  state: string | Readonly<Record<string, string>>
}

export interface Readiness {
  /** Adds a part; its check must be cheap, since every probe runs it and anybody may probe. */
  add(part: string, check: () => PartState | Promise<PartState>): void
  /** Every part's state; `status` is `ready`, `shutting down` or `not ready`. */
  report(): Promise<{ ready: boolean; body: Record<string, PartState['state']> }>
}

declare module 'fastify' {
  interface FastifyInstance {
    readiness: Readiness
  }
}

/** A named list of checks, asked by `GET /ready`. */
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
