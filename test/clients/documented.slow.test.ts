import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { exampleOf } from '../support/client-configs.ts'
import { startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The examples of docs/clients.md and docs/sdks.md for clients that are installed here, run against a service with keys. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const inspector = join(root, 'node_modules/.bin/mcp-inspector')
const run = promisify(execFile)
const documentedUrl = 'https://images.example.com/mcp'
const key = 'a-key-of-the-test-that-is-long'

const startWithKey = (t: TestContext) => startService(t, { MCP_API_KEYS: `ann:${key}` })

describe('documented code generates an image', { concurrency: 2 }, () => {
  for (const client of ['TypeScript SDK 1.x', 'TypeScript SDK 2.x', 'Node.js fetch']) {
    test(client, async (t: TestContext) => {
      const { url, simulator } = await startWithKey(t)
      const code = exampleOf(client, 'ts')
      t.assert.ok(code.includes(documentedUrl))
      const options = { cwd: root, env: { PATH: process.env.PATH, IMAGE_EDITOR_KEY: key }, timeout: 300_000 }
      const args = ['--input-type=module', '--eval', code.replaceAll(documentedUrl, `${url}/mcp`)]
      const { stdout } = await run(process.execPath, args, options)
      t.assert.match(stdout, /Image successfully generated\.[\s\S]*type: 'image'/)
      t.assert.equal(simulator.requests.length, 1)
      const withoutKey = run(process.execPath, args, { ...options, env: { PATH: process.env.PATH } })
      await t.assert.rejects(withoutKey)
    })
  }
})

test('the documented file of MCP Inspector lists the tools', async (t: TestContext) => {
  const { url } = await startWithKey(t)
  const home = await temporaryFolder(t)
  const file = join(home, 'mcp.json')
  const config = exampleOf('MCP Inspector', 'json')
  t.assert.ok(config.includes(documentedUrl))
  await writeFile(file, config.replace(documentedUrl, `${url}/mcp`).replace('your-key', key))
  const args = ['--cli', '--config', file, '--server', 'azure-image-editor', '--method', 'tools/list']
  const { stdout } = await run(inspector, args, { env: { ...process.env, HOME: home }, timeout: 300_000 })
  t.assert.match(stdout, /"generate_image"/)
})
