import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { LINK_ACCESS } from '../../../services/library/access.ts'
import { unnamedLocation, unnamedRecordName } from '../../../services/library/locations.ts'
import { buildApp, listen } from '../../support/app.ts'
import { fakeAzure, responding } from '../../support/fake-azure.ts'
import { noisePng, png } from '../../support/images/images.ts'
import { callTool, startService } from '../../support/service.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Upload {
  /** The address that the client gets. */
  address: string
  id: string
}

async function requestUpload(url: string, args: object = {}): Promise<Upload> {
  const { text, isError } = await callTool(url, 'request_upload', args)
  const [, address = '', id = ''] = /Upload address: (\S+)\nImage id: (img_[0-9a-z]{26})/.exec(text) ?? []
  if (isError || address === '') throw new Error(text)
  return { address, id }
}

async function put(address: string, body: Buffer | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(address, { method: 'PUT', body: new Uint8Array(body), headers })
  return { status: response.status, headers: response.headers, body: Object(await response.json()) }
}

const transparentPng = () =>
  sharp({ create: { width: 40, height: 30, channels: 4, background: '#0000' } })
    .png()
    .toBuffer()

/** Names of the files of the library, without its index. */
async function filesIn(images: string): Promise<string[]> {
  const names = await readdir(images, { recursive: true })
  return names.filter((name) => /\.(png|jpg|webp|gif|json|tmp)$/.test(name))
}

test('an uploaded image is stored byte for byte under the promised id, and can be edited by it', async (t: TestContext) => {
  const { url, images, simulator } = await startService(t)
  const { address, id } = await requestUpload(url)
  const image = await png(300, 200)
  const { status, body } = await put(address, image)
  t.assert.equal(status, 201)
  t.assert.partialDeepStrictEqual(body, {
    id,
    uri: `image://${id}`,
    mimeType: 'image/png',
    width: 300,
    height: 200,
    bytes: image.length,
  })
  const file = (await filesIn(images)).find((name) => name.endsWith(`${id}.png`)) ?? ''
  t.assert.ok((await readFile(join(images, file))).equals(image))

  const edited = await callTool(url, 'edit_image', { image: id, prompt: 'make it warmer' })
  t.assert.equal(edited.isError, false, edited.text)
  t.assert.equal(simulator.requests.length, 1)
  t.assert.match((await callTool(url, 'find_images', {})).text, new RegExp(id))
})

test('an address takes one image; a failed upload leaves nothing, and the address can be used again', async (t: TestContext) => {
  const { url, images } = await startService(t)
  const { address, id } = await requestUpload(url)
  for (const [what, bytes, status] of [
    ['an empty file', Buffer.alloc(0), 422],
    ['a text', Buffer.from('hello, this is no image at all'), 415],
    ['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'), 415],
    ['a PNG without a header', (await png()).subarray(0, 20), 422],
    ['too many pixels', hugePng(60_000, 60_000), 422],
  ] as const) {
    const response = await put(address, bytes)
    t.assert.equal(response.status, status, `${what}: ${JSON.stringify(response.body)}`)
  }
  t.assert.deepEqual(await filesIn(images), [])
  t.assert.equal((await put(address, await png())).status, 201)
  const again = await put(address, await png())
  t.assert.equal(again.status, 410)
  t.assert.match(again.body.message, /has been used/)
  t.assert.equal((await filesIn(images)).length, 2)
  t.assert.ok((await filesIn(images)).every((name) => name.includes(id)))
})

/** A PNG whose header claims this size. */
function hugePng(width: number, height: number): Buffer {
  const image = noisePng(8)
  image.writeUInt32BE(width, 16)
  image.writeUInt32BE(height, 20)
  return image
}

test('an image of MAX_IMAGE_BYTES is stored, and one byte more is rejected before it is read', async (t: TestContext) => {
  const image = noisePng(100)
  const { url, images } = await startService(t, { MAX_IMAGE_BYTES: String(image.length) })
  const larger = await requestUpload(url)
  const { status, body } = await put(larger.address, Buffer.concat([image, Buffer.alloc(1)]))
  t.assert.equal(status, 413)
  t.assert.match(body.message, new RegExp(String(image.length)))
  t.assert.deepEqual(await filesIn(images), [])
  t.assert.equal((await put(larger.address, image)).status, 201)
})

test('a body without its length, encoded or as a form is rejected with what to send', async (t: TestContext) => {
  const { url } = await startService(t)
  const { address } = await requestUpload(url)
  const image = await png()
  t.assert.equal((await put(address, image, { 'content-encoding': 'gzip' })).status, 415)
  t.assert.equal((await put(address, image, { 'content-type': 'multipart/form-data; boundary=x' })).status, 415)
  const chunked = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(address, { method: 'PUT' }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('error', reject)
    request.write(image)
    request.end()
  })
  t.assert.equal(chunked, 411)
  t.assert.equal((await put(address, image)).status, 201)
})

