import { cutOff, type ImageHeader, impossibleClaim, plainHeader, STEPS_BETWEEN_PAUSES, type Walk } from './header.ts'

/** The most that a byte of LZW can encode: one code of 12 bits encodes up to 4,096 pixels. */
const MAX_PIXELS_PER_BYTE = 2731

/** https://www.w3.org/Graphics/GIF/spec-gif89a.txt : screen size, then blocks made of sub-blocks of at most 255 bytes. */
export function* readGif(bytes: Buffer): Walk<ImageHeader | undefined> {
  if (bytes.length < 13) return undefined
  const header: ImageHeader = {
    ...plainHeader({ mimeType: 'image/gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }),
    channels: 4,
    frames: 0,
    isDecodedWhole: true,
  }
  let isPossible = true
  let at = 13 + colourTableLength(bytes.readUInt8(10))
  for (let step = 1; at < bytes.length; step++) {
    const block = bytes.readUInt8(at)
    if (block === 0x2c && at + 10 < bytes.length) {
      const pixels = bytes.readUInt16LE(at + 5) * bytes.readUInt16LE(at + 7)
      // Decoders enlarge the canvas to its first frame.
      const right = bytes.readUInt16LE(at + 1) + bytes.readUInt16LE(at + 5)
      const bottom = bytes.readUInt16LE(at + 3) + bytes.readUInt16LE(at + 7)
      const start = at + 11 + colourTableLength(bytes.readUInt8(at + 9))
      at = yield* afterSubBlocks(bytes, start)
      header.frames++
      // Only the first frame is decoded.
      if (header.frames === 1) {
        isPossible = (at - start) * MAX_PIXELS_PER_BYTE >= pixels
        header.width = Math.max(header.width, right)
        header.height = Math.max(header.height, bottom)
      }
    } else if (block === 0x21) {
      if (bytes[at + 1] === 0xf9 && ((bytes[at + 3] ?? 0) & 1) === 1) header.hasAlpha = true
      at = yield* afterSubBlocks(bytes, at + 2)
    } else break
    if (step % STEPS_BETWEEN_PAUSES === 0) yield
  }
  // Decoders accept a GIF without its trailer, so it is rejected only if it has no complete frame.
  const hasCompleteFrame = header.frames > 1 || (header.frames === 1 && at <= bytes.length)
  if (!hasCompleteFrame) return { ...header, frames: 1, damage: cutOff }
  return isPossible ? header : { ...header, damage: impossibleClaim }
}

const colourTableLength = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))

/** The position behind a list of sub-blocks; beyond the end of the file if the list is not terminated. */
function* afterSubBlocks(bytes: Buffer, start: number): Walk<number> {
  let at = start
  for (let step = 1; at < bytes.length; step++) {
    const length = bytes.readUInt8(at)
    at += 1 + length
    if (length === 0) return at
    if (step % STEPS_BETWEEN_PAUSES === 0) yield
  }
  return bytes.length + 1
}
