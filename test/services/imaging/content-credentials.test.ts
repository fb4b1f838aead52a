import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { encodeImage } from '../../../services/bytes/base64-image.ts'
import { createCredentialsScanner, hasCredentials } from '../../../services/imaging/content-credentials.ts'
import * as images from '../../support/images/images.ts'
import { segment, withSegments } from '../../support/images/oriented.ts'
import * as signed from '../../support/images/signed.ts'
import { checkProperty } from '../../support/property.ts'

const plain = { png: await images.png(), jpeg: await images.jpeg(), webp: await images.webp(), gif: await images.gif() }
const formats = ['png', 'jpeg', 'webp', 'gif'] as const
/** Longer than a segment of a JPEG. */
const LONG = 150_000
const signedImages = formats.flatMap((format) =>
  [0, LONG].map((extra) => signed.signImage(plain[format], format, extra)),
)

const store = signed.superbox(
  'c2pa',
  'c2pa',
  signed.superbox('c2ma', 'urn:c2pa:1', signed.box('cbor', Buffer.alloc(40))),
)

function scan(bytes: Buffer, cuts: readonly number[] = []): boolean {
  const scanner = createCredentialsScanner()
  let from = 0
  for (const cut of [...cuts.toSorted((one, other) => one - other), bytes.length]) {
    scanner.write(bytes.subarray(from, cut))
    from = cut
  }
  return scanner.found === true
}

const insert = (bytes: Buffer, at: number, part: Buffer) =>
  Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)])
const webpWith = (chunk: Buffer) => {
  const bytes = Buffer.concat([plain.webp, chunk])
  bytes.writeUInt32LE(bytes.length - 8, 4)
  return bytes
}
const gifWith = (extension: Buffer) => insert(plain.gif, 13 + 3 * 2 ** (((plain.gif[10] ?? 0) & 7) + 1), extension)

test('Content Credentials are found in every format, however long', async (t: TestContext) => {
  for (const bytes of signedImages) {
    t.assert.equal(scan(bytes), true, bytes.toString('latin1', 0, 12))
    t.assert.equal(await hasCredentials(encodeImage(bytes, { mimeType: 'image/png', width: 1, height: 1 })), true)
  }
  for (const bytes of Object.values(plain)) {
    t.assert.equal(scan(bytes), false)
    t.assert.equal(await hasCredentials(encodeImage(bytes, { mimeType: 'image/png', width: 1, height: 1 })), false)
  }
})

test('Content Credentials are found in segments and blocks of any size, beside those of others', (t: TestContext) => {
  const other = signed.superbox('json', 'other', signed.box('json', Buffer.alloc(200)))
  for (const size of [1, 7, 37, 38, 39, 255]) {
    t.assert.equal(scan(withSegments(plain.jpeg, signed.jpegSegments(store, size))), true, `${size} bytes a segment`)
    t.assert.equal(scan(gifWith(signed.gifExtension(store, size))), true, `${size} bytes a block`)
    const both = Buffer.concat([signed.jpegSegments(other, size, 1), signed.jpegSegments(store, size, 2)])
    t.assert.equal(scan(withSegments(plain.jpeg, both)), true, `${size} bytes a segment, beside another box`)
  }
  const long = Buffer.concat([Buffer.from('\0\0\0\x01jumb\0\0\0\0'), Buffer.alloc(4), store.subarray(8)])
  t.assert.equal(scan(insert(plain.png, 33, images.pngChunk('caBX', long))), true, 'a length of 64 bits')
})

test('bytes of a manifest store elsewhere are no Content Credentials', (t: TestContext) => {
  const other = signed.superbox('json', 'c2pa', signed.box('json', store))
  const labelled = signed.superbox('c2pa', 'c2pb', signed.box('json', store))
  const [first = Buffer.alloc(0)] = [signed.jpegSegments(store)]
  const jpegXt = Buffer.from(first)
  jpegXt.write('RESI', 16)
  const outOfOrder = Buffer.from(first)
  outOfOrder.writeUInt32BE(2, 8)
  const cases: Record<string, Buffer> = {
    'text of a PNG': insert(plain.png, 33, images.pngChunk('tEXt', store)),
    'another chunk inside image data': insert(plain.png, 33, images.pngChunk('IDAT', images.pngChunk('caBX', store))),
    'behind the end of a PNG': Buffer.concat([plain.png, images.pngChunk('caBX', store)]),
    'another box in a PNG': insert(plain.png, 33, images.pngChunk('caBX', other)),
    'another label': insert(plain.png, 33, images.pngChunk('caBX', labelled)),
    'nothing in the chunk': insert(plain.png, 33, images.pngChunk('caBX', Buffer.alloc(0))),
    'a store that is cut off': insert(plain.png, 33, images.pngChunk('caBX', store.subarray(0, 38))),
    'JPEG XT': withSegments(plain.jpeg, jpegXt),
    'a box without its beginning': withSegments(plain.jpeg, outOfOrder),
    'another JUMBF box': withSegments(plain.jpeg, signed.jpegSegments(other)),
    'another segment': withSegments(plain.jpeg, segment(0xea, first.subarray(4))),
    'a comment in a JPEG': withSegments(plain.jpeg, segment(0xfe, first)),
    'behind the end of a JPEG': Buffer.concat([plain.jpeg, first]),
    'another chunk of a WebP': webpWith(signed.riffChunk('EXIF', signed.riffChunk('C2PA', store))),
    'behind the end of a WebP': Buffer.concat([plain.webp, signed.riffChunk('C2PA', store)]),
    'a comment in a GIF': gifWith(
      Buffer.concat([Buffer.from('\x21\xfe\x0bC2PA_GIF\x01\0\0', 'latin1'), signed.gifExtension(store).subarray(14)]),
    ),
    'another application of a GIF': gifWith(
      Buffer.concat([Buffer.from('\x21\xff\x0bC2PA_GIF\0\0\0', 'latin1'), signed.gifExtension(store).subarray(14)]),
    ),
    text: Buffer.from(`RIFF${store.toString('latin1')}`, 'latin1'),
  }
  for (const [name, bytes] of Object.entries(cases)) t.assert.equal(scan(bytes), false, name)
})

