import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { crc32, inflateSync } from 'node:zlib'
import { type Launch, type Process, startProcess } from '../process.ts'
import type { RpcResponse } from '../service.ts'
import { key, startSimulator } from '../simulator.ts'

/** A service with the simulator, hundreds of calls, and checks of their outcomes. */

export const CALLS = 200
/** Generates small images, which keeps tests fast. */
const MODEL = 'FLUX.2-pro'
/** Spreads the images over some seconds, so that a fault happens in between. */
const IMAGES_PER_MINUTE = 1_200

export async function startWorld(t: TestContext, environment: Record<string, string>, launch: Launch = {}) {
  const services: Process[] = []
  // Before the simulator closes, which waits for open calls if a test has failed.
  t.after(async () => {
    for (const { child } of services) child.kill('SIGKILL')
    await Promise.all(services.map(({ ended }) => ended))
  })
  const { simulator, url } = await startSimulator(t, {
    deployments: { [MODEL]: { model: MODEL, rpm: IMAGES_PER_MINUTE } },
  })
  const variables = {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: MODEL,
    AZURE_MAX_WAITING_CALLS: String(CALLS),
    ...environment,
  }
  async function start(nodeOptions: readonly string[] = []): Promise<Process> {
    const service = await startProcess(t, variables, nodeOptions, launch)
    services.push(service)
    return service
  }
  return {
    start,
    simulator,
    /** Images that Azure has generated. */
    made: () => simulator.requests.filter(({ status }) => status === 200).length,
  }
}

export type CallKind = 'save' | 'inline' | 'list'

export interface Outcome {
  id: number
  kind: CallKind
  /** Undefined: the connection ended without a response. */
  status: number | undefined
  response: RpcResponse | undefined
  text: string
  image: Buffer | undefined
  /** The path of the saved image in the response. */
  savedAt: string | undefined
}

export interface Flow {
  /** In the order of completion. */
  readonly outcomes: readonly Outcome[]
  /** All of them. */
  readonly ended: Promise<readonly Outcome[]>
  count(of: (outcome: Outcome) => boolean): number
}

export interface FlowOptions {
  /** More arguments of the call. */
  args?: object
  /** Prefix of the prompts and files of these calls. */
  name?: string
  /** Added to every prompt, such as a fault of the simulator. */
  words?: string
  /** By number of the call. */
  headers?: (id: number) => Record<string, string>
}

/** Of ten calls four save an image, two return it only, and four list the tools. */
const kindOf = (n: number): CallKind => (n % 10 < 4 ? 'save' : n % 10 < 6 ? 'inline' : 'list')

/** Starts `count` calls concurrently. */
export function startCalls(
  url: string,
  count: number,
  { args = {}, name = 'call', words = '', headers = () => ({}) }: FlowOptions = {},
) {
  const outcomes: Outcome[] = []
  const calls = Array.from({ length: count }, async (_unused, id) => {
    const kind = kindOf(id)
    const place = kind === 'save' ? { output_path: `${name}-${id}.png` } : {}
    const message = messageOf(id, kind, { prompt: `${name} ${id} ${words}`, size: '256x256', ...args, ...place })
    outcomes.push(await outcomeOf(url, id, kind, message, headers(id)))
  })
  return {
    outcomes,
    ended: Promise.all(calls).then(() => outcomes),
    count: (of) => outcomes.filter(of).length,
  } satisfies Flow
}

/** One call with output_path. */
async function save(url: string, name: string, headers: Record<string, string> = {}): Promise<Outcome> {
  const args = { prompt: name, size: '256x256', output_path: `${name}.png` }
  return await outcomeOf(url, 1, 'save', messageOf(1, 'save', args), headers)
}

function messageOf(id: number, kind: CallKind, args: object): string {
  if (kind === 'list') return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list' })
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'generate_image', arguments: args },
  })
}

async function outcomeOf(
  url: string,
  id: number,
  kind: CallKind,
  body: string,
  headers: Record<string, string>,
): Promise<Outcome> {
  const nothing = { id, kind, status: undefined, response: undefined, text: '', image: undefined, savedAt: undefined }
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    const reply: RpcResponse = JSON.parse(await response.text())
    const content = reply.result?.content ?? []
    const text = content.flatMap((block) => block.text ?? []).join('\n')
    const data = content.find((block) => block.data !== undefined)?.data
    return {
      ...nothing,
      status: response.status,
      response: reply,
      text: text === '' ? (reply.error?.message ?? '') : text,
      image: data === undefined ? undefined : Buffer.from(data, 'base64'),
      savedAt: /Saved to server at: (.+)$/m.exec(text)?.[1],
    }
  } catch {
    return nothing
  }
}

