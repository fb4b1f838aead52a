import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join, relative } from 'node:path'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { installNode } from '../support/older-node.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { copyOfTree } from '../support/system/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const options = { timeout: 240_000, maxBuffer: 16 * 1024 * 1024 }

const npmCache = (await run('npm', ['config', 'get', 'cache'])).stdout.trim()
const quiet = ['--prefer-offline', '--no-audit', '--no-fund']

interface Published {
  /** The tarball, in an empty folder. */
  packed: string
  /** What `npm publish` would send, relative to the package. */
  files: string[]
}

/** Packs a clean clone, which builds it, and goes through `npm publish` up to the sending. */
async function publish(t: TestContext): Promise<Published> {
  const clone = await copyOfTree(t)
  const work = await temporaryFolder(t)
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', work], { ...options, cwd: clone })
  const packed = (await readdir(work)).filter((name) => name.endsWith('.tgz'))
  t.assert.strictEqual(packed.length, 1)
  // Built already.
  const dryRun = ['publish', '--dry-run', '--ignore-scripts', '--json', '--registry', await emptyRegistry(t)]
  const { stdout } = await run('npm', dryRun, { ...options, cwd: clone })
  const { size, unpackedSize, files } = JSON.parse(stdout)['azure-image-editor-mcp']
  t.diagnostic(`${files.length} files, ${size} bytes packed, ${unpackedSize} unpacked`)
  return { packed: join(work, packed[0] ?? ''), files: files.map(({ path }: { path: string }) => path) }
}

/** A registry that has no package, and gets none. @returns its address */
async function emptyRegistry(t: TestContext): Promise<string> {
  const sent = new Set<string>()
  const server = createServer(({ method = '' }, response) => {
    sent.add(method)
    response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
    t.assert.ok(sent.isSubsetOf(new Set(['GET'])), [...sent].join())
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return `http://127.0.0.1:${address.port}`
}

/** Installs the package in an empty folder. */
async function install(packed: string): Promise<string> {
  const work = dirname(packed)
  const home = join(work, 'empty')
  await run('npm', ['install', packed, ...quiet, '--no-save', '--prefix', home], { ...options, cwd: work })
  return home
}

/** Relative links of pages that lead nowhere in the package. */
async function brokenLinks(folder: string, files: readonly string[]): Promise<string[]> {
  const broken: string[] = []
  for (const page of files.filter((file) => file.endsWith('.md'))) {
    const text = await readFile(join(folder, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target) && !existsSync(join(folder, dirname(page), target)))
        broken.push(`${page}: ${target}`)
    }
  }
  return broken
}

test('the package of a clean clone', async (t: TestContext) => {
  const { packed, files } = await publish(t)
  await t.test('has what runs and what is read, and no source, test or secret', (t) => hasOnly(t, files))
  await t.test('runs from an empty folder, over HTTP and over stdio', (t) => runsInstalled(t, packed))
  await t.test('has every page that its pages lead to', (t) => leadsSomewhere(t, packed, files))
  await t.test('runs with npx', (t) => runsWithNpx(t, packed))
  await t.test('says in one sentence which Node.js it needs', (t) => explainsNode(t, packed))
})

function hasOnly(t: TestContext, files: readonly string[]) {
  const folders = new Set(files.map((file) => file.replace(/\/.*/, '/')))
  const pages = ['README.md', 'README.zh-CN.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'LICENSE']
  const expected = ['bin/', 'deploy/', 'dist/', 'docs/', ...pages, '.env.example', 'docker-compose.yml', 'package.json']
  t.assert.deepStrictEqual([...folders].sort(), expected.sort())
  const kinds = new Set(files.map((file) => /^(?:bin|deploy|dist|docs)\/.*(\.\w+)$/.exec(file)?.[1] ?? ''))
  const known = ['', '.js', '.sh', '.html', '.md', '.png', '.json', '.yml', '.yaml', '.conf']
  t.assert.deepStrictEqual([...kinds].sort(), known.sort())
  t.assert.deepStrictEqual(
    files.filter((file) => /\btest\b|mcpb|sbom|server\.json/.test(file)),
    [],
  )
}

/** What would be sent is what was installed, and no link of it is broken. */
async function leadsSomewhere(t: TestContext, packed: string, files: readonly string[]) {
  const folder = join(dirname(packed), 'empty/node_modules/azure-image-editor-mcp')
  const installed = await readdir(folder, { recursive: true, withFileTypes: true })
  const names = installed.filter((one) => one.isFile()).map((one) => relative(folder, join(one.parentPath, one.name)))
  t.assert.deepStrictEqual(names.filter((name) => !name.startsWith('node_modules/')).sort(), files.toSorted())
  t.assert.deepStrictEqual(await brokenLinks(folder, files), [])
}

async function runsInstalled(t: TestContext, packed: string) {
  const home = await install(packed)
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

  const azure = { AZURE_BASE_URL: url, AZURE_API_KEY: key, AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }
  const check = await run('npx', [...npx, '--check'], { ...options, cwd: work, env: { ...env, ...azure } })
  t.assert.match(check.stdout, /^AZURE_DEPLOYMENT_NAME=gpt-image-2$/m)
  t.assert.ok(!check.stdout.includes(key))

  const client = new Client({ name: 'test', version: '1' })
  t.after(() => client.close())
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
