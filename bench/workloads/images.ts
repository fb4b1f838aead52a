import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { callMany, type ToolCall } from '../caller.ts'
import type { Harness, SubjectName } from '../harness.ts'
import { MiB } from '../image.ts'
import { type Effort, scaled, type Workload } from '../workload.ts'

const concurrency = 4

/** The server's processor time per image, in milliseconds. */
async function cpuPerImage(harness: Harness, name: SubjectName, calls: number, next: () => ToolCall): Promise<number> {
  const { server, caller } = await harness.shared(name)
  const before = server.cpuSeconds()
  await callMany(caller, calls, concurrency, next)
  return ((server.cpuSeconds() - before) / calls) * 1000
}

interface ImageRow {
  name: string
  /** Calls per round. */
  calls: number
  call: ToolCall
  target?: string
}

function workload({ name, calls, call, target }: ImageRow): Workload {
  return {
    name,
    unit: 'CPU ms/image',
    floor: 'pipe',
    service: 'service',
    peer: 'peer',
    ...(target === undefined ? {} : { target }),
    warmUps: 2,
    measure: (harness, subject, effort) => cpuPerImage(harness, subject, scaled(calls, effort), () => call),
  }
}

function saving({ name, calls, call, target = '' }: ImageRow): Workload {
  const measure = async (harness: Harness, subject: SubjectName, effort: Effort) => {
    mkdirSync(harness.imagesFolder, { recursive: true })
    const next = () => ({ ...call, outputPath: join(harness.imagesFolder, `${randomUUID()}.png`) })
    try {
      return await cpuPerImage(harness, subject, scaled(calls, effort), next)
    } finally {
      rmSync(harness.imagesFolder, { recursive: true, force: true })
      mkdirSync(harness.imagesFolder)
    }
  }
  return { ...workload({ name, calls, call, target }), measure }
}

const generate = (mebibytes: number): ToolCall => ({ response: Math.round(mebibytes * MiB), input: 0, delayMs: 0 })
const edit = (mebibytes: number): ToolCall => ({ response: 1.5 * MiB, input: mebibytes * MiB, delayMs: 0 })
const streamed = (mebibytes: number): ToolCall => ({ ...generate(mebibytes), progress: true })

/** Sizes are of the decoded PNG; its base64 on the wire is a third longer. */
export const imageWorkloads: readonly Workload[] = [
  workload({ name: 'generate 0.1 MiB', calls: 200, call: generate(0.1), target: '≤ 2.0 × floor' }),
  workload({ name: 'generate 1.5 MiB', calls: 60, call: generate(1.5), target: '≤ 1.15 × floor' }),
  workload({ name: 'generate 6 MiB', calls: 24, call: generate(6), target: '≤ 1.3 × floor' }),
  saving({ name: 'generate 1.5 MiB, output_path', calls: 40, call: generate(1.5), target: '≤ 1.8 × floor' }),
  saving({ name: 'generate 6 MiB, output_path', calls: 16, call: generate(6), target: '≤ 1.8 × floor' }),
  workload({ name: 'edit 0.5 MiB → 1.5 MiB', calls: 40, call: edit(0.5) }),
  workload({ name: 'edit 4 MiB → 1.5 MiB', calls: 24, call: edit(4), target: '≤ 1.4 × floor' }),
  workload({ name: 'generate 1.5 MiB, event stream', calls: 60, call: streamed(1.5) }),
  workload({ name: 'generate 6 MiB, event stream', calls: 24, call: streamed(6) }),
]
