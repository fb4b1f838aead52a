import { once } from 'node:events'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startDemo } from '../support/demo.ts'

test('the demo picks another port when its own is busy, has a model of each family, prints its pages and how to connect, and exits with 0 on Ctrl-C', async (t: TestContext) => {
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  t.after(() => busy.close())
  const address = busy.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { demo, printed } = await startDemo(t, { port })
  t.assert.match(printed, /simulated/)
  const url = /running at (http:\S+)/.exec(printed)?.[1] ?? ''
  t.assert.notStrictEqual(new URL(url).port, String(port))
  t.assert.strictEqual((await fetch(`${url}/health`)).status, 200)
  const page = await (await fetch(url)).text()
  for (const family of ['FLUX.1', 'FLUX.2', 'gpt-image', 'MAI-Image']) {
    t.assert.ok(printed.includes(family) && page.includes(family), family)
  }
  t.assert.ok(printed.includes(`${url}/studio (`))
  t.assert.strictEqual((await fetch(`${url}/studio`)).status, 200)
  for (const client of ['VS Code', 'Claude Code', 'Cursor', 'Claude Desktop']) t.assert.ok(printed.includes(client))
  t.assert.ok(printed.includes(`"url":"${url}/mcp"`))
  demo.kill('SIGINT')
  t.assert.deepStrictEqual(await once(demo, 'exit'), [0, null])
  await t.assert.rejects(fetch(`${url}/health`))
})
