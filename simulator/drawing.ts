import { crc32 } from 'node:zlib'
import type { FaultDetails } from './fault.ts'
import { drawImage, editImage, type ImageFormat } from './image.ts'
import type { Job } from './job.ts'

/** Draws the job's images, altered by the fault. */
export async function drawJob(job: Job, fault: FaultDetails | undefined): Promise<Buffer[]> {
  const format: ImageFormat = fault?.name !== 'wrong-format' ? job.format : job.format === 'png' ? 'jpeg' : 'png'
  const images: Buffer[] = []
  // Sequentially: sharp already uses every core for one image.
  for (let i = 0; i < job.count; i++) images.push(await drawOne(job, format, `${job.seed ?? ''}/${i}`))
  if (fault?.name === 'not-an-image')
    return images.map(() => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/> This is no image.\n'))
  if (fault?.name === 'padded') return images.map((image) => padImage(image, fault.bytes ?? 8 * 1024 * 1024))
  return images
}

function drawOne(job: Job, format: ImageFormat, variant: string): Promise<Buffer> {
  const { prompt, size, images, mask, compression, background } = job
  const [image, ...references] = images
  const request = {
    prompt,
    ...size,
    format,
    variant,
    ...(compression === undefined ? {} : { compression }),
    transparent: background === 'transparent' && format === 'png',
  }
  return image === undefined
    ? drawImage(request)
    : editImage({ ...request, image, references, ...(mask === undefined ? {} : { mask }) })
}

/** Pads a PNG to `bytes` with an ancillary chunk, which readers skip. Other formats are returned unchanged. */
function padImage(image: Buffer, bytes: number): Buffer {
  const endChunk = 12
  const missing = bytes - image.length - 12
  if (missing < 0 || image.readUInt32BE(0) !== 0x89504e47) return image
  const chunk = Buffer.alloc(missing + 12)
  chunk.writeUInt32BE(missing, 0)
  chunk.write('siMu', 4, 'latin1')
  for (let i = 8; i < missing + 8; i += 4093) chunk[i] = i & 255
  chunk.writeUInt32BE(crc32(chunk.subarray(4, missing + 8)), missing + 8)
  return Buffer.concat([image.subarray(0, -endChunk), chunk, image.subarray(-endChunk)])
}
