import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { request } from 'undici'
import { startProcess } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const exhaust = join(import.meta.dirname, '../fixtures/exhaust-descriptors.ts')

/** The service with a lowered limit of file descriptors. */
const start = (t: TestContext, descriptors: number, environment: Record<string, string> = {}) =>
  startProcess(t, { LOG_DIR: 'logs', ...environment }, ['--import', exhaust], {
    within: ['bash', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'bash'],
  })

async function health(url: string): Promise<number> {
  const { statusCode, body } = await request(`${url}/health`, { reset: true })
  await body.dump()
  return statusCode
}

describe('file descriptors', () => {
  test('MAX_CONNECTIONS beyond their limit is reported at start, and lowered', async (t: TestContext) => {
    const { url, log } = await start(t, 300)
    t.assert.match(log, /the limit of file descriptors allows 177 connections only; raise it \(ulimit -n\)/)
    const sockets: Socket[] = []
    t.after(() => sockets.forEach((socket) => void socket.destroy()))
    for (let n = 0; n < 400; n++) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
      sockets.push(socket)
      await once(socket, 'connect')
    }
    t.assert.equal(await health(url), 200)
  })

  test('a limit that is high enough causes no warning', async (t: TestContext) => {
    const { log } = await start(t, 4_096)
    t.assert.doesNotMatch(log, /file descriptors/)
  })

  test('without one left the process goes on, and still serves open connections', async (t: TestContext) => {
    const service = await start(t, 200, {
      MAX_CONNECTIONS: '50',
      REDIS_URL: 'redis://127.0.0.1:9',
      SERVER_SECRET: 's'.repeat(32),
    })
    const idle = connect(Number(new URL(service.url).port), '127.0.0.1').on('error', () => {})
    await once(idle, 'connect')
    const exchange = async (head: string, body = '') => {
      idle.write(
        `${head} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      return String((await once(idle, 'data'))[0])
    }
    const params = { name: 'generate_image', arguments: { prompt: 'a kite' } }
    const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    // Libraries are loaded with the first call.
    t.assert.match(await exchange('POST /', call), /^HTTP\/1\.1 200.*"isError":true/s)
    service.child.kill('SIGWINCH')
    await waitFor('the last descriptor', () => service.log.includes('no descriptors: EMFILE'))
    for (const path of ['/health', '/ready']) t.assert.match(await exchange(`GET ${path}`), /^HTTP\/1\.1 200/, path)
    t.assert.match(await exchange('POST /', call), /^HTTP\/1\.1 200.*"isError":true/s)
    t.assert.match(await exchange('GET /metrics'), /^HTTP\/1\.1 200/)
    // Every timer of the service fires at least once.
    await pause(6_000)
    t.assert.equal(service.child.exitCode, null, service.log)
    t.assert.doesNotMatch(service.log, /uncaught/)
  })
})
