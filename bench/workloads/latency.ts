import { callMany } from '../caller.ts'
import type { Harness, SubjectName } from '../harness.ts'
import { startHealthProbe } from '../health-probe.ts'
import { MiB } from '../image.ts'
import { quantile } from '../statistics.ts'
import { type Effort, scaled, type Workload } from '../workload.ts'

const concurrency = 8
const calls = 80
const directive = { response: 6 * MiB, input: 0, delayMs: 0 }

/** Latency of `/health` under load by eight large images, which shows stalls of the event loop. */
async function healthLatency(harness: Harness, name: SubjectName, effort: Effort, share: number): Promise<number> {
  const { server, caller } = await harness.shared(name)
  const probe = await startHealthProbe(server.origin)
  const flowing = callMany(caller, scaled(calls, effort), concurrency, () => directive)
  await flowing.catch(() => undefined)
  const latencies = await probe.stop()
  await flowing
  return quantile(latencies, share)
}

const common = { unit: 'ms', floor: 'pipe', service: 'service', peer: 'peer', warmUps: 1 } as const

export const latencyWorkloads: readonly Workload[] = [
  {
    ...common,
    name: '/health p50 under 8 × 6 MiB',
    measure: (harness, name, effort) => healthLatency(harness, name, effort, 0.5),
  },
  {
    ...common,
    name: '/health p99 under 8 × 6 MiB',
    target: '< 10 ms',
    measure: (harness, name, effort) => healthLatency(harness, name, effort, 0.99),
  },
  {
    name: 'start to first response',
    unit: 'ms',
    floor: 'bare',
    service: 'service',
    peer: 'peer',
    target: '≤ 1.8 × floor',
    warmUps: 1,
    measure: (harness, name) => harness.withFresh(name, async ({ server }) => server.startMs),
  },
]
