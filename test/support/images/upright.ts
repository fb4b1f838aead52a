import type { TestContext } from 'node:test'
import sharp from 'sharp'
import type { SeenRequest } from '../fake-azure.ts'
import type { Drawing, Pixel } from './oriented.ts'

/** An image with four different corners, and what a decoder sees of it in a request to Azure. */

const width = 64
const height = 48

export const corners: readonly Pixel[] = [
  [250, 10, 10, 255],
  [10, 250, 10, 255],
  [10, 10, 250, 255],
  [240, 240, 10, 255],
]
const cornerAt = (x: number, y: number): number => (x < width / 2 ? 0 : 1) + (y < height / 2 ? 0 : 2)

/** Four colours, one a corner. */
export const fourCorners: Drawing = { width, height, at: (x, y) => corners[cornerAt(x, y)] ?? [0, 0, 0, 255] }
/** Transparent at the top left only. */
export const cornerMask: Drawing = { width, height, at: (x, y) => [0, 0, 0, cornerAt(x, y) === 0 ? 0 : 255] }
export const cornerRegion = { x: 0, y: 0, width: width / 2, height: height / 2 }

export interface SentFiles {
  images: Buffer[]
  masks: Buffer[]
}

/** The images of a multipart or JSON body, in order. */
export async function filesOf({ body, headers }: SeenRequest): Promise<SentFiles> {
  const type = headers['content-type'] ?? ''
  const files: SentFiles = { images: [], masks: [] }
  if (type.startsWith('application/json')) {
    for (const [name, value] of Object.entries(JSON.parse(body.toString())))
      if (name.startsWith('input_image')) files.images.push(Buffer.from(String(value), 'base64'))
    return files
  }
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  for (const [name, value] of form) {
    if (!(value instanceof File)) continue
    const list = name === 'mask' ? files.masks : files.images
    list.push(Buffer.from(await value.arrayBuffer()))
  }
  return files
}

/** The orientation tag, and the corners that a decoder shows which applies it. */
export async function look(bytes: Buffer) {
  const { orientation = 1 } = await sharp(bytes).metadata()
  const { data, info } = await sharp(bytes).autoOrient().ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  const inner = [
    [8, 8],
    [info.width - 9, 8],
    [8, info.height - 9],
    [info.width - 9, info.height - 9],
  ] as const
  const seen = inner.map(([x, y]) => [...data.subarray((y * info.width + x) * 4, (y * info.width + x) * 4 + 4)])
  return { orientation, size: `${info.width}x${info.height}`, seen }
}

/** Asserts the size and the four corners of an image, `fourCorners` by default, which must not need its tag. */
export async function assertUpright(
  t: TestContext,
  bytes: Buffer | undefined,
  name: string,
  expected: { size: string; seen: readonly (readonly number[])[] } = { size: `${width}x${height}`, seen: corners },
): Promise<void> {
  t.assert.ok(bytes !== undefined, name)
  const { orientation, size, seen } = await look(bytes)
  t.assert.ok(orientation <= 1 || orientation > 8, `${name}: tag ${orientation}`)
  t.assert.strictEqual(size, expected.size, name)
  for (const [index, pixel] of seen.entries()) {
    const wanted = expected.seen[index] ?? []
    const distance = Math.max(...pixel.map((value, channel) => Math.abs(value - (wanted[channel] ?? 0))))
    t.assert.ok(distance < 40, `${name}: corner ${index} is ${pixel}, not ${wanted}`)
  }
}