test('an upload that is broken off leaves nothing behind, and can be repeated', async (t: TestContext) => {
  const { url, images } = await startService(t)
  const { address } = await requestUpload(url)
  const image = noisePng(400)
  const { hostname, port, pathname } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(`PUT ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${image.length}\r\n\r\n`)
  socket.write(image.subarray(0, image.length / 2))
  await waitFor('the file', async () => (await filesIn(images)).length > 0)
  t.assert.equal((await put(address, image)).status, 409)
  socket.destroy()
  await waitFor('its removal', async () => (await filesIn(images)).length === 0)
  // The address is free a moment after the file is removed.
  const status = await waitFor('the end of the first upload', async () => {
    const again = await put(address, image)
    return again.status === 409 ? undefined : again.status
  })
  t.assert.equal(status, 201)
})

test('a slow upload is rejected, and its file removed', async (t: TestContext) => {
  const azure = await fakeAzure(t, responding(200, {}))
  const { url, images } = await listen(t, { AZURE_BASE_URL: azure.url }, { timing: { uploadPeriodMs: 100 } })
  const { address } = await requestUpload(url)
  const { hostname, port, pathname } = new URL(address)
  const socket = connect(Number(port), hostname)
  const response = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))))
  socket.write(`PUT ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 100000\r\n\r\n`)
  socket.write(noisePng(50).subarray(0, 1000))
  t.assert.match(await response, /^HTTP\/1\.1 408 /)
  socket.destroy()
  await waitFor('its removal', async () => (await filesIn(images)).length === 0)
})

test('wrong and changed addresses have one response, for PUT and for GET', async (t: TestContext) => {
  const { url } = await startService(t)
  const { address } = await requestUpload(url)
  const token = new URL(address).pathname.slice('/uploads/'.length)
  const changed = (token.startsWith('A') ? 'B' : 'A') + token.slice(1)
  const bodies = new Set<string>()
  for (const wrong of ['x', changed, `${token}A`, `${token}=`, '..%2f..%2fetc', `${'A'.repeat(3000)}`]) {
    const response = await put(`${url}/uploads/${wrong}`, await png())
    t.assert.equal(response.status, 404, wrong)
    bodies.add(response.body.message)
  }
  t.assert.equal(bodies.size, 1)
  const page = await fetch(`${url}/uploads/${changed}`)
  t.assert.equal(page.status, 404)
  t.assert.match(await page.text(), /cannot be used/)
})

test('a caller has ten open addresses; a used one makes room', async (t: TestContext) => {
  const { url } = await startService(t)
  const uploads: Upload[] = []
  for (let at = 0; at < 10; at++) uploads.push(await requestUpload(url))
  const { text, isError } = await callTool(url, 'request_upload', {})
  t.assert.equal(isError, true)
  t.assert.match(text, /10 open upload addresses.* try again in \d+ s/)
  t.assert.equal((await put(uploads[0]?.address ?? '', await png())).status, 201)
  await requestUpload(url)
})

test('the page of an address consumes nothing, allows only itself, and names no one', async (t: TestContext) => {
  const { url } = await startService(t)
  const { address } = await requestUpload(url, { for: 'mask' })
  for (const [language, title] of [
    ['en-US,en', 'Upload a mask'],
    ['zh-CN,zh;q=0.9,en;q=0.8', '上传蒙版'],
  ] as const) {
    const page = await fetch(address, { headers: { 'accept-language': language } })
    t.assert.equal(page.status, 200)
    const text = await page.text()
    t.assert.match(text, new RegExp(title))
    t.assert.doesNotMatch(text, /127\.0\.0\.1|address:/)
    t.assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    t.assert.equal(page.headers.get('referrer-policy'), 'no-referrer')
    t.assert.equal(page.headers.get('cache-control'), 'no-store')
  }
  t.assert.equal((await put(address, await transparentPng())).status, 201)
  t.assert.equal((await fetch(address)).status, 410)
})

test('a page of another origin cannot upload, and other methods get 405', async (t: TestContext) => {
  const { url } = await startService(t)
  const { address } = await requestUpload(url)
  t.assert.equal((await put(address, await png(), { origin: 'https://evil.example' })).status, 403)
  const posted = await fetch(address, { method: 'POST', body: 'x' })
  t.assert.equal(posted.status, 405)
  t.assert.equal(posted.headers.get('allow'), 'GET, HEAD, PUT')
})

test('with API keys an upload needs none, and the image belongs to the caller that requested it', async (t: TestContext) => {
  const environment = { MCP_API_KEYS: 'ann:a-key-of-ann-123456,bob:a-key-of-bob-123456' }
  const { url, app } = await startService(t, environment)
  const call = async (key: string, name: string, args: object) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
    })
    return JSON.stringify(await response.json())
  }
  const text = await call('a-key-of-ann-123456', 'request_upload', {})
  const [, address = '', id = ''] = /Upload address: (\S+?)\\nImage id: (img_[0-9a-z]{26})/.exec(text) ?? []
  t.assert.equal((await put(address, await png())).status, 201)
  t.assert.match(await call('a-key-of-ann-123456', 'find_images', {}), new RegExp(id))
  t.assert.doesNotMatch(await call('a-key-of-bob-123456', 'find_images', {}), new RegExp(id))
  t.assert.match(await call('a-key-of-bob-123456', 'get_image', { id }), /no image with the id/)
  t.assert.ok(app)
})

