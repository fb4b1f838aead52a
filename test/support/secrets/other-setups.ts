import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Environment } from '../../../services/config/environment.ts'
import { temporaryFolder } from '../app.ts'
import { fakeAzure, imageResult } from '../fake-azure.ts'
import { waitFor } from '../wait-for.ts'
import { asAlice, type Lab, prompt, rawServer, type Setup, secrets } from './harness.ts'

const goodAzure = async (t: TestContext): Promise<Environment> => {
  const { url } = await fakeAzure(t, (request, response) => {
    request
      .resume()
      .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(imageResult)))
  })
  return { AZURE_BASE_URL: url }
}

const redisAt = (port: number) => ({
  REDIS_URL: `redis://user:${secrets.redisPassword}@127.0.0.1:${port}`,
  RATE_LIMIT_PER_MINUTE: '1000',
})
/** Redis echoes commands in its errors. */
const redisResponses: readonly [string, ((reported: string) => string) | undefined][] = [
  ['does not take the password', () => '-WRONGPASS invalid username-password pair or user is disabled.\r\n'],
  ['repeats the password that it does not take', (reported) => `-ERR ${reported.replaceAll('\r\n', ' ')}\r\n`],
  ['wants another login', () => '-NOAUTH Authentication required.\r\n'],
  [
    'does not permit the commands',
    (reported) =>
      /auth/i.test(reported) ? '+OK\r\n' : "-NOPERM this user has no permissions to run the 'eval' command\r\n",
  ],
  [
    'is loading',
    (reported) => (/auth/i.test(reported) ? '+OK\r\n' : '-LOADING Redis is loading the dataset in memory\r\n'),
  ],
  ['has moved', (reported) => (/auth/i.test(reported) ? '+OK\r\n' : `-MOVED 1 ${secrets.redisPassword}:1\r\n`)],
  ['speaks something else', (reported) => `HTTP/1.1 400 ${reported.replaceAll('\r\n', ' ')}\r\n\r\n`],
  ['answers with nonsense', (reported) => `$-7\r\n*x\r\n${reported}`],
  ['says nothing', undefined],
]
const redis: readonly Setup[] = [
  ...redisResponses.map(
    ([what, response]): Setup => ({
      name: `Redis ${what}`,
      prepare: async (t) => ({
        ...(await goodAzure(t)),
        ...redisAt(await rawServer(t, (socket, text) => response !== undefined && socket.write(response(text)))),
      }),
    }),
  ),
  { name: 'Redis is down', prepare: async (t) => ({ ...(await goodAzure(t)), ...redisAt(9) }) },
  {
    name: 'Redis closes every connection',
    prepare: async (t) => ({
      ...(await goodAzure(t)),
      ...redisAt(
        await rawServer(
          t,
          () => {},
          (socket) => socket.destroy(),
        ),
      ),
    }),
  },
  {
    name: 'the name of Redis does not exist',
    prepare: async (t) => ({
      ...(await goodAzure(t)),
      ...redisAt(9),
      REDIS_URL: `redis://:${secrets.redisPassword}@redis.invalid:6379`,
    }),
  },
  {
    name: 'Redis speaks plain text where TLS is expected',
    prepare: async (t) => ({
      ...(await goodAzure(t)),
      REDIS_URL: `rediss://:${secrets.redisPassword}@127.0.0.1:${await rawServer(t, (socket) => socket.write('-ERR\r\n'))}`,
      RATE_LIMIT_PER_MINUTE: '1000',
    }),
  },
]

const withToken = ({ ask }: Lab, token: string = secrets.accessToken) =>
  ask('/', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  })
