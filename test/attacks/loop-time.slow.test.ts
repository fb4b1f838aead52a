import { type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'

const BYTES = 1_100_000
const fill = (text: string, bytes = BYTES) => text.repeat(Math.floor(bytes / text.length))
const members = (count: number) => Array.from({ length: count }, (_, index) => `"a${index}":1`).join(',')
const message = (method: string, params: string) => `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`
const call = (args: string) => message('tools/call', `{"name":"generate_image","arguments":${args}}`)

const silly: Readonly<Record<string, string>> = {
  'invented arguments': call(`{${members(99_000)}}`),
  'as many invented arguments as are parsed': call(`{"prompt":"x",${members(9_000)}}`),
  'invented arguments with long names': call(
    `{"prompt":"x",${Array.from({ length: 200 }, (_, index) => `"${'k'.repeat(5_000)}${index}":1`).join(',')}}`,
  ),
  'one argument over and over': call(`{${fill('"a":1,')}"a":1}`),
  'a name of a megabyte': call(`{"prompt":"x","${fill('k')}":1}`),
  brackets: call(`{"prompt":${fill('[')}`),
  'a long list': call(`{"prompt":"x","n":[${fill('1,')}1]}`),
  'a long list in a small body': call(`{"prompt":"x","n":[${fill('1,', 60_000)}1]}`),
  'members of _meta': message('tools/call', `{"_meta":{${members(9_000)}},"name":"generate_image","arguments":{}}`),
  'members of params': message('tools/list', `{${members(9_000)}}`),
  'a batch': `[${fill('{"jsonrpc":"2.0","id":1,"method":"ping"},')}1]`,
  'a batch of silly calls': `[${Array.from({ length: 16 }, () => call(`{"prompt":"x",${members(500)}}`)).join(',')}]`,
  'a number of a megabyte': call(`{"prompt":"x","n":${fill('9')}}`),
  'a number of a megabyte in quotes': call(`{"prompt":"x","n":"${fill('9')}"}`),
  'an exponent': call('{"prompt":"x","n":1e99999}'),
  'a method of a megabyte': `{"jsonrpc":"2.0","id":1,"method":"${fill('m ')}"}`,
  'an id of a megabyte': `{"jsonrpc":"2.0","id":"${fill('i ')}","method":"ping"}`,
  'a tool of a megabyte': message('tools/call', `{"name":"${fill('t ')}"}`),
  'a prompt of a megabyte': call(`{"prompt":"${fill('x ')}"}`),
  'a prompt of combining marks': call(`{"prompt":"a${fill('\u0301', 550_000)}"}`),
  'escaped quotes': call(`{"prompt":"${fill('\\"')}"}`),
  backslashes: call(`{"prompt":"${fill('\\\\')}"}`),
  'a size of blanks': call(`{"prompt":"x","size":"1${fill(' ')}"}`),
  'a path of dots': call(`{"prompt":"x","output_path":"${fill('/..')}"}`),
  'a completion of a megabyte': message(
    'completion/complete',
    `{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"a","value":"${fill('v ')}"}}`,
  ),
  'members of a completion': message(
    'completion/complete',
    `{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"a","value":"v"},"context":{"arguments":{${members(9_000)}}}}`,
  ),
  'arguments of a prompt': message('prompts/get', `{"name":"product_photo","arguments":{${members(9_000)}}}`),
  'a prompt of lines': call(`{"prompt":"${fill('a\n')}"}`),
  'line breaks alone': fill('\n', 3_000_000),
  'a prompt of line breaks': call(`{"prompt":"${fill('\n', 3_000_000)}"}`),
  quotes: fill('"'),
  'no JSON': fill('x'),
}

/** Best CPU time of several runs in milliseconds, which other load on the machine does not affect. */
async function cost(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

function countBreaks(bytes: Buffer): number {
  let count = 0
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0x0a) count++
  return count
}

test('no body of a megabyte takes much longer than a valid one', { timeout: 600_000 }, async (t: TestContext) => {
  const { app } = await buildApp(t, { LOG_LEVEL: 'silent', AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
  const post = (payload: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/', payload, headers: { 'content-type': 'application/json', ...headers } })
  const honest = `[${Array.from({ length: 16 }, () => message('ping', `{"note":"${fill('a b ', 60_000)}"}`)).join(',')}]`
  // A first round compiles the code.
  await cost(() => post(honest))
  const usual = await cost(() => post(honest))
  // Coverage slows down this walk like all code that reads each byte, but not the engine's JSON parser.
  const walk = await cost(async () => countBreaks(Buffer.alloc(3_000_000, '\n')))
  const limit = Math.max(30 * Math.max(usual, 2), 12 * walk)
  const accepts = ['a/b,', ';q=1', ' ', ',', 'a;'].map((text) => ({ accept: fill(text, 15_000) }))
  const tries = [
    ...Object.entries(silly).map(([what, body]) => [what, () => post(body)] as const),
    ...accepts.map(
      (headers) => [`Accept ${headers.accept.slice(0, 8)}`, () => post(message('ping', '{}'), headers)] as const,
    ),
  ]
  for (const [what, run] of tries) {
    const milliseconds = await cost(run)
    t.diagnostic(`${what}: ${milliseconds.toFixed(1)} ms`)
    t.assert.ok(
      milliseconds < limit,
      `${what}: ${milliseconds.toFixed(1)} ms, honest: ${usual.toFixed(1)} ms, walk: ${walk.toFixed(1)} ms`,
    )
  }
})

test('a rejection names only a few members', async (t: TestContext) => {
  const { app } = await buildApp(t)
  for (const payload of [
    call(`{"prompt":"x",${members(200)}}`),
    message('prompts/get', `{"name":"product_photo","arguments":{${members(200)}}}`),
    message('initialize', `{"protocolVersion":[${fill('1,', 2_000)}1]}`),
  ]) {
    const { body } = await app.inject({
      method: 'POST',
      url: '/',
      payload,
      headers: { 'content-type': 'application/json' },
    })
    t.assert.ok(body.length < 1_000, `${body.length} bytes`)
  }
})
