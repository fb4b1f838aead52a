import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { listTools } from '../support/listed-tools.ts'
import { startService } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const inspector = fileURLToPath(new URL('../../node_modules/.bin/mcp-inspector', import.meta.url))
const run = promisify(execFile)

test('the command line of MCP Inspector lists, calls and reads', async (t: TestContext) => {
  const { url } = await startService(t)
  const home = await temporaryFolder(t)
  async function inspect(...args: string[]): Promise<Record<string, unknown>> {
    const { stdout } = await run(inspector, ['--cli', `${url}/mcp`, '--transport', 'http', '--method', ...args], {
      env: { ...process.env, HOME: home },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 300_000,
    })
    return JSON.parse(stdout)
  }

  const { tools } = Object(await inspect('tools/list'))
  t.assert.deepStrictEqual(
    tools.map(({ name }: { name: string }) => name),
    (await listTools(url)).map(({ name }) => name),
  )
  const { content } = Object(
    await inspect('tools/call', '--tool-name', 'generate_image', '--tool-arg', 'prompt=a kite', 'output_path=kite.png'),
  )
  t.assert.match(content[0].text, /^Image successfully generated\. Saved to server at: .*kite\.png/)
  const { resources } = Object(await inspect('resources/list'))
  t.assert.strictEqual(resources[0].name, 'kite.png')
  for (const uri of [resources[0].uri, 'image:///kite.png']) {
    const { contents } = Object(await inspect('resources/read', '--uri', uri))
    t.assert.strictEqual(contents[0].blob, content[1].data)
  }
  const [id = ''] = /img_[0-9a-z]{26}/.exec(content[2].text) ?? []
  const call = async (tool: string, ...args: string[]) =>
    Object(await inspect('tools/call', '--tool-name', tool, '--tool-arg', ...args)).content
  t.assert.ok((await call('find_images', 'query=kite'))[0].text.includes(id))
  t.assert.match((await call('edit_image', 'prompt=at night', `image=${id}`))[0].text, /^Image successfully edited\.$/)
  t.assert.strictEqual((await call('get_image', `id=${id}`))[1].mimeType, 'image/jpeg')
  const { prompts } = Object(await inspect('prompts/list'))
  t.diagnostic(
    `inspector: ${tools.length} tools, an image of ${content[1].data.length} characters, ${prompts.length} prompts`,
  )
})

test('MCP Inspector of the modern era gets its image by a task', async (t: TestContext) => {
  const { url, app } = await startService(t)
  const env = { ...process.env, HOME: await temporaryFolder(t) }
  const target = ['--cli', `${url}/mcp`, '--transport', 'http', '--protocol-era', 'modern']
  const call = ['--method', 'tools/call', '--tool-name', 'generate_image', '--tool-arg', 'prompt=a kite']
  const { stdout } = await run(inspector, [...target, ...call], { env, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 })
  t.assert.strictEqual(JSON.parse(stdout).content[1].type, 'image')
  t.assert.match(await app.metrics.registry.metrics(), /rpc_requests_total\{method="tasks\/get",outcome="ok"\} [1-9]/)
})
