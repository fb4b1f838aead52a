import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { type HostileImage, hostileImages } from '../support/hostile-images.ts'
import { drawing, png } from '../support/images/images.ts'

/**
 * Eight callers send every hostile image, as image, mask, reference and with a region, and have Azure return it, all at
 * once, while others are served. The service runs with its defaults in a separate process. Azure's part only reads and
 * responds, because a simulator that decodes such images would distort the figures.
 */

const CALLERS = 8
const MAX_RESIDENT_BYTES = 1.2 * 1024 ** 3
const MAX_PING_MS = 3000
const MAX_MEDIAN_PING_MS = 100
const MAX_HONEST_MS = 120_000
/** Every so many calls a caller disconnects in the middle. */
const DISCONNECT_EVERY = 7
const prompt = 'a lighthouse'
const key = (name: string) => `${name}-key-of-the-proof`

interface Prepared {
  name: string
  bytes: Buffer
  base64: string
}

/** Where an image is put. */
const places: readonly ((image: Prepared, honest: string) => object)[] = [
  ({ base64 }) => ({ image_data_base64: base64 }),
  ({ base64 }) => ({ image_data_base64: base64, mask_region: { x: 5, y: 5, width: 60, height: 60 } }),
  ({ base64 }) => ({ image_data_base64: base64, mask_base64: base64 }),
  ({ base64 }, honest) => ({ image_data_base64: honest, reference_images_base64: [base64, base64, base64] }),
]

