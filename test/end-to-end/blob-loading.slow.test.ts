import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { AZURITE_KEY, type Azurite, startAzurite } from '../support/azurite.ts'
import { startProcess } from '../support/process.ts'
import { callTool } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'

const root = join(import.meta.dirname, '../..')

/** Prints what is loaded of Azure's packages, or of the chunk that they are bundled into. */
const watcher = `import { registerHooks } from 'node:module'
import { writeSync } from 'node:fs'
registerHooks({ load(url, context, next) {
  if (/@azure|shared\\/(?:esm|Arrow)/.test(url)) writeSync(2, 'LOADED ' + url)
  return next(url, context)
} })`

let azurite: Azurite
let bundle: string
before(async () => {
  azurite = await startAzurite()
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  // Inside the project, because the bundle imports packages.
  bundle = await mkdtemp(join(cache, 'bundle-'))
  const rolldown = join(root, 'node_modules/.bin/rolldown')
  await promisify(execFile)(process.execPath, [rolldown, '-c', 'rolldown.config.ts', '--dir', bundle], { cwd: root })
})
after(async () => {
  await azurite[Symbol.asyncDispose]()
  await rm(bundle, { recursive: true, force: true })
})

const scripts = { 'the sources': () => join(root, 'server.ts'), 'the bundle': () => join(bundle, 'server.js') }

for (const [name, script] of Object.entries(scripts)) {
  describe(name, () => {
    async function run(t: TestContext, environment: Record<string, string>) {
      const { url: azure } = await startSimulator(t)
      const nodeOptions = ['--import', `data:text/javascript,${encodeURIComponent(watcher)}`]
      const variables = { AZURE_BASE_URL: azure, AZURE_API_KEY: key, LIBRARY_WAIT_MS: '20000', ...environment }
      const service = await startProcess(t, variables, nodeOptions, { script: script() })
      const { content } = await callTool(service.url, 'generate_image', {
        prompt: 'a lighthouse',
        output_path: 'x.png',
      })
      return { text: content[0]?.text ?? '', isLoaded: service.log.includes('LOADED') }
    }

    test('load the SDK only if Blob Storage is configured', async (t: TestContext) => {
      const local = await run(t, {})
      t.assert.match(local.text, /Saved to server at: \//)
      t.assert.strictEqual(local.isLoaded, false)
      const container = await azurite.createContainer(`loading-${name.replace('the ', '')}`)
      const stored = await run(t, { AZURE_STORAGE_URL: container, AZURE_STORAGE_KEY: AZURITE_KEY })
      t.assert.ok(stored.text.endsWith(`${container}/x.png`), stored.text)
      t.assert.strictEqual(stored.isLoaded, true)
    })
  })
}
