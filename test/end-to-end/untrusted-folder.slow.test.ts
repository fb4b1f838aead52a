import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import { variables } from '../../services/config/variables.ts'
import { type FakeAzure, fakeAzure, imageResult, responding } from '../support/fake-azure.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const server = join(import.meta.dirname, '../../server.ts')

interface Run {
  child: ChildProcess
  /** The next line of stdout as JSON. */
  next(): Promise<unknown>
  /** Resolves with all of its output. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** The executable in a folder, without this process's environment. */
function start(
  t: TestContext,
  cwd: string,
  args: readonly string[],
  environment: Record<string, string | undefined>,
): Run {
  const env = { PATH: process.env.PATH, HOME: join(cwd, 'home'), ...environment }
  const child = spawn(process.execPath, [server, ...args], { cwd, env, stdio: 'pipe' })
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => (text[name] += chunk))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'close').then(([code]: unknown[]) => ({
    code: typeof code === 'number' ? code : null,
    ...text,
  }))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    async next() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`it ended: ${text.stderr}`)
      return JSON.parse(String(value))
    },
    ended,
  }
}

interface Scene {
  /** The untrusted repository in which a client has started the server. */
  folder: string
  /** The host to which the repository tries to redirect calls. */
  evil: FakeAzure
  /** The user's own Azure. */
  azure: FakeAzure
  mine: Record<string, string>
}

const harmless = {
  LOG_LEVEL: 'INFO',
  PUBLIC_URL: '/my-app',
  TRUST_PROXY: '1',
  REDIS_URL: 'localhost:6379',
  HTTPS_PROXY: 'host:8080',
  ALLOWED_HOSTS: 'a b',
  ALLOWED_ORIGINS: '*',
  OAUTH_ISSUER: 'http://issuer.example',
  OAUTH_AUDIENCE: 'x',
  MCP_API_KEYS: 'no',
  REQUIRE_AUTH: 'yes',
  MCP_SERVER_PORT: 'eighty',
  MAX_CONNECTIONS: '-1',
  RATE_LIMIT_PER_MINUTE: 'many',
  METRICS_TOKEN_FILE: '/nowhere',
}

async function repository(t: TestContext, entry: object = {}): Promise<Scene> {
  const [evil, azure] = [
    await fakeAzure(t, responding(200, imageResult)),
    await fakeAzure(t, responding(200, imageResult)),
  ]
  const folder = await temporaryFolder(t)
  const deployments = [{ name: 'gpt-image-2', base_url: evil.url, ...entry }]
  await writeFile(join(folder, 'd.json'), JSON.stringify({ deployments }))
  await writeFile(join(folder, 'secret'), 'a-one-line-file')
  const lines = Object.entries({
    ...harmless,
    AZURE_DEPLOYMENTS_FILE: './d.json',
    AZURE_MODELS_FILE: './nowhere.json',
    AZURE_BASE_URL: evil.url,
    HTTPS_PROXY: evil.url,
    IMAGES_DIR: './stolen',
    LOG_DIR: './stolen-logs',
  })
  await writeFile(join(folder, '.env'), lines.map(([name, value]) => `${name}=${value}\n`).join(''))
  const mine = { AZURE_BASE_URL: azure.url, AZURE_API_KEY: 'my-key', AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }
  return { folder, evil, azure, mine }
}

const generate = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'generate_image', arguments: { prompt: 'a boat', output_path: 'boat.png' } },
}

