import { setTimeout } from 'node:timers/promises'
import { callMany } from '../caller.ts'
import { MiB } from '../image.ts'
import { scaled, type Workload } from '../workload.ts'

const slowCalls = 64
const slowMs = 2000
const idleCalls = 500
const idleMs = 6000

const smallOrder = (delayMs: number) => ({ response: Math.round(0.1 * MiB), input: 0, delayMs })

/** The most memory a fresh server needs while many large answers come at the same time. */
const peak: Pick<Workload, 'unit' | 'floor' | 'peer' | 'warmUps' | 'measure'> = {
  unit: 'MiB peak RSS',
  floor: 'pipe',
  peer: 'peer',
  warmUps: 0,
  measure: (lab, name, effort) =>
    lab.withFresh(name, async ({ server, caller }) => {
      const count = scaled(slowCalls, effort)
      const order = { response: 6 * MiB, input: 0, delayMs: slowMs * effort.scale }
      await callMany(caller, count, count, () => order)
      return server.peakResidentBytes() / MiB
    }),
}

export const memoryWorkloads: readonly Workload[] = [
  {
    ...peak,
    name: '64 × 6 MiB at once',
    service: 'service',
    // 64 images are 512 MiB of base64.
    wanted: '≤ floor + 563 MiB',
  },
  { ...peak, name: '64 × 6 MiB at once, MAX_BUFFERED_BYTES=33554432', service: 'frugal', wanted: '≤ 1.5 × floor' },
  {
    name: '500 waiting calls',
    unit: 'KiB RSS/call',
    floor: 'pipe',
    service: 'service',
    peer: 'peer',
    warmUps: 0,
    measure: (lab, name, effort) =>
      lab.withFresh(name, async ({ server, caller }) => {
        const count = scaled(idleCalls, effort)
        await callMany(caller, 20, 4, () => smallOrder(0))
        const before = server.residentBytes()
        const waitMs = idleMs * effort.scale
        const calls = callMany(caller, count, count, () => smallOrder(waitMs))
        await setTimeout(waitMs * 0.7)
        const perCall = (server.residentBytes() - before) / count / 1024
        await calls
        return perCall
      }),
  },
]
