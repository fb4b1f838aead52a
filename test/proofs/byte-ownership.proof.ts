import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ServerProcess, startServer } from '../../bench/server-process.ts'
import type { Proof } from '../../scripts/prove.ts'
import { type Cut, type CutStage, postAndCut } from '../support/cut-client.ts'
import { png, pngChunk } from '../support/images/images.ts'
import { type RecordingAzure, sha256, startRecordingAzure } from '../support/recording-azure.ts'
import { type StdioClient, startStdio } from '../support/stdio-client.ts'

/**
 * Every buffer has one owner: thousands of calls with unique images, 32 at a time, a quarter of them broken off at some
 * stage, through every path that bytes take. Each image that is received, saved or read is compared by hash with the one
 * that was sent, and at the end no memory is reserved, no file open and no temporary file left. The bound on buffered bytes
 * is so low that images are also spooled to files.
 */

const CALLS = 6000
const HTTP_CLIENTS = 28
const STDIO_CLIENTS = 4
const CUT_EVERY = 4
const MAX_BUFFERED_BYTES = 12_582_912
const MAX_RESIDENT_BYTES = 640 * 1024 ** 2
const MAX_MORE_FILES = 4
/** Results of broken calls move to disk after seconds. */
const SETTLE_MS = 60_000
const deployment = 'FLUX.2-pro'
const key = 'simulated-key'

const kinds = ['generate', 'stream', 'save', 'read', 'edit'] as const
type Kind = (typeof kinds)[number]
const stages: readonly CutStage[] = ['sending', 'waiting', 'head', 'body', 'end']

interface Saved {
  uri: string
  /** Of the base64 text. */
  hash: string
}

interface Run {
  azure: RecordingAzure
  total: number
  next: number
  counts: Map<string, number>
  faults: string[]
  saved: Saved[]
  image: Buffer
}

