import { setTimeout } from 'node:timers/promises'
import { callMany } from '../caller.ts'
import { MiB } from '../image.ts'
import { scaled, type Workload } from '../workload.ts'

const slowCalls = 64
const slowMs = 2000
const idleCalls = 500
const idleMs = 6000

const smallDirective = (delayMs: number) => ({ response: Math.round(0.1 * MiB), input: 0, delayMs })

/** Peak memory of a fresh server while many large responses arrive at once. */
const peak: Pick<Workload, 'unit' | 'floor' | 'peer' | 'warmUps' | 'measure'> = {
  unit: 'MiB peak RSS',
  floor: 'pipe',
  peer: 'peer',
  warmUps: 0,
  measure: (harness, name, effort) =>
    harness.withFresh(name, async ({ server, caller }) => {
      const count = scaled(slowCalls, effort)
      const directive = { response: 6 * MiB, input: 0, delayMs: slowMs * effort.scale }
      await callMany(caller, count, count, () => directive)
      return server.peakResidentBytes() / MiB
    }),
}

export const memoryWorkloads: readonly Workload[] = [
  {
    ...peak,
    name: '64 × 6 MiB concurrently',
    service: 'service',
    // 64 images are 512 MiB of base64.
    target: '≤ floor + 563 MiB',
  },
  {
    ...peak,
    name: '64 × 6 MiB concurrently, MAX_BUFFERED_BYTES=33554432',
    service: 'low-memory',
    target: '≤ 1.3 × floor',
  },
  {
    name: '500 waiting calls',
    unit: 'KiB RSS/call',
    floor: 'pipe',
    service: 'service',
    peer: 'peer',
    warmUps: 0,
    measure: (harness, name, effort) =>
      harness.withFresh(name, async ({ server, caller }) => {
        const count = scaled(idleCalls, effort)
        await callMany(caller, 20, 4, () => smallDirective(0))
        const before = server.residentBytes()
        const waitMs = idleMs * effort.scale
        const calls = callMany(caller, count, count, () => smallDirective(waitMs))
        await setTimeout(waitMs * 0.7)
        const perCall = (server.residentBytes() - before) / count / 1024
        await calls
        return perCall
      }),
  },
]
