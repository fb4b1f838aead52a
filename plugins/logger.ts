import { once } from 'node:events'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

/** Files are rolled daily and at this size, so that a noisy day cannot fill a disk. */
const FILE_SIZE = '20m'
const LOG_FILES = 14

/**
 * Gives the logger its level and its streams: stdout, and daily files with `LOG_DIR`. One line is written for every
 * request, without its query, headers or body. All in this process: worker threads would need more rights than the
 * container's permission flags give.
 */
async function logging(fastify: FastifyInstance): Promise<void> {
  const { config, logLines, appOptions, log } = fastify
  const { logDestination, isTerminal = false } = appOptions
  const { level, format, folder } = config.logging
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)

  log.level = level
  logLines.add(isPretty ? await prettify(logDestination, isTerminal) : logDestination)
  fastify.addHook('onClose', async () => logLines.flush())
  if (folder !== undefined) await logToFiles(fastify, folder)

  fastify.addHook('onResponse', function logRequest(request: FastifyRequest, reply: FastifyReply, done) {
    const fields = { ...describe(request), status: reply.statusCode, durationMs: Math.round(reply.elapsedTime) }
    if (isRoutine(request)) request.log.debug(fields, 'request answered')
    else request.log.info(fields, 'request answered')
    done()
  })
  // Not `onRequestAbort`, which follows the request message: that one closes as soon as its body has been read.
  fastify.onResponseClose(function logDisconnect(request, { raw, elapsedTime }) {
    if (raw.writableFinished) return
    const fields = { ...describe(request), durationMs: Math.round(elapsedTime) }
    request.log.info(fields, 'client disconnected before the response')
  })
}

function describe(request: FastifyRequest) {
  return {
    method: request.method,
    route: request.routeOptions.url ?? 'unmatched',
    caller: request.caller.id,
  }
}

/** Probes and scrapes come every few seconds and say nothing. */
function isRoutine({ routeOptions: { url } }: FastifyRequest): boolean {
  return url === '/health' || url === '/ready' || url === '/metrics'
}

/** Loaded only for those who want it, as are the files: each takes time to start and memory to keep. */
async function prettify(destination: Writable, colorize: boolean) {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ destination, colorize, sync: true })
}

async function logToFiles(fastify: FastifyInstance, folder: string): Promise<void> {
  try {
    const { default: roll } = await import('pino-roll')
    const stream = await roll({
      file: join(folder, 'azure-image-editor'),
      extension: '.log',
      frequency: 'daily',
      dateFormat: 'yyyy-MM-dd',
      size: FILE_SIZE,
      limit: { count: LOG_FILES, removeOtherLogFiles: true },
      mkdir: true,
    })
    // Rejects if the file could not be opened, on which every write would throw.
    await once(stream, 'ready')
    // A disk that fills up later must not end the service; stdout still has every line.
    stream.on('error', () => {})
    fastify.logLines.add(stream)
    fastify.addHook('onClose', async () => {
      fastify.logLines.remove(stream)
      stream.end()
    })
  } catch (err) {
    fastify.log.warn(
      { err, LOG_DIR: folder },
      'log folder is not writable, logging to stdout only; for the container: sudo chown 1000:1000 images logs',
    )
  }
}

export default fp(logging, { name: 'logger', dependencies: ['config', 'lifecycle'] })
