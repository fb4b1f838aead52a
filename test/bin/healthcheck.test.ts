import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { fakeAzure, responding } from '../support/fake-azure.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, '../../bin/healthcheck.js')
const check = (env: Record<string, string>) => run(process.execPath, [script], { env })

describe('the health check of the container', () => {
  test('asks the port that the service listens on, as the service reads its variables', async (t: TestContext) => {
    const { url, seen } = await fakeAzure(t, responding(200, 'OK'))
    const { port } = new URL(url)
    const asked = [
      { MCP_SERVER_PORT: port, MCP_SERVER_HOST: '0.0.0.0' },
      { MCP_SERVER_PORT: ` "${port}" ` },
      { MCP_SERVER_PORT: '9', ADMIN_PORT: port },
      { MCP_SERVER_PORT: port, ADMIN_PORT: 'tcp://10.0.0.1:80' },
    ]
    await Promise.all(asked.map(check))
    t.assert.deepEqual(
      seen.map((request) => request.url),
      asked.map(() => '/health'),
    )
  })

  test('fails with the reason if the service is away or does not respond with 200', async (t: TestContext) => {
    const { url } = await fakeAzure(t, responding(503, ''))
    for (const [port, reason] of [
      // A port that fetch rejects.
      ['9', /^unhealthy: .*ECONNREFUSED/],
      [new URL(url).port, /^unhealthy: \/health returned 503/],
    ] as const) {
      await t.assert.rejects(check({ MCP_SERVER_PORT: port }), (error: { code: number; stderr: string }) => {
        t.assert.equal(error.code, 1)
        t.assert.match(error.stderr, reason)
        return true
      })
    }
  })
})
