import { createBase64Decoder, DECODED_AT_A_TIME, decodedCapacity } from '../bytes/base64-decoder.ts'
import type { Base64Image, ByteScanner } from '../bytes/base64-image.ts'
import { hasText } from './headers/header.ts'

/**
 * Looks for Content Credentials while the bytes of an image pass: a C2PA manifest store where its format has it, that is
 * before the first scan of a JPEG and before the first frame of a GIF, and anywhere in a PNG or WebP. It never throws and
 * needs constant memory. It finds them, but does not check their signature.
 * https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_embedding_manifests_into_various_file_formats
 */
export interface CredentialsScanner extends ByteScanner {
  /** Whether the image carries Content Credentials; undefined: the bytes so far do not decide it. */
  readonly found: boolean | undefined
  /** The next bytes, cut anywhere. They are not kept. */
  write(chunk: Buffer): void
}

/**
 * What became of the credentials of a generated image: `preserved` in the response; `stored` with the whole image, while
 * the response has a preview without them; `absent`: Azure sent none.
 */
export type CredentialsState = 'preserved' | 'stored' | 'absent'

/** Reads the bytes that it asked for, at the beginning of a Buffer, and asks for the next ones or decides. */
type Step = (head: Buffer) => Next | boolean

interface Next {
  /** Bytes before those that are read. */
  skip: number
  /** 1 to `STORE_HEAD_BYTES`. */
  take: number
  step: Step
}

/** Far more than encoders write. Beyond it an image counts as one without credentials, since each step takes time. */
const MAX_STEPS = 100_000

export function createCredentialsScanner(): CredentialsScanner {
  const taken = Buffer.alloc(STORE_HEAD_BYTES)
  let filled = 0
  let next = take(2, readSignature)
  let steps = 0
  let found: boolean | undefined

  return {
    get found() {
      return found
    },
    write(chunk) {
      for (let at = 0; found === undefined && at < chunk.length; ) {
        const skipped = Math.min(next.skip, chunk.length - at)
        next.skip -= skipped
        at += skipped
        // Most are a few bytes, for which a native copy takes longer.
        while (filled < next.take && at < chunk.length) taken[filled++] = chunk[at++] ?? 0
        if (next.skip > 0 || filled < next.take) return
        filled = 0
        const result = ++steps > MAX_STEPS ? false : next.step(taken)
        if (typeof result === 'boolean') found = result
        else next = result
      }
    },
  }
}

/** Whether an image carries Content Credentials. It is read only if that is not known yet, and as far as needed. */
export async function hasCredentials(image: Base64Image): Promise<boolean> {
  if (image.hasCredentials !== undefined) return image.hasCredentials
  const scanner = createCredentialsScanner()
  const decoder = createBase64Decoder()
  const block = Buffer.allocUnsafe(decodedCapacity(DECODED_AT_A_TIME))
  for await (const chunk of image.chunks()) {
    for (let at = 0; at < chunk.length; at += DECODED_AT_A_TIME) {
      const bytes = decoder.write(chunk.subarray(at, at + DECODED_AT_A_TIME), block)
      scanner.write(block.subarray(0, bytes))
      if (scanner.found !== undefined) return scanner.found
    }
  }
  return false
}

const take = (bytes: number, step: Step, skip = 0): Next => ({ skip, take: bytes, step })

function readSignature(head: Buffer): Next | boolean {
  if (hasText(head, 0, '\xff\xd8')) return take(1, jpegSteps())
  if (hasText(head, 0, '\x89P')) return take(6, (rest) => hasText(rest, 0, 'NG\r\n\x1a\n') && take(8, readPngChunk))
  if (hasText(head, 0, 'RI')) return take(10, readRiffHeader)
  return hasText(head, 0, 'GI') && take(11, readGifHeader)
}

/** The description box of the store: https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_c2pa_box_details */
const STORE_TYPE = Buffer.from('6332706100110010800000aa00389b71', 'hex')
const HAS_LABEL = 0x02
/** Enough of a store to recognise it, even if its length is in the long form. */
const STORE_HEAD_BYTES = 46

/** Boxes begin with their length and type, and with a longer length if the first one is 1: ISO/IEC 19566-5. */
function isManifestStore(head: Buffer): boolean {
  const box = boxHeaderBytes(head.readUInt32BE(0))
  const isTyped =
    hasText(head, 4, 'jumb') && hasText(head, box + 4, 'jumd') && STORE_TYPE.equals(head.subarray(box + 8, box + 24))
  return isTyped && (head.readUInt8(box + 24) & HAS_LABEL) !== 0 && hasText(head, box + 25, 'c2pa\0')
}

const boxHeaderBytes = (length: number): number => (length === 1 ? 16 : 8)

/** Reads a chunk that should have a manifest store. */
function readStore(length: number, after: Next): Next {
  if (length < STORE_HEAD_BYTES) return { ...after, skip: after.skip + length }
  const rest = length - STORE_HEAD_BYTES
  return take(STORE_HEAD_BYTES, (head) => isManifestStore(head) || { ...after, skip: after.skip + rest })
}

const CHECKSUM_BYTES = 4

