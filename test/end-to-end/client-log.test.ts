import { type TestContext, test } from 'node:test'
import { openCall } from '../support/event-stream.ts'
import { modernHeaders, modernMeta, modernRequest } from '../support/modern-client.ts'
import { startService } from '../support/service.ts'
import { verifies } from '../support/verifies.ts'

const LEVEL = 'io.modelcontextprotocol/logLevel'
const SECRET = 'a purple walrus'

interface Line {
  level: string
  logger: string
  data: { message: string; code?: string }
}

/** Calls a tool, and returns the log lines before its result. */
async function callWithLog(url: string, level: unknown, args: object = {}, accept?: string) {
  const params = {
    name: 'generate_image',
    arguments: { prompt: SECRET, ...args },
    _meta: { ...modernMeta({}), ...(level === undefined ? {} : { [LEVEL]: level }) },
  }
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
  const call = await openCall(`${url}/mcp`, message, modernHeaders('tools/call', params), accept)
  const messages = (await call.rest()).map((event) => Object(event.message))
  const lines: Line[] = messages.filter(({ method }) => method === 'notifications/message').map(({ params }) => params)
  if (JSON.stringify(lines).includes(SECRET)) throw new Error('a log line has the prompt')
  return { lines, result: messages.at(-1) }
}

const levelsOf = (lines: { level: string }[]) => [...new Set(lines.map(({ level }) => level))]

verifies(
  'client-log',
  'a request that asks for log lines gets those of its level and above, before its result',
  async (t: TestContext) => {
    const { url } = await startService(t)
    const { lines, result } = await callWithLog(url, 'info')
    t.assert.deepStrictEqual(lines, [
      { level: 'info', logger: 'azure', data: { message: 'The request was sent to FLUX.1-Kontext-pro.' } },
      {
        level: 'info',
        logger: 'azure',
        data: { message: 'FLUX.1-Kontext-pro (FLUX.1-Kontext-pro) generated an image.' },
      },
    ])
    t.assert.strictEqual(Object(result).id, 1)
    t.assert.deepStrictEqual((await callWithLog(url, 'notice')).lines, [])
  },
)

verifies('client-log', 'a request without a level gets no log lines', async (t: TestContext) => {
  const { url } = await startService(t)
  t.assert.deepStrictEqual((await callWithLog(url, undefined)).lines, [])
})

test('what Azure is asked again is told, in our words', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  simulator.faults.next(1, { name: 'rate-limit', ms: 100 })
  const { lines } = await callWithLog(url, 'notice')
  t.assert.ok(lines.length > 0)
  const [first] = lines
  t.assert.match(first?.data.message ?? '', /^The quota of FLUX\.1-Kontext-pro is used up; trying again in \d+ s\.$/)
  t.assert.strictEqual(first?.data.code, 'IMG_ERR_AZURE_RATE_LIMIT')
  t.assert.ok(levelsOf(lines).every((level) => ['notice', 'warning', 'error'].includes(level)))
})

test('an image that could not be stored is told', async (t: TestContext) => {
  const { url } = await startService(t, { LIBRARY_WAIT_MS: '0' })
  const { lines } = await callWithLog(url, 'warning')
  t.assert.strictEqual(lines.length, 1)
  t.assert.partialDeepStrictEqual(lines[0], {
    level: 'warning',
    logger: 'library',
    data: { code: 'IMG_ERR_STORE_SLOW' },
  })
})

test('a call that fails is told with its code', async (t: TestContext) => {
  const { url } = await startService(t)
  const rejected = await callWithLog(url, 'warning', { size: 'huge' })
  t.assert.partialDeepStrictEqual(rejected.lines.at(-1), { level: 'warning', logger: 'calls' })
  const { lines, result } = await callWithLog(url, 'error', { prompt: 'fault:gateway-timeout-html' })
  t.assert.deepStrictEqual(lines, [
    {
      level: 'error',
      logger: 'calls',
      data: { message: Object(result).result.content[0].text, code: 'IMG_ERR_AZURE_TIMEOUT' },
    },
  ])
})

test('where no stream is accepted nothing is told', async (t: TestContext) => {
  const { url } = await startService(t)
  const { result } = await modernRequest(
    url,
    'tools/call',
    { name: 'generate_image', arguments: { prompt: 'x' } },
    { capabilities: {}, meta: { [LEVEL]: 'debug' } },
  )
  t.assert.strictEqual(result.content[0].text, 'Image successfully generated.')
})

for (const level of ['verbose', 'INFO', '', 5, ['info'], {}]) {
  verifies('client-log-level', `${JSON.stringify(level)} is no log level`, async (t: TestContext) => {
    const { url, simulator } = await startService(t)
    const { error } = await modernRequest(
      url,
      'tools/call',
      { name: 'generate_image', arguments: { prompt: 'x' } },
      { meta: { [LEVEL]: level } },
    )
    t.assert.strictEqual(error?.code, -32602)
    t.assert.strictEqual(simulator.requests.length, 0)
  })
}

test('the service says that it logs for clients, to modern ones only', async (t: TestContext) => {
  const { url } = await startService(t)
  t.assert.deepStrictEqual((await modernRequest(url, 'server/discover', {})).result.capabilities.logging, {})
})
