import { createHash, randomUUID, sign, X509Certificate } from 'node:crypto'
import { createCertificate } from '../certificate.ts'
import * as images from './images.ts'

/**
 * Signs images with Content Credentials, without the code under test: a C2PA manifest store with a claim, an action, the
 * hash of the file and a COSE signature under a self-signed certificate.
 * https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html
 */
export type SignedFormat = 'png' | 'jpeg' | 'webp' | 'gif'

const makers = { png: images.png, jpeg: images.jpeg, webp: images.webp, gif: images.gif }

/** An image in each format, and the same with Content Credentials. */
export async function signedPairs(width: number, height: number, extraBytes = 0) {
  const formats = ['png', 'jpeg', 'webp', 'gif'] as const
  return await Promise.all(
    formats.map(async (format) => {
      const plain = await makers[format](width, height)
      return { format, plain, signed: signImage(plain, format, extraBytes) }
    }),
  )
}

/** @param extraBytes of the manifest store, as thumbnails need them */
export function signImage(plain: Buffer, format: SignedFormat, extraBytes = 0): Buffer {
  const key = createCertificate()
  const urn = `urn:c2pa:${randomUUID()}`
  const embed = (store: Buffer) => embedders[format](plain, store)
  let excluded = { start: 0, length: 0 }
  for (;;) {
    const draft = embed(manifestStore({ key, urn, excluded, hash: Buffer.alloc(32), extraBytes }))
    const isSame = draft.start === excluded.start && draft.length === excluded.length
    excluded = { start: draft.start, length: draft.length }
    if (!isSame) continue
    const hash = createHash('sha256')
      .update(draft.file.subarray(0, excluded.start))
      .update(draft.file.subarray(excluded.start + excluded.length))
      .digest()
    return embed(manifestStore({ key, urn, excluded, hash, extraBytes })).file
  }
}

interface Embedded {
  file: Buffer
  /** Where the store and its frame are. */
  start: number
  length: number
}

function insert(plain: Buffer, start: number, part: Buffer): Embedded {
  return {
    file: Buffer.concat([plain.subarray(0, start), part, plain.subarray(start)]),
    start,
    length: part.length,
  }
}

/** Segments of at most 64 KiB, each of which repeats the header of the box. */
export function jpegSegments(store: Buffer, segmentBytes = 65_000, instance = 1): Buffer {
  const parts: Buffer[] = []
  for (let at = 8, sequence = 1; at < store.length; at += segmentBytes, sequence++) {
    const data = store.subarray(at, at + segmentBytes)
    const head = Buffer.alloc(12)
    head.writeUInt16BE(0xffeb, 0)
    head.writeUInt16BE(2 + 8 + 8 + data.length, 2)
    head.write('JP', 4)
    head.writeUInt16BE(instance, 6)
    head.writeUInt32BE(sequence, 8)
    parts.push(head, store.subarray(0, 8), data)
  }
  return Buffer.concat(parts)
}

/** @param blockBytes of the sub-blocks, 255 at most */
export function gifExtension(store: Buffer, blockBytes = 255): Buffer {
  const parts: Buffer[] = [Buffer.from('\x21\xff\x0bC2PA_GIF\x01\0\0', 'latin1')]
  for (let at = 0; at < store.length; at += blockBytes) {
    const block = store.subarray(at, at + blockBytes)
    parts.push(Buffer.of(block.length), block)
  }
  return Buffer.concat([...parts, Buffer.of(0)])
}

export function riffChunk(type: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32LE(data.length, 4)
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)])
}

const embedders: Readonly<Record<SignedFormat, (plain: Buffer, store: Buffer) => Embedded>> = {
  png: (plain, store) => insert(plain, 33, images.pngChunk('caBX', store)),
  jpeg: (plain, store) => insert(plain, 2, jpegSegments(store)),
  webp(plain, store) {
    const embedded = insert(plain, plain.length, riffChunk('C2PA', store))
    embedded.file.writeUInt32LE(embedded.file.length - 8, 4)
    return embedded
  },
  gif(plain, store) {
    const flags = plain.readUInt8(10)
    return insert(plain, 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)), gifExtension(store))
  },
}

