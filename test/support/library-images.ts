import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { Size } from '../../services/imaging/types.ts'
import type { NewImage, NewImageFacts } from '../../services/library/add-images.ts'

export interface StoredBytes {
  bytes: Buffer
  mimeType?: NewImage['mimeType']
  /** Where it is saved; absent: it has no name. */
  outputPath?: string
  owner?: string
  /** 1 pixel by default. */
  size?: Size
}

/** Stores bytes in the library of an app, as a tool does with a result. The bytes need not be an image. */
export async function storeImage(
  { library, imageStore }: FastifyInstance,
  {
    bytes,
    mimeType = 'image/png',
    outputPath,
    owner = 'address:127.0.0.1',
    size = { width: 1, height: 1 },
  }: StoredBytes,
): Promise<ImageRecord> {
  if (library === undefined) throw new Error('the library is off')
  const image: NewImage = {
    mimeType,
    ...size,
    bytes: bytes.length,
    async *decoded() {
      yield bytes
    },
  }
  const target = outputPath === undefined ? undefined : await imageStore.resolve(outputPath)
  const facts: NewImageFacts = { origin: 'generated', owner, parents: [], tags: [] }
  const [added] = await library.add([image], facts, target)
  if (added?.record === undefined) throw new Error('the image was not stored', { cause: added?.failure })
  return added.record
}

/** Bytes that no other test has. */
export const someBytes = (length = 1000): Buffer => randomBytes(length)