const issuerAt = (port: number): Environment => ({
  OAUTH_ISSUER: `http://127.0.0.1:${port}`,
  OAUTH_AUDIENCE: 'image-editor',
  PUBLIC_URL: 'https://images.example.com',
})
const issuers: readonly [string, string | undefined][] = [
  ['answers with a page', `HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n<p>${secrets.accessToken}`],
  ['answers 500', 'HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}'],
  ['speaks something else', `hello ${secrets.clientSecret}\r\n`],
  [
    'has the metadata of another',
    `HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"issuer":"https://${secrets.clientSecret}","jwks_uri":"https://x"}`,
  ],
  ['closes the connection', undefined],
]
const tokens: readonly [string, string][] = [
  ['whose parts are no JSON', secrets.accessToken],
  ['of two dots only', '..'],
  [
    'that is signed with a shared secret',
    `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(`{"sub":"${secrets.clientSecret}"}`).toString('base64url')}.AAAA`,
  ],
  ['that is too long', `${secrets.accessToken}${'A'.repeat(8000)}`],
]
const oauth: readonly Setup[] = [
  ...issuers.map(
    ([what, response]): Setup => ({
      name: `the token issuer ${what}`,
      prepare: async (t) =>
        issuerAt(await rawServer(t, (socket) => (response === undefined ? socket.destroy() : socket.end(response)))),
      act: withToken,
    }),
  ),
  { name: 'the token issuer is down', prepare: () => issuerAt(9), act: withToken },
  ...tokens.map(
    ([what, token]): Setup => ({
      name: `a caller presents a token ${what}`,
      prepare: () => issuerAt(9),
      act: (lab) => withToken(lab, token),
    }),
  ),
]

