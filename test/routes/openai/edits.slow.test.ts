import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { listen } from '../../support/app.ts'
import { drawing, jpeg, png } from '../../support/images/images.ts'
import { storeImage } from '../../support/library-images.ts'
import { sha256 } from '../../support/recording-azure.ts'
import { type Service, startService } from '../../support/service.ts'
import { waitFor } from '../../support/wait-for.ts'

type Field = readonly [name: string, value: string | Buffer]

interface Answer {
  status: number
  headers: Headers
  data: { b64_json?: string; url?: string; id?: string }[]
  error: { message: string; type: string; param: string | null; code: string | null }
}

const edits = (url: string) => `${url}/v1/images/edits`

async function answerOf(response: Response): Promise<Answer> {
  const { data = [], error = {} } = (await response.json()) as Partial<Answer>
  return { status: response.status, headers: response.headers, data, error: error as Answer['error'] }
}

async function postForm(url: string, fields: readonly Field[], headers: Record<string, string> = {}): Promise<Answer> {
  const form = new FormData()
  for (const [name, value] of fields) {
    const isFile = typeof value !== 'string'
    form.append(name, isFile ? new File([new Uint8Array(value)], 'a.png', { type: 'text/plain' }) : value)
  }
  return await answerOf(await fetch(edits(url), { method: 'POST', body: form, headers }))
}

async function postJson(url: string, body: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return await answerOf(await fetch(edits(url), { method: 'POST', headers, body: JSON.stringify(body) }))
}

const dataUrl = (bytes: Buffer) => `data:image/png;base64,${bytes.toString('base64')}`

/** What Azure got with the last request. */
function lastRequest({ simulator }: Service) {
  const { fields, files } = simulator.requests.at(-1) ?? { fields: {} as Record<string, unknown>, files: [] }
  return { fields, files: files.map(({ sha256: hash, field }) => ({ field, hash })) }
}

/** A mask that lets the model change everything. */
const transparent = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 4, background: '#0000' } })
    .png()
    .toBuffer()

