import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { request } from 'undici'
import { listen } from '../support/app.ts'
import { connectRaw } from '../support/raw-client.ts'
import { waitFor } from '../support/wait-for.ts'

type Listening = Awaited<ReturnType<typeof listen>>

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

const adminUrlOf = ({ logs }: Listening) =>
  waitFor('ADMIN_PORT', () => /"address":"(http:[^"]+)","msg":"health, readiness/.exec(logs.text)?.[1])

async function get(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const { statusCode, body } = await request(url, { method, headers, reset: true })
  return { status: statusCode, text: await body.text() }
}

test('ADMIN_PORT serves health, readiness and metrics, and the other port as well', async (t: TestContext) => {
  const service = await listen(t, { ADMIN_PORT: '0' })
  const admin = await adminUrlOf(service)
  t.assert.notEqual(admin, service.url)
  for (const url of [admin, service.url]) {
    t.assert.deepEqual(await get(`${url}/health`), { status: 200, text: 'OK' })
    t.assert.match((await get(`${url}/ready`)).text, /"status":"ready"/)
    t.assert.match((await get(`${url}/metrics`)).text, /image_mcp_http_requests_total/)
    t.assert.equal((await get(`${url}/health`, { host: 'any.example' })).status, 200)
  }
})

test('ADMIN_PORT serves nothing else', async (t: TestContext) => {
  const admin = await adminUrlOf(await listen(t, { ADMIN_PORT: '0' }))
  for (const [method, path] of [
    ['GET', '/'],
    ['POST', '/'],
    ['POST', '/mcp'],
    ['OPTIONS', '/mcp'],
    ['GET', '/nothing'],
  ] as const) {
    t.assert.equal((await get(admin + path, {}, method)).status, 404, `${method} ${path}`)
  }
})

test('metrics at ADMIN_PORT need METRICS_TOKEN if it is set', async (t: TestContext) => {
  const admin = await adminUrlOf(await listen(t, { ADMIN_PORT: '0', METRICS_TOKEN: 'k7Qz-scrape-5521' }))
  t.assert.equal((await get(`${admin}/metrics`)).status, 401)
  t.assert.equal((await get(`${admin}/metrics`, { authorization: 'Bearer k7Qz-scrape-5521' })).status, 200)
})

test('ADMIN_PORT responds while clients occupy every connection of the other port', async (t: TestContext) => {
  const service = await listen(t, { ADMIN_PORT: '0', MAX_CONNECTIONS: '4' })
  const admin = await adminUrlOf(service)
  for (let n = 0; n < 8; n++) (await connectRaw(t, service.url)).socket.write('POST / HTTP/1.1\r\n')
  t.assert.equal((await get(`${admin}/health`)).status, 200)
})

test('ADMIN_PORT reports the shutdown until the last call has ended', async (t: TestContext) => {
  const service = await listen(t, { ADMIN_PORT: '0', SHUTDOWN_GRACE_MS: '5000' })
  const admin = await adminUrlOf(service)
  const exit = service.app.drain.enter()
  const closed = service.app.close()
  await waitFor('the shutdown to be reported', async () => (await get(`${admin}/ready`)).status === 503)
  t.assert.equal((await get(`${admin}/health`)).status, 200)
  exit()
  await closed
  await t.assert.rejects(get(`${admin}/health`), { code: 'ECONNREFUSED' })
})

test('a port that is in use prevents the start and is named', async (t: TestContext) => {
  const { explainStartError } = await import('../../services/config/start-error.ts')
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const { buildApp } = await import('../support/app.ts')
  const { app } = await buildApp(t, { ADMIN_PORT: String(port) })
  const failure = await app.listenEverywhere().catch((error: unknown) => error)
  t.assert.match(explainStartError(failure), /^ADMIN_PORT is in use .* set ADMIN_PORT to a free port/)
})

test('an address that the machine does not have prevents the start and is named', async (t: TestContext) => {
  const { explainStartError } = await import('../../services/config/start-error.ts')
  const { buildApp } = await import('../support/app.ts')
  for (const host of ['192.0.2.1', 'nowhere.invalid']) {
    const { app } = await buildApp(t, { MCP_SERVER_HOST: host })
    const failure = await app.listenEverywhere().catch((error: unknown) => error)
    t.assert.match(explainStartError(failure), /^MCP_SERVER_HOST is no address of this machine \([A-Z_]+\); set 127/)
  }
})

test('localhost is both loopback addresses, with the same limits', { skip: !hasIpv6 }, async (t: TestContext) => {
  const { buildApp } = await import('../support/app.ts')
  const { app, logs } = await buildApp(t, { MCP_SERVER_HOST: 'localhost', MAX_CONNECTIONS_PER_ADDRESS: '2' })
  await app.listenEverywhere()
  const url = await waitFor('IPv6', () => /listening at (http:\/\/\[::1\]:\d+)/.exec(logs.text)?.[1])
  const port = new URL(url).port
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    t.assert.equal((await get(`http://${host}:${port}/health`)).status, 200, host)
  }
  const { connect } = await import('node:net')
  const sockets = Array.from({ length: 5 }, () =>
    connect(Number(port), '::1')
      .on('error', () => {})
      .resume(),
  )
  t.after(() => sockets.forEach((socket) => void socket.destroy()))
  await waitFor(
    'the limit',
    () => sockets.filter(({ readableEnded, destroyed }) => readableEnded || destroyed).length === 3,
  )
})

test('KEEP_ALIVE_TIMEOUT_MS is how long an idle connection is open, and clients read it', async (t: TestContext) => {
  const { url } = await listen(t, { KEEP_ALIVE_TIMEOUT_MS: '130000' })
  const response = await fetch(`${url}/health`)
  t.assert.strictEqual(response.headers.get('keep-alive'), 'timeout=130')
})