test('no log line has the token of an address', async (t: TestContext) => {
  const azure = await fakeAzure(t, responding(200, {}))
  const { url, logs } = await listen(t, { AZURE_BASE_URL: azure.url, LOG_LEVEL: 'trace' })
  const { address } = await requestUpload(url)
  const token = new URL(address).pathname.slice('/uploads/'.length)
  await put(address, Buffer.from('no image'))
  await put(address, await png())
  await put(address, await png())
  await fetch(address)
  t.assert.ok(logs.lines.length > 0)
  t.assert.ok(!logs.text.includes(token.slice(0, 40)), 'the log has the token')
})

test('a mask must be a PNG with transparency', async (t: TestContext) => {
  const { url } = await startService(t)
  const { address } = await requestUpload(url, { for: 'mask' })
  const { status, body } = await put(address, noisePng(20))
  t.assert.equal(status, 422)
  t.assert.match(body.message, /must be a PNG with transparency/)
  t.assert.equal((await put(address, await transparentPng())).status, 201)
})

test('the page may send from any host by which it was reached, another page may not', async (t: TestContext) => {
  const { app } = await buildApp(t, { MCP_SERVER_HOST: '0.0.0.0' })
  const token = app.uploads?.request('address:127.0.0.1', 'image').token
  const send = async (origin: string) =>
    await app.inject({
      method: 'PUT',
      url: `/uploads/${token}`,
      headers: { host: 'images.example:8000', origin },
      payload: await png(),
    })
  t.assert.equal((await send('http://evil.example')).statusCode, 403)
  t.assert.equal((await send('http://images.example:8000')).statusCode, 201)
})

test('a client that sends a long file of another kind gets the sentence about it', async (t: TestContext) => {
  const { url } = await startService(t)
  const { address } = await requestUpload(url)
  const { status, body } = await put(address, Buffer.concat([Buffer.from('%PDF-1.7'), Buffer.alloc(15_000_000)]))
  t.assert.equal(status, 415)
  t.assert.match(body.message, /a PDF/)
  const larger = await put(address, Buffer.alloc(25_000_000))
  t.assert.equal(larger.status, 413)
})

test('of two replicas on one folder, one stores the image', async (t: TestContext) => {
  const environment = { SERVER_SECRET: 'a'.repeat(40) }
  const first = await listen(t, environment)
  const second = await listen(t, { ...environment, IMAGES_DIR: first.images })
  for (let n = 0; n < 5; n++) {
    const asked = first.app.uploads?.request('address:127.0.0.1', 'image')
    const image = noisePng(300)
    const results = await Promise.all([first, second].map(({ url }) => put(`${url}/uploads/${asked?.token}`, image)))
    const statuses = results.map(({ status }) => status).sort()
    t.assert.equal(statuses[0], 201)
    t.assert.ok(statuses[1] === 409 || statuses[1] === 410, String(statuses))
    for (const { app } of [first, second]) {
      t.assert.equal((await app.library?.get(asked?.ticket.id ?? '', LINK_ACCESS))?.bytes, image.length)
    }
    t.assert.equal((await filesIn(first.images)).length, 2 * (n + 1))
  }
})

test('a file that a killed replica left does not block its address', async (t: TestContext) => {
  const { app, images, url } = await listen(t)
  const asked = app.uploads?.request('address:127.0.0.1', 'image')
  const location = join(images, unnamedLocation(asked?.ticket.id ?? '', 'image/png'))
  await mkdir(dirname(location), { recursive: true })
  await writeFile(location, 'part of an image')
  const address = `${url}/uploads/${asked?.token}`
  t.assert.equal((await put(address, await png())).status, 409)
  await utimes(location, 1, 1)
  t.assert.match((await put(address, await png())).body.message, /send the file again/)
  t.assert.equal((await put(address, await png())).status, 201)
})

test('a record that a killed replica left torn does not block its address', async (t: TestContext) => {
  for (const type of ['image/png', 'image/jpeg'] as const) {
    const { app, images, url } = await listen(t)
    const asked = app.uploads?.request('address:127.0.0.1', 'image')
    const id = asked?.ticket.id ?? ''
    const left = [unnamedLocation(id, type), unnamedRecordName(id)].map((name) => join(images, name))
    for (const file of left) {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, file.endsWith('.json') ? '' : 'a whole image')
      await utimes(file, 1, 1)
    }
    const address = `${url}/uploads/${asked?.token}`
    t.assert.match((await put(address, await png())).body.message, /send the file again/)
    t.assert.equal((await put(address, await png())).status, 201)
    t.assert.equal((await app.library?.get(id, LINK_ACCESS))?.mimeType, 'image/png')
  }
})
