import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
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
  /** The library is on by default. */
  service?: 'service' | 'no-library'
}

function workload({ name, calls, call, target, service = 'service' }: ImageRow): Workload {
  return {
    name,
    unit: 'CPU ms/image',
    floor: 'pipe',
    service,
    peer: 'peer',
    ...(target === undefined ? {} : { target }),
    warmUps: 2,
    async measure(harness, subject, effort) {
      removeUnnamed(harness)
      return await cpuPerImage(harness, subject, scaled(calls, effort), () => call)
    },
  }
}

/** The files of the library without its folders and its index, which the service has open. */
function removeUnnamed({ imagesFolder }: Harness): void {
  const library = join(imagesFolder, '.library')
  if (!existsSync(library)) return
  for (const entry of readdirSync(library, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.startsWith('img_')) rmSync(join(entry.parentPath, entry.name), { force: true })
  }
}

function saving({ name, calls, call, target = '' }: ImageRow): Workload {
  const measure = async (harness: Harness, subject: SubjectName, effort: Effort) => {
    const folder = join(harness.imagesFolder, randomUUID())
    mkdirSync(folder, { recursive: true })
    const next = () => ({ ...call, outputPath: join(folder, `${randomUUID()}.png`) })
    try {
      return await cpuPerImage(harness, subject, scaled(calls, effort), next)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return { ...workload({ name, calls, call, target }), measure }
}

const generate = (mebibytes: number): ToolCall => ({ response: Math.round(mebibytes * MiB), input: 0, delayMs: 0 })
const edit = (mebibytes: number): ToolCall => ({ response: 1.5 * MiB, input: mebibytes * MiB, delayMs: 0 })
const streamed = (mebibytes: number): ToolCall => ({ ...generate(mebibytes), progress: true })

/** The floor sends the bytes of the image; the service gets only the id of an image that it has. */
function editingById(mebibytes: number, calls: number): Workload {
  const base = workload({ name: `edit ${mebibytes} MiB by id, as by base64`, calls, call: edit(mebibytes) })
  return {
    name: base.name,
    unit: base.unit,
    floor: 'service',
    service: 'by-id',
    target: '≤ 1.0 × floor',
    warmUps: 2,
    async measure(harness, subject, effort) {
      if (subject === 'service') return await base.measure(harness, subject, effort)
      const { caller } = await harness.shared(subject)
      const { id: imageId } = await caller.call({ ...generate(mebibytes), scene: randomUUID() })
      if (imageId === undefined) throw new Error('the image has no id')
      const call = { ...edit(mebibytes), imageId }
      return await cpuPerImage(harness, subject, scaled(calls, effort), () => call)
    },
  }
}

/** The floor is the same call of the service as JSON-RPC. */
function atSecondDoor(name: string, calls: number, call: ToolCall): Workload {
  const { measure } = workload({ name, calls, call })
  return {
    name,
    unit: 'CPU ms/image',
    floor: 'service',
    service: 'openai',
    target: '≤ 1.1 × floor',
    warmUps: 2,
    measure,
  }
}

/** Sizes are of the decoded PNG; its base64 on the wire is a third longer. */
export const imageWorkloads: readonly Workload[] = [
  workload({ name: 'generate 0.1 MiB', calls: 200, call: generate(0.1), target: '≤ 2.0 × floor' }),
  workload({ name: 'generate 1.5 MiB', calls: 60, call: generate(1.5), target: '≤ 1.6 × floor' }),
  workload({
    name: 'generate 1.5 MiB, LIBRARY=off',
    calls: 60,
    call: generate(1.5),
    target: '≤ 1.15 × floor',
    service: 'no-library',
  }),
  workload({ name: 'generate 6 MiB', calls: 24, call: generate(6), target: '≤ 1.3 × floor' }),
  saving({ name: 'generate 1.5 MiB, output_path', calls: 40, call: generate(1.5), target: '≤ 1.8 × floor' }),
  saving({ name: 'generate 6 MiB, output_path', calls: 16, call: generate(6), target: '≤ 1.8 × floor' }),
  workload({ name: 'edit 0.5 MiB → 1.5 MiB', calls: 40, call: edit(0.5) }),
  workload({ name: 'edit 4 MiB → 1.5 MiB', calls: 24, call: edit(4), target: '≤ 1.4 × floor' }),
  editingById(0.5, 40),
  editingById(4, 24),
  atSecondDoor('generate 1.5 MiB at /v1, as at /', 60, generate(1.5)),
  atSecondDoor('edit 4 MiB at /v1 as a form, as by base64 at /', 24, edit(4)),
  workload({ name: 'generate 1.5 MiB, event stream', calls: 60, call: streamed(1.5) }),
  workload({ name: 'generate 6 MiB, event stream', calls: 24, call: streamed(6) }),
]