export const prove: Proof = async ({ share, say }) => {
  const folder = await mkdtemp(join(tmpdir(), 'azure-image-editor-proof-'))
  const azure = await startRecordingAzure(key, deployment)
  const environment = {
    AZURE_BASE_URL: azure.url,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: deployment,
    AZURE_REQUESTS_PER_MINUTE: '100000',
    RATE_LIMIT_PER_MINUTE: '100000',
    TOOL_CALLS_PER_MINUTE: '0',
    MAX_BUFFERED_BYTES: String(MAX_BUFFERED_BYTES),
    LOG_LEVEL: 'fatal',
  }
  const service = await startServer({
    args: ['server.ts'],
    environment: (port) => ({ ...environment, MCP_SERVER_PORT: String(port), IMAGES_DIR: join(folder, 'http') }),
  })
  // Whole images: by default those over stdio would be previews.
  const stdio = startStdio({ ...environment, INLINE_IMAGE_MAX_BYTES: '0', IMAGES_DIR: join(folder, 'stdio') })
  const run: Run = {
    azure,
    total: Math.max(HTTP_CLIENTS + STDIO_CLIENTS, Math.round(CALLS * share)),
    next: 0,
    counts: new Map(),
    faults: [],
    saved: [],
    image: await png(300, 200),
  }
  try {
    return await attackAndReport(run, service, stdio, folder, say)
  } finally {
    stdio.kill()
    await service.stop()
    await azure.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function attackAndReport(
  run: Run,
  service: ServerProcess,
  stdio: StdioClient,
  folder: string,
  say: (line: string) => void,
): Promise<boolean> {
  // The first calls open what stays open, such as connections to Azure.
  await Promise.all([callOverHttp(run, service, 'save', -1), callOverStdio(run, stdio, -2)])
  const before = await figuresOf(service, stdio)
  const works = [
    ...Array.from({ length: HTTP_CLIENTS }, () => work(run, (n) => callOverHttp(run, service, kindOf(n), n))),
    ...Array.from({ length: STDIO_CLIENTS }, () => work(run, (n) => callOverStdio(run, stdio, n))),
  ]
  await Promise.all(works)
  const after = await settle(service, stdio, before)
  const peak = service.peakResidentBytes()
  const leftovers = await temporaryFiles(folder)
  const exitCode = await stdio.end()

  for (const [what, count] of [...run.counts].sort()) say(`${String(count).padStart(6)} × ${what}`)
  for (const fault of run.faults.slice(0, 20)) say(`FAULT ${fault}`)
  const mib = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`
  say(`memory: highest ${mib(peak)} (limit ${mib(MAX_RESIDENT_BYTES)})`)
  say(`bytes reserved for bodies: ${after.body}, buffered for images: ${after.buffered} (limit 0)`)
  say(
    `open files: http ${before.files} before, ${after.files} after; stdio ${before.stdioFiles} and ${after.stdioFiles}`,
  )
  say(`temporary files: ${leftovers.length} (limit 0); exit code of stdio: ${exitCode}`)
  return (
    run.faults.length === 0 &&
    peak <= MAX_RESIDENT_BYTES &&
    isSettled(after, before) &&
    leftovers.length === 0 &&
    exitCode === 0
  )
}

async function work(run: Run, call: (n: number) => Promise<void>): Promise<void> {
  while (run.next < run.total) {
    const n = run.next++
    await call(n).catch((error: unknown) => run.faults.push(`call ${n}: ${error}`))
  }
}

function kindOf(n: number): Kind {
  return kinds[n % kinds.length] ?? 'generate'
}

function count(run: Run, what: string): void {
  run.counts.set(what, (run.counts.get(what) ?? 0) + 1)
}

/** Unique for each call. Most make the simulator pad the image, some make it write base64 with escapes. */
function promptOf(n: number): string {
  if (n % 10 === 7) return `ownership ${n} fault:escaped`
  return n % 3 === 0 ? `ownership ${n}` : `ownership ${n} fault:padded=${20_000 + (n % 50) * 40_000}`
}

/** No byte of it may change on its way to Azure. */
function uniqueImage({ image }: Run, n: number): string {
  const noise = pngChunk('prVe', randomBytes(30_000 + (n % 40) * 20_000))
  return Buffer.concat([image.subarray(0, -12), noise, image.subarray(-12)]).toString('base64')
}

interface Request {
  message: string
  prompt: string
  /** Hash of the base64 that the request contains. */
  sent?: string
  read?: Saved
}

function requestOf(run: Run, kind: Kind, n: number): Request {
  const prompt = promptOf(n)
  const id = n + 10
  const message = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id, method, params })
  const args = { prompt, size: '256x256' }
  const read = run.saved[n % (run.saved.length || 1)]
  if (kind === 'read' && read !== undefined) {
    return { message: message('resources/read', { uri: read.uri }), prompt, read }
  }
  if (kind === 'edit') {
    const image = uniqueImage(run, n)
    const call = { name: 'edit_image', arguments: { ...args, image_data_base64: image } }
    return { message: message('tools/call', call), prompt, sent: sha256(image) }
  }
  const more = kind === 'save' ? { output_path: `proof/${n}.png` } : {}
  const meta = kind === 'stream' ? { _meta: { progressToken: n } } : {}
  const call = { name: 'generate_image', arguments: { ...args, ...more }, ...meta }
  return { message: message('tools/call', call), prompt }
}

async function callOverHttp(run: Run, { origin }: ServerProcess, kind: Kind, n: number): Promise<void> {
  const request = requestOf(run, kind, n)
  const headers = kind === 'stream' ? { accept: 'text/event-stream' } : { accept: 'application/json' }
  const cut = n >= 0 && n % CUT_EVERY === CUT_EVERY - 1 ? cutOf(n) : undefined
  const body = await postAndCut(origin, request.message, headers, cut)
  if (body === undefined) {
    count(run, `${kind}, broken off: ${cut?.stage}`)
    return
  }
  const text = kind === 'stream' ? body.slice(body.lastIndexOf('\ndata: ') + 7) : body
  await check(run, kind, request, text)
}

function cutOf(n: number): Cut {
  // Changes once in twenty calls, so that every kind of call is broken off at every stage.
  const stage = stages[Math.floor(n / (CUT_EVERY * kinds.length)) % stages.length] ?? 'waiting'
  const at = stage === 'waiting' ? (n * 7) % 120 : ((n * 13) % 100) / 100
  return { stage, at, isReset: n % 8 < 4 }
}

async function callOverStdio(run: Run, stdio: StdioClient, n: number): Promise<void> {
  const kind = n < 0 ? 'save' : kindOf(n) === 'read' ? 'edit' : kindOf(n)
  const request = requestOf(run, kind, n)
  const response = stdio.request(n + 10, request.message)
  if (n >= 0 && n % CUT_EVERY === CUT_EVERY - 1) {
    await pause((n * 7) % 120)
    stdio.cancel(n + 10)
    count(run, `${kind}, cancelled over stdio`)
    return
  }
  await check(run, kind, request, await response, ' over stdio')
}

async function check(run: Run, kind: Kind, request: Request, text: string, where = ''): Promise<void> {
  const { result, error } = JSON.parse(text)
  if (error?.code === 503) return count(run, `${kind}, rejected under load${where}`)
  const content = result?.contents?.[0] ?? result?.content?.[1]
  const image = content?.blob ?? content?.data
  if (typeof image !== 'string') throw new Error(`${kind} has no image: ${text.slice(0, 300)}`)
  const hash = sha256(image)
  const isRight = request.read ? request.read.hash === hash : run.azure.sent.get(request.prompt)?.has(hash)
  if (isRight !== true) throw new Error(`${kind}: the image is not the one that was sent (${image.length} characters)`)
  if (request.sent !== undefined && run.azure.received.get(request.prompt) !== request.sent) {
    throw new Error('the image that reached Azure is not the one that was sent')
  }
  if (kind === 'save') await checkSaved(run, result.content, hash, where === '')
  count(run, kind + where)
}

async function checkSaved(run: Run, content: object[], hash: string, isReadable: boolean): Promise<void> {
  const [{ text }] = Object(content)
  const file = /Saved to server at: (\S+)/.exec(text)?.[1]
  if (file === undefined) throw new Error(`it was not saved: ${text}`)
  if (sha256((await readFile(file)).toString('base64')) !== hash) throw new Error(`${file} has other bytes`)
  if (isReadable) run.saved.push({ uri: `image:///proof/${basename(file)}`, hash })
}

interface Figures {
  body: number
  buffered: number
  files: number
  stdioFiles: number
}

async function figuresOf({ origin }: ServerProcess, { pid }: StdioClient): Promise<Figures> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN)
  return {
    body: read('image_mcp_body_bytes_in_flight'),
    buffered: read('image_mcp_buffered_bytes'),
    files: read('process_open_fds'),
    stdioFiles: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** The figures once everything is freed, or after `SETTLE_MS`. */
async function settle(service: ServerProcess, stdio: StdioClient, before: Figures): Promise<Figures> {
  const endsAt = performance.now() + SETTLE_MS
  for (;;) {
    const now = await figuresOf(service, stdio)
    if (isSettled(now, before) || performance.now() > endsAt) return now
    await pause(500)
  }
}

function isSettled(now: Figures, before: Figures): boolean {
  const isFree = now.body === 0 && now.buffered === 0
  return isFree && now.files <= before.files + MAX_MORE_FILES && now.stdioFiles <= before.stdioFiles + MAX_MORE_FILES
}

async function temporaryFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  return names.filter((name) => /\.(?:tmp|part)$/.test(name))
}