const gptImage = { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' }
const small = ['size', '256x256'] as const

test('an image in a form is edited, whatever type and name its file has', async (t: TestContext) => {
  const service = await startService(t)
  const image = await jpeg(64, 64)
  for (const name of ['image', 'image[]', 'image[0]']) {
    const { status, data } = await postForm(service.url, [['prompt', 'make it red'], small, [name, image]])
    t.assert.equal(status, 200, name)
    t.assert.match(String(data[0]?.b64_json), /^iVBOR/)
    t.assert.equal(lastRequest(service).fields.prompt, 'make it red')
  }
})

test('a form and its JSON are the same request', async (t: TestContext) => {
  const service = await startService(t, gptImage)
  const [first, second, mask] = [await png(48, 48), await png(50, 50), await transparent(48)]
  const members = {
    prompt: 'x',
    n: 2,
    size: '1024x1024',
    quality: 'low',
    output_format: 'jpeg',
    output_compression: 70,
  }
  const form = await postForm(service.url, [
    ['image[]', first],
    ['image[]', second],
    ['mask', mask],
    ...Object.entries(members).map(([name, value]) => [name, String(value)] as const),
    ['user', ''],
    ['background', 'auto'],
  ])
  const fromForm = lastRequest(service)
  const json = await postJson(service.url, {
    ...members,
    images: [{ image_url: dataUrl(first), file_id: null }, { image_url: dataUrl(second) }],
    mask: { image_url: dataUrl(mask) },
    background: null,
  })
  t.assert.deepEqual([form.status, json.status], [200, 200], JSON.stringify([form.error, json.error]))
  t.assert.deepEqual([form.data.length, json.data.length], [2, 2])
  t.assert.deepEqual(lastRequest(service), fromForm)
  t.assert.deepEqual(
    fromForm.files.map(({ field }) => field),
    ['image[]', 'image[]', 'mask'],
  )
  t.assert.deepEqual(
    fromForm.files.slice(0, 2).map(({ hash }) => hash),
    [first, second].map(sha256),
  )
})

test('a stored image is named by its id, its URI or its link, in both forms, beside images that are sent', async (t: TestContext) => {
  const service = await startService(t, { AZURE_DEPLOYMENT_NAME: 'gpt-image-1' })
  const [image, other] = [await png(40, 40), await png(42, 42)]
  const stored = await postForm(service.url, [
    ['prompt', 'x'],
    ['image', image],
    ['response_format', 'url'],
  ])
  const [{ id = '', url = '' } = {}] = stored.data
  t.assert.match(url, /\/images\/img_/)
  const hash = sha256(Buffer.from(await (await fetch(url)).arrayBuffer()))
  for (const name of [id, `image://${id}`, url]) {
    await postForm(service.url, [
      ['prompt', 'x'],
      ['image', name],
    ])
    t.assert.deepEqual(
      lastRequest(service).files.map((file) => file.hash),
      [hash],
      name,
    )
    await postJson(service.url, { prompt: 'x', images: [{ image_url: dataUrl(other) }, { image_url: name }] })
    t.assert.deepEqual(
      lastRequest(service).files.map((file) => file.hash),
      [sha256(other), hash],
      name,
    )
  }
  const mask = await storeImage(service.app, { bytes: await transparent(40) })
  const json = { prompt: 'x', images: [{ image_url: dataUrl(image) }], mask: { file_id: mask.id } }
  t.assert.equal((await postJson(service.url, json)).status, 200)
  t.assert.deepEqual(
    lastRequest(service).files.map(({ field }) => field),
    ['image', 'mask'],
  )
})

test('what cannot be edited is rejected before anything is sent, with a sentence that says what to do', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const image = await png(40, 40)
  const bad: [what: string, Promise<Answer>, RegExp, param: string | null][] = [
    [
      'a mask',
      postForm(url, [
        ['prompt', 'x'],
        ['image', image],
        ['mask', image],
      ]),
      /does not support mask;/,
      'mask',
    ],
    [
      'two images',
      postForm(url, [
        ['prompt', 'x'],
        ['image', image],
        ['image', image],
      ]),
      /accepts one image/,
      'image',
    ],
    ['17 images', postForm(url, [['prompt', 'x'], ...Array(17).fill(['image[]', image])]), /more than 16/, 'images'],
    [
      'no image',
      postForm(url, [
        ['prompt', 'x'],
        ['image', ''],
      ]),
      /Send the image to edit/,
      'image',
    ],
    [
      'an empty file',
      postForm(url, [
        ['prompt', 'x'],
        ['image', Buffer.alloc(0)],
      ]),
      /is empty/,
      null,
    ],
    ['no image in JSON', postJson(url, { prompt: 'x', images: [] }), /Send the image to edit/, 'image'],
    ['no prompt', postForm(url, [['image', image]]), /"prompt" is missing/, 'prompt'],
    [
      'two prompts',
      postForm(url, [
        ['prompt', 'x'],
        ['prompt', 'y'],
        ['image', image],
      ]),
      /same name/,
      null,
    ],
    [
      'an unknown part',
      postForm(url, [
        ['prompt', 'x'],
        ['image', image],
        ['strength', '1'],
      ]),
      /strength/,
      'strength',
    ],
    [
      'a prototype',
      postForm(url, [
        ['prompt', 'x'],
        ['image', image],
        ['__proto__', '1'],
      ]),
      /__proto__/,
      '__proto__',
    ],
    [
      'a text file',
      postForm(url, [
        ['prompt', 'x'],
        ['image', Buffer.from('not an image')],
      ]),
      /send a PNG/,
      null,
    ],
    [
      'an address',
      postJson(url, { prompt: 'x', images: [{ image_url: 'https://a.example/b.png' }] }),
      /does not fetch/,
      null,
    ],
    ['an id of OpenAI', postJson(url, { prompt: 'x', images: [{ file_id: 'file-abc123' }] }), /names no image/, null],
    ['both names', postJson(url, { prompt: 'x', images: [{ file_id: 'a', image_url: 'b' }] }), /images/, 'images'],
    ['a number', postJson(url, { prompt: 'x', images: [7] }), /image_url/, 'images'],
    [
      'n in words',
      postForm(url, [
        ['prompt', 'x'],
        ['image', image],
        ['n', 'two'],
      ]),
      /"n" must be integer/,
      'n',
    ],
    ['a long text', postJson(url, { prompt: 'A'.repeat(80_000), images: [dataUrl(image)] }), /32000/, 'prompt'],
    ['a list', postJson(url, []), /must be a JSON object/, null],
    [
      'no library',
      postForm((await startService(t, { LIBRARY: 'off' })).url, [
        ['prompt', 'x'],
        ['image', 'https://a.example/b.png'],
      ]),
      /does not fetch/,
      null,
    ],
  ]
  for (const [what, sent, message, param] of bad) {
    const { status, error } = await sent
    t.assert.equal(status, 400, what)
    t.assert.match(error.message, message, what)
    t.assert.deepEqual([error.type, error.param], ['invalid_request_error', param], what)
  }
  t.assert.equal(simulator.requests.length, 0)
})

