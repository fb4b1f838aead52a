import path from 'node:path'
import { serviceError } from '../errors/errors.ts'

/**
 * Rules for the names that callers may choose, the same for every store and system: an images folder is often shared with
 * Windows, and the file system must not interpret a name differently.
 */

/** Limits of Linux: https://man7.org/linux/man-pages/man7/path_resolution.7.html */
const MAX_NAME_BYTES = 255
const MAX_PATH_BYTES = 4096
const MAX_FOLDERS = 32

export interface RelativePath {
  folders: string[]
  fileName: string
}

/**
 * The folders and file name of an `outputPath` below one of `roots` (the store's folder, as configured and with links
 * resolved). Examines the text only, not the file system.
 * @throws ServiceError `IMG_ERR_PATH_NAME`, `IMG_ERR_PATH_OUTSIDE`
 */
export function parseOutputPath(outputPath: string, roots: readonly string[]): RelativePath {
  const problem = problemOfText(outputPath)
  if (problem !== undefined) throw nameError(problem)
  const segments = relativeSegments(outputPath, roots)
  const fileName = segments.pop()
  if (fileName === undefined) throw nameError('it names the images folder itself; add a file name')
  if (segments.length > MAX_FOLDERS) throw nameError(`it has more than ${MAX_FOLDERS} folders`)
  for (const name of [...segments, fileName]) {
    const wrong = problemOfName(name)
    if (wrong !== undefined) throw nameError(wrong)
  }
  return { folders: segments, fileName }
}

/** Whether the store reads files of this name, which is relative to it and may have been chosen by another program. */
export function isReadableName(name: string): boolean {
  const segments = name.split('/')
  const isShort = Buffer.byteLength(name) < MAX_PATH_BYTES && segments.length <= MAX_FOLDERS + 1
  return (
    isShort && problemOfText(`./${name}`) === undefined && segments.every((each) => problemOfName(each) === undefined)
  )
}

export function nameError(problem: string): Error {
  return serviceError('IMG_ERR_PATH_NAME', [problem])
}

/**
 * Characters that break lines, change the text direction or are invisible make a path look like another one, and can hide
 * instructions to a model in it. Joiners and variation selectors are parts of emoji and of some scripts.
 */
const CONTROL_CHARACTERS = /(?!\u200c|\u200d|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** A path as it may stand in a text that a model reads: one line without invisible characters. */
export function printablePath(path: string): string {
  return path.replace(CONTROL_CHARACTERS, '\ufffd')
}

/** The beginning of a text that someone wrote, as one line without invisible characters. @param length in characters */
export function oneLine(text: string, length: number): string {
  const line = text
    .slice(0, 8 * length)
    .replace(CONTROL_CHARACTERS, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .toWellFormed()
  const characters = [...line]
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : line
}

function problemOfText(text: string): string | undefined {
  if (text === '') return 'it is empty; use a file name such as sunset.png'
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) return `it is longer than ${MAX_PATH_BYTES} bytes`
  if (!text.isWellFormed()) return 'it is not valid Unicode'
  if (text.search(CONTROL_CHARACTERS) !== -1) return 'it contains control characters'
  if (text.includes('\\')) return 'it contains a backslash; use / between folders'
  if (text.includes(':')) return 'it contains a colon; drive letters, URLs and streams are not allowed'
  if (/^~(\/|$)/.test(text)) return 'it begins with ~, which is not expanded; use a relative path'
  if (/\/\.{0,2}$/.test(text)) return 'it names a folder; add a file name'
  return undefined
}

function relativeSegments(outputPath: string, roots: readonly string[]): string[] {
  for (const root of roots) {
    const relative = path.relative(root, path.resolve(root, outputPath))
    if (relative === '') return []
    const segments = relative.split(path.sep)
    if (segments[0] !== '..' && !path.isAbsolute(relative)) return segments
  }
  throw serviceError('IMG_ERR_PATH_OUTSIDE', [])
}

/** Reserved with any extension: https://learn.microsoft.com/windows/win32/fileio/naming-a-file */
const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i

function problemOfName(name: string): string | undefined {
  if (name.startsWith('.')) return 'names that begin with a dot are not allowed'
  if (!/[^\s\p{DI}\u2800]/u.test(path.parse(name).name)) return 'a name in it has no visible character'
  if (/[. ]$/.test(name)) return 'names that end with a dot or a space are not allowed'
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `a name in it is longer than ${MAX_NAME_BYTES} bytes`
  if (DEVICE_NAME.test(name)) return 'it contains a device name reserved by Windows'
  return undefined
}

/** `stem` + `extension`; the stem is shortened by whole characters if the name would be too long. */
export function joinName(stem: string, extension: string): string {
  const capacity = MAX_NAME_BYTES - Buffer.byteLength(extension)
  const characters = [...stem]
  while (Buffer.byteLength(characters.join('')) > capacity) characters.pop()
  return characters.join('') + extension
}
