/** Ways to fail on demand. A fault is chosen for the next calls, for a deployment, or by words in a prompt. */

export const faultNames = [
  // Rejected with a status
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
  // 200, and yet
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
  /** `slow`: milliseconds before the response (3000). `rate-limit`: milliseconds to wait, as the headers tell (2000). `drip`: milliseconds between chunks (20). */
  ms?: number
  /** `rate-limit`: which headers carry the wait (`both`). */
  header?: 'retry-after' | 'retry-after-ms' | 'retry-after-date' | 'both' | 'none'
  /** `content-filter`: which of Azure's shapes (`contentFilter`; MAI's own on MAI). */
  spelling?: FilterSpelling
  /** `no-image`: what stands where the image should be (`filtered`). */
  instead?: 'filtered' | 'empty-data' | 'no-data' | 'message'
  /** `oversized` and `padded`: bytes of the response (100 MB) and of the image (8 MB). */
  bytes?: number
  /** `url`: what stands before `/images/…`; without it the simulator's own address. `redirect`: the place to go to. */
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

/** `'none'`: this call works, whatever the deployment's standing fault is. */
export type Fault = FaultName | FaultDetails | 'none'

const isFaultName = (text: string): text is FaultName => (faultNames as readonly string[]).includes(text)

/** Reads `fault:slow=5000` in a prompt; the number is `ms`, or `bytes` where the fault has such. */
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
  /** The next `count` calls (to `deployment`, if named) that pass the door (key, version) get `fault`. Queued after what is there. */
  next(count: number, fault: Fault, options?: { deployment?: string }): void
  /** Every call to the deployment gets `fault`, until `'none'`. The queue comes first. */
  always(deployment: string, fault: Fault): void
  /** Forgets queue and standing faults. */
  clear(): void
  /** Calls that a queued fault still waits for. */
  readonly pending: number
}

export interface FaultSource extends Faults {
  /** Takes the fault for a call. Without a deployment only what waits for any. */
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
