import { Agent, type Dispatcher } from 'undici'
import { imageOf, sha256 } from './image.ts'
import { type Directive, formatPrompt } from './prompt-codec.ts'

/** A tool call. */
export interface ToolCall extends Directive {
  outputPath?: string
  /** Id of the image to edit, in place of its bytes. */
  imageId?: string
  /** Requests an event stream with progress. */
  progress?: boolean
}

export interface Called {
  /** Id of the returned image; undefined: it is in no library. */
  id: string | undefined
}

/** Calls the tools of one server over sockets and checks every byte of the responses. */
export interface Caller {
  /** @throws {Error} unless the response contains exactly the requested image */
  call(call: ToolCall): Promise<Called>
  close(): Promise<void>
}

/** Base64 of the PNG signature. */
const pngStart = 'iVBORw0KGgo'

export function createCaller(origin: string, headers: Readonly<Record<string, string>> = {}): Caller {
  const agent = new Agent({ headersTimeout: 120_000, bodyTimeout: 120_000 })
  return {
    async call(call) {
      const response = await agent.request({
        origin,
        path: '/',
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
        body: bodyOf(call),
      })
      return checkResponse(response.statusCode, await readBody(response.body), call)
    },
    close: () => agent.close(),
  }
}

/** Calls the same tools through OpenAI's image API; images to edit are sent in a form. */
export function createOpenAiCaller(origin: string): Caller {
  const agent = new Agent({ headersTimeout: 120_000, bodyTimeout: 120_000 })
  return {
    async call(call) {
      const isEdit = call.input > 0
      const response = await agent.request({
        origin,
        path: isEdit ? '/v1/images/edits' : '/v1/images/generations',
        method: 'POST',
        headers: { 'content-type': isEdit ? `multipart/form-data; boundary=${BOUNDARY}` : 'application/json' },
        body: isEdit ? formOf(call) : JSON.stringify({ prompt: formatPrompt(call) }),
      })
      return checkResponse(response.statusCode, await readBody(response.body), call)
    },
    close: () => agent.close(),
  }
}

const BOUNDARY = 'bench-form-boundary'

function formOf(call: ToolCall): Buffer {
  const part = (header: string) => `--${BOUNDARY}\r\nContent-Disposition: form-data; ${header}\r\n\r\n`
  return Buffer.concat([
    Buffer.from(`${part('name="prompt"')}${formatPrompt(call)}\r\n${part('name="image"; filename="a.png"')}`),
    imageOf(call.input).bytes,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ])
}

async function readBody(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

let lastId = 0

/** Splices the image in: encoding it as JSON each time would make the driver slower than the server. */
function bodyOf(call: ToolCall): Buffer {
  const { input, outputPath, imageId, progress } = call
  const slot = 'the image goes here'
  const message = JSON.stringify({
    jsonrpc: '2.0',
    id: ++lastId,
    method: 'tools/call',
    params: {
      name: input === 0 ? 'generate_image' : 'edit_image',
      arguments: {
        prompt: formatPrompt(call),
        ...(outputPath === undefined ? {} : { output_path: outputPath }),
        ...(input === 0 ? {} : imageId === undefined ? { image_data_base64: slot } : { image: imageId }),
      },
      ...(progress ? { _meta: { progressToken: lastId } } : {}),
    },
  })
  const [before = '', after] = message.split(slot)
  if (after === undefined) return Buffer.from(message)
  return Buffer.concat([Buffer.from(before), imageOf(input).base64, Buffer.from(after)])
}

function checkResponse(status: number, body: Buffer, { response }: ToolCall): Called {
  const start = body.indexOf(pngStart)
  const end = body.indexOf('"', start)
  if (status !== 200 || start === -1) throw new Error(`no image in ${status}: ${body.toString('utf8', 0, 2000)}`)
  const found = sha256(Buffer.from(body.toString('latin1', start, end), 'base64'))
  if (found !== imageOf(response).sha256) throw new Error(`unexpected image: ${found}`)
  return { id: /img_[0-9a-z]{26}/.exec(body.toString('latin1', end))?.[0] }
}

/** Runs `count` calls, `concurrency` at a time. */
export async function callMany(
  caller: Caller,
  count: number,
  concurrency: number,
  next: () => ToolCall,
): Promise<void> {
  let started = 0
  async function lane(): Promise<void> {
    while (started < count) {
      started++
      await caller.call(next())
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, lane))
}
