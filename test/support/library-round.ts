import type { TestContext } from 'node:test'
import sharp from 'sharp'

/** Calls a tool as a client does, and returns its result. */
export type CallTool = (name: string, args: Record<string, unknown>) => Promise<unknown>

interface Block {
  type: string
  text?: string
  data?: string
}

interface Result {
  text: string
  /** Base64. */
  images: string[]
  isError: boolean
}

/** An id is random, so it is taken from the text as a model takes it. */
export const idIn = (text: string): string => /Image id: (img_[0-9a-z]{26})/.exec(text)?.[1] ?? ''

function resultOf(value: unknown): Result {
  const { content = [], isError = false }: { content?: Block[]; isError?: boolean } = Object(value)
  return {
    text: content.flatMap(({ text }) => text ?? []).join('\n'),
    images: content.flatMap(({ data }) => data ?? []),
    isError,
  }
}

/** Of a model that accepts masks; deleting is offered only by name. */
export const roundEnvironment = {
  AZURE_DEPLOYMENT_NAME: 'gpt-image-1',
  AZURE_MODEL: 'gpt-image-1',
  TOOLS: 'default,delete_image',
}

/** Where the mask is transparent, the image is edited. */
async function maskOf(edge: number): Promise<Buffer> {
  const background = { r: 0, g: 0, b: 0, alpha: 0 }
  const half = await sharp({
    create: { width: edge, height: edge / 2, channels: 4, background: { ...background, alpha: 1 } },
  })
    .png()
    .toBuffer()
  return await sharp({ create: { width: edge, height: edge, channels: 4, background } })
    .composite([{ input: half, top: 0, left: 0 }])
    .png()
    .toBuffer()
}

/** Sends a file to the address that `request_upload` gave, as a program does. */
async function upload(t: TestContext, text: string, bytes: Buffer): Promise<string> {
  const address = /Upload address: (\S+)/.exec(text)?.[1] ?? ''
  const response = await fetch(address, { method: 'PUT', body: new Uint8Array(bytes) })
  t.assert.ok(response.ok, `${response.status} ${await response.text()}`)
  return idIn(text)
}

/** Generate, find, edit by id with a mask, look at it, download it, delete it: without one byte of base64 over HTTP. */
export async function playLibraryRound(t: TestContext, transport: 'http' | 'stdio', callTool: CallTool): Promise<void> {
  const isHttp = transport === 'http'
  async function call(name: string, args: Record<string, unknown>): Promise<Result> {
    const result = resultOf(await callTool(name, args))
    t.assert.strictEqual(result.isError, false, `${name}: ${result.text}`)
    return result
  }

  const id = idIn((await call('generate_image', { prompt: 'a lighthouse at dusk', size: '1024x1024' })).text)
  const found = await call('find_images', { query: 'lighthouse' })
  t.assert.ok(id !== '' && found.text.includes(id), found.text)

  const mask = await maskOf(1024)
  const masked = isHttp
    ? { mask_image: await upload(t, (await call('request_upload', { for: 'mask' })).text, mask) }
    : { mask_base64: mask.toString('base64') }
  const edited = await call('edit_image', { image: id, ...masked, prompt: 'make the sky green' })
  const editedId = idIn(edited.text)
  t.assert.ok(editedId !== '' && editedId !== id, edited.text)
  t.assert.ok((await call('find_images', { parent: id })).text.includes(editedId))

  const preview = await call('get_image', { id: editedId })
  t.assert.ok(preview.images.length === 1 && (preview.images[0] ?? '').length <= 102_400, preview.text)
  if (isHttp) {
    const link = /Link[^:]*: (http\S+)/.exec((await call('get_image', { id: editedId, as: 'link' })).text)?.[1] ?? ''
    const response = await fetch(link)
    t.assert.strictEqual(Buffer.from(await response.arrayBuffer()).toString('base64'), edited.images[0])
  }

  await call('delete_image', { id: editedId })
  const deleted = resultOf(await callTool('get_image', { id: editedId }))
  t.assert.match(deleted.text, /There is no image with/)
  t.assert.strictEqual(deleted.isError, true)
}
