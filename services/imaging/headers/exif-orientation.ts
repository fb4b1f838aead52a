/** How stored pixels must be rotated or mirrored for display: 1 (not at all) to 8. https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf §4.6.4 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

const ORIENTATION_TAG = 0x0112
/** Bytes of a value by its type. Orientation should be a short, but some writers use others, which decoders accept. */
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
 * The orientation in an EXIF block (a TIFF header, then the first directory anywhere in the block). Unreadable or invalid
 * values count as 1, as in decoders. Further directories are not read.
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
    if (short(entry) !== ORIENTATION_TAG) continue
    const size = integerTypes.get(short(entry + 2))
    const count = long(entry + 4)
    // Values that do not fit into the entry are stored elsewhere.
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

/** Whether width and height are swapped. */
export function isSideways(orientation: Orientation): boolean {
  return orientation >= 5
}
