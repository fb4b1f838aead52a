import { execFile } from 'node:child_process'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { listen } from '../support/app.ts'
import { afterBody, fakeAzure } from '../support/fake-azure.ts'
import { connectRaw } from '../support/raw-client.ts'
import { waitFor } from '../support/wait-for.ts'

const run = promisify(execFile)
const client = fileURLToPath(new URL('../support/closing-client.ts', import.meta.url))
const calls = 6

const body = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'generate_image', arguments: { prompt: 'a kite' }, _meta: { progressToken: 1 } },
})

async function noise(side: number): Promise<string> {
  const gaussian = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const create = { width: side, height: side, channels: 3, background: '#888', noise: gaussian } as const
  return (await sharp({ create }).png({ compressionLevel: 0 }).toBuffer()).toString('base64')
}

async function start(t: TestContext, side: number) {
  const result = JSON.stringify({ data: [{ b64_json: await noise(side) }] })
  const azure = await fakeAzure(
    t,
    afterBody((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(result)
    }),
  )
  const { url } = await listen(t, { AZURE_BASE_URL: azure.url })
  return { azure, url }
}

describe('a client that closes its connection once it has the event has received the response', () => {
  for (const side of [8, 300, 900]) {
    test(`of an image of ${side}x${side}, so that identical calls get images of their own`, async (t: TestContext) => {
      const { azure, url } = await start(t, side)
      const { stdout } = await run(process.execPath, [client, url, String(calls), body], { timeout: 300_000 })
      const texts = stdout.trim().split('\n')
      t.assert.equal(texts.length, calls)
      for (const text of texts) {
        t.assert.match(text, /Image successfully generated/)
        t.assert.doesNotMatch(text, /earlier, identical call/)
      }
      t.assert.equal(azure.seen.length, calls)
    })
  }
})

test('a client that reads slowly gets the whole event and the end of the stream', async (t: TestContext) => {
  const { azure, url } = await start(t, 900)
  const client = await connectRaw(t, url)
  client.post(body, { accept: 'application/json, text/event-stream' })
  await client.read(20)
  await waitFor('a request to Azure', () => azure.seen.length > 0)
  await pause(300)
  const { body: events } = await client.response()
  t.assert.match(events, /^event: message\ndata: \{.*"type":"image".*\}\n\n(?:0\r\n\r\n)?$/m)
})
