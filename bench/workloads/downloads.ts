import { randomUUID } from 'node:crypto'
import { type Dispatcher, Pool } from 'undici'
import type { Harness, Subject, SubjectName } from '../harness.ts'
import { imageOf, MiB, sha256 } from '../image.ts'
import { formatPrompt } from '../prompt-codec.ts'
import { type Effort, scaled, type Workload } from '../workload.ts'

const concurrency = 4
const size = 6 * MiB
const paths = new WeakMap<Subject, Promise<string>>()

/** The text of a tool's result. */
async function callTool({ server, headers }: Subject, name: string, args: object): Promise<string> {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
  const body = JSON.stringify(message)
  const sent = { 'content-type': 'application/json', ...headers }
  return await (await fetch(server.origin, { method: 'POST', headers: sent, body })).text()
}

/** The path of a link to an image that was generated just now. */
async function createLink(subject: Subject): Promise<string> {
  const prompt = formatPrompt({ response: size, input: 0, delayMs: 0, scene: randomUUID() })
  const [id = ''] = /img_[0-9a-z]{26}/.exec(await callTool(subject, 'generate_image', { prompt })) ?? []
  const text = await callTool(subject, 'get_image', { id, as: 'link' })
  const [path] = /\/images\/img_[\w?&=-]+/.exec(text) ?? []
  if (path === undefined) throw new Error(`no link in ${text.slice(0, 2000)}`)
  return path
}

async function download(pool: Pool, path: string): Promise<void> {
  const { statusCode, body }: Dispatcher.ResponseData = await pool.request({ path, method: 'GET' })
  const bytes = Buffer.from(await body.arrayBuffer())
  if (statusCode !== 200 || sha256(bytes) !== imageOf(size).sha256) throw new Error(`${statusCode} is not the image`)
}

/** Images per second of the server's processor time. */
async function imagesPerCpuSecond(harness: Harness, name: SubjectName, effort: Effort): Promise<number> {
  const subject = await harness.shared(name)
  const { server } = subject
  const created = paths.get(subject) ?? (name === 'files' ? Promise.resolve('/') : createLink(subject))
  paths.set(subject, created)
  const path = await created
  const pool = new Pool(server.origin, { connections: concurrency })
  const count = scaled(120, effort)
  const before = server.cpuSeconds()
  let started = 0
  const lane = async () => {
    while (started++ < count) await download(pool, path)
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  const seconds = server.cpuSeconds() - before
  await pool.close()
  return count / seconds
}

export const downloadWorkloads: readonly Workload[] = [
  {
    name: 'download 6 MiB by a link',
    unit: 'images/CPU s',
    floor: 'files',
    service: 'service',
    target: '≥ 0.7 × floor',
    warmUps: 2,
    measure: imagesPerCpuSecond,
  },
]
