import { describe, type TestContext, test } from 'node:test'
import { gauge } from '../support/gauge.ts'
import { startProcess } from '../support/process.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { startNginxInFront } from '../support/system/nginx.ts'
import { toolCall } from '../support/system/processes.ts'
import { waitFor } from '../support/wait-for.ts'

/** Two processes behind the shipped Nginx, which sends calls to them in turn. */
async function twoBehindNginx(t: TestContext, environment: Record<string, string> = {}) {
  const { simulator, url: azure } = await startSimulator(t)
  const start = () =>
    startProcess(t, { AZURE_BASE_URL: azure, AZURE_API_KEY: key, TRUST_PROXY: '127.0.0.1', ...environment })
  const replicas = [await start(), await start()] as const
  const proxy = await startNginxInFront(t, replicas)

  async function generate(prompt: string): Promise<Result> {
    const { statusCode, headers, body } = await proxy.send('/', {
      body: JSON.stringify(toolCall('generate_image', { prompt, size: '256x256' })),
    })
    return { status: statusCode, retryAfter: headers['retry-after'], text: await body.text() }
  }

  /** Starts a call at each replica; they run until `release` is called. */
  async function occupyBoth() {
    const release = simulator.hold()
    const early: string[] = []
    const calls = replicas.map(async (_, n) => {
      const result = await generate(`slow ${n}`)
      early.push(`${result.status} ${result.text.slice(0, 500)}`)
      return result
    })
    const isOccupied = async () => {
      const sent = await Promise.all(replicas.map((replica) => gauge(replica, 'azure_requests_in_flight')))
      return sent.every((count) => count === 1) && simulator.requests.length >= replicas.length
    }
    const explain = () =>
      `${simulator.requests.length} requests at Azure, results so far: ${early.join('\n')}\n${replicas.map(({ log }) => log).join('\n')}`
    const occupied = waitFor('a call of each replica at Azure', isOccupied, { explain })
    // A rejected call would be waited for in vain.
    await Promise.race([
      occupied,
      Promise.any(calls).then(() => Promise.reject(new Error(`ended early, ${explain()}`))),
    ])
    return { calls: Promise.all(calls), release }
  }
  return { simulator, replicas, generate, occupyBoth }
}

interface Result {
  status: number
  retryAfter: string | string[] | undefined
  text: string
}

/** Shuts down only when its calls have ended, however busy the machine is. */
const PATIENT = { SHUTDOWN_GRACE_MS: '120000' }

describe('two replicas behind the shipped Nginx', { concurrency: 2 }, () => {
  test('while one shuts down, new calls go to the other, and its running call ends', async (t: TestContext) => {
    const { simulator, replicas, generate, occupyBoth } = await twoBehindNginx(t, PATIENT)
    const { calls, release } = await occupyBoth()
    replicas[0].child.kill('SIGTERM')
    await waitFor('the shutdown', async () => (await fetch(`${replicas[0].url}/ready`)).status === 503)
    const later = Promise.all(Array.from({ length: 6 }, (_, n) => generate(`new ${n}`)))
    const inFlight = async () => await gauge(replicas[1], 'tool_calls_in_flight')
    await waitFor('the new calls at the other', async () => (await inFlight()) === 7, {
      explain: () => replicas[1].log,
    })
    release()
    for (const { status, text } of [...(await calls), ...(await later)]) {
      t.assert.match(text, /"type":"image"/, `${status} ${text}`)
    }
    t.assert.equal(simulator.requests.length, 8)
  })

  test('a replica that is killed during a call: its client is told that the image may be billed, and no other gets the call', async (t: TestContext) => {
    const { simulator, replicas, occupyBoth } = await twoBehindNginx(t)
    const { calls, release } = await occupyBoth()
    replicas[0].child.kill('SIGKILL')
    await replicas[0].ended
    release()
    const results = await calls
    t.assert.deepEqual(results.map(({ status }) => status).toSorted(), [200, 502])
    const lost = results.find(({ status }) => status === 502)
    t.assert.equal(lost?.retryAfter, undefined)
    t.assert.match(lost?.text ?? '', /"code":502,.*may have been generated and billed; a retry may cost again/)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('a replica that is cut off during a call: neither is repeated', async (t: TestContext) => {
    const { simulator, replicas, occupyBoth } = await twoBehindNginx(t, { SHUTDOWN_GRACE_MS: '200' })
    const { calls, release } = await occupyBoth()
    replicas[0].child.kill('SIGTERM')
    await replicas[0].ended
    release()
    const results = await calls
    t.assert.deepEqual(results.map(({ status }) => status).toSorted(), [200, 504])
    const lost = results.find(({ status }) => status === 504)
    t.assert.match(lost?.text ?? '', /may have been generated and billed/)
    t.assert.equal(simulator.requests.length, 2)
  })

  test('a call that reached no replica was not billed, and its client is told when to retry', async (t: TestContext) => {
    const { replicas, generate } = await twoBehindNginx(t)
    for (const { child, ended } of replicas) {
      child.kill('SIGKILL')
      await ended
    }
    const { status, retryAfter, text } = await generate('a fox')
    t.assert.deepEqual([status, retryAfter], [503, '10'])
    t.assert.match(text, /"code":503,.*Nothing was generated or billed/)
  })
})