describe('--stdio in an untrusted folder', () => {
  test('ignores its .env: the start succeeds, the call goes to the user’s Azure, and nothing is written there', async (t: TestContext) => {
    const { folder, evil, azure, mine } = await repository(t)
    const { child, next, ended } = start(t, folder, ['--stdio'], mine)
    child.stdin?.end(`${JSON.stringify(generate)}\n`)
    t.assert.partialDeepStrictEqual(await next(), { id: 1, result: { content: [{ type: 'text' }] } })
    t.assert.equal((await ended).code, 0)
    t.assert.deepEqual(
      azure.seen.map(({ headers }) => headers['api-key']),
      ['my-key'],
    )
    t.assert.equal(evil.seen.length, 0)
    t.assert.deepEqual((await readdir(folder)).sort(), ['.env', 'd.json', 'home', 'secret'])
    const images = await readdir(join(folder, 'home', 'azure-image-editor', 'images'))
    t.assert.deepEqual(
      images.filter((name) => !name.startsWith('.')),
      ['boat.png'],
    )
  })

  test('starts with variables of other programs in the environment that only HTTP uses', async (t: TestContext) => {
    const { folder, mine } = await repository(t)
    const { LOG_LEVEL: _level, HTTPS_PROXY: _proxy, ...others } = harmless
    const { child, next, ended } = start(t, folder, ['--stdio'], { ...others, ...mine })
    child.stdin?.end(`${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'ping' })}\n`)
    t.assert.deepEqual(await next(), { jsonrpc: '2.0', id: 2, result: {} })
    t.assert.equal((await ended).code, 0)
  })

  test('reports each invalid variable that it uses in one line', async (t: TestContext) => {
    const { folder, mine } = await repository(t)
    const { stderr, code } = await start(t, folder, ['--stdio'], { ...harmless, ...mine }).ended
    t.assert.equal(code, 1)
    const lines = stderr.trim().split('\n').slice(1)
    t.assert.deepEqual(lines.map((line) => line.trim().split(':')[0]).sort(), ['HTTPS_PROXY', 'LOG_LEVEL'])
  })

  for (const [what, entry] of [
    ['an entry on another host', {}],
    ['tokens for another host', { auth: 'entra' }],
    ['a token for the whole subscription', { auth: 'entra', scope: 'https://management.azure.com/.default' }],
    ['a file of the user', { key_file: '/etc/hostname' }],
  ] as const) {
    test(`a deployments file with ${what} does not start, even if the environment names it`, async (t: TestContext) => {
      // By the rules its host is not local.
      const { folder, evil, azure, mine } = await repository(t, { base_url: 'http://evil.example:9', ...entry })
      for (const args of [['--stdio'], ['--check'], ['--stdio', '--check']]) {
        const environment = { ...mine, AZURE_DEPLOYMENTS_FILE: './d.json', LOG_LEVEL: 'info' }
        const blank = Object.fromEntries(
          Object.keys({ ...harmless, AZURE_MODELS_FILE: '', LOG_DIR: '' }).map((name) => [name, '']),
        )
        const { code, stderr } = await start(t, folder, args, { ...blank, ...environment }).ended
        t.assert.equal(code, 1)
        t.assert.match(stderr, /AZURE_DEPLOYMENTS_FILE: /)
        t.assert.doesNotMatch(stderr, /my-key|for example AZURE_DEPLOYMENTS_FILE/)
      }
      t.assert.equal(evil.seen.length + azure.seen.length, 0)
    })
  }

  test('--check prints the configuration of stdio, in either order of the flags', async (t: TestContext) => {
    const { folder, mine } = await repository(t)
    const environment = { ...harmless, LOG_LEVEL: 'warn', HTTPS_PROXY: '', IMAGES_DIR: '" "', ...mine }
    const shown = await Promise.all(
      [
        ['--stdio', '--check'],
        ['--check', '--stdio'],
      ].map((args) => start(t, folder, args, environment).ended),
    )
    for (const { code, stdout, stderr } of shown) {
      t.assert.equal(code, 0, stderr)
      t.assert.equal(stdout, shown[0]?.stdout)
      t.assert.match(stdout, new RegExp(`^AZURE_BASE_URL=${mine.AZURE_BASE_URL}$`, 'm'))
      t.assert.match(stdout, /^AZURE_DEPLOYMENTS_FILE is not set$/m)
      t.assert.match(stdout, /^PUBLIC_URL is not used with --stdio$/m)
      t.assert.match(stdout, /^IMAGES_DIR=.*\/home\/azure-image-editor\/images$/m)
      t.assert.match(stdout, /^deployment gpt-image-2: gpt-image-2$/m)
    }
  })
})

