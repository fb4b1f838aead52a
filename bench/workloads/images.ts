import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { callMany, type ToolCall } from '../caller.ts'
import type { Lab, SubjectName } from '../harness.ts'
import { MiB } from '../image.ts'
import { type Effort, scaled, type Workload } from '../workload.ts'

const concurrency = 4

/** Milliseconds of the server's processor time for each image. */
async function cpuPerImage(lab: Lab, name: SubjectName, calls: number, next: () => ToolCall): Promise<number> {
  const { server, caller } = await lab.shared(name)
  const before = server.cpuSeconds()
  await callMany(caller, calls, concurrency, next)
  return ((server.cpuSeconds() - before) / calls) * 1000
}

interface ImageRow {
  name: string
  /** Calls in a round. */
  calls: number
  call: ToolCall
  wanted?: string
}

function workload({ name, calls, call, wanted }: ImageRow): Workload {
  return {
    name,
    unit: 'CPU ms/image',
    floor: 'pipe',
    service: 'service',
    peer: 'peer',
    ...(wanted === undefined ? {} : { wanted }),
    warmUps: 2,
    measure: (lab, subject, effort) => cpuPerImage(lab, subject, scaled(calls, effort), () => call),
  }
}

function saving({ name, calls, call, wanted = '' }: ImageRow): Workload {
  const measure = async (lab: Lab, subject: SubjectName, effort: Effort) => {
    mkdirSync(lab.imagesFolder, { recursive: true })
    const next = () => ({ ...call, outputPath: join(lab.imagesFolder, `${randomUUID()}.png`) })
    try {
      return await cpuPerImage(lab, subject, scaled(calls, effort), next)
    } finally {
      rmSync(lab.imagesFolder, { recursive: true, force: true })
      mkdirSync(lab.imagesFolder)
    }
  }
  return { ...workload({ name, calls, call, wanted }), measure }
}

const generate = (mebibytes: number): ToolCall => ({ response: Math.round(mebibytes * MiB), input: 0, delayMs: 0 })
const edit = (mebibytes: number): ToolCall => ({ response: 1.5 * MiB, input: mebibytes * MiB, delayMs: 0 })
const streamed = (mebibytes: number): ToolCall => ({ ...generate(mebibytes), progress: true })

/** Sizes are those of the decoded PNG; the base64 on the wire is a third longer. */
export const imageWorkloads: readonly Workload[] = [
  workload({ name: 'generate 0.1 MiB', calls: 200, call: generate(0.1) }),
  workload({ name: 'generate 1.5 MiB', calls: 60, call: generate(1.5), wanted: '≤ 1.3 × floor' }),
  workload({ name: 'generate 6 MiB', calls: 24, call: generate(6), wanted: '≤ 1.3 × floor' }),
  saving({ name: 'generate 1.5 MiB, output_path', calls: 40, call: generate(1.5), wanted: '≤ 1.6 × floor' }),
  saving({ name: 'generate 6 MiB, output_path', calls: 16, call: generate(6), wanted: '≤ 1.6 × floor' }),
  workload({ name: 'edit 0.5 MiB → 1.5 MiB', calls: 40, call: edit(0.5) }),
  workload({ name: 'edit 4 MiB → 1.5 MiB', calls: 24, call: edit(4), wanted: '≤ 1.6 × floor' }),
  workload({ name: 'generate 1.5 MiB, event stream', calls: 60, call: streamed(1.5) }),
  workload({ name: 'generate 6 MiB, event stream', calls: 24, call: streamed(6) }),
]
