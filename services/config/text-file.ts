import { readFileSync, type Stats, statSync } from 'node:fs'
import { InvalidValueError } from '../errors/app-error.ts'

/**
 * The text of a file that a variable names, without a byte order mark. Editors and shells on Windows write UTF-16 as well.
 * @param maxBytes more is rejected before it is read
 * @throws Error with a system code, or InvalidValueError with the reason
 */
export function readTextFile(path: string, maxBytes: number): string {
  checkTextFile(statSync(path), maxBytes)
  return decodeText(readFileSync(path))
}

/**
 * Rejects what would block the process or fill its memory: pipes without a writer, devices, and files of other kinds.
 * @throws InvalidValueError with the reason
 */
export function checkTextFile(stats: Stats, maxBytes: number): void {
  if (stats.isDirectory()) {
    throw new InvalidValueError('is a folder; Docker creates one in place of a missing file that is mounted')
  }
  if (!stats.isFile()) throw new InvalidValueError('is not a regular file')
  if (stats.size > maxBytes) throw new InvalidValueError(`is larger than ${maxBytes} bytes`)
}

/** UTF-8, or UTF-16 with its mark in front; no mark is returned. */
export function decodeText(bytes: Buffer): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes)
}
