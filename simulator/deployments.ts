import type { Fault } from './fault.ts'
import { type Dialect, findModel, type Model, models } from './models.ts'
import { createThrottle, type Throttle } from './throttle.ts'

export interface DeploymentOptions {
  /** A model of `models.ts`. */
  model: string
  /** Calls per minute; default that of the simulator, 6000. */
  rpm?: number
  /** The fault of each of its calls, as set by `faults.always`. */
  fault?: Fault
  /** Minimum time to generate an image in milliseconds. */
  latencyMs?: number
  /** The routes that serve it; default: all routes of the model. */
  dialects?: readonly Dialect[]
}

export interface Deployment {
  name: string
  model: Model
  throttle: Throttle
  latencyMs: number
  dialects: readonly Dialect[]
  fault: Fault | undefined
}

export interface Deployments {
  /** Names are case-insensitive. */
  find(name: string): Deployment | undefined
  /** The first deployment of a model. */
  findByModel(id: string): Deployment | undefined
  readonly all: readonly Deployment[]
}

const plentiful = 6000

/** @throws {Error} for an unknown model */
export function createDeployments(
  given: Readonly<Record<string, string | DeploymentOptions>> | undefined,
  { latencyMs = 0, minuteMs = 60_000, rpm = plentiful }: { latencyMs?: number; minuteMs?: number; rpm?: number },
): Deployments {
  const table = new Map<string, Deployment>()
  for (const [name, value] of Object.entries(given ?? Object.fromEntries(models.map(({ id }) => [id, id])))) {
    const options = typeof value === 'string' ? { model: value } : value
    const model = findModel(options.model)
    table.set(name.toLowerCase(), {
      name,
      model,
      throttle: createThrottle({ rpm: options.rpm ?? rpm, minuteMs }),
      latencyMs: options.latencyMs ?? latencyMs,
      dialects: options.dialects ?? model.dialects,
      fault: options.fault,
    })
  }
  const all = [...table.values()]
  return {
    find: (name) => table.get(name.toLowerCase()),
    findByModel: (id) => all.find(({ model }) => model.id.toLowerCase() === id.toLowerCase()),
    all,
  }
}
