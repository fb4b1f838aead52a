import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { serviceError } from '../errors/errors.ts'

/**
 * Reads an image from the machine of the user who started this process. Never for callers over a network.
 * @throws ServiceError `IMG_ERR_IMAGE_PATH`
 */
export async function readLocalImage(path: string, maxBytes: number): Promise<Buffer> {
  if (!isAbsolute(path) || path.includes('\0')) throw serviceError('IMG_ERR_IMAGE_PATH', ['it is not an absolute path'])
  // Without waiting: a pipe of that name would never open.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: unknown) => {
    throw serviceError('IMG_ERR_IMAGE_PATH', ['no file there can be opened'], { cause })
  })
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw serviceError('IMG_ERR_IMAGE_PATH', ['it names no plain file'])
    if (stats.size > maxBytes) throw serviceError('IMG_ERR_IMAGE_PATH', [`the file is larger than ${maxBytes} bytes`])
    const bytes = Buffer.alloc(stats.size)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
