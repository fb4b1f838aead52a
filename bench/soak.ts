import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createSimulator } from '../simulator/app.ts'
import { startServer } from './server-process.ts'

/**
 * `npm run soak`: valid and invalid calls of every kind for half an hour. Fails if heap, file descriptors or handles
 * grow between the first and the last third of the run.
 */

const usage = `Usage: npm run soak -- [--minutes <n>] [--workers <n>]

  --minutes <n>   duration, 30 by default
  --workers <n>   concurrent callers, 16 by default
`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    workers: { type: 'string', default: '16' },
    help: { type: 'boolean', default: false },
  },
})

const key = 'simulated-key'
const SAMPLE_MS = 5_000
/** Samples of the warm-up: code is compiled and pools fill. */
const WARM_UP_SHARE = 0.1
/** Tolerated growth from the first to the last third. */
const ALLOWED_GROWTH = 1.15
/** Tolerated growth in absolute numbers. */
const ALLOWED_MORE = { heap: 16_777_216, fds: 10, handles: 10 }

type Measure = keyof typeof ALLOWED_MORE
type Sample = Record<Measure | 'resident', number>

/** A PNG of one red pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

interface Action {
  weight: number
  run(origin: string, n: number): Promise<void>
}

async function send(origin: string, body: string, headers: Record<string, string> = {}, signal?: AbortSignal) {
  const response = await fetch(origin, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    ...(signal === undefined ? {} : { signal }),
  })
  return await response.text()
}

const message = (method: string, params: object = {}) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const generate = (n: number, more: object = {}, meta: object = {}) =>
  message('tools/call', {
    name: 'generate_image',
    arguments: { prompt: `soak ${n}`, size: '256x256', ...more },
    ...meta,
  })

function expect(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`expected ${part}: ${text.slice(0, 300)}`)
}

const actions: Record<string, Action> = {
  list: { weight: 30, run: async (origin) => expect(await send(origin, message('tools/list')), 'generate_image') },
  generate: { weight: 10, run: async (origin, n) => expect(await send(origin, generate(n)), '"image"') },
  save: {
    weight: 5,
    run: async (origin, n) =>
      expect(await send(origin, generate(n, { output_path: `soak/${n % 50}.png` })), 'Saved to'),
  },
  stream: {
    weight: 5,
    run: async (origin, n) =>
      expect(
        await send(origin, generate(n, {}, { _meta: { progressToken: n } }), { accept: 'text/event-stream' }),
        '"image"',
      ),
  },
  edit: {
    weight: 3,
    run: async (origin) => {
      const call = { name: 'edit_image', arguments: { prompt: 'brighter', image_data_base64: png } }
      await send(origin, message('tools/call', call))
    },
  },
  disconnect: {
    weight: 5,
    run: async (origin, n) => {
      const disconnected = new AbortController()
      const asked = send(origin, generate(n), {}, disconnected.signal)
      setTimeout(() => disconnected.abort(), 5 + (n % 60))
      await asked.catch(() => {})
    },
  },
  nonsense: {
    weight: 10,
    run: async (origin, n) => expect(await send(origin, '{"jsonrpc":'.repeat(1 + (n % 100))), 'error'),
  },
  rejected: {
    weight: 5,
    run: async (origin) => expect(await send(origin, generate(0, { output_path: '../../x.png' })), 'isError'),
  },
  failing: {
    weight: 2,
    run: async (origin) => expect(await send(origin, generate(0, { prompt: 'fault:content_filter' })), 'jsonrpc'),
  },
  halfOpen: {
    weight: 3,
    run: async (origin) => {
      const socket = connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {})
      socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{')
      await pause(200)
      socket.destroy()
    },
  },
  slowReader: {
    weight: 1,
    run: async (origin, n) => {
      const body = generate(n)
      const socket = connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {})
      socket.pause()
      socket.write(
        `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      await pause(3_000)
      socket.destroy()
    },
  },
}

const wheel = Object.entries(actions).flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name))

async function sample(origin: string, residentBytes: () => number): Promise<Sample> {
  const text = await (await fetch(`${origin}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN)
  return {
    heap: read('nodejs_heap_size_used_bytes'),
    fds: read('process_open_fds'),
    handles: read('nodejs_active_handles_total'),
    resident: residentBytes(),
  }
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

function judge(samples: Sample[]): boolean {
  const steady = samples.slice(Math.ceil(samples.length * WARM_UP_SHARE))
  const third = Math.floor(steady.length / 3)
  let isFlat = true
  for (const measure of ['heap', 'resident', 'fds', 'handles'] as const) {
    const first = median(steady.slice(0, third).map((one) => one[measure]))
    const last = median(steady.slice(-third).map((one) => one[measure]))
    const most = Math.max(...steady.map((one) => one[measure]))
    const grows = measure !== 'resident' && last > first * ALLOWED_GROWTH && last - first > ALLOWED_MORE[measure]
    if (grows) isFlat = false
    const show = (value: number) =>
      measure === 'fds' || measure === 'handles' ? String(value) : `${(value / 1_048_576).toFixed(1)} MiB`
    say(
      `${measure.padEnd(10)} first third ${show(first)}, last third ${show(last)}, most ${show(most)}${grows ? '  GROWS' : ''}\n`,
    )
  }
  return isFlat
}

/** Saved images would only fill the disk. Hidden files are still being written. */
async function removeSaved(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) if (!name.startsWith('.')) await rm(join(folder, name), { force: true })
}