interface StoreFacts {
  key: { certificate: string; key: string }
  urn: string
  excluded: { start: number; length: number }
  hash: Buffer
  extraBytes: number
}

/** A C2PA manifest store with one manifest. */
export function manifestStore({ key, urn, excluded, hash, extraBytes }: StoreFacts): Buffer {
  const assertions = {
    'c2pa.actions.v2': cbor({
      actions: [{ action: 'c2pa.created', digitalSourceType: `${SOURCE_TYPES}trainedAlgorithmicMedia` }],
    }),
    'c2pa.hash.data': cbor({ exclusions: [excluded], name: 'image', alg: 'sha256', hash, pad: Buffer.alloc(8) }),
    ...(extraBytes === 0 ? {} : { 'org.example.padding': cbor({ padding: Buffer.alloc(extraBytes, 7) }) }),
  }
  const boxes = Object.entries(assertions).map(([label, data]) => superbox('cbor', label, box('cbor', data)))
  const claim = cbor({
    instanceID: 'xmp:iid:1',
    claim_generator_info: { name: 'test', version: '1' },
    signature: `self#jumbf=/c2pa/${urn}/c2pa.signature`,
    alg: 'sha256',
    created_assertions: Object.keys(assertions).map((label, index) => ({
      url: `self#jumbf=c2pa.assertions/${label}`,
      // Without the header of the box.
      hash: createHash('sha256')
        .update(boxes[index]?.subarray(8) ?? '')
        .digest(),
    })),
  })
  const manifest = superbox(
    'c2ma',
    urn,
    superbox('c2as', 'c2pa.assertions', ...boxes),
    superbox('c2cl', 'c2pa.claim.v2', box('cbor', claim)),
    superbox('c2cs', 'c2pa.signature', box('cbor', signatureOf(claim, key))),
  )
  return superbox('c2pa', 'c2pa', manifest)
}

const SOURCE_TYPES = 'http://cv.iptc.org/newscodes/digitalsourcetype/'

/** COSE_Sign1 with ES256 and the certificate: https://www.rfc-editor.org/rfc/rfc9052#section-4.2 */
function signatureOf(claim: Buffer, { certificate, key }: StoreFacts['key']): Buffer {
  const protectedHeader = cbor(
    new Map<unknown, unknown>([
      [1, -7],
      [33, new X509Certificate(certificate).raw],
    ]),
  )
  const signed = cbor(['Signature1', protectedHeader, Buffer.alloc(0), claim])
  const signature = sign('sha256', signed, { key, dsaEncoding: 'ieee-p1363' })
  return Buffer.concat([Buffer.of(0xd2), cbor([protectedHeader, {}, null, signature])])
}

/** ISO/IEC 19566-5: length, type, content. */
export function box(type: string, ...content: Buffer[]): Buffer {
  const data = Buffer.concat(content)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + data.length)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, data])
}

/** A box with a description: its type as a UUID, and its label. */
export function superbox(type: string, label: string, ...content: Buffer[]): Buffer {
  const uuid = Buffer.concat([Buffer.from(type), Buffer.from('00110010800000aa00389b71', 'hex')])
  return box('jumb', box('jumd', uuid, Buffer.of(3), Buffer.from(`${label}\0`)), ...content)
}

/** https://www.rfc-editor.org/rfc/rfc8949 */
function cbor(value: unknown): Buffer {
  if (value === null) return Buffer.of(0xf6)
  if (typeof value === 'number') return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value)
  if (typeof value === 'string') return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([cborHead(2, value.length), value])
  if (Array.isArray(value)) return Buffer.concat([cborHead(4, value.length), ...value.map(cbor)])
  const entries = value instanceof Map ? [...value] : Object.entries(Object(value))
  return Buffer.concat([cborHead(5, entries.length), ...entries.flat().map(cbor)])
}

function cborHead(major: number, value: number): Buffer {
  const type = major << 5
  if (value < 24) return Buffer.of(type | value)
  if (value < 256) return Buffer.of(type | 24, value)
  const head = Buffer.alloc(value < 65_536 ? 3 : 5, type | (value < 65_536 ? 25 : 26))
  if (value < 65_536) head.writeUInt16BE(value, 1)
  else head.writeUInt32BE(value, 1)
  return head
}