test('forms are taken for edits only, and edits take nothing else but JSON', async (t: TestContext) => {
  const { url } = await startService(t)
  const form = new FormData()
  form.append('prompt', 'x')
  const generation = await answerOf(await fetch(`${url}/v1/images/generations`, { method: 'POST', body: form }))
  t.assert.equal(generation.status, 415)
  const text = await answerOf(await fetch(edits(url), { method: 'POST', body: 'prompt=x' }))
  t.assert.equal(text.status, 415)
  t.assert.match(text.error.message, /multipart\/form-data/)
  const latin = { 'content-type': 'multipart/form-data; boundary=b; charset=iso-8859-1' }
  t.assert.equal((await fetch(edits(url), { method: 'POST', headers: latin, body: '--b--' })).status, 415)
})

test('a form has the limits of a body and of an image', async (t: TestContext) => {
  const { url, app } = await startService(t, { MAX_IMAGE_BYTES: '300000', MAX_BODY_BYTES: '700000' })
  const image = await postForm(url, [
    ['prompt', 'x'],
    ['image', Buffer.alloc(300_001)],
  ])
  t.assert.deepEqual([image.status, image.error.code], [400, 'image_bytes'])
  const body = await postForm(url, [
    ['prompt', 'x'],
    ['image', Buffer.alloc(700_000)],
  ])
  t.assert.deepEqual([body.status, body.error.code], [413, 'request_too_large'])
  t.assert.match(body.error.message, /700000 bytes/)
  await waitFor('the reservations to end', async () => app.inputBudget.used === 0)
})

test('a form that stops arriving is rejected, and one that is broken off leaves nothing behind', async (t: TestContext) => {
  const { app, url } = await listen(t, {}, { timing: { uploadPeriodMs: 1_000 } })
  const { port } = new URL(url)
  const begin = async () => {
    const socket = connect(Number(port), '127.0.0.1')
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(
      'POST /v1/images/edits HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000000\r\n' +
        'content-type: multipart/form-data; boundary=b\r\n\r\n' +
        '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n',
    )
    for (let sent = 0; sent < 3; sent++) socket.write(Buffer.alloc(65_536))
    await waitFor('a reservation', async () => app.inputBudget.used > 0)
    return socket
  }
  const stalled = await begin()
  const [response] = await once(stalled, 'data')
  t.assert.match(String(response), /^HTTP\/1\.1 408 [\s\S]*too slowly/)
  stalled.destroy()
  const broken = await begin()
  broken.destroy()
  await waitFor('the reservations to end', async () => app.inputBudget.used === 0)
})

test('the memory of a form is free when its response has been sent', async (t: TestContext) => {
  const { app, url } = await startService(t)
  const image = await drawing(400, 400).png({ compressionLevel: 0 }).toBuffer()
  t.assert.ok(image.length > 400_000)
  const { status } = await postForm(url, [['prompt', 'x'], small, ['image', image]])
  t.assert.equal(status, 200)
  await waitFor('the reservations to end', async () => app.inputBudget.used === 0)
})

test('a repeated form with the same key returns the same image, another form is rejected', async (t: TestContext) => {
  const { url, simulator } = await startService(t)
  const [image, other] = [await png(40, 40), await png(44, 44)]
  const key = { 'idempotency-key': 'edit-1' }
  const first = await postForm(url, [['prompt', 'x'], small, ['image', image]], key)
  const again = await postForm(url, [small, ['image[]', image], ['prompt', 'x']], key)
  t.assert.deepEqual([first.status, again.status], [200, 200])
  t.assert.equal(again.data[0]?.b64_json, first.data[0]?.b64_json)
  t.assert.equal(simulator.requests.length, 1)
  const { status } = await postForm(url, [['prompt', 'x'], small, ['image', other]], key)
  t.assert.ok(status === 422 || simulator.requests.length === 2)
})
