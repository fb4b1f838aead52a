import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { post } from '../support/service.ts'
import { CALLS, checkResponses, isImage, serves, startCalls, startWorld } from '../support/system/calls.ts'
import { requireProgram, run, toolCall } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** Clients that never finish their request and clients that never read, beside 200 normal ones. */

const HALF_OPEN = 500
const SLOW = 200
/** Slow readers request an image that is larger than the kernel's buffers. */
const STALLED = 40
const LARGE_BYTES = 4_500_000
/** Allowed latency of `/health` in milliseconds on a busy machine: of one half, and of 95 %. */
const PROBE_MS = 2_000
const SLOW_PROBE_MS = 10_000

const head = (length: number) =>
  `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

/** Sends something and then nothing. */
async function openConnection(t: TestContext, url: string, said: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(said)
  return socket
}

const requestedSize = (n: number) =>
  JSON.stringify(
    toolCall('generate_image', {
      prompt: `slow ${n} ${n < STALLED ? `fault:padded=${LARGE_BYTES}` : ''}`,
      size: '256x256',
    }),
  )

async function figure(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length) ?? 0)
}

test('stalled connections and callers that never read delay no one, are closed in time, and lose no image', async (t: TestContext) => {
  await requireProgram('curl')
  const script = join(import.meta.dirname, '../support/system/eager-service.ts')
  const world = await startWorld(
    t,
    {
      IMAGES_DIR: await temporaryFolder(t),
      AZURE_MAX_WAITING_CALLS: String(CALLS + SLOW),
      // All clients of the test have one address.
      MAX_CONNECTIONS_PER_ADDRESS: '0',
    },
    { script },
  )
  const { url } = await world.start()
  const startedAt = performance.now()
  const half = await Promise.all(
    Array.from({ length: HALF_OPEN }, (_unused, n) =>
      openConnection(
        t,
        url,
        n % 2 === 0 ? 'POST / HTTP/1.1\r\nHost: localhost\r\nX-' : `${head(100_000)}{"jsonrpc":"${'x'.repeat(70_000)}`,
      ),
    ),
  )
  await waitFor('bodies in flight', async () => (await figure(url, 'image_mcp_body_bytes_in_flight')) > 0)
  // These notice the end of the connection; those that never read do not.
  for (const socket of half) socket.resume()
  const slow = await Promise.all(
    Array.from({ length: SLOW }, (_unused, n) =>
      openConnection(t, url, head(requestedSize(n).length) + requestedSize(n)),
    ),
  )
  const calls = startCalls(url, CALLS)
  const probeMs: number[] = []
  let isOver = false
  t.after(() => {
    isOver = true
  })
  const probes = (async () => {
    while (!isOver) {
      // From another process, because this one generates the images.
      const { stdout } = await run('curl', [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{time_total}',
        `${url}/health`,
      ])
      const [status = '', seconds = ''] = stdout.split(' ')
      t.assert.equal(status, '200')
      probeMs.push(Number(seconds) * 1000)
      await pause(100)
    }
  })()
  await checkResponses(t, '500 half-open connections, 200 slow readers', await calls.ended)
  t.assert.equal(calls.count(isImage), 120)

  await waitFor('the end of the stalled connections', () => half.every(({ closed }) => closed))
  const halfMs = performance.now() - startedAt
  await waitFor('all images', () => world.made() === 120 + SLOW, { limitMs: 60_000 })
  const stored = 'image_mcp_abandoned_results_total{event="stored"}'
  await waitFor('stored results', async () => (await figure(url, stored)) >= STALLED, { limitMs: 60_000 })
  isOver = true
  await probes
  probeMs.sort((a, b) => a - b)
  const probeAt = (share: number) => Math.round(probeMs[Math.floor((probeMs.length - 1) * share)] ?? 0)
  // The kernel repeats a lost request for a connection after up to half a minute.
  const [median, slow95] = [probeAt(0.5), probeAt(0.95)]
  t.assert.equal(await figure(url, 'image_mcp_body_bytes_in_flight'), 0)
  const { response } = await post(url, requestedSize(0))
  t.assert.match(response.result?.content.at(-1)?.text ?? '', /made for your earlier, identical call/)
  t.diagnostic(
    `${HALF_OPEN} half-open connections gone after ${Math.round(halfMs / 1000)} s, ${await figure(url, stored)} images ` +
      `of ${SLOW} slow readers kept for them, /health took ${median} ms, at most ${probeAt(1)} ms`,
  )
  t.assert.ok(median < PROBE_MS && slow95 < SLOW_PROBE_MS, `${probeMs.map(Math.round)}`)
  for (const socket of slow) socket.destroy()
  await serves(t, url)
})