test('it does not matter how an image is cut into chunks, even if it is broken', async (t: TestContext) => {
  const change = fc.record({ at: fc.nat(400), byte: fc.nat(255) })
  const property = fc.property(
    fc.constantFrom(...signedImages, ...Object.values(plain)),
    fc.array(change, { maxLength: 3 }),
    fc.array(fc.nat(3000), { maxLength: 40 }),
    fc.option(fc.nat(3000)),
    (image, changes, cuts, end) => {
      const bytes = Buffer.from(image.subarray(0, end ?? image.length))
      for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte
      t.assert.equal(
        scan(
          bytes,
          cuts.map((cut) => Math.min(cut, bytes.length)),
        ),
        scan(bytes),
      )
    },
  )
  await checkProperty(t, property, { numRuns: 2000 })
  for (const bytes of signedImages) t.assert.equal(scan(bytes.subarray(0, 4000), [...Array(4000).keys()]), true)
})

test('a file of endless parts is given up after a bounded number of steps', (t: TestContext) => {
  const gif = plain.gif.subarray(0, 13)
  gif[10] = 0
  const endless: Record<string, [head: Buffer, part: Buffer]> = {
    'chunks of a PNG': [plain.png.subarray(0, 33), images.pngChunk('tEXt', Buffer.alloc(0))],
    'segments of a JPEG': [Buffer.of(0xff, 0xd8), segment(0xfe, Buffer.alloc(0))],
    'boxes of a JPEG': [Buffer.of(0xff, 0xd8), signed.jpegSegments(store, 1).subarray(0, 21)],
    'fill bytes': [Buffer.of(0xff, 0xd8), Buffer.of(0xff)],
    'garbage in a JPEG': [Buffer.of(0xff, 0xd8), Buffer.of(0)],
    'chunks of a WebP': [Buffer.from('RIFF\xff\xff\xff\xffWEBP', 'latin1'), signed.riffChunk('EXIF', Buffer.alloc(0))],
    'extensions of a GIF': [gif, Buffer.of(0x21, 0xfe, 0)],
    'blocks of a GIF': [Buffer.concat([gif, Buffer.of(0x21, 0xfe)]), Buffer.of(1, 0)],
  }
  for (const [name, [head, part]] of Object.entries(endless)) {
    const scanner = createCredentialsScanner()
    scanner.write(head)
    const parts = Buffer.concat(Array(1000).fill(part))
    let chunks = 0
    for (; scanner.found === undefined && chunks < 2000; chunks++) scanner.write(parts)
    t.assert.equal(scanner.found, false, name)
  }
})

test('lengths that lie neither fail nor skip backwards', (t: TestContext) => {
  const chunk = images.pngChunk('caBX', store)
  const short = Buffer.from(chunk)
  short.writeUInt32BE(3)
  const long = Buffer.from(chunk)
  long.writeUInt32BE(0xffffffff)
  t.assert.equal(scan(insert(plain.png, 33, short)), false)
  t.assert.equal(scan(insert(plain.png, 33, long)), true)
  t.assert.equal(scan(withSegments(plain.jpeg, Buffer.of(0xff, 0xeb, 0, 1))), false)
  t.assert.equal(scan(withSegments(plain.jpeg, Buffer.of(0xff, 0xeb, 0, 0))), false)
  t.assert.equal(scan(Buffer.from('RIFF\0\0\0\0WEBPC2PA', 'latin1')), false)
  t.assert.equal(
    scan(Buffer.concat([Buffer.from('RIFF\x04\0\0\0WEBP', 'latin1'), signed.riffChunk('C2PA', store)])),
    false,
  )
})
