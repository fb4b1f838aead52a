import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { containerFlags } from '../support/container-flags.ts'
import { type Process, startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { storedResults } from '../support/stored-results.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

async function setUp(t: TestContext, latencyMs: number, environment: Record<string, string> = {}) {
  const { simulator, url } = await startSimulator(t, { latencyMs })
  const images = join(await temporaryFolder(t), 'images')
  await mkdir(images)
  const variables = {
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    IMAGES_DIR: images,
    SHUTDOWN_GRACE_MS: '20000',
    ...environment,
  }
  const service = await startProcess(t, variables, containerFlags({ images }))
  return { simulator, images, variables, service }
}

type World = Awaited<ReturnType<typeof setUp>>

const send = ({ url }: Process, args: object, accept = 'application/json', signal?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'generate_image', arguments: args },
    }),
    ...(signal === undefined ? {} : { signal }),
  })

const entriesOf = ({ log }: Process): Record<string, unknown>[] =>
  log.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))

async function atWork({ simulator }: World, calls: number): Promise<void> {
  await waitFor('the requests to Azure', () => simulator.requests.length >= calls)
  await pause(30)
}

const readyOf = async ({ url }: Process): Promise<string> => await (await fetch(`${url}/ready`)).text()

/** Polls readiness on one connection, as a load balancer does. */
async function untilReadyIs(url: string, status: number): Promise<void> {
  await waitFor(`/ready with ${status}`, async () => (await fetch(`${url}/ready`)).status === status)
}

