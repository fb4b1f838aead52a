import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bin = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

interface Run {
  child: ChildProcess
  output: { stdout: string; stderr: string }
  /** Resolves with the exit code. */
  ended: Promise<number | null>
}

/** Starts the executable in a new folder with exactly this environment. */
async function start(
  t: TestContext,
  environment: Record<string, string | undefined>,
  args: string[] = [],
  folder?: string,
): Promise<Run> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder ?? (await temporaryFolder(t)),
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk
  })
  const ended = once(child, 'close').then(([code]) => code)
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, output, ended }
}

/** Resolves with the URL at which the service listens. */
async function listening({ child, output, ended }: Run): Promise<string> {
  const pattern = /listening at (http:\S+?)"/
  for (;;) {
    const url = pattern.exec(output.stdout)?.[1]
    if (url !== undefined) return url
    if (child.exitCode !== null) throw new Error(`the service ended: ${output.stderr}`)
    await Promise.race([once(child.stdout ?? child, 'data'), ended])
  }
}

describe('the executable', () => {
  test('without configuration lists every missing variable and the demo, and exits with 1', async (t: TestContext) => {
    const run = await start(t, {})
    t.assert.equal(await run.ended, 1)
    t.assert.equal(
      run.output.stderr,
      [
        'Invalid configuration:',
        '  AZURE_BASE_URL: is required, for example AZURE_BASE_URL=https://your-endpoint.services.ai.azure.com',
        '  AZURE_API_KEY: is required, for example AZURE_API_KEY=your-api-key or AZURE_API_KEY_FILE=/run/secrets/azure_api_key',
        '  AZURE_DEPLOYMENT_NAME: is required, for example AZURE_DEPLOYMENT_NAME=FLUX.1-Kontext-pro',
        '',
        'To try the service without an Azure account, run in a clone: npm run demo',
        '',
      ].join('\n'),
    )
    t.assert.equal(run.output.stdout, '')
  })

  test('reads .env from the working directory, and the environment takes precedence', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    await writeFile(
      join(folder, '.env'),
      'AZURE_BASE_URL="https://from-file.example"\nAZURE_API_KEY=file-secret # comment\nAZURE_DEPLOYMENT_NAME=from-file\n',
    )
    const run = await start(t, { AZURE_DEPLOYMENT_NAME: 'from-environment' }, ['--check'], folder)
    t.assert.equal(await run.ended, 0, run.output.stderr)
    t.assert.match(run.output.stdout, /^AZURE_BASE_URL=https:\/\/from-file\.example$/m)
    t.assert.match(run.output.stdout, /^AZURE_DEPLOYMENT_NAME=from-environment$/m)
    t.assert.match(run.output.stdout, /^AZURE_API_KEY=\(secret, 11 characters\)$/m)
    t.assert.doesNotMatch(run.output.stdout + run.output.stderr, /file-secret/)
  })

  test('--check says which model a deployment is treated as, and how it was recognized', async (t: TestContext) => {
    for (const [name, line] of [
      ['FLUX.2-pro', 'deployment FLUX.2-pro: FLUX.2-pro'],
      ['prod-gpt-image-2', 'deployment prod-gpt-image-2: gpt-image-2 (the name contains it)'],
      ['MAI-Image-9', 'deployment MAI-Image-9: MAI-Image-9 (an unknown model of a known family)'],
    ] as const) {
      const run = await start(t, { ...minimalEnvironment, AZURE_DEPLOYMENT_NAME: name }, ['--check'])
      t.assert.equal(await run.ended, 0, run.output.stderr)
      t.assert.ok(run.output.stdout.split('\n').includes(line), run.output.stdout)
    }
  })

  test('--check prints the rules of the policy', async (t: TestContext) => {
    const POLICY_FILE = join(await temporaryFolder(t), 'policy.json')
    await writeFile(POLICY_FILE, '{"rules": [{"name": "team-a", "callers": ["ann", "a-*"], "max_n": 2}]}')
    const run = await start(t, { ...minimalEnvironment, POLICY_FILE }, ['--check'])
    t.assert.equal(await run.ended, 0, run.output.stderr)
    t.assert.match(run.output.stdout, /^rule team-a \(enforced\): callers ann, a-\*; max_n 2$/m)
  })

  test('ends with --check also while nothing of what replicas share responds', async (t: TestContext) => {
    const shared = {
      REDIS_URL: 'redis://127.0.0.1:1',
      DATABASE_URL: 'postgres://images:password@127.0.0.1:1/images',
      SERVER_SECRET: 's'.repeat(32),
      IMAGES_SHARED: 'true',
    }
    const run = await start(t, { ...minimalEnvironment, ...shared }, ['--check'])
    t.assert.equal(await run.ended, 0)
  })

  test('an unreadable .env is reported in one line', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    await mkdir(join(folder, '.env'))
    const { output, ended } = await start(t, minimalEnvironment, ['--check'], folder)
    t.assert.strictEqual(await ended, 0)
    t.assert.strictEqual(output.stderr, '.env in the working directory cannot be read (EISDIR).\n')
  })

  test('--check exits with 1 and every problem when the configuration is wrong', async (t: TestContext) => {
    const run = await start(t, { ...minimalEnvironment, LOG_LEVEL: 'loud', MCP_SERVER_PORT: '70000' }, ['--check'])
    t.assert.equal(await run.ended, 1)
    t.assert.match(run.output.stderr, /LOG_LEVEL: must be one of trace, debug/)
    t.assert.match(run.output.stderr, /MCP_SERVER_PORT: must be at most 65535/)
    t.assert.doesNotMatch(run.output.stderr, /npm run demo/)
  })

  test('names the variable to change if the port is in use', async (t: TestContext) => {
    const taken = createServer().listen(0, '127.0.0.1')
    t.after(() => taken.close())
    await once(taken, 'listening')
    const address = taken.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const run = await start(t, { ...minimalEnvironment, MCP_SERVER_PORT: String(address.port) })
    t.assert.equal(await run.ended, 1)
    t.assert.match(run.output.stderr, /another program listens there; set MCP_SERVER_PORT/)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`serves /health and exits with 0 on ${signal}`, async (t: TestContext) => {
      const run = await start(t, minimalEnvironment)
      const health = await fetch(`${await listening(run)}/health`)
      t.assert.equal(health.status, 200)
      t.assert.equal(await health.text(), 'OK')
      run.child.kill(signal)
      t.assert.equal(await run.ended, 0)
    })
  }

  test('never prints the key, at any log level', async (t: TestContext) => {
    const run = await start(t, { ...minimalEnvironment, AZURE_API_KEY: 'top-secret-key', LOG_LEVEL: 'trace' })
    const url = await listening(run)
    await fetch(`${url}/ready`)
    await fetch(`${url}/nowhere?key=top-secret-key`)
    run.child.kill('SIGTERM')
    await run.ended
    t.assert.doesNotMatch(run.output.stdout + run.output.stderr, /top-secret-key/)
  })

  test('--help and --version need no configuration', async (t: TestContext) => {
    const help = await start(t, {}, ['--help'])
    t.assert.equal(await help.ended, 0)
    t.assert.match(help.output.stdout, /--check/)
    const version = await start(t, {}, ['--version'])
    t.assert.equal(await version.ended, 0)
    t.assert.match(version.output.stdout, /^\d+\.\d+\.\d+\n$/)
  })

  test('on an outdated Node.js prints one line, before anything newer is loaded', async (t: TestContext) => {
    const disguise = "Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })"
    const child = spawn(process.execPath, ['--import', `data:text/javascript,${disguise}`, bin], { stdio: 'pipe' })
    const [stderr, [code]] = await Promise.all([child.stderr.toArray(), once(child, 'close')])
    t.assert.equal(code, 1)
    t.assert.match(stderr.join(''), /^azure-image-editor-mcp needs Node\.js 26 or newer, and this is v[^\n]+\n$/)
  })

  test('an unknown flag is rejected in one line', async (t: TestContext) => {
    const run = await start(t, {}, ['--chek'])
    t.assert.equal(await run.ended, 1)
    t.assert.equal(run.output.stderr.trim().split('\n').length, 1)
  })
})
