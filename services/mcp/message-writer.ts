import type { Writable } from 'node:stream'
import { writeJson } from '../bytes/json/writer.ts'
import type { Logger } from '../logging/logger.ts'

export interface MessageWriter {
  /** Writes a message as one line, after all earlier ones. @returns whether the pipe accepted all of it */
  write(message: object): Promise<boolean>
  /** Resolves when everything written before has left the stream; false: the client disconnected first. */
  isFlushed(): Promise<boolean>
  /** Resolves when every message has been written. */
  idle(): Promise<unknown>
}

export function createMessageWriter(output: Writable, disconnected: AbortSignal, log: Logger): MessageWriter {
  let lastWrite: Promise<unknown> = Promise.resolve()

  async function send(message: object): Promise<boolean> {
    for await (const chunk of writeJson(message, { suffix: '\n' }).chunks()) {
      if (disconnected.aborted) return false
      if (!output.write(chunk)) await drained()
    }
    return (await isFlushed()) && !disconnected.aborted
  }

  /** Resolves when the stream accepts more, or never will. */
  function drained(): Promise<boolean> {
    return beforeDisconnect((resolve) => {
      const done = () => {
        output.off('drain', done).off('close', done)
        resolve()
      }
      output.on('drain', done).on('close', done)
      if (output.closed) done()
    })
  }

  function isFlushed(): Promise<boolean> {
    return beforeDisconnect((resolve) => void output.write('', () => resolve()))
  }

  function beforeDisconnect(wait: (resolve: () => void) => void): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const giveUp = () => resolve(false)
    disconnected.addEventListener('abort', giveUp, { once: true })
    wait(() => {
      disconnected.removeEventListener('abort', giveUp)
      resolve(true)
    })
    if (disconnected.aborted) setImmediate(giveUp)
    return promise
  }

  return {
    write(message) {
      const written = lastWrite
        .then(() => send(message))
        .catch((err: unknown) => {
          log.error({ err }, 'message could not be written completely')
          // So that the next message starts a new line.
          if (!disconnected.aborted) output.write('\n')
          return false
        })
      lastWrite = written
      return written
    },
    isFlushed,
    idle: () => lastWrite,
  }
}
