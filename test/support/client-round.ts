import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import sharp from 'sharp'

interface Heard {
  progress: number
  message?: string | undefined
}

export interface RoundOptions {
  signal?: AbortSignal
  onprogress?: (progress: Heard) => void
}

/** The operations of an official client that the round needs. */
export interface RoundClient {
  toolNames(): Promise<string[]>
  callTool(name: string, args: Record<string, unknown>, options?: RoundOptions): Promise<unknown>
  resourceUris(): Promise<string[]>
  readResource(uri: string): Promise<unknown>
  promptNames(): Promise<string[]>
  getPrompt(name: string, args: Record<string, string>): Promise<unknown>
  complete(prompt: string, argument: string, value: string): Promise<unknown>
}

/** A PNG of about five megabytes: noise does not compress. */
async function largeImage(): Promise<Buffer> {
  const edge = 1300
  const raw = randomBytes(edge * edge * 3)
  return sharp(raw, { raw: { width: edge, height: edge, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer()
}

interface Blocks {
  content: { type: string; text?: string; data?: string; mimeType?: string; uri?: string }[]
  isError?: boolean
}

const asBlocks = (result: unknown): Blocks => Object(result)

/** Uses every feature of the service in a typical order. */
export async function playRound(t: TestContext, client: RoundClient): Promise<void> {
  const names = await client.toolNames()
  t.assert.deepStrictEqual(names.slice(0, 2), ['generate_image', 'edit_image'])

  const heard: Heard[] = []
  const made = asBlocks(
    await client.callTool(
      'generate_image',
      { prompt: 'a lighthouse at dusk', output_path: 'round/lighthouse.png' },
      { onprogress: (progress) => heard.push(progress) },
    ),
  )
  t.assert.match(made.content[0]?.text ?? '', /^Image successfully generated\. Saved to server at: .*lighthouse\.png/)
  t.assert.strictEqual(made.content[1]?.mimeType, 'image/png')
  t.assert.strictEqual(made.content.length, 3, 'the line, the image, its id')
  t.assert.ok(heard.length >= 2, 'progress was reported')
  t.assert.ok(
    heard.every(({ progress }, at) => progress > (heard[at - 1]?.progress ?? 0)),
    'progress rises',
  )
  t.assert.ok(heard.some(({ message }) => message?.includes('Azure')))

  const image = (await largeImage()).toString('base64')
  t.assert.ok(image.length > 6_500_000)
  const edited = asBlocks(
    await client.callTool('edit_image', { image_data_base64: image, prompt: 'black and white', size: '1024x1024' }),
  )
  t.assert.match(edited.content[0]?.text ?? '', /^Image successfully edited\./)
  t.assert.strictEqual(edited.content[1]?.type, 'image')

  const rejected = asBlocks(await client.callTool('generate_image', { prompt: 'x', size: 'huge' }))
  t.assert.strictEqual(rejected.isError, true)

  const uris = await client.resourceUris()
  t.assert.strictEqual(uris.length, 2, 'both images, the newest first')
  for (const uri of [uris[1] ?? '', 'image:///round/lighthouse.png']) {
    const [content] = Object(await client.readResource(uri)).contents
    t.assert.strictEqual(content.blob, made.content[1]?.data)
  }

  t.assert.ok((await client.promptNames()).includes('edit_one_thing'))
  const prompt = Object(await client.getPrompt('edit_one_thing', { change: 'make the door green' }))
  t.assert.match(prompt.messages[0].content.text, /make the door green/)
  t.assert.deepStrictEqual(Object(await client.complete('product_photo', 'size', '512')).completion.values, ['512x512'])
}

/** Cancels a call that Azure is working on, and continues with the next one. */
export async function cancelCall(t: TestContext, client: RoundClient): Promise<void> {
  const disconnected = new AbortController()
  const call = client.callTool(
    'generate_image',
    { prompt: 'a lighthouse' },
    { signal: disconnected.signal, onprogress: () => disconnected.abort() },
  )
  await t.assert.rejects(call)
  t.assert.ok((await client.toolNames()).includes('generate_image'))
}
