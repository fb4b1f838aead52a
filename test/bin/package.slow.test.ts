import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { temporaryFolder } from '../support/app.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** Files that are not part of a clone. */
const OMITTED = new Set(['node_modules', 'dist', '.git', 'coverage', 'images', 'logs', '.env'])

/** Builds and packs a copy of the clone as `npm publish` would, and installs the result in an empty folder. */
async function installPacked(t: TestContext): Promise<string> {
  const work = await temporaryFolder(t)
  const clone = join(work, 'clone')
  for (const name of await readdir(root)) {
    if (!OMITTED.has(name)) await cp(join(root, name), join(clone, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
  const options = { timeout: 240_000, maxBuffer: 16 * 1024 * 1024 }
  await run('npm', ['run', 'build'], { ...options, cwd: clone })
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', work], { ...options, cwd: clone })
  const [packed] = Object.values(JSON.parse(stdout))
  const home = join(work, 'empty')
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--no-save', '--prefix', home]
  await run('npm', ['install', join(work, Object(packed).filename), ...quiet], { ...options, cwd: work })
  return home
}

test('the packed package runs from an empty folder, over HTTP and over stdio', async (t: TestContext) => {
  const home = await installPacked(t)
  const bin = join(home, 'node_modules/azure-image-editor-mcp/bin/azure-image-editor-mcp.js')
  const { url } = await startSimulator(t)
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    AZURE_BASE_URL: url,
    AZURE_API_KEY: key,
    AZURE_DEPLOYMENT_NAME: 'gpt-image-2',
    INLINE_IMAGE_MAX_BYTES: '1000',
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
  t.assert.match(edited.text, /^Image successfully edited\..*\n.*preview/)
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
})

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