describe('SIGTERM', () => {
  test('completes running calls, fails readiness at once, rejects new calls, and exits with 0', async (t: TestContext) => {
    const world = await setUp(t, 0)
    const release = world.simulator.hold()
    const { service } = world
    const running = [
      send(service, { prompt: 'one' }),
      send(service, { prompt: 'two' }, 'text/event-stream'),
      send(service, { prompt: 'three', output_path: 'three.png' }),
    ].map(async (response) => (await response).text())
    await atWork(world, 3)
    service.child.kill('SIGTERM')
    await untilReadyIs(service.url, 503)
    const rejected = await send(service, { prompt: 'late' })
    t.assert.equal(rejected.status, 503)
    t.assert.equal(rejected.headers.get('retry-after'), '2')
    t.assert.partialDeepStrictEqual(await rejected.json(), { jsonrpc: '2.0', error: { code: 503 } })
    release()
    for (const text of await Promise.all(running)) t.assert.match(text, /Image successfully generated/)
    t.assert.equal(await service.ended, 0)
    t.assert.ok((await readdir(world.images)).includes('three.png'))
    t.assert.equal(world.simulator.requests.length, 3)
  })

  test('ends streams and responses with an error when the grace period is over, and exits with 0', async (t: TestContext) => {
    const world = await setUp(t, 20_000, { SHUTDOWN_GRACE_MS: '300' })
    const { service } = world
    const token = {
      jsonrpc: '2.0',
      id: 5,
      method: 'tools/call',
      params: { name: 'generate_image', arguments: { prompt: 'slow' }, _meta: { progressToken: 1 } },
    }
    const stream = fetch(service.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(token),
    }).then((response) => response.text())
    const plain = send(service, { prompt: 'slow too' })
    await atWork(world, 2)
    const startedAt = performance.now()
    service.child.kill('SIGTERM')
    const events = (await stream).trim().split('\n\n')
    const last = events.at(-1) ?? ''
    t.assert.match(last, /^event: message\ndata: \{.*"id":5.*"code":504.*may have been generated and billed/)
    t.assert.doesNotMatch(last, /retryAfterMs/)
    const response = await plain
    t.assert.equal(response.status, 504)
    // Clients and proxies repeat such a response by themselves, and would pay again.
    t.assert.equal(response.headers.get('retry-after'), null)
    const { error } = (await response.json()) as {
      error: { code: number; message: string; data?: { retryAfterMs: number } }
    }
    t.assert.equal(error.code, 504)
    t.assert.match(error.message, /may have been generated and billed; a retry may cost again/)
    t.assert.equal(error.data, undefined)
    t.assert.equal(await service.ended, 0)
    t.assert.ok(performance.now() - startedAt < 15_000)
    const unknown = entriesOf(service).filter(({ outcome }) => outcome === 'unknown')
    t.assert.deepEqual(
      unknown.map(({ requestId, tool, images }) => [typeof requestId, tool, images]),
      Array(2).fill(['string', 'generate_image', 1]),
    )
  })

  test('tells every member of a batch that is cut off what may be billed', async (t: TestContext) => {
    const world = await setUp(t, 20_000, { SHUTDOWN_GRACE_MS: '300' })
    const calls = ['a', 'b'].map((id) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'generate_image', arguments: { prompt: id } },
    }))
    const answer = fetch(world.service.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([...calls, { jsonrpc: '2.0', method: 'notifications/progress' }]),
    })
    await atWork(world, 2)
    world.service.child.kill('SIGTERM')
    const response = await answer
    t.assert.deepEqual([response.status, response.headers.get('retry-after')], [200, null])
    const members = (await response.json()) as {
      id: string
      error: { code: number; message: string; data?: unknown }
    }[]
    t.assert.deepEqual(
      members.map(({ id, error }) => [id, error.code, error.data]),
      [
        ['a', 504, undefined],
        ['b', 504, undefined],
      ],
    )
    for (const { error } of members) t.assert.match(error.message, /may have been generated and billed; a retry may/)
    t.assert.equal(await world.service.ended, 0)
  })

  test('names every paid call before it waits, so that a kill during the wait leaves a record', async (t: TestContext) => {
    const world = await setUp(t, 20_000, { SHUTDOWN_GRACE_MS: '20000' })
    send(world.service, { prompt: 'slow' }).catch(() => {})
    await atWork(world, 1)
    world.service.child.kill('SIGTERM')
    await waitFor('the record', () => /waiting for a paid call/.test(world.service.log))
    world.service.child.kill('SIGKILL')
    const [record] = entriesOf(world.service).filter(({ tool }) => tool !== undefined)
    t.assert.partialDeepStrictEqual(record, {
      caller: 'address:127.0.0.1',
      tool: 'generate_image',
      images: 1,
      graceMs: 20_000,
    })
  })

  test('a call that still waits for its turn when the grace period is over was not sent, and may be repeated', async (t: TestContext) => {
    const world = await setUp(t, 20_000, { SHUTDOWN_GRACE_MS: '300', AZURE_REQUESTS_PER_MINUTE: '1' })
    const sent = send(world.service, { prompt: 'first' })
    await atWork(world, 1)
    const waiting = send(world.service, { prompt: 'second' })
    await waitFor('a call in the queue', async () => /"waiting":1\b/.test(await readyOf(world.service)))
    world.service.child.kill('SIGTERM')
    t.assert.equal((await sent).headers.get('retry-after'), null)
    const response = await waiting
    t.assert.equal(response.status, 503)
    t.assert.equal(response.headers.get('retry-after'), '2')
    const { error } = (await response.json()) as {
      error: { code: number; message: string; data?: { retryAfterMs: number } }
    }
    t.assert.match(error.message, /Nothing was generated or billed/)
    t.assert.equal(error.data?.retryAfterMs, 2_000)
    t.assert.equal(world.simulator.requests.length, 1)
  })

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`${signal} stores the image of an abandoned call for the next process`, async (t: TestContext) => {
      const world = await setUp(t, 0)
      const release = world.simulator.hold()
      const disconnected = new AbortController()
      send(world.service, { prompt: 'stored' }, 'application/json', disconnected.signal).catch(() => {})
      await atWork(world, 1)
      disconnected.abort()
      // When it responds to this, the service has noticed what happened before.
      await fetch(`${world.service.url}/health`)
      if (signal === 'SIGKILL') {
        release()
        await waitFor('a stored result', async () => (await storedResults(world.images)).length > 0)
      }
      world.service.child.kill(signal)
      if (signal === 'SIGTERM') {
        await waitFor('the shutdown', () => /waiting for a paid call/.test(world.service.log))
        release()
      }
      t.assert.equal(await world.service.ended, signal === 'SIGTERM' ? 0 : null)
      t.assert.equal((await storedResults(world.images)).length, 1)
      t.assert.doesNotMatch(world.service.log, /stays in memory/)
      const next = await startProcess(t, world.variables, containerFlags({ images: world.images }))
      const { text, images } = await callTool(next.url, 'generate_image', { prompt: 'stored' })
      t.assert.match(text, /made for your earlier, identical call/)
      t.assert.equal(images.length, 1)
      t.assert.equal(world.simulator.requests.length, 1)
    })
  }

  test('is not delayed by idle connections or clients that do not read', async (t: TestContext) => {
    const { service } = await setUp(t, 0, { SHUTDOWN_GRACE_MS: '500' })
    const { port } = new URL(service.url)
    const silent = connect(Number(port), '127.0.0.1').on('error', () => {})
    const half = connect(Number(port), '127.0.0.1').on('error', () => {})
    await Promise.all([once(silent, 'connect'), once(half, 'connect')])
    half.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{')
    await pause(50)
    const startedAt = performance.now()
    service.child.kill('SIGTERM')
    t.assert.equal(await service.ended, 0)
    t.assert.ok(performance.now() - startedAt < 15_000)
  })

  test('a second time exits immediately', async (t: TestContext) => {
    const world = await setUp(t, 20_000)
    send(world.service, { prompt: 'slow' }).catch(() => {})
    await atWork(world, 1)
    const startedAt = performance.now()
    world.service.child.kill('SIGTERM')
    await untilReadyIs(world.service.url, 503)
    world.service.child.kill('SIGTERM')
    t.assert.equal(await world.service.ended, 1)
    t.assert.ok(performance.now() - startedAt < 15_000)
  })
})

test('an uncaught error is logged, running calls complete, and the process exits with 1', async (t: TestContext) => {
  const { simulator, url } = await startSimulator(t)
  const release = simulator.hold()
  const folder = await temporaryFolder(t)
  // The error is injected, since no request makes the service throw.
  const bomb = `data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('thrown by the test')})`
  const service = await startProcess(
    t,
    { AZURE_BASE_URL: url, AZURE_API_KEY: key, IMAGES_DIR: folder, SHUTDOWN_GRACE_MS: '20000' },
    ['--import', bomb],
  )
  const running = send(service, { prompt: 'one' }).then((response) => response.text())
  await waitFor('a request to Azure', () => simulator.requests.length > 0)
  await pause(30)
  service.child.kill('SIGUSR2')
  await waitFor('the error', () => service.log.includes('uncaught error'))
  release()
  t.assert.match(await running, /Image successfully generated/)
  t.assert.equal(await service.ended, 1)
  t.assert.match(service.log, /shutting down after an uncaught error/)
  // The stack is logged, but not the message, which may contain anything.
  t.assert.match(service.log, /"err":\{"type":"Error","frames":\["[^"]+:\d+:\d+"/)
  t.assert.doesNotMatch(service.log, /thrown by the test/)
})
