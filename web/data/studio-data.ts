import type { StudioImage, StudioJob, StudioList, StudioQuote, StudioService } from '../../schemas/studio.ts'
import type { Bridge, CallOptions, ToolArguments, ToolResult } from '../bridge/bridge.ts'
import { mayPass, StudioError, toStudioError } from '../bridge/studio-error.ts'
import { imageIdsIn, jobIdIn } from '../bridge/tool-result.ts'
import { createCallQueue } from './call-queue.ts'
import { sleep } from './sleep.ts'

/** The calls that the studio makes, with typed results. All throw StudioError; a rejection by the service is `rejected`. */
export interface StudioData {
  /** What the service can do for this caller. */
  service(): Promise<StudioService>
  /** Only if `service.tools` has `find_images`. */
  list(filter: ListFilter, signal?: AbortSignal): Promise<StudioList>
  /** The facts of one image: from this session, else from the service. */
  image(id: string, signal?: AbortSignal): Promise<StudioImage>
  /** The file of an image. @param maxEdge pixels: a smaller version is sent; absent: the bytes as they are stored */
  file(id: string, maxEdge?: number, signal?: AbortSignal): Promise<ImageFile>
  /** An address that shows the image for an hour. Undefined: this service has none. */
  link(id: string): Promise<string | undefined>
  /** What a call would cost and how long it would wait. Nothing is paid. */
  quote(tool: PaidTool, args: ToolArguments, signal?: AbortSignal): Promise<StudioQuote>
  /** Starts a paid call and does not wait for its end. @param args with `idempotency_key` */
  submit(tool: PaidTool, args: ToolArguments): Promise<Submission>
  /** Waits for a change of a job, at most `waitMs` (≤ 20,000). */
  job(id: string, waitMs: number, signal?: AbortSignal): Promise<FollowedJob>
  /** Only if `service.tools` has the tool of that name. */
  cancelJob(id: string): Promise<string>
  updateImage(id: string, changes: { tags?: readonly string[]; name?: string }): Promise<void>
  deleteImage(id: string): Promise<void>
  /** The stored draft. @param id of the image that is edited; absent: the draft of the generate screen */
  draft(id: string | undefined): Promise<string | undefined>
  /** @param text at most 64 KB; empty: removes it */
  storeDraft(id: string | undefined, text: string): Promise<void>
  /** Images that this session has seen, the newest first: the gallery where `find_images` does not exist. */
  readonly seen: readonly StudioImage[]
  /** Takes the facts of images that came with a result. */
  learn(images: readonly StudioImage[]): void
}

export type PaidTool = 'generate_image' | 'edit_image'

export interface ListFilter {
  query?: string
  tags?: readonly string[]
  model?: string
  /** Id: images that were made from it. */
  parent?: string
  cursor?: string
  /** At most 50. */
  limit?: number
}

export interface ImageFile {
  image: StudioImage
  mimeType: string
  bytes: Uint8Array<ArrayBuffer>
}

/** What became of a paid call right away. */
export type Submission =
  | { kind: 'job'; job: FollowedJob }
  /** The price has to be confirmed: the same call again with `confirm_cost: code`. `text` is the service's sentence. */
  | { kind: 'confirmation'; code: string; usd: number | undefined; text: string }

/** @see StudioJob; `text` is the service's sentence about it, for a failure the reason */
export type FollowedJob = StudioJob & { text: string }

/** A chunk is 500 KB; what claims more than this many is not an image that the service could have. */
const MAX_CHUNKS = 400
const READ_AGAIN_AFTER_MS = [1000, 4000]
/** Longer than this a person does not look at an empty frame. */
const MAX_READ_PAUSE_MS = 30_000
/** More at once would only wait in the host. */
const CONCURRENT_CALLS = 4

