import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { freePorts } from '../support/free-ports.ts'
import { startProcess } from '../support/process.ts'
import { leaksIn, prompt, rawServer, runSetup, secrets } from '../support/secrets/harness.ts'
import { requireProgram, startProgram, toolCall } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** The set-ups with the real programs instead of fakes. */

const logins: readonly [string, string][] = [
  ['the password is wrong', `redis://:${secrets.redisPassword}@`],
  ['the user is unknown', `redis://alice:${secrets.redisPassword}@`],
  ['no password is sent', 'redis://'],
  ['the user may do nothing', `redis://poor:${secrets.redisPassword}@`],
]

test('no secret is in any output when a real Redis rejects the login', async (t: TestContext) => {
  await requireProgram('redis-server')
  const [port] = await freePorts(1)
  const folder = await temporaryFolder(t)
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  const users = ['--requirepass', 'another', '--user', 'poor', 'on', `>${secrets.redisPassword}`, '-@all']
  const redis = startProgram(t, 'redis-server', [...args, ...users])
  await waitFor('Redis to be ready', () => /ready to accept/i.test(redis.said), { explain: () => redis.said })
  for (const [what, address] of logins) {
    const environment = {
      REDIS_URL: `${address}127.0.0.1:${port}`,
      RATE_LIMIT_PER_MINUTE: '1000',
      SERVER_SECRET: secrets.serverSecret,
    }
    const outputs = await runSetup(t, { name: what, prepare: () => environment })
    t.assert.match(outputs.get('log files') ?? '', /redis unreachable/, what)
    for (const [where, text] of outputs) t.assert.deepEqual(leaksIn(text), [], `${what}, ${where}: ${text}`)
  }
})

test('no secret is in any output when the identity service fails', async (t: TestContext) => {
  const port = await rawServer(t, (socket, text) => socket.end(text))
  const service = await startProcess(t, {
    AZURE_API_KEY: undefined,
    AZURE_AUTH: 'entra',
    AZURE_TENANT_ID: '11111111-2222-3333-4444-555555555555',
    AZURE_CLIENT_ID: '11111111-2222-3333-4444-555555555556',
    AZURE_CLIENT_SECRET: secrets.clientSecret,
    AZURE_AUTHORITY_HOST: `https://127.0.0.1:${port}`,
    AZURE_TOKEN_CREDENTIALS: 'EnvironmentCredential',
    CALL_DEADLINE_MS: '60000',
    LOG_LEVEL: 'trace',
  })
  const response = await fetch(service.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(toolCall('generate_image', { prompt })),
  })
  const text = await response.text()
  t.assert.match(text, /could not get a token/)
  service.child.kill('SIGTERM')
  if (service.child.exitCode === null) await once(service.child, 'exit')
  t.assert.match(service.log, /IMG_ERR_AZURE_TOKEN/)
  t.assert.deepEqual(leaksIn(service.log + text), [], service.log)
})
