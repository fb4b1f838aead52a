import type { Lab, SubjectName } from '../harness.ts'
import { runListLoad } from '../list-load.ts'
import type { Effort, Workload } from '../workload.ts'

const connections = 32
const durationMs = 1500

/** Answers for each second of the server's processor time, which other load on the machine does not change much. */
async function responsesPerCpuSecond(lab: Lab, name: SubjectName, { scale }: Effort): Promise<number> {
  const { server, headers } = await lab.shared(name)
  const before = server.cpuSeconds()
  const count = await runListLoad(server.origin, { connections, durationMs: durationMs * scale, headers })
  return count / (server.cpuSeconds() - before)
}

const common = {
  unit: 'answers/CPU s',
  floor: 'bare',
  peer: 'peer',
  wanted: '≥ 0.7 × floor',
  // V8 goes on optimising for some forty thousand requests.
  warmUps: 8,
  measure: responsesPerCpuSecond,
} as const

export const listWorkloads: readonly Workload[] = [
  { ...common, name: 'tools/list, 32 connections', service: 'service' },
  { ...common, name: 'tools/list, key and rate limit', service: 'guarded' },
]