export function createStudioData(bridge: Bridge): StudioData {
  const facts = new Map<string, StudioImage>()
  const inTurn = createCallQueue(CONCURRENT_CALLS)

  async function call(name: string, args: ToolArguments, options?: CallOptions): Promise<ToolResult> {
    const result = await bridge.callTool(name, args, options)
    if (result.isError) throw new StudioError('rejected', result.text)
    return result
  }

  function learn(images: readonly StudioImage[]): void {
    for (const image of images) facts.set(image.id, image)
  }

  async function chunk(id: string, maxEdge: number | undefined, offset: number, signal: AbortSignal | undefined) {
    const args = { id, max_edge: maxEdge, offset: offset === 0 ? undefined : offset }
    const { meta, files } = await patiently(() => inTurn(() => call('studio_image', args, { signal }), signal), signal)
    const [file] = files
    if (file === undefined) throw new StudioError('protocol')
    return { ...factOf(meta.chunk), data: bytesOf(file.base64) }
  }

  async function file(id: string, maxEdge?: number, signal?: AbortSignal): Promise<ImageFile> {
    let part = await chunk(id, maxEdge, 0, signal)
    learn([part.image])
    const parts = [part.data]
    while (part.nextOffset !== undefined && parts.length < MAX_CHUNKS) {
      part = await chunk(id, maxEdge, part.nextOffset, signal)
      parts.push(part.data)
    }
    const bytes = joined(parts)
    // The image was replaced between two chunks, or a host shortened one.
    if (bytes.length !== part.bytes) throw new StudioError('protocol')
    return { image: part.image, mimeType: part.mimeType, bytes }
  }

  return {
    learn,
    file,
    get seen() {
      return [...facts.values()].sort((one, other) => other.createdAt - one.createdAt)
    },
    async service() {
      return factOf((await call('list_models', {})).meta.service)
    },
    async list({ tags, ...filter }, signal) {
      const args = { ...filter, tags: tags?.length === 0 ? undefined : tags }
      const { meta } = await inTurn(() => call('find_images', args, { signal }), signal)
      const list = factOf(meta.list)
      learn(list.images)
      return list
    },
    async image(id, signal) {
      return facts.get(id) ?? (await file(id, THUMBNAIL_EDGE, signal)).image
    },
    async link(id) {
      const { text } = await call('get_image', { id, as: 'link' })
      return text.match(/https?:\/\/\S+/)?.[0]
    },
    async quote(tool, args, signal) {
      return factOf((await call(tool, { ...args, dry_run: true }, { signal })).meta.quote)
    },
    async submit(tool, args) {
      // Previews, because a host may reject the whole images of several megabytes that the job returns otherwise.
      const result = await bridge.callTool(tool, { ...args, job: true, return: 'preview' })
      const { confirmation } = result.meta
      if (confirmation !== undefined)
        return { kind: 'confirmation', usd: undefined, ...confirmation, text: result.text }
      if (result.isError) throw new StudioError('rejected', result.text)
      return { kind: 'job', job: jobOf(result) }
    },
    async job(id, waitMs, signal) {
      const options = { signal, timeoutMs: waitMs + JOB_SLACK_MS }
      const job = jobOf(await bridge.callTool('get_job', { job_id: id, wait_ms: waitMs }, options), id)
      learn(job.images ?? [])
      return job
    },
    cancelJob: async (id) => (await call('cancel_job', { job_id: id })).text,
    async updateImage(id, changes) {
      await call('update_image', { id, ...changes })
      facts.delete(id)
    },
    async deleteImage(id) {
      await call('delete_image', { id })
      facts.delete(id)
    },
    async draft(id) {
      return (await call('studio_draft', { id })).meta.draft ?? undefined
    },
    async storeDraft(id, text) {
      await call('studio_draft', { id, text })
    },
  }
}

/** Of the version that is sent where only the facts of an image are needed. */
const THUMBNAIL_EDGE = 256
/** What a response may take longer than it was asked to wait. */
const JOB_SLACK_MS = 20_000

/** @throws StudioError `unsupported`: the service always sends it, so that the host removed it */
function factOf<Fact>(fact: Fact | undefined): Fact {
  if (fact === undefined) throw new StudioError('unsupported')
  return fact
}

/** Reads again what is free, when the network or the service's limits did not let it through. */
async function patiently<Result>(read: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  for (const pause of READ_AGAIN_AFTER_MS) {
    try {
      return await read()
    } catch (error) {
      const failure = toStudioError(error)
      const { retryAfterMs = pause } = failure
      if (!mayPass(failure) || retryAfterMs > MAX_READ_PAUSE_MS) throw error
      await sleep(retryAfterMs, signal)
    }
  }
  return await read()
}

/** Without facts, because a host removed them, the text tells what happened. */
function jobOf({ meta, isError, text }: ToolResult, known?: string): FollowedJob {
  if (meta.job !== undefined) return { ...meta.job, text }
  const id = known ?? jobIdIn(text)
  if (isError) throw new StudioError('rejected', text)
  if (id === undefined) throw new StudioError('protocol')
  return { id, state: imageIdsIn(text).length > 0 ? 'completed' : 'running', text }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(base64)
  } catch {
    throw new StudioError('protocol')
  }
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
