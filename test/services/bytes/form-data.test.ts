import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import FormDataStream from 'form-data'
import { type BufferPool, createBufferPool } from '../../../services/bytes/buffer-pool.ts'
import { type ParsedForm, parseForm } from '../../../services/bytes/form-data.ts'
import { InlineBlob } from '../../../services/bytes/json/inline-blob.ts'
import { ServiceError } from '../../../services/errors/errors.ts'
import { checkProperty } from '../../support/property.ts'

const BOUNDARY = 'frontier-7'
const CONTENT_TYPE = `multipart/form-data; boundary=${BOUNDARY}`
const PNG = Buffer.from('89504e470d0a1a0a00010203ff', 'hex')

interface Sent {
  header: string
  content: string | Buffer
}

const field = (name: string, content: string | Buffer): Sent => ({
  header: `Content-Disposition: form-data; name="${name}"`,
  content,
})
const file = (name: string, content: string | Buffer = PNG, filename = 'a.png'): Sent => ({
  header: `Content-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: image/png`,
  content,
})

function write(parts: readonly Sent[], headerEncoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
  const chunks = parts.flatMap(({ header, content }) => [
    Buffer.from(`--${BOUNDARY}\r\n`),
    Buffer.from(`${header}\r\n\r\n`, headerEncoding),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)])
}

const options = (pool: BufferPool = createBufferPool()) => ({
  pool,
  isImage: (name: string) => /^(?:image|mask)/.test(name),
  maxImageBytes: 200_000,
})

const parse = (body: Buffer, contentType = CONTENT_TYPE) => parseForm(body, contentType, options())

const shown = ({ parts }: ParsedForm) =>
  parts.map(({ name, value }) => [name, value instanceof InlineBlob ? value.bytes.toString('hex') : value])

const rejected = (problem: string | RegExp) => (error: unknown) =>
  error instanceof ServiceError &&
  error.code === 'IMG_ERR_FORM' &&
  (typeof problem === 'string' ? error.message.includes(problem) : problem.test(error.message))

/** Counts the buffers that are not returned. */
function countingPool() {
  const pool = createBufferPool()
  let inUse = 0
  return {
    get inUse() {
      return inUse
    },
    acquire(bytes: number) {
      const memory = pool.acquire(bytes)
      let isReturned = false
      inUse++
      return {
        bytes: memory.bytes,
        [Symbol.dispose]() {
          if (!isReturned) inUse--
          isReturned = true
          memory[Symbol.dispose]()
        },
      }
    },
  }
}

test('reads fields as texts and files as bytes, in the order in which they arrive', (t: TestContext) => {
  using form = parse(
    write([field('prompt', 'Ein Füchslein 🦊'), file('image[]'), field('n', '2'), file('image[]'), file('mask')]),
  )
  t.assert.deepEqual(shown(form), [
    ['prompt', 'Ein Füchslein 🦊'],
    ['image[]', PNG.toString('hex')],
    ['n', '2'],
    ['image[]', PNG.toString('hex')],
    ['mask', PNG.toString('hex')],
  ])
})

test('the bytes decide what a part is where its name says that it is an image', (t: TestContext) => {
  using form = parse(
    write([
      field('image', PNG),
      field('image', 'img_01h'),
      file('mask', '', ''),
      file('image', 'img_01h'),
      file('prompt', 'typed in a file', 'prompt.txt'),
    ]),
  )
  t.assert.deepEqual(shown(form), [
    ['image', PNG.toString('hex')],
    ['image', 'img_01h'],
    ['mask', ''],
    ['image', Buffer.from('img_01h').toString('hex')],
    ['prompt', 'typed in a file'],
  ])
})

test('a long base64 text in an image is decoded without becoming a string', (t: TestContext) => {
  const bytes = Buffer.alloc(90_000, 7)
  using form = parse(write([field('image', `data:image/png;base64,${bytes.toString('base64')}`)]))
  const value = form.parts[0]?.value
  t.assert.ok(value instanceof InlineBlob)
  t.assert.equal(value.header, 'data:image/png;base64,')
  t.assert.ok(value.bytes.equals(bytes))
})

