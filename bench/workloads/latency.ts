import { callMany } from '../caller.ts'
import type { Lab, SubjectName } from '../harness.ts'
import { startHealthProbe } from '../health-probe.ts'
import { MiB } from '../image.ts'
import { quantile } from '../statistics.ts'
import { type Effort, scaled, type Workload } from '../workload.ts'

const concurrency = 8
const calls = 80
const order = { response: 6 * MiB, input: 0, delayMs: 0 }

/** How long `/health` takes while eight large images flow, which shows stalls of the event loop. */
async function healthLatency(lab: Lab, name: SubjectName, effort: Effort, share: number): Promise<number> {
  const { server, caller } = await lab.shared(name)
  const probe = await startHealthProbe(server.origin)
  const flowing = callMany(caller, scaled(calls, effort), concurrency, () => order)
  await flowing.catch(() => undefined)
  const latencies = await probe.stop()
  await flowing
  return quantile(latencies, share)
}

const common = { unit: 'ms', floor: 'pipe', service: 'service', peer: 'peer', warmUps: 1 } as const

export const latencyWorkloads: readonly Workload[] = [
  {
    ...common,
    name: '/health p50 while 8 × 6 MiB flow',
    measure: (lab, name, effort) => healthLatency(lab, name, effort, 0.5),
  },
  {
    ...common,
    name: '/health p99 while 8 × 6 MiB flow',
    wanted: '< 10 ms',
    measure: (lab, name, effort) => healthLatency(lab, name, effort, 0.99),
  },
  {
    name: 'start to first response',
    unit: 'ms',
    floor: 'bare',
    service: 'service',
    peer: 'peer',
    wanted: '≤ 2 × floor',
    warmUps: 1,
    measure: (lab, name) => lab.withFresh(name, async ({ server }) => server.startMs),
  },
]