const post = (body: string, headers: Record<string, string> = {}, path = '/') => ({
  act: ({ ask }: Lab) => ask(path, { method: 'POST', headers: { ...asAlice, ...headers }, body }),
})
const rpc = (method: string, params?: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const toolCall = (args: object, name = 'generate_image') => rpc('tools/call', { name, arguments: args })
const strange = `${secrets.metricsToken}\n{"level":50}\r\n${prompt}`

const callers: readonly (Omit<Setup, 'prepare' | 'name'> & { name: string })[] = [
  {
    name: 'sends JSON that is broken behind the prompt',
    ...post(`{"prompt":${JSON.stringify(prompt)},"key":"${secrets.azureKey}",`),
  },
  { name: 'sends the prompt instead of JSON', ...post(prompt) },
  {
    name: 'sends a body of another type',
    ...post(prompt, { 'content-type': `text/${secrets.callerKey}` }),
    isEchoed: true,
  },
  { name: 'calls a method whose name is a secret with line breaks', ...post(rpc(strange)), isEchoed: true },
  {
    name: 'calls a tool whose name is a secret with line breaks',
    ...post(toolCall({ prompt }, strange)),
    isEchoed: true,
  },
  {
    name: 'names an argument after the prompt',
    ...post(toolCall({ prompt, [prompt]: secrets.callerKey })),
    isEchoed: true,
  },
  { name: 'asks for a prompt of that name', ...post(rpc('prompts/get', { name: strange })), isEchoed: true },
  {
    name: 'asks for a resource of that address',
    ...post(rpc('resources/read', { uri: `image:///${encodeURIComponent(strange)}` })),
    isEchoed: true,
  },
  {
    name: 'completes what is a secret',
    ...post(
      rpc('completion/complete', {
        ref: { type: 'ref/prompt', name: strange },
        argument: { name: strange, value: strange },
      }),
    ),
    isEchoed: true,
  },
  {
    name: 'speaks a revision that is a secret',
    ...post(rpc('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': strange } })),
    isEchoed: true,
  },
  {
    name: 'sends headers of MCP that are secrets',
    ...post(toolCall({ prompt }), {
      'mcp-protocol-version': secrets.metricsToken,
      'mcp-method': secrets.callerKey,
      'mcp-name': secrets.azureKey,
    }),
    isEchoed: true,
  },
  { name: 'names the request after its key', ...post(toolCall({ prompt }), { 'x-request-id': secrets.callerKey }) },
  {
    name: 'names the request after its key and more',
    ...post(toolCall({ prompt }), { 'x-request-id': `call-${secrets.callerKey}.1` }),
  },
  {
    name: 'says the prompt in every header',
    ...post(toolCall({ prompt }), {
      'user-agent': `crimson/1 ${secrets.accessToken}`,
      cookie: `umbrella=${secrets.callerKey}`,
      referer: `https://u:${secrets.linkCredential}@page.example/crimson?key=${secrets.callerKey}`,
      'x-forwarded-for': secrets.callerKey,
      forwarded: `for=${secrets.callerKey}`,
      traceparent: secrets.callerKey,
      'idempotency-key': secrets.callerKey,
      'mcp-session-id': secrets.callerKey,
      'content-encoding': 'identity',
    }),
  },
  {
    name: 'asks a page for the prompt',
    act: ({ ask }) => ask(`/?prompt=${encodeURIComponent(prompt)}`, { method: 'QUERY', body: prompt }),
  },
  {
    name: 'has a prompt rendered with its own words',
    ...post(rpc('prompts/get', { name: 'edit_one_thing', arguments: { change: prompt, keep: secrets.callerKey } })),
    isEchoed: true,
  },
  {
    name: 'completes what is in its own words',
    ...post(
      rpc('completion/complete', {
        ref: { type: 'ref/prompt', name: 'edit_one_thing' },
        argument: { name: 'change', value: prompt },
        context: { arguments: { keep: secrets.callerKey } },
      }),
    ),
  },
  {
    name: 'writes its key into the address',
    ...post(toolCall({ prompt }), {}, `/?key=${secrets.callerKey}&prompt=${encodeURIComponent(prompt)}`),
  },
  {
    name: 'posts to a path that is the prompt',
    ...post('{}', {}, `/${encodeURIComponent(prompt)}?key=${secrets.callerKey}`),
  },
  { name: 'posts to an address that cannot be read', ...post('{}', {}, `/%zz${secrets.callerKey}`) },
  { name: 'sends a wrong key', ...post(toolCall({ prompt }), { 'x-api-key': secrets.deploymentKey }) },
  {
    name: 'sends its key as a password',
    ...post(toolCall({ prompt }), {
      'x-api-key': '',
      authorization: `Basic ${Buffer.from(`a:${secrets.callerKey}`).toString('base64')}`,
    }),
  },
  {
    name: 'comes from an origin that is a secret',
    ...post(toolCall({ prompt }), { origin: `https://${secrets.callerKey}.example` }),
  },
  { name: 'saves under the prompt', ...post(toolCall({ prompt, output_path: `../${prompt}/..` })) },
  { name: 'saves under a name that cannot be', ...post(toolCall({ prompt, output_path: `${prompt}\0.png` })) },
  { name: 'sends the prompt as an image', ...post(toolCall({ prompt, image_data_base64: prompt }, 'edit_image')) },
  {
    name: 'sends a path that is the prompt as an image',
    ...post(toolCall({ prompt, image_path: `/${prompt}.png` }, 'edit_image')),
  },
  {
    name: 'sends an image that is damaged and holds the prompt',
    ...post(
      toolCall(
        { prompt, image_data_base64: Buffer.from(`\x89PNG\r\n\x1a\n${prompt}`).toString('base64') },
        'edit_image',
      ),
    ),
  },
  { name: 'sends a prompt of a wrong type', ...post(toolCall({ prompt: [prompt, { key: secrets.callerKey }] })) },
  { name: 'sends a size that is the prompt', ...post(toolCall({ prompt, size: prompt })), isEchoed: true },
  {
    name: 'sends a batch of everything',
    ...post(`[${toolCall({ prompt })},${rpc(strange)},7,${JSON.stringify(prompt)}]`),
    isEchoed: true,
  },
  {
    name: 'says the prompt in a notification',
    ...post(JSON.stringify({ jsonrpc: '2.0', method: strange, params: { prompt } })),
    isEchoed: true,
  },
  {
    name: 'cancels for a reason that is the prompt',
    ...post(
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: strange, reason: prompt },
      }),
    ),
  },
  {
    name: 'scrapes with a wrong token',
    act: ({ ask }) => ask('/metrics', { headers: { authorization: `Bearer ${secrets.callerKey}` } }),
  },
]