test('tokens come from the user’s own az, which neither is in nor runs in that folder', async (t: TestContext) => {
  const { folder, azure, mine } = await repository(t)
  const bin = await temporaryFolder(t)
  const expiresOn = new Date(Date.now() + 3_600_000).toISOString()
  const token = `echo '{"accessToken":"my-token","expiresOn":"${expiresOn}"}'`
  const note = `echo "$PWD $NoDefaultCurrentDirectoryInExePath" > ${join(bin, 'ran')}`
  await writeFile(join(bin, 'az'), `#!/bin/sh\n${note}\n${token}\n`, { mode: 0o755 })
  await writeFile(join(folder, 'az'), `#!/bin/sh\necho stolen > ${join(folder, 'ran')}\n`, { mode: 0o755 })
  const { child, next, ended } = start(t, folder, ['--stdio'], {
    ...mine,
    AZURE_API_KEY: undefined,
    AZURE_AUTH: 'entra',
    AZURE_TOKEN_CREDENTIALS: 'AzureCliCredential',
    PATH: `${bin}:${process.env.PATH}`,
  })
  child.stdin?.end(`${JSON.stringify(generate)}\n`)
  t.assert.partialDeepStrictEqual(await next(), { id: 1, result: { content: [{ type: 'text' }] } })
  t.assert.equal((await ended).code, 0)
  t.assert.deepEqual(
    azure.seen.map(({ headers }) => headers.authorization),
    ['Bearer my-token'],
  )
  const [place, isLimited] = (await readFile(join(bin, 'ran'), 'utf8')).trim().split(' ')
  t.assert.notEqual(place, folder)
  t.assert.equal(isLimited, '1')
  t.assert.ok(!(await readdir(folder)).includes('ran'))
})

describe('--env-file', () => {
  test('replaces .env over both transports, and the environment takes precedence', async (t: TestContext) => {
    const { folder, mine } = await repository(t)
    const file = join(folder, 'home', 'mine.env')
    await mkdir(join(folder, 'home'))
    const text = { ...mine, AZURE_DEPLOYMENT_NAME: 'MAI-Image-2.7', REPORT_COST: 'true' }
    await writeFile(
      file,
      Object.entries(text)
        .map(([name, value]) => `${name}="${value}"\n`)
        .join(''),
    )
    for (const args of [
      ['--stdio', '--check', '--env-file', file],
      [`--env-file=${file}`, '--check'],
    ]) {
      const { code, stdout, stderr } = await start(t, folder, args, { AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }).ended
      t.assert.equal(code, 0, stderr)
      t.assert.match(stdout, /^AZURE_DEPLOYMENT_NAME=gpt-image-2$/m)
      t.assert.match(stdout, /^REPORT_COST=true$/m)
      t.assert.match(stdout, /^AZURE_DEPLOYMENTS_FILE is not set$/m)
      t.assert.match(stdout, /^LOG_LEVEL=info$/m)
    }
  })

  test('fails the start with its name if it is unreadable', async (t: TestContext) => {
    const { folder, mine } = await repository(t)
    for (const args of [
      ['--stdio', '--env-file', 'missing.env'],
      ['--check', '--env-file=missing.env'],
      ['--check', '--env-file', 'home'],
    ]) {
      await mkdir(join(folder, 'home'), { recursive: true })
      const { code, stderr } = await start(t, folder, args, mine).ended
      t.assert.notEqual(code, 0)
      t.assert.match(stderr, /missing\.env|home/)
      t.assert.equal(stderr.trim().split('\n').length, 1)
    }
  })
})

test('every variable states which transports use it', (t: TestContext) => {
  const http = variables.filter(({ usedBy }) => usedBy === 'http').map(({ name }) => name)
  t.assert.ok(http.includes('PUBLIC_URL') && http.includes('REDIS_URL'))
  for (const { name, usedBy } of variables) t.assert.ok(usedBy === 'http' || usedBy === 'always', name)
})
