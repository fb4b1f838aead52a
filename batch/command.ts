import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { runBatch } from './batch.ts'
import { openManifest } from './manifest.ts'
import { createProgress } from './progress.ts'
import { PromptsError, readPrompts } from './prompts.ts'
import { createServiceClient, ServiceUnavailableError } from './service-client.ts'

const usage = `Usage: batch PROMPTS.jsonl --out DIR [--url URL] [--key-file FILE] [--concurrency N] [--retry-failed]
             [--retry-unknown]

  PROMPTS.jsonl   a JSON string (a prompt) or object (arguments of generate_image, or of edit_image if it names an image)
                  on each line; "name" is the name of its file
  --out DIR       the folder for the images and manifest.jsonl; run the same command again to go on after an interruption
  --url URL       a running service, such as http://127.0.0.1:8000; by default one is started for the batch, with the
                  configuration of this folder
  --key-file FILE the API key or token for --url
  --concurrency N items under way at a time; 8 by default
  --retry-failed  also those that failed in an earlier run; nothing was billed for them
  --retry-unknown also those of which it is not known whether their image was generated and billed: it may cost again
`

/** A service for the time of the batch. */
export interface OwnService {
  url: string
  key: string
  close(): Promise<void>
}

export interface BatchCommandOptions {
  args: readonly string[]
  /** Starts a service in this process. */
  startService(): Promise<OwnService>
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Fires when the batch is to stop; a later run goes on. */
  signal: AbortSignal
}

const flags = {
  out: { type: 'string' },
  url: { type: 'string' },
  'key-file': { type: 'string' },
  concurrency: { type: 'string', default: '8' },
  'retry-failed': { type: 'boolean', default: false },
  'retry-unknown': { type: 'boolean', default: false },
} as const

const MAX_CONCURRENCY = 256

/** Makes the images of a file of prompts. @returns the exit code: 0, 1 if an item failed, or 2 for a wrong command */
export async function runBatchCommand(options: BatchCommandOptions): Promise<0 | 1 | 2> {
  const { args, startService, stdout, stderr, signal } = options
  const parsed = parsedArgs(args)
  if (parsed === undefined) {
    stdout.write(usage)
    return 2
  }
  let own: OwnService | undefined
  try {
    const items = await readPrompts(parsed.prompts)
    const manifest = await openManifest(parsed.out)
    if (parsed.url === undefined) own = await startService()
    const key = own?.key ?? (parsed.keyFile && (await readFile(parsed.keyFile, 'utf8')).trim())
    const client = createServiceClient({ url: own?.url ?? parsed.url ?? '', key, signal })
    const progress = createProgress(stderr)
    const { concurrency, retriesFailed, retriesUnknown } = parsed
    const batch = { items, manifest, client, progress, concurrency, retriesFailed, retriesUnknown, signal }
    const { total, completed, failed, unknown } = await runBatch(batch).finally(progress.end)
    const lost = unknown === 0 ? '' : `, ${unknown} unknown (perhaps billed; --retry-unknown makes them again)`
    stdout.write(
      `${completed} of ${total} completed, ${failed} failed${lost}; ${parsed.out} has the images and manifest.jsonl.\n`,
    )
    return failed + unknown === 0 ? 0 : 1
  } catch (error) {
    if (signal.aborted) {
      stdout.write('Interrupted; run the same command again to go on.\n')
      return 1
    }
    if (!(error instanceof PromptsError || error instanceof ServiceUnavailableError)) throw error
    stderr.write(`${error.message}\n`)
    return error instanceof PromptsError ? 2 : 1
  } finally {
    await own?.close()
  }
}

/** Undefined: the command is wrong. */
function parsedArgs(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true })
    const [prompts, ...others] = positionals
    const concurrency = Number(values.concurrency)
    const isCount = Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY
    const { out, url, 'key-file': keyFile, 'retry-failed': retriesFailed, 'retry-unknown': retriesUnknown } = values
    if (prompts === undefined || others.length > 0 || out === undefined || !isCount) return undefined
    return { prompts, out, url, keyFile, concurrency, retriesFailed, retriesUnknown }
  } catch {
    return undefined
  }
}
