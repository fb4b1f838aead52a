/** Faults on demand: for the next calls, for a deployment, or by a directive in the prompt. */

export const faultNames = [
  // Error statuses
  'rate-limit',
  'capacity',
  'server-error',
  'unavailable',
  'bad-gateway-html',
  'gateway-timeout-html',
  'server-error-html',
  'timeout',
  'account-block',
  'forbidden',
  'key-disabled',
  'spending-limit',
  'retired',
  'content-filter',
  'unauthorized',
  'token-expired',
  'deployment-gone',
  'unsupported-content-type',
  'operation-not-supported',
  'redirect',
  // Connections
  'slow',
  'silent',
  'reset-early',
  'reset',
  'half-body',
  'drip',
  // Faulty responses with status 200
  'no-image',
  'url',
  'invalid-json',
  'not-an-image',
  'wrong-format',
  'oversized',
  'padded',
  'escaped',
  'pretty',
  'text-plain',
  'stream-error',
] as const

export type FaultName = (typeof faultNames)[number]

export interface FaultDetails {
  name: FaultName
  /** `slow`: milliseconds before the response (3000). `rate-limit`: wait in the headers in milliseconds (2000). `drip`: milliseconds between chunks (20). */
  ms?: number
  /** `rate-limit`: which headers carry the wait (`both`). */
  header?: 'retry-after' | 'retry-after-ms' | 'retry-after-date' | 'both' | 'none'
  /** `content-filter`: which of Azure's error shapes (`contentFilter`; MAI has its own). */
  spelling?: FilterSpelling
  /** `no-image`: the content instead of the image (`filtered`). */
  instead?: 'filtered' | 'empty-data' | 'no-data' | 'message'
  /** Bytes of the response for `oversized` (100 MB), of the image for `padded` (8 MB). */
  bytes?: number
  /** `url`: base of the link (the simulator's URL). `redirect`: the location. */
  base?: string
}

export const filterSpellings = [
  'contentFilter',
  'content_policy_violation',
  'innererror',
  'innerError',
  'moderation_blocked',
  'content_filter',
  'content_safety_violation',
] as const
export type FilterSpelling = (typeof filterSpellings)[number]

/** `'none'`: the call succeeds, also where the deployment has a fault. */
export type Fault = FaultName | FaultDetails | 'none'

const isFaultName = (text: string): text is FaultName => (faultNames as readonly string[]).includes(text)

/** Parses `fault:slow=5000` in a prompt; the number sets `ms`, or `bytes` for faults that have a size. */
export function faultInPrompt(prompt: string): FaultDetails | undefined {
  const match = /\bfault:([a-z-]+)(?:=(\d{1,9}))?/i.exec(prompt)
  const name = match?.[1]?.toLowerCase()
  if (name === undefined || !isFaultName(name)) return undefined
  const value = match?.[2]
  return value === undefined
    ? { name }
    : { name, [name === 'oversized' || name === 'padded' ? 'bytes' : 'ms']: Number(value) }
}

export interface Faults {
  /** Queues `fault` for the next `count` calls (to `deployment`, if given) that pass the checks of key and version. */
  next(count: number, fault: Fault, options?: { deployment?: string }): void
  /** Sets the fault of every call to the deployment, until `'none'`. Queued faults come first. */
  always(deployment: string, fault: Fault): void
  /** Clears the queue and the faults of deployments. */
  clear(): void
  /** Queued faults that have not been used yet. */
  readonly pending: number
}

export interface FaultSource extends Faults {
  /** Takes the fault for a call; without a deployment only a fault that is queued for any. */
  take(deployment: string | undefined): FaultDetails | 'none' | undefined
}

export function createFaults(standing: Readonly<Record<string, Fault>> = {}): FaultSource {
  const queue: { fault: Fault; deployment: string | undefined }[] = []
  const lasting = new Map(Object.entries(standing))
  const detailed = (fault: Fault) => (typeof fault === 'string' && fault !== 'none' ? { name: fault } : fault)
  return {
    next(count, fault, { deployment } = {}) {
      for (let i = 0; i < count; i++) queue.push({ fault, deployment })
    },
    always(deployment, fault) {
      lasting.set(deployment, fault)
    },
    clear() {
      queue.length = 0
      lasting.clear()
    },
    get pending() {
      return queue.length
    },
    take(deployment) {
      const at = queue.findIndex((entry) => entry.deployment === undefined || entry.deployment === deployment)
      const [queued] = at === -1 ? [] : queue.splice(at, 1)
      if (queued !== undefined) return detailed(queued.fault)
      const fault = deployment === undefined ? undefined : lasting.get(deployment)
      return fault === undefined ? undefined : detailed(fault)
    },
  }
}
