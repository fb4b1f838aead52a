import type { Harness, SubjectName } from '../harness.ts'
import { runListLoad } from '../list-load.ts'
import type { Effort, Workload } from '../workload.ts'

const connections = 32
const durationMs = 1500

/** Responses per second of the server's processor time, which other load on the machine hardly changes. */
async function responsesPerCpuSecond(harness: Harness, name: SubjectName, { scale }: Effort): Promise<number> {
  const { server, headers } = await harness.shared(name)
  const before = server.cpuSeconds()
  const count = await runListLoad(server.origin, { connections, durationMs: durationMs * scale, headers })
  return count / (server.cpuSeconds() - before)
}

const common = {
  unit: 'responses/CPU s',
  peer: 'peer',
  // V8 keeps optimizing for some 40,000 requests.
  warmUps: 8,
  measure: responsesPerCpuSecond,
} as const

export const listWorkloads: readonly Workload[] = [
  { ...common, name: 'tools/list, 32 connections', floor: 'bare', service: 'service', target: '≥ 0.40 × floor' },
  {
    ...common,
    name: 'tools/list, 32 connections, logging floor',
    floor: 'logging',
    service: 'service',
    target: '≥ 0.75 × floor',
  },
  { ...common, name: 'tools/list, key and rate limit', floor: 'bare', service: 'guarded', target: '≥ 0.40 × floor' },
]