/** Whether it is a whole PNG: every chunk has its checksum, and all pixels are there. */
function isWholePng(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') return false
  const pixels: Buffer[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at)
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) return false
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (type === 'IDAT') pixels.push(bytes.subarray(at + 8, end - 4))
    if (type === 'IEND') return end === bytes.length && hasAllPixels(bytes, Buffer.concat(pixels))
    at = end
  }
  return false
}

/** The simulator's images have three 8-bit channels. */
function hasAllPixels(bytes: Buffer, packed: Buffer): boolean {
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  return inflateSync(packed).length === height * (width * 3 + 1)
}

/**
 * Checks responses: each is valid JSON-RPC, images are whole, saved images are on disk byte for byte, and those that could
 * not be saved are reported. Prints a summary.
 *
 * @param placesOf where the test can find a file of the service
 */
export async function checkResponses(
  t: TestContext,
  fault: string,
  outcomes: readonly Outcome[],
  placesOf: (path: string) => string[] = (path) => [path],
): Promise<void> {
  const lost: string[] = []
  for (const { id, kind, status, response, text, image, savedAt } of outcomes) {
    if (response === undefined) continue
    t.assert.equal(response.jsonrpc, '2.0')
    t.assert.equal(response.id, id, `${status} ${text}`)
    t.assert.notEqual(response.result === undefined, response.error === undefined, `one of result and error: ${text}`)
    t.assert.ok(response.error !== undefined || status === 200, `${status}`)
    if (kind === 'list' || image === undefined) continue
    t.assert.ok(isWholePng(image), `image ${id} is whole`)
    if (savedAt !== undefined && !(await isAt(placesOf(savedAt), image))) lost.push(savedAt)
    if (kind === 'save' && savedAt === undefined) {
      t.assert.match(text, /not saved: .*The image is included in this response\./)
    }
  }
  t.diagnostic(`${fault}: ${summaryOf(outcomes)}, ${lost.length} of them lost`)
  t.assert.deepEqual(lost, [])
}

async function isAt(places: readonly string[], image: Buffer): Promise<boolean> {
  for (const place of places) {
    const found = await readFile(place).catch(() => undefined)
    if (found?.equals(image)) return true
  }
  return false
}

function summaryOf(outcomes: readonly Outcome[]): string {
  const count = (of: (outcome: Outcome) => boolean) => outcomes.filter(of).length
  const wanted = count(({ kind }) => kind !== 'list')
  const responded = count(({ response }) => response !== undefined)
  const images = count(({ image }) => image !== undefined)
  return (
    `${outcomes.length} sent (${wanted} for an image), ${responded} with a response (${images} with an image), ` +
    `${count(isNotSaved)} not saved, ${count(isSaved)} saved`
  )
}

export const isImage = ({ image }: Outcome): boolean => image !== undefined
export const isSaved = ({ savedAt }: Outcome): boolean => savedAt !== undefined
export const isNotSaved = ({ kind, image, savedAt }: Outcome): boolean =>
  kind === 'save' && image !== undefined && savedAt === undefined

/** Every image call has an image, and Azure generated no more than those. */
export function everyoneGotAnImage(t: TestContext, outcomes: readonly Outcome[], made: number): void {
  const without = outcomes.filter(({ kind, image }) => kind !== 'list' && image === undefined)
  t.assert.deepEqual(
    without.map(({ text }) => text),
    [],
  )
  t.assert.equal(outcomes.filter(({ image }) => image !== undefined).length, made)
}

/** The service works: it is healthy, saves and returns images. */
export async function serves(
  t: TestContext,
  url: string,
  placesOf: (path: string) => string[] = (path) => [path],
  headers: Record<string, string> = {},
): Promise<void> {
  t.assert.equal((await fetch(`${url}/health`)).status, 200)
  const outcome = await save(url, 'afterwards', headers)
  t.assert.ok(outcome.savedAt !== undefined && outcome.image !== undefined, outcome.text)
  t.assert.ok(await isAt(placesOf(outcome.savedAt), outcome.image))
}

/** The whole, torn and temporary files of an images folder. */
export async function lookAt(folder: string): Promise<{ whole: string[]; torn: string[]; temporary: string[] }> {
  const found = { whole: [] as string[], torn: [] as string[], temporary: await temporaryFiles(folder) }
  const names = await readdir(folder)
  for (const name of names.filter((one) => one.endsWith('.png'))) {
    found[isWholePng(await readFile(join(folder, name))) ? 'whole' : 'torn'].push(name)
  }
  return found
}

/** Names of temporary files. */
export async function temporaryFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\..*\.tmp$/.test(name)).sort()
}