async function main(): Promise<number> {
  if (values.help) {
    say(usage)
    return 0
  }
  const scratch = mkdtempSync(join(tmpdir(), 'azure-image-editor-soak-'))
  const simulator = createSimulator({ apiKeys: [key], latencyMs: 50 })
  const azure = await simulator.listen({ host: '127.0.0.1', port: 0 })
  const service = await startServer({
    args: ['server.ts'],
    environment: (port) => ({
      AZURE_BASE_URL: azure,
      AZURE_API_KEY: key,
      AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
      MCP_SERVER_PORT: String(port),
      IMAGES_DIR: join(scratch, 'images'),
      ABANDONED_RESULT_TTL_MS: '30000',
      LOG_LEVEL: 'error',
    }),
  })
  const counts = new Map<string, number>()
  const failures = new Map<string, number>()
  const samples: Sample[] = []
  const endsAt = performance.now() + Number(values.minutes) * 60_000
  let n = 0

  async function work(): Promise<void> {
    while (performance.now() < endsAt) {
      const name = wheel[n++ % wheel.length] ?? 'list'
      counts.set(name, (counts.get(name) ?? 0) + 1)
      await actions[name]?.run(service.origin, n).catch((error: Error) => {
        const reason = `${name}: ${error.message.slice(0, 160)}`
        failures.set(reason, (failures.get(reason) ?? 0) + 1)
      })
      if (n % 500 === 0) await removeSaved(join(scratch, 'images', 'soak'))
    }
  }

  async function watch(): Promise<void> {
    while (performance.now() < endsAt) {
      samples.push(await sample(service.origin, service.residentBytes))
      simulator.requests.length = 0
      await pause(SAMPLE_MS)
    }
  }

  try {
    await Promise.all([watch(), ...Array.from({ length: Number(values.workers) }, work)])
    const total = counts.values().reduce((sum, count) => sum + count, 0)
    say(`${total} requests in ${values.minutes} minutes, ${samples.length} samples\n`)
    for (const [name, count] of counts) say(`  ${name.padEnd(12)} ${count}\n`)
    for (const [reason, count] of failures) say(`  failed ${count} times: ${reason}\n`)
    const abandoned = readdirSync(join(scratch, 'images', '.abandoned')).length
    say(`abandoned images on disk at the end: ${abandoned}\n`)
    return judge(samples) && failures.size === 0 ? 0 : 1
  } finally {
    await service.stop()
    await simulator.close()
    rmSync(scratch, { recursive: true, force: true })
  }
}

function say(text: string): void {
  process.stdout.write(text)
}

process.exitCode = await main()