/** https://www.w3.org/TR/png-3/#5Chunk-layout */
function readPngChunk(head: Buffer): Next | boolean {
  if (hasText(head, 4, 'IEND')) return false
  const length = head.readUInt32BE(0)
  const after = take(8, readPngChunk, CHECKSUM_BYTES)
  return hasText(head, 4, 'caBX') ? readStore(length, after) : { ...after, skip: after.skip + length }
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function readRiffHeader(head: Buffer): Next | boolean {
  if (!hasText(head, 0, 'FF') || !hasText(head, 6, 'WEBP')) return false
  /** Bytes of the file behind what has been read. */
  let left = head.readUInt32LE(2) - 4
  function readChunk(chunk: Buffer): Next | boolean {
    const length = chunk.readUInt32LE(4)
    left -= 8 + length
    if (left < 0) return false
    const padding = length & 1
    left -= padding
    const after = take(8, readChunk, padding)
    return hasText(chunk, 0, 'C2PA') ? readStore(length, after) : { ...after, skip: after.skip + length }
  }
  return take(8, readChunk)
}

/** The beginning of a store that is spread over parts of a file. */
function createStoreHead() {
  const head = Buffer.alloc(STORE_HEAD_BYTES)
  let filled = 0
  return {
    head,
    get missing() {
      return head.length - filled
    },
    add(bytes: Buffer, from: number, to: number): void {
      filled += bytes.copy(head, filled, from, to)
    },
  }
}
type StoreHead = ReturnType<typeof createStoreHead>

const MARKER_EOI = 0xd9
const MARKER_SOS = 0xda
const MARKER_APP11 = 0xeb

/** https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.1. A box is in one or more APP11 segments: ISO/IEC 19566-5, annex D. */
function jpegSteps(): Step {
  const skipBytes = (bytes: number) => take(1, readFill, bytes)
  let packet: { instance: number; sequence: number; store: StoreHead } | undefined

  /** Decoders skip what is no marker. */
  const readFill: Step = (head) => take(1, head[0] === 0xff ? readMarker : readFill)

  const readMarker: Step = (start) => {
    const marker = start.readUInt8(0)
    if (marker === 0xff) return take(1, readMarker)
    if (marker === MARKER_EOI || marker === MARKER_SOS) return false
    const hasLength = marker > 0x01 && (marker < 0xd0 || marker > 0xd8)
    if (!hasLength) return take(1, readFill)
    return take(2, (head) => {
      const length = head.readUInt16BE(0) - 2
      if (length < 0) return false
      if (marker !== MARKER_APP11 || length < 16) return skipBytes(length)
      return take(16, (box) => readBox(box, length - 16))
    })
  }

  /** An identifier, the box's instance, the segment's number, and the box's length and type, which every segment repeats. */
  function readBox(start: Buffer, length: number): Next | boolean {
    const instance = start.readUInt16BE(2)
    const sequence = start.readUInt32BE(4)
    if (!hasText(start, 0, 'JP') || !hasText(start, 12, 'jumb')) return skipBytes(length)
    const isNext = packet !== undefined && packet.instance === instance && packet.sequence + 1 === sequence
    if (sequence === 1) {
      packet = { instance, sequence, store: createStoreHead() }
      packet.store.add(start, 8, 16)
    } else if (packet !== undefined && isNext) packet.sequence = sequence
    else return skipBytes(length)
    const { store } = packet
    const repeated = sequence === 1 ? 0 : boxHeaderBytes(start.readUInt32BE(8)) - 8
    const bytes = Math.min(store.missing, length - repeated)
    if (bytes <= 0) return skipBytes(length)
    return take(
      bytes,
      (head) => {
        store.add(head, 0, bytes)
        return (store.missing === 0 && isManifestStore(store.head)) || skipBytes(length - repeated - bytes)
      },
      repeated,
    )
  }
  return readFill
}

const GIF_EXTENSION = 0x21
const GIF_APPLICATION = 0xff

/** https://www.w3.org/Graphics/GIF/spec-gif89a.txt : screen size and colours, then blocks made of sub-blocks. */
function readGifHeader(head: Buffer): Next | boolean {
  if (!hasText(head, 0, 'F87a') && !hasText(head, 0, 'F89a')) return false
  const flags = head.readUInt8(8)
  return take(2, readGifBlock, (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))
}

function readGifBlock(head: Buffer): Next | boolean {
  if (head[0] !== GIF_EXTENSION) return false
  return take(1, head[1] === GIF_APPLICATION ? readGifApplication : readGifSubBlock)
}

function readGifApplication(head: Buffer): Next | boolean {
  if (head.readUInt8(0) !== 11) return readGifSubBlock(head)
  return take(11, (name) =>
    take(1, hasText(name, 0, 'C2PA_GIF\x01\0\0') ? storeSubBlocks(createStoreHead()) : readGifSubBlock),
  )
}

function readGifSubBlock(head: Buffer): Next {
  const length = head.readUInt8(0)
  return length === 0 ? take(2, readGifBlock) : take(1, readGifSubBlock, length)
}

function storeSubBlocks(store: StoreHead): Step {
  const step: Step = (size) => {
    const length = size.readUInt8(0)
    const bytes = Math.min(length, store.missing)
    if (bytes === 0) return take(2, readGifBlock)
    return take(bytes, (head) => {
      store.add(head, 0, bytes)
      if (store.missing > 0) return take(1, step, length - bytes)
      return isManifestStore(store.head) || take(1, readGifSubBlock, length - bytes)
    })
  }
  return step
}
