import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { serviceError } from '../errors/errors.ts'

/**
 * Reads an image from the machine of the user who started this process. Never used for remote clients.
 * @throws ServiceError `IMG_ERR_IMAGE_PATH`
 */
export async function readLocalImage(path: string, maxBytes: number): Promise<Buffer> {
  if (!isAbsolute(path) || path.includes('\0')) throw unreadable('it is not an absolute path')
  // Non-blocking, because opening a named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: unknown) => {
    throw unreadable('the file cannot be opened', cause)
  })
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw unreadable('it is not a regular file')
    if (stats.size > maxBytes) throw unreadable(`the file is larger than ${maxBytes} bytes`)
    const bytes = Buffer.alloc(stats.size)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function unreadable(problem: string, cause?: unknown) {
  return serviceError('IMG_ERR_IMAGE_PATH', [problem], { cause })
}
