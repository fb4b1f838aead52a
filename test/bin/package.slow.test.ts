import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { temporaryFolder } from '../support/app.ts'
import { installNode } from '../support/older-node.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { copyOfTree } from '../support/system/processes.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const options = { timeout: 240_000, maxBuffer: 16 * 1024 * 1024 }

const npmCache = (await run('npm', ['config', 'get', 'cache'])).stdout.trim()
const quiet = ['--prefer-offline', '--no-audit', '--no-fund']

/** Packs a clean clone as `npm publish` would, which builds it. @returns the file, in an empty folder */
async function pack(t: TestContext): Promise<string> {
  const clone = await copyOfTree(t)
  const work = await temporaryFolder(t)
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', work], { ...options, cwd: clone })
  const packed = (await readdir(work)).filter((name) => name.endsWith('.tgz'))
  t.assert.strictEqual(packed.length, 1)
  return join(work, packed[0] ?? '')
}

/** Installs the package in an empty folder. */
async function install(packed: string): Promise<string> {
  const work = dirname(packed)
  const home = join(work, 'empty')
  await run('npm', ['install', packed, ...quiet, '--no-save', '--prefix', home], { ...options, cwd: work })
  return home
}

/** Relative links of the READMEs that lead nowhere in the package. */
async function brokenLinks(folder: string): Promise<string[]> {
  const broken: string[] = []
  for (const readme of ['README.md', 'README.zh-CN.md']) {
    const text = await readFile(join(folder, readme), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target) && !existsSync(join(folder, target))) broken.push(`${readme}: ${target}`)
    }
  }
  return broken
}

test('the package of a clean clone', async (t: TestContext) => {
  const packed = await pack(t)
  await t.test('runs from an empty folder, over HTTP and over stdio', (t) => runsInstalled(t, packed))
  await t.test('runs with npx', (t) => runsWithNpx(t, packed))
  await t.test('says in one sentence which Node.js it needs', (t) => explainsNode(t, packed))
})

async function runsInstalled(t: TestContext, packed: string) {
  const home = await install(packed)
  t.assert.deepStrictEqual(await brokenLinks(join(home, 'node_modules/azure-image-editor-mcp')), [])
  // The command that npm links.
  const bin = join(home, 'node_modules/.bin/azure-image-editor-mcp')
  const { url } = await startSimulator(t)
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
    INLINE_IMAGE_MAX_BYTES: '20000',
    MCP_SERVER_PORT: '0',
  }

  const child = spawn(process.execPath, [bin], { cwd: home, env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  t.after(() => child.kill('SIGKILL'))
  const address = await listening(child.stdout)
  const { text } = await callTool(address, 'generate_image', { prompt: 'a kite', output_path: 'kite.png' })
  t.assert.match(text, /^Image successfully generated\. Saved to server at: .*kite\.png/)
  // Sent as a form and returned as a preview, which needs more packages than generating an image.
  const kite = await readFile(join(home, 'images/kite.png'), 'base64')
  const edited = await callTool(address, 'edit_image', { prompt: 'a red kite', image_data_base64: kite })
  t.assert.match(edited.text, /^Image successfully edited\.[\s\S]*preview/)
  t.assert.match(await (await fetch(`${address}/studio`)).text(), /<div id="studio">/)
  child.kill('SIGTERM')
  t.assert.deepStrictEqual(await ended, [0, null])

  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  t.after(() => client.close())
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [bin, '--stdio'], env: environment, cwd: '/' }),
  )
  const response = await client.callTool({
    name: 'generate_image',
    arguments: { prompt: 'a kite', output_path: 'kite.png' },
  })
  t.assert.match(
    JSON.stringify(response),
    new RegExp(`Saved to server at: ${home}/azure-image-editor/images/kite\\.png`),
  )
}

/** As clients start it, with the file in the place of the name in the registry. */
async function runsWithNpx(t: TestContext, packed: string) {
  const work = await temporaryFolder(t)
  const { url, simulator } = await startSimulator(t)
  const npx = ['--yes', '--prefer-offline', '--package', packed, 'azure-image-editor-mcp']
  const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: work, npm_config_cache: npmCache }
  const help = await run('npx', [...npx, '--help'], { ...options, cwd: work, env })
  t.assert.match(help.stdout, /^Usage: azure-image-editor-mcp .*--stdio/)
  const { stdout } = await run('npx', [...npx, '--version'], { ...options, cwd: work, env })
  t.assert.equal(stdout, `${JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version}\n`)

  const client = new Client({ name: 'test', version: '1' })
  t.after(() => client.close())
  const azure = { AZURE_BASE_URL: url, AZURE_API_KEY: key, AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }
  const transport = { command: 'npx', args: [...npx, '--stdio'], cwd: work, env: { ...env, ...azure } }
  await client.connect(new StdioClientTransport(transport))
  const { tools } = await client.listTools()
  t.assert.ok(tools.some(({ name }) => name === 'generate_image'))
  await client.callTool({ name: 'generate_image', arguments: { prompt: 'a kite' } })
  t.assert.equal(simulator.requests.length, 1)
}

async function explainsNode(t: TestContext, packed: string) {
  const old = join(await installNode(t, '20.19.0'), 'node')
  const bin = join(dirname(packed), 'empty/node_modules/azure-image-editor-mcp/bin/azure-image-editor-mcp.js')
  const failed: unknown = await run(old, [bin, '--stdio']).catch((error: unknown) => error)
  t.assert.ok(failed instanceof Error && 'stderr' in failed && 'code' in failed)
  t.assert.strictEqual(failed.code, 1)
  t.assert.strictEqual(
    failed.stderr,
    'azure-image-editor-mcp needs Node.js 26 or newer, and this is v20.19.0: ' +
      'run "npx -y -p node@26 -p azure-image-editor-mcp azure-image-editor-mcp", or in a clone "npm ci".\n',
  )
}

/** Keeps reading, so that the service can keep logging. */
function listening(stdout: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = ''
    stdout.on('data', (chunk: Buffer) => {
      seen += chunk
      const url = /listening at (http:\S+?)"/.exec(seen)?.[1]
      if (url !== undefined) resolve(url)
    })
    stdout.once('end', () => reject(new Error(`it ended without listening: ${seen}`)))
  })
}
