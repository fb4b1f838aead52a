import { once } from 'node:events'
import { readdir, readlink, truncate } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { LINK_ACCESS } from '../../../services/library/access.ts'
import { type BuiltApp, listen } from '../../support/app.ts'
import { someBytes, storeImage } from '../../support/library-images.ts'
import { connectRaw } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'

/** More than the buffers of both ends of a connection hold. */
const large = someBytes(20_971_520)

/** The open files of this process whose paths contain a text. */
async function openFiles(part: string): Promise<string[]> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter((path) => path.includes(part))
}

async function serve(t: TestContext, bytes: Buffer, environment: Record<string, string> = {}) {
  const service: BuiltApp & { url: string } = await listen(t, environment)
  const { id } = await storeImage(service.app, { bytes })
  const link = new URL(service.app.links?.urlOf(id, service.url) ?? '')
  const get = (version = '1.1') => `GET ${link.pathname}${link.search} HTTP/${version}\r\nHost: ${link.host}\r\n\r\n`
  return { ...service, id, link, get }
}

const connectionsOf = ({ server }: FastifyInstance) => promisify<number>((done) => server.getConnections(done))()

describe('the connection of a link', { concurrency: true }, () => {
  test('carries the next request after a download, and after every kind of response without bytes', async (t: TestContext) => {
    const { url, link, id } = await serve(t, large)
    const client = await connectRaw(t, url)
    const ask = async (line: string, headers = '') => {
      client.socket.write(`${line} HTTP/1.1\r\nHost: ${link.host}\r\n${headers}\r\n`)
      while (true) {
        const chunk: Buffer | null = client.socket.read()
        if (chunk !== null) return String(chunk)
        await once(client.socket, 'readable')
      }
    }
    const path = link.pathname + link.search
    t.assert.match(await ask(`HEAD ${path}`), /^HTTP\/1\.1 200 [\s\S]*content-length: 20971520\r\n[\s\S]*\r\n\r\n$/)
    t.assert.match(await ask(`GET ${path}`, 'If-None-Match: *\r\n'), /^HTTP\/1\.1 304 [\s\S]*\r\n\r\n$/)
    t.assert.match(await ask(`GET ${path}`, 'Range: bytes=99999999-\r\n'), /^HTTP\/1\.1 416 [\s\S]*\r\n\r\n$/)
    t.assert.match(await ask(`GET ${path}`, 'Range: bytes=0-3\r\n'), /^HTTP\/1\.1 206 /)
    await waitFor('closed files', async () => (await openFiles(id)).length === 0)
  })

  test('may be one of HTTP/1.0, which ends with the image', async (t: TestContext) => {
    const { link, get } = await serve(t, someBytes(100_000))
    const socket = connect(Number(link.port), link.hostname)
    socket.write(get('1.0'))
    const response = await text(socket.setEncoding('latin1'))
    t.assert.match(response, /^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 100000\r\n/)
    t.assert.doesNotMatch(response, /transfer-encoding/i)
    t.assert.equal(response.slice(response.indexOf('\r\n\r\n') + 4).length, 100_000)
  })

  test('that the client closes or resets during the download closes the file', async (t: TestContext) => {
    const { url, id, get } = await serve(t, large)
    for (const leave of ['end', 'reset'] as const) {
      const client = await connectRaw(t, url)
      client.socket.write(get())
      await client.read(65_536)
      t.assert.equal((await openFiles(id)).length, 1)
      if (leave === 'reset') client.reset()
      else client.socket.destroy()
      await waitFor('closed files', async () => (await openFiles(id)).length === 0)
    }
  })

  test('that the client resets before anything is sent leaves no file open', async (t: TestContext) => {
    const { url, id, get, app } = await serve(t, large)
    for (let n = 0; n < 20; n++) {
      const client = await connectRaw(t, url)
      client.socket.write(get())
      // Each leaves a little later than the one before.
      for (let turn = 0; turn < n; turn++) await new Promise(setImmediate)
      client.reset()
    }
    await waitFor('the end of all requests', async () => (await connectionsOf(app)) === 0)
    await waitFor('closed files', async () => (await openFiles(id)).length === 0)
  })

  test('on which nothing is read buffers little of the image', async (t: TestContext) => {
    const { url, get, app } = await serve(t, large)
    const accepted = once(app.server, 'connection')
    const client = await connectRaw(t, url)
    const [socket]: Socket[] = await accepted
    client.socket.write(get())
    await client.read(1)
    let written = -1
    // The system takes megabytes before it takes no more.
    await waitFor('the end of writing', async () => {
      const before = written
      written = socket?.bytesWritten ?? 0
      await pause(100)
      return written === before
    })
    t.assert.ok(written < large.length - 1_048_576, `${written} bytes were written`)
    t.assert.ok((socket?.writableLength ?? 0) < 524_288, `${socket?.writableLength} bytes wait`)
  })

  test('breaks off where the file ends too early, so that no client takes the part for the whole', async (t: TestContext) => {
    const { url, id, get, app, images, logs, link } = await serve(t, large)
    const client = await connectRaw(t, url)
    client.socket.write(get())
    await client.read(65_536)
    const record = await app.library?.get(id, LINK_ACCESS)
    await truncate(join(images, record?.location ?? ''), 100)
    await t.assert.rejects(client.read(large.length), /ended too early/)
    await waitFor('closed files', async () => (await openFiles(id)).length === 0)
    t.assert.ok(!logs.text.includes(link.search.slice(1)))
  })

  test('carries two downloads that were requested at once', async (t: TestContext) => {
    const { link, get } = await serve(t, someBytes(300_000))
    const socket = connect(Number(link.port), link.hostname)
    socket.write(get() + get('1.0'))
    const response = await text(socket.setEncoding('latin1'))
    t.assert.equal(response.match(/HTTP\/1\.1 200 OK/g)?.length, 2)
    t.assert.ok(response.length > 600_000 && response.length < 604_000)
  })

  test('carries the whole image to a client that reads with pauses', async (t: TestContext) => {
    const { link } = await serve(t, large)
    const sent = request(link).end()
    const [response] = await once(sent, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) {
      chunks.push(chunk)
      await new Promise(setImmediate)
    }
    t.assert.ok(Buffer.concat(chunks).equals(large))
  })
})
