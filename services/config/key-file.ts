import { readFile, stat } from 'node:fs/promises'
import { InvalidValueError } from '../errors/app-error.ts'
import { checkTextFile, decodeText, readTextFile } from './text-file.ts'

/** Far longer than a key. */
const MAX_KEY_BYTES = 65_536

/** Reads a file with one key. @throws Error with a system code, or InvalidValueError with a reason */
export function readKeyFile(path: string): string {
  return parseKey(readTextFile(path, MAX_KEY_BYTES))
}

/** Reads the key again; `undefined` if the file has not changed since `seen`, the last `mark`. */
export async function readChangedKeyFile(
  path: string,
  seen: string | undefined,
): Promise<{ key: string; mark: string } | undefined> {
  const stats = await stat(path)
  checkTextFile(stats, MAX_KEY_BYTES)
  const mark = `${stats.mtimeMs} ${stats.size} ${stats.ino}`
  return mark === seen ? undefined : { key: parseKey(decodeText(await readFile(path))), mark }
}

/** @throws InvalidValueError with the reason */
export function parseKey(text: string): string {
  const key = text.trim()
  if (key === '') throw new InvalidValueError('is empty')
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new InvalidValueError('does not contain a key: a key is one line without spaces')
  return key
}
