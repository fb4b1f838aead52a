import { once } from 'node:events'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { cancelNotice, type Revision, revisions, toolCall } from '../support/revisions.ts'
import { type Service, startService } from '../support/service.ts'
import { key, startSimulator } from '../support/simulator.ts'
import { startStdio } from '../support/stdio-client.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/**
 * Every way in which a client gives up a call, in every revision, over HTTP and stdio: Azure is asked once for two identical
 * calls, and the second gets the image. `timeouts.slow.test.ts` does the same with the official clients.
 */

const note = /whose response you did not receive|made for your earlier, identical call/
const args = { prompt: 'a lighthouse', size: '256x256' }

/** How the response is requested. */
const formats: Readonly<Record<string, { accept: string; progressToken?: string }>> = {
  JSON: { accept: 'application/json' },
  'an event stream': { accept: 'application/json, text/event-stream' },
  'an open event stream': { accept: 'application/json, text/event-stream', progressToken: 'p1' },
}

interface Attempt {
  t: TestContext
  service: Service
  revision: Revision
  client: RawClient
}

async function notify({ t, service, revision }: Attempt): Promise<void> {
  const other = await connectRaw(t, service.url)
  const { body, headers } = cancelNotice(revision, 1)
  other.post(body, headers)
  t.assert.match((await other.response()).head, /^HTTP\/1.1 202/)
  await other.end()
}

const ways: Readonly<Record<string, (attempt: Attempt) => void | Promise<void>>> = {
  'sends a notice and leaves the stream unread': notify,
  'sends a notice and closes the connection': async (attempt) => {
    await notify(attempt)
    attempt.client.socket.destroy()
  },
  'closes the connection': ({ client }) => void client.socket.destroy(),
  'ends its side and then closes': async ({ client }) => {
    client.socket.end()
    await once(client.socket, 'finish')
    client.socket.destroy()
  },
  'resets the connection': ({ client }) => client.reset(),
}

/** When the identical call arrives. */
const moments: Readonly<Record<string, (service: Service, release: () => void) => Promise<unknown>>> = {
  'at once': async () => {},
  'after the image arrived': async ({ app }, release) => {
    release()
    await waitFor('the end of the call', async () =>
      /^image_mcp_tool_calls_total\{.*outcome=.*\} 1$/m.test(await app.metrics.registry.metrics()),
    )
  },
}

describe('a client that gives up and repeats its call gets the image, and Azure is asked once', {
  concurrency: 6,
}, () => {
  for (const revision of revisions) {
    for (const [format, { accept, progressToken }] of Object.entries(formats)) {
      for (const [way, giveUp] of Object.entries(ways)) {
        for (const [moment, wait] of Object.entries(moments)) {
          test(`${revision.name}, ${format}: ${way}, and repeats ${moment}`, async (t: TestContext) => {
            const service = await startService(t)
            const release = service.simulator.hold()
            const client = await connectRaw(t, service.url)
            const first = toolCall(revision, 1, 'generate_image', args, progressToken)
            client.post(first.body, { ...first.headers, accept })
            await waitFor('a request to Azure', () => service.simulator.requests.length > 0)
            if (progressToken !== undefined) await client.read(20)
            await giveUp({ t, service, revision, client })
            // When it responds to this, the service has noticed what happened before.
            await fetch(`${service.url}/health`)
            await wait(service, release)
            const again = await connectRaw(t, service.url)
            const second = toolCall(revision, 2, 'generate_image', args, progressToken)
            again.post(second.body, { ...second.headers, accept })
            release()
            const { body } = await again.response()
            t.assert.match(body, note)
            t.assert.match(body, /"type":"image"/)
            t.assert.equal(service.simulator.requests.length, 1)
          })
        }
      }
    }
  }
})

/** Over stdio a client gives up with a notice, or by closing its process. */
describe('the same over stdio', { concurrency: 2 }, () => {
  async function setUp(t: TestContext) {
    const { simulator, url } = await startSimulator(t)
    const folder = await temporaryFolder(t)
    const environment = {
      HOME: folder,
      IMAGES_DIR: join(folder, 'images'),
      AZURE_BASE_URL: url,
      AZURE_API_KEY: key,
      AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro',
      LOG_LEVEL: 'error',
    }
    const start = () => {
      const client = startStdio(environment)
      t.after(() => client.kill())
      return client
    }
    return { simulator, start, release: simulator.hold() }
  }

  for (const revision of revisions.filter(({ name }) => name !== 'bare')) {
    test(`${revision.name}: sends a notice`, async (t: TestContext) => {
      const { simulator, start, release } = await setUp(t)
      const client = start()
      void client.request(1, toolCall(revision, 1, 'generate_image', args).body)
      await waitFor('a request to Azure', () => simulator.requests.length > 0)
      client.cancel(1)
      const response = client.request(2, toolCall(revision, 2, 'generate_image', args).body)
      release()
      const line = await response
      t.assert.match(line, note)
      t.assert.match(line, /"type":"image"/)
      t.assert.equal(simulator.requests.length, 1)
      t.assert.equal(await client.end(), 0)
    })

    test(`${revision.name}: ends its process and starts the next`, async (t: TestContext) => {
      const { simulator, start, release } = await setUp(t)
      const client = start()
      void client.request(1, toolCall(revision, 1, 'generate_image', args).body)
      await waitFor('a request to Azure', () => simulator.requests.length > 0)
      client.cancel(1)
      const ended = client.end()
      release()
      t.assert.equal(await ended, 0)
      const next = start()
      const line = await next.request(2, toolCall(revision, 2, 'generate_image', args).body)
      t.assert.match(line, note)
      t.assert.match(line, /"type":"image"/)
      t.assert.equal(simulator.requests.length, 1)
      t.assert.equal(await next.end(), 0)
    })
  }
})
