import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { installNode } from '../support/older-node.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The bundle for desktop apps: built, checked and unpacked with the official tool, and run as an app would. */

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const mcpb = join(root, 'node_modules/.bin/mcpb')

/** The oldest that the manifest promises, and one that is too old. */
const [OLDEST, TOO_OLD] = ['22.19.0', '20.19.0']

async function buildAndUnpack(t: TestContext): Promise<string> {
  const work = await temporaryFolder(t)
  const file = join(work, 'bundle.mcpb')
  const platform = `${process.platform}-${process.arch}`
  const options = { cwd: root, timeout: 240_000 }
  const { stdout } = await run(process.execPath, ['scripts/mcpb.ts', '--platform', platform, '--out', file], options)
  t.assert.match(stdout, /\nSHA-256 [0-9a-f]{64}\n$/)
  t.assert.ok((await readFile(file)).length < 16 * 1_048_576, 'one platform takes less than 16 MiB')
  // As under "Application Support", or worse.
  const folder = join(work, 'an unpacked #1 %41')
  await run(mcpb, ['unpack', file, folder], options)
  return folder
}

/** By the function that apps use to make a command of a manifest. */
const resolveConfig = `
  import { readFileSync } from 'node:fs'
  import { getMcpConfigForManifest } from '@anthropic-ai/mcpb'
  const { extensionPath, userConfig } = JSON.parse(process.argv[1])
  const manifest = JSON.parse(readFileSync(extensionPath + '/manifest.json', 'utf8'))
  const options = { manifest, extensionPath, userConfig, systemDirs: {}, pathSeparator: '/' }
  process.stdout.write(JSON.stringify((await getMcpConfigForManifest(options)) ?? null))`

interface McpConfig {
  command: string
  args: string[]
  env: Record<string, string>
}

/** What an app starts for what its user has entered; null where something required is missing. */
async function configFor(extensionPath: string, userConfig: Record<string, string>): Promise<McpConfig | null> {
  const args = ['--input-type=module', '--eval', resolveConfig, JSON.stringify({ extensionPath, userConfig })]
  const { stdout } = await run(process.execPath, args, { cwd: root })
  return JSON.parse(stdout)
}

test('the MCPB bundle', { timeout: 600_000 }, async (t: TestContext) => {
  const folder = await buildAndUnpack(t)
  const { url, simulator } = await startSimulator(t)
  const entered = { base_url: url, api_key: key, deployment: 'gpt-image-2' }

  /** @param node folder of the Node.js that the app uses, if that is another; with it `path` */
  async function connect(t: TestContext, node: string, path: string) {
    const config = await configFor(folder, entered)
    if (config === null) throw new Error('the configuration is incomplete')
    const home = await temporaryFolder(t)
    await mkdir(join(home, 'elsewhere'))
    const client = new Client({ name: 'test', version: '1' })
    t.after(() => client.close())
    // Smaller than the image, so that its preview needs sharp.
    const env = { ...config.env, INLINE_IMAGE_MAX_BYTES: '30000', HOME: home, USERPROFILE: home, PATH: path }
    const transport = { command: node, args: config.args, env, cwd: join(home, 'elsewhere'), stderr: 'pipe' } as const
    await client.connect(new StdioClientTransport(transport))
    return { client, home }
  }

  /** Generates an image that is returned as a preview, edits it by its id, and finds it again. */
  async function generates(t: TestContext, node: string, path = '') {
    const { client, home } = await connect(t, node, path)
    const sent = simulator.requests.length
    const call = { name: 'generate_image', arguments: { prompt: 'a kite', output_path: 'kite.png' } }
    const generated = JSON.stringify(await client.callTool(call))
    t.assert.ok(
      generated.includes(`Saved to server at: ${join(home, 'azure-image-editor/images/kite.png')}`),
      generated,
    )
    t.assert.match(generated, /The image is a preview/)
    const [image] = /img_[0-9a-z]{26}/.exec(generated) ?? []
    const edit = { name: 'edit_image', arguments: { prompt: 'warmer', image } }
    t.assert.match(JSON.stringify(await client.callTool(edit)), /Image successfully edited\./)
    const found = JSON.stringify(await client.callTool({ name: 'find_images', arguments: { query: 'kite' } }))
    t.assert.ok(found.includes(`${image}`), found)
    t.assert.equal(simulator.requests.length, sent + 2)
    const app = await client.readResource({ uri: 'ui://azure-image-editor/studio.html' })
    t.assert.match(JSON.stringify(app), /text\/html;profile=mcp-app.*<div id=/)
  }

  await t.test('is valid, and lists what it needs', async (t: TestContext) => {
    await run(mcpb, ['validate', join(folder, 'manifest.json')])
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))
    const packageJson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    t.assert.equal(manifest.version, packageJson.version)
    t.assert.equal(manifest.user_config.api_key.sensitive, true)
    t.assert.equal(manifest.compatibility.runtimes.node, `>=${OLDEST}`)
    t.assert.ok(existsSync(join(folder, manifest.icon)))
    // Claude Desktop rejects results of about 1 MB.
    t.assert.ok(Number(manifest.server.mcp_config.env.INLINE_IMAGE_MAX_BYTES) < 1_000_000)
    const modules = (await readdir(join(folder, 'node_modules'))).sort()
    t.assert.deepEqual(modules, ['@img', 'detect-libc', 'semver', 'sharp'])
  })

  await t.test('asks for the endpoint and the deployment, and works without a key', async (t: TestContext) => {
    const { api_key: _, ...keyless } = entered
    t.assert.equal(await configFor(folder, { base_url: url }), null)
    const config = await configFor(folder, keyless)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what apps leave in it
    t.assert.equal(config?.env.AZURE_API_KEY, '${user_config.api_key}')
    const [launcher = ''] = config?.args ?? []
    const options = { env: { PATH: '', HOME: folder, ...config?.env, AZURE_MODEL: 'undefined' }, cwd: folder }
    const { stdout } = await run(process.execPath, [launcher, '--check'], options)
    t.assert.match(stdout, /AZURE_AUTH=entra/)
  })

  await t.test('generates and edits images with this Node.js', (t) => generates(t, process.execPath))

  await t.test(`generates and edits images with Node.js ${OLDEST}`, async (t: TestContext) => {
    await generates(t, join(await installNode(t, OLDEST), 'node'))
  })

  await t.test('with a Node.js that is too old', async (t: TestContext) => {
    const old = join(await installNode(t, TOO_OLD), 'node')
    await t.test('tells the client what to do', async (t: TestContext) => {
      await t.assert.rejects(connect(t, old, ''), (error: Error) => {
        t.assert.match(
          error.message,
          /needs Node\.js 22\.19 or newer; the app started it with v20\.19\.0\. Update the app/,
        )
        return true
      })
    })
    await t.test('uses a newer one from the PATH', async (t: TestContext) => {
      await generates(t, old, ['relative', '/nowhere', join(process.execPath, '..')].join(':'))
    })
  })
})
