/** How the stored pixels must be turned to be seen: 1 (not at all) to 8. https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf §4.6.4 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

const orientationTag = 0x0112
/** Bytes of a value by its type. Orientation is a short, but careless writers take others, and decoders read them. */
const integerTypes: ReadonlyMap<number, 1 | 2 | 4> = new Map([
  [1, 1],
  [3, 2],
  [4, 4],
  [6, 1],
  [8, 2],
  [9, 4],
])
const VALUE_BYTES = 4

/**
 * The orientation in a block of EXIF (a TIFF header, then the first directory anywhere in the block). Whatever cannot be
 * read, or is no orientation, is 1, as decoders take it. The first directory only: nothing is followed.
 */
export function readExifOrientation(exif: Buffer): Orientation {
  const order = exif.toString('latin1', 0, 2)
  if (exif.length < 14 || (order !== 'II' && order !== 'MM')) return 1
  const isLittle = order === 'II'
  const short = (at: number) => (isLittle ? exif.readUInt16LE(at) : exif.readUInt16BE(at))
  const long = (at: number) => (isLittle ? exif.readUInt32LE(at) : exif.readUInt32BE(at))
  const directory = long(4)
  if (short(2) !== 42 || directory + 2 > exif.length) return 1
  const end = Math.min(exif.length, directory + 2 + short(directory) * 12)
  for (let entry = directory + 2; entry + 12 <= end; entry += 12) {
    if (short(entry) !== orientationTag) continue
    const size = integerTypes.get(short(entry + 2))
    const count = long(entry + 4)
    // More values than fit are kept elsewhere.
    if (size === undefined || count === 0 || count * size > VALUE_BYTES) return 1
    const at = entry + 8
    return asOrientation(size === 1 ? exif.readUInt8(at) : size === 2 ? short(at) : long(at))
  }
  return 1
}

function asOrientation(value: number): Orientation {
  switch (value) {
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
      return value
    default:
      return 1
  }
}

/** Whether width and height change places. */
export function isSideways(orientation: Orientation): boolean {
  return orientation >= 5
}
