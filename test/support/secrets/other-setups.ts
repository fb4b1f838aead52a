import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Environment } from '../../../services/config/environment.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'
import { callerSetups } from './caller-setups.ts'
import { goodAzure } from './good-azure.ts'
import { type Lab, prompt, rawServer, type Setup, secrets } from './harness.ts'

const redisAt = (port: number) => ({
  REDIS_URL: `redis://user:${secrets.redisPassword}@127.0.0.1:${port}`,
  RATE_LIMIT_PER_MINUTE: '1000',
  SERVER_SECRET: secrets.serverSecret,
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
      SERVER_SECRET: secrets.serverSecret,
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
  ['that aggregates several', new AggregateError([redisError, new Error(prompt)], secrets.proxyPassword)],
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
    name: 'every deployment has its own key and fails',
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
  ...callerSetups,
  ...errors.map(
    ([what, error]): Setup => ({ name: `an error is logged ${what}`, prepare: goodAzure, ...throwing(error) }),
  ),
  ...files,
]