test('a file may be empty, and have any name that a program writes', (t: TestContext) => {
  for (const filename of ['a b.png', '图片.png', 'a\\"b\\".png', 'C:\\images\\a.png', 'a;name=x.png', "it's.png"]) {
    using form = parse(write([file('image', '', filename), field('prompt', 'x')]))
    t.assert.deepEqual(
      shown(form),
      [
        ['image', ''],
        ['prompt', 'x'],
      ],
      filename,
    )
  }
  const unusual = [
    `content-disposition:form-data;name=image;filename=a.png`,
    `Content-Disposition: form-data; filename="a.png"; name="image"`,
    `Content-Disposition: form-data; name="image"; filename*=UTF-8''%E5%9B%BE.png; filename="a.png"`,
    `Content-Type: image/png\r\nX-Other: 1\r\nContent-Disposition: form-data; name="image"; filename="a.png"`,
  ]
  for (const header of unusual) {
    using form = parse(write([{ header, content: PNG }]))
    t.assert.deepEqual(shown(form), [['image', PNG.toString('hex')]], header)
  }
})

test('a charset that a file name claims is not tried, nor logged', (t: TestContext) => {
  const warn = t.mock.method(console, 'warn', () => undefined)
  using form = parse(
    write([{ header: `Content-Disposition: form-data; name="image"; filename*=x-none''%ff`, content: PNG }]),
  )
  t.assert.equal(form.parts[0]?.name, 'image')
  t.assert.equal(warn.mock.callCount(), 0)
})

test('text before the first boundary and after the last one is ignored', (t: TestContext) => {
  const body = Buffer.concat([Buffer.from('This is a form.\r\n'), write([field('n', '1')]), Buffer.from('the end')])
  using form = parse(body)
  t.assert.deepEqual(shown(form), [['n', '1']])
})

test('the boundary may be quoted', (t: TestContext) => {
  using form = parse(write([field('n', '1')]), `multipart/form-data; charset=utf-8; boundary="${BOUNDARY}"`)
  t.assert.deepEqual(shown(form), [['n', '1']])
})

test('a form in a form is a text', (t: TestContext) => {
  const inner = '--inner\r\nContent-Disposition: file; filename="a.png"\r\n\r\nx\r\n--inner--'
  using form = parse(
    write([
      {
        header: 'Content-Disposition: form-data; name="image"\r\nContent-Type: multipart/mixed; boundary=inner',
        content: inner,
      },
    ]),
  )
  t.assert.deepEqual(shown(form), [['image', inner]])
})

test('says what is wrong with a form', (t: TestContext) => {
  const whole = write([field('prompt', 'x'), file('image')])
  const bad: [Buffer, string, string][] = [
    [whole, 'multipart/form-data', 'names no boundary'],
    [whole, `multipart/form-data; boundary=${'b'.repeat(201)}`, 'names no boundary'],
    [whole, 'multipart/form-data; boundary=another', 'is not in it'],
    [Buffer.alloc(0), CONTENT_TYPE, 'is not in it'],
    [whole.subarray(0, whole.length - 5), CONTENT_TYPE, 'ends before its last boundary'],
    [write([field('prompt', Buffer.from([0xff, 0xfe, 0x41]))]), CONTENT_TYPE, 'is not UTF-8'],
    [write([field('prompt', 'x'.repeat(262_145))]), CONTENT_TYPE, 'longer than 262144 bytes'],
    [write([{ header: `X-Long: ${'x'.repeat(9000)}`, content: '' }]), CONTENT_TYPE, 'longer than 8192 bytes'],
    [write([{ header: 'Content-Type: image/png', content: PNG }]), CONTENT_TYPE, 'a part has no name'],
    [
      write([{ header: 'Content-Disposition: form-data; filename="a.png"', content: PNG }]),
      CONTENT_TYPE,
      'a part has no name',
    ],
    [write(Array.from({ length: 65 }, () => field('n', '1'))), CONTENT_TYPE, 'more than 64 parts'],
    [write([file('image', PNG, 'Füchslein.png')], 'latin1'), CONTENT_TYPE, 'name of ASCII letters'],
  ]
  for (const [body, contentType, problem] of bad)
    t.assert.throws(() => parse(body, contentType), rejected(problem), problem)
})

test('rejects an image above the limit, and one byte less is accepted', (t: TestContext) => {
  using form = parse(write([file('image', Buffer.alloc(200_000))]))
  t.assert.equal(form.parts.length, 1)
  t.assert.throws(
    () => parse(write([file('image', Buffer.alloc(200_001))])),
    (error: unknown) => error instanceof ServiceError && error.code === 'IMG_ERR_IMAGE_BYTES',
  )
})