export const prove: Proof = async ({ share, say }) => {
  const step = Math.max(1, Math.round(1 / share))
  const images = await prepare(hostileImages.filter((_, index) => index % step === 0))
  const honest = (await png(320, 240)).toString('base64')
  const responses = new Map(images.map(({ name, bytes }) => [name, bytes]))
  const azure = await startFarSide(responses, Buffer.from(honest, 'base64'))
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  const service = await startService(azure.url, folder)
  const idleBytes = service.residentBytes()
  try {
    const run = createRun(service.origin)
    const hostile = Promise.all(
      Array.from({ length: CALLERS }, (_, caller) => attack(run, caller, images, honest)),
    ).finally(() => run.finish())
    const [, pings, honestMs] = await Promise.all([hostile, pingUntil(run), editUntil(run)])
    return report({ run, pings, honestMs, service, idleBytes, images, say })
  } finally {
    await service.stop()
    azure.server.closeAllConnections()
    azure.server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function prepare(images: readonly HostileImage[]): Promise<Prepared[]> {
  const prepared: Prepared[] = []
  for (const { name, make } of images) {
    const bytes = await make()
    prepared.push({ name, bytes, base64: bytes.toString('base64') })
  }
  return prepared
}

/** Answers with the image that the prompt names, else with an honest one. */
async function startFarSide(
  images: ReadonlyMap<string, Buffer>,
  honest: Buffer,
): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) if (chunks.length === 0) chunks.push(chunk)
    const name = /send \[([^\]]+)\]/.exec(Buffer.concat(chunks).toString('latin1'))?.[1] ?? ''
    const image = images.get(name) ?? honest
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ created: 1, data: [{ b64_json: image.toString('base64') }] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}`, server }
}

function startService(azure: string, folder: string): Promise<ServerProcess> {
  const names = ['honest', ...Array.from({ length: CALLERS }, (_, caller) => `hostile${caller}`)]
  return startServer({
    args: ['server.ts'],
    environment: (port) => ({
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: 'key',
      AZURE_DEPLOYMENT_NAME: 'gpt-image-1.5',
      AZURE_REQUESTS_PER_MINUTE: '100000',
      MCP_SERVER_PORT: String(port),
      MCP_API_KEYS: names.map((name) => `${name}:${key(name)}`).join(','),
      IMAGES_DIR: join(folder, 'images'),
      INLINE_IMAGE_MAX_BYTES: '20000',
      RATE_LIMIT_PER_MINUTE: '100000',
      TOOL_CALLS_PER_MINUTE: '0',
      LOG_LEVEL: 'fatal',
    }),
  })
}

function createRun(origin: string) {
  const outcomes = new Map<string, number>()
  const faults: string[] = []
  let isOver = false
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  return {
    outcomes,
    faults,
    count,
    get isOver() {
      return isOver
    },
    finish() {
      isOver = true
    },
    async send(caller: string, method: string, params: object, signal?: AbortSignal): Promise<string> {
      const response = await fetch(origin, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key(caller)}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        ...(signal === undefined ? {} : { signal }),
      })
      return await response.text()
    },
  }
}

type Run = ReturnType<typeof createRun>

async function attack(run: Run, caller: number, images: readonly Prepared[], honest: string): Promise<void> {
  const name = `hostile${caller}`
  for (let index = 0; index < images.length; index++) {
    // Each caller begins elsewhere, so that all kinds meet.
    const place = (index + caller) % (places.length + 1)
    const image = images[(index + caller * 5) % images.length]
    if (image === undefined) continue
    const put = places[place]
    const call =
      put === undefined
        ? { name: 'generate_image', arguments: { prompt: `send [${image.name}]` } }
        : { name: 'edit_image', arguments: { prompt, ...put(image, honest) } }
    const signal = index % DISCONNECT_EVERY === DISCONNECT_EVERY - 1 ? AbortSignal.timeout(300) : undefined
    try {
      const text = await run.send(name, 'tools/call', call, signal)
      const { result, error } = JSON.parse(text)
      if (result === undefined) run.faults.push(`${image.name}, place ${place}: ${JSON.stringify(error)}`)
      else if (result.isError) run.count(String(result.content[0].text).replaceAll(/\d+/g, '…'))
      else run.count(put === undefined ? 'returned by Azure, handed on' : 'edited')
    } catch (error) {
      if (signal?.aborted) run.count('disconnected')
      else run.faults.push(`${image.name}, place ${place}: ${error}`)
    }
  }
}

/** Milliseconds of each ping while the attack lasts. */
async function pingUntil(run: Run): Promise<number[]> {
  const durations: number[] = []
  while (!run.isOver) {
    const start = performance.now()
    if (!(await run.send('honest', 'ping', {})).includes('"result"')) run.faults.push('a ping got no result')
    durations.push(performance.now() - start)
    await pause(50)
  }
  return durations
}

/** Milliseconds of each edit of an honest photograph that has to be converted. */
async function editUntil(run: Run): Promise<number[]> {
  const durations: number[] = []
  const photo = (await drawing(1200, 900).webp().toBuffer()).toString('base64')
  while (!run.isOver) {
    const start = performance.now()
    const text = await run.send('honest', 'tools/call', {
      name: 'edit_image',
      arguments: { prompt, image_data_base64: photo },
    })
    if (!text.includes('Image successfully edited.')) run.faults.push(`an honest edit failed: ${text.slice(0, 300)}`)
    durations.push(performance.now() - start)
    await pause(500)
  }
  return durations
}

interface Figures {
  run: Run
  pings: number[]
  honestMs: number[]
  service: ServerProcess
  idleBytes: number
  images: readonly Prepared[]
  say(line: string): void
}

function report({ run, pings, honestMs, service, idleBytes, images, say }: Figures): boolean {
  const peakBytes = service.peakResidentBytes()
  const mib = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`
  const at = (values: number[], share: number) =>
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN
  const ms = (values: number[]) =>
    `${values.length}, median ${at(values, 0.5).toFixed(0)} ms, 99 % ${at(values, 0.99).toFixed(0)} ms, most ${at(values, 1).toFixed(0)} ms`
  say(`${images.length} hostile images, ${CALLERS} callers`)
  for (const [outcome, count] of [...run.outcomes].sort((a, b) => b[1] - a[1])) say(`  ${count} × ${outcome}`)
  for (const fault of run.faults) say(`  FAULT ${fault}`)
  say(`pings: ${ms(pings)} (limits: median ${MAX_MEDIAN_PING_MS} ms, most ${MAX_PING_MS} ms)`)
  say(`honest edits with a conversion: ${ms(honestMs)} (limit ${MAX_HONEST_MS} ms)`)
  say(`memory: ${mib(idleBytes)} at rest, highest ${mib(peakBytes)} (limit ${mib(MAX_RESIDENT_BYTES)})`)
  return (
    run.faults.length === 0 &&
    honestMs.length > 0 &&
    peakBytes <= MAX_RESIDENT_BYTES &&
    at(pings, 0.5) <= MAX_MEDIAN_PING_MS &&
    at(pings, 1) <= MAX_PING_MS &&
    at(honestMs, 1) <= MAX_HONEST_MS
  )
}
