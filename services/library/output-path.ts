import path from 'node:path'
import { serviceError } from '../errors/errors.ts'

/**
 * Rules for the names that callers may give, the same on every system: an images folder is often shared with Windows,
 * and a name that means one thing to us must not mean another to the file system.
 */

/** What Linux takes: https://man7.org/linux/man-pages/man7/path_resolution.7.html */
const maxNameBytes = 255
const maxPathBytes = 4096
const maxFolders = 32

export interface RelativePath {
  folders: string[]
  fileName: string
}

/**
 * The folders and file name that `outputPath` names below one of `roots` (the store's folder, as configured and with
 * its links resolved). Pure: looks at the text only.
 * @throws ServiceError `IMG_ERR_PATH_NAME`, `IMG_ERR_PATH_OUTSIDE`
 */
export function parseOutputPath(outputPath: string, roots: readonly string[]): RelativePath {
  const problem = problemOfText(outputPath)
  if (problem !== undefined) throw nameError(problem)
  const segments = relativeSegments(outputPath, roots)
  const fileName = segments.pop()
  if (fileName === undefined) throw nameError('it names the images folder itself; add a file name')
  if (segments.length > maxFolders) throw nameError(`it has more than ${maxFolders} folders`)
  for (const name of [...segments, fileName]) {
    const wrong = problemOfName(name)
    if (wrong !== undefined) throw nameError(wrong)
  }
  return { folders: segments, fileName }
}

export function nameError(problem: string): Error {
  return serviceError('IMG_ERR_PATH_NAME', [problem])
}

function problemOfText(text: string): string | undefined {
  if (text === '') return 'it is empty; give a file name such as sunset.png'
  if (Buffer.byteLength(text) > maxPathBytes) return `it is longer than ${maxPathBytes} bytes`
  if (!text.isWellFormed()) return 'it is not valid Unicode'
  // Also characters that turn the direction of text or break lines: they make a path look like another one.
  if (/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text))
    return 'it holds control characters'
  if (text.includes('\\')) return 'it holds a backslash; write / between folders'
  if (text.includes(':')) return 'it holds a colon; drive letters, URLs and streams are not taken'
  if (/^~(\/|$)/.test(text)) return 'it begins with ~, which is not expanded here; give a relative path'
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

/** Device names are reserved with any ending: https://learn.microsoft.com/windows/win32/fileio/naming-a-file */
const deviceName = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i

function problemOfName(name: string): string | undefined {
  if (name.startsWith('.')) return 'names that begin with a dot are not taken'
  if (/[. ]$/.test(name)) return 'names that end with a dot or a space are not taken'
  if (Buffer.byteLength(name) > maxNameBytes) return `a name in it is longer than ${maxNameBytes} bytes`
  if (deviceName.test(name)) return 'it holds a name that Windows reserves for devices'
  return undefined
}

/** `stem` + `ending`, the stem shortened by whole characters where the two would be too long for a file system. */
export function joinName(stem: string, extension: string): string {
  const capacity = maxNameBytes - Buffer.byteLength(extension)
  const characters = [...stem]
  while (Buffer.byteLength(characters.join('')) > capacity) characters.pop()
  return characters.join('') + extension
}