const throwing = (error: unknown): Pick<Setup, 'act'> => ({
  act: async (lab) => {
    const { log } = lab.app
    log.error(error)
    log.error({ err: error })
    log.warn({ error, request: { headers: { authorization: secrets.callerKey }, prompt } }, 'a neighbour failed')
    log.info({ cause: [error], connection: new Connection() }, 'fields of any name')
    log.debug('a text with %s', error)
    log.fatal({ err: new TypeError(`${prompt} is not a function`, { cause: error }) })
    await lab.call()
  },
})
class Connection {
  readonly options = { password: secrets.redisPassword }
}
const redisError = Object.assign(new Error(`WRONGPASS ${secrets.redisPassword}`), {
  name: `Reply ${secrets.redisPassword}`,
  command: { name: 'auth', args: ['user', secrets.redisPassword] },
})
const errors: readonly [string, unknown][] = [
  ['with the command that failed', redisError],
  ['with a code that is a secret', Object.assign(new Error('x'), { code: secrets.azureKey, syscall: prompt })],
  ['that stands for several', new AggregateError([redisError, new Error(prompt)], secrets.proxyPassword)],
  ['whose message looks like a stack', new Error(`x\n    at ${secrets.azureKey} (/srv/${secrets.azureKey}.js:1:1)`)],
  ['of an address', new URL('https://a').toString() && errorOf(() => new URL(`nothing ${secrets.linkCredential}`))],
  ['of a parser', errorOf(() => JSON.parse(`{"a":${secrets.azureKey}}`))],
  [
    'that is a text',
    `redis://user:${secrets.redisPassword}@redis:6379 cannot be reached, see http://a/?key=${secrets.callerKey}`,
  ],
]
function errorOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

const files: readonly Setup[] = [
  {
    name: 'the images folder is a file',
    prepare: async (t) => {
      const file = join(await temporaryFolder(t), 'images')
      await writeFile(file, prompt)
      return { ...(await goodAzure(t)), IMAGES_DIR: file }
    },
    act: (lab) => lab.call({ prompt, output_path: 'sunset.png' }),
  },
  {
    name: 'the key file vanishes and comes back as something else',
    prepare: async (t) => ({ ...(await goodAzure(t)), MCP_API_KEYS: undefined, MCP_API_KEYS_FILE: await keyFile(t) }),
    act: async (lab) => {
      await lab.call()
      await writeFile(lastKeyFile, `${secrets.callerKey}\nalice ${secrets.deploymentKey}`)
      await lab.call()
      await rm(lastKeyFile)
      await lab.call()
      // The service polls the file every two seconds.
      await waitFor('the key file to be rejected', () => /key file unusable/.test(lab.logs.text))
    },
  },
  {
    name: "the file of Azure's key vanishes",
    prepare: async (t) => {
      const file = join(await temporaryFolder(t), 'key')
      await writeFile(file, secrets.azureKey)
      setImmediate(() => rm(file, { force: true }))
      return { AZURE_API_KEY: undefined, AZURE_API_KEY_FILE: file }
    },
  },
  {
    name: 'every deployment has a key of its own and fails',
    prepare: async (t) => {
      const file = join(await temporaryFolder(t), 'deployments.json')
      const entry = {
        name: 'one',
        model: 'FLUX.1-Kontext-pro',
        base_url: 'http://127.0.0.1:9',
        key: secrets.deploymentKey,
      }
      await writeFile(
        file,
        JSON.stringify({
          deployments: [
            { ...entry, fallbacks: ['two'] },
            { ...entry, name: 'two' },
          ],
        }),
      )
      return { AZURE_DEPLOYMENTS_FILE: file }
    },
  },
]
let lastKeyFile = ''
async function keyFile(t: TestContext): Promise<string> {
  lastKeyFile = join(await temporaryFolder(t), 'keys')
  await writeFile(lastKeyFile, `alice:${secrets.callerKey}\n`)
  return lastKeyFile
}

export const otherSetups: readonly Setup[] = [
  ...redis,
  ...oauth,
  ...callers.map((caller): Setup => ({ ...caller, name: `a caller ${caller.name}`, prepare: goodAzure })),
  ...errors.map(
    ([what, error]): Setup => ({ name: `an error is logged ${what}`, prepare: goodAzure, ...throwing(error) }),
  ),
  ...files,
]