test('returns its memory when it is disposed, and when it fails', (t: TestContext) => {
  const pool = countingPool()
  const whole = write([file('image', Buffer.alloc(150_000, 1)), file('mask', Buffer.alloc(150_000, 2))])
  const form = parseForm(whole, CONTENT_TYPE, options(pool))
  t.assert.equal(pool.inUse, 2)
  t.assert.ok(form.retainedBytes >= 300_000)
  form[Symbol.dispose]()
  t.assert.equal(pool.inUse, 0)
  t.assert.throws(
    () => parseForm(whole.subarray(0, whole.length - 30), CONTENT_TYPE, options(pool)),
    rejected('ends before'),
  )
  t.assert.equal(pool.inUse, 0)
})

test('the parts do not change with the memory of the body', (t: TestContext) => {
  const body = write([field('prompt', 'red'), file('image')])
  using form = parse(body)
  body.fill(0)
  t.assert.deepEqual(shown(form), [
    ['prompt', 'red'],
    ['image', PNG.toString('hex')],
  ])
})

test('a form that is cut anywhere is rejected with a sentence, and loses no memory', (t: TestContext) => {
  const pool = countingPool()
  const body = write([field('prompt', 'x'), file('image', Buffer.alloc(70_000, 3)), field('n', '1')])
  const cuts = [...Array(400).keys(), ...Array.from({ length: 200 }, (_, at) => body.length - 4 - at)]
  for (const cut of cuts) {
    t.assert.throws(
      () => parseForm(body.subarray(0, cut), CONTENT_TYPE, options(pool)),
      (error: unknown) => error instanceof ServiceError,
      `cut at ${cut}`,
    )
    t.assert.equal(pool.inUse, 0)
  }
})

test('reads what the form writers of Node.js and form-data write', async (t: TestContext) => {
  const web = new FormData()
  web.append('prompt', 'line\nbreak "quoted"')
  web.append('image[]', new File([PNG], 'ü "x".png', { type: 'image/png' }))
  const response = new Response(web)
  const body = Buffer.from(await response.arrayBuffer())
  using form = parse(body, response.headers.get('content-type') ?? '')
  t.assert.deepEqual(shown(form), [
    ['prompt', 'line\r\nbreak "quoted"'],
    ['image[]', PNG.toString('hex')],
  ])

  const stream = new FormDataStream()
  stream.append('image', PNG, { filename: 'a.png', contentType: 'image/png' })
  stream.append('n', '1')
  using second = parse(stream.getBuffer(), stream.getHeaders()['content-type'])
  t.assert.deepEqual(shown(second), [
    ['image', PNG.toString('hex')],
    ['n', '1'],
  ])
})

const content = fc.array(
  fc.oneof(
    fc
      .constantFrom('\r\n', '\r', '\n', '--', `--${BOUNDARY}`, `\r\n--${BOUNDARY.slice(0, -1)}`, '\0')
      .map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  ),
  { maxLength: 12 },
)

test('any bytes in a file arrive as they were sent', async (t: TestContext) => {
  const property = fc.property(fc.array(content, { minLength: 1, maxLength: 5 }), (contents) => {
    const files = contents
      .map((chunks) => Buffer.concat(chunks))
      .filter((bytes) => !bytes.includes(`\r\n--${BOUNDARY}`))
    using form = parse(write(files.map((bytes) => file('image[]', bytes))))
    t.assert.deepEqual(
      shown(form),
      files.map((bytes) => ['image[]', bytes.toString('hex')]),
    )
  })
  await checkProperty(t, property, { numRuns: 300 })
})

test('any body is parsed or rejected with a sentence', async (t: TestContext) => {
  const pieces = fc.array(
    fc.oneof(
      fc
        .constantFrom(
          `--${BOUNDARY}`,
          `\r\n--${BOUNDARY}\r\n`,
          `\r\n--${BOUNDARY}--`,
          'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\n',
          'Content-Disposition: form-data; name=',
          '\r\n\r\n',
          '"',
          ';',
        )
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 30 },
  )
  const pool = countingPool()
  const property = fc.property(pieces, (chunks) => {
    try {
      parseForm(Buffer.concat(chunks), CONTENT_TYPE, options(pool))[Symbol.dispose]()
    } catch (error) {
      t.assert.ok(error instanceof ServiceError, String(error))
    }
    t.assert.equal(pool.inUse, 0)
  })
  await checkProperty(t, property, { numRuns: 1000 })
})
