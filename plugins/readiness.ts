import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

type State = string | number | boolean | { readonly [name: string]: State | undefined }

/** The state of one part. `ready: false` takes the whole service out of the load balancer. */
export interface PartState {
  ready: boolean
  /** Calls fail at the moment, but no other replica would do better. */
  isDegraded?: boolean
  /** A few words from a closed set, or several such states by name, shown in `/ready`. */
  state: State
}

export interface Readiness {
  /** Adds a part. Its check must be cheap, since every probe runs it, and any client may probe. */
  add(part: string, check: () => PartState | Promise<PartState>): void
  /** The states of all parts; `status` is `ready`, `degraded`, `shutting down` or `not ready`. */
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
      const isDegraded = states.some((state) => state.isDegraded === true)
      const status = isClosing ? 'shutting down' : !ready ? 'not ready' : isDegraded ? 'degraded' : 'ready'
      return { ready, body: { status, ...Object.fromEntries(states.map(({ part, state }) => [part, state])) } }
    },
  })
  fastify.addHook('preClose', async () => {
    isClosing = true
  })
}

export default fp(readiness, { name: 'readiness' })
