/**
 * Memory for megabytes that live for one call: taken here, released here, and used again for the next call. Left to
 * the garbage collector it would make it come often, and that costs more than all else that is done for an image; left
 * to the system, every page would have to be mapped and zeroed anew.
 *
 * What a socket or a parser allocated is none of this: it may still be looked at from outside JavaScript.
 */

/** The smallest chunk; longer ones are this times a power of two, so that what is released fits the next. */
export const chunkBytes = 131_072
/** Longer ones are so rare that they are not worth being kept. */
const maxIdleChunkBytes = 8_388_608
/** Bytes that wait for their next use at most. */
const maxIdleBytes = 33_554_432
/** Milliseconds without any use after which nothing is kept waiting. */
const idleMs = 10_000

const idle = new Map<number, ArrayBuffer[]>()
let idleBytes = 0
let timer: NodeJS.Timeout | undefined

/** A Buffer of so many bytes, with anything in them. Must go to `giveBack` when nobody reads it any more. */
export function acquireBuffer(bytes: number): Buffer {
  const size = sizeFor(bytes)
  const known = idle.get(size)?.pop()
  if (known === undefined) return Buffer.from(new ArrayBuffer(size), 0, bytes)
  idleBytes -= size
  return Buffer.from(known, 0, bytes)
}

/**
 * Gives the memory of Buffers from `takeMemory` back; they and all views of them are empty afterwards, so that a late
 * reader gets nothing rather than another call's bytes. Outside JavaScript nobody may be reading them any more: neither
 * a write to a socket or file that is under way, nor a thread.
 */
export function release(buffers: readonly Buffer[]): void {
  for (const { buffer } of buffers) {
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === 0) continue
    const size = buffer.byteLength
    const isStored = size <= maxIdleChunkBytes && idleBytes + size <= maxIdleBytes
    const memory = buffer.transfer(isStored ? size : 0)
    if (!isStored) continue
    const waiting = idle.get(size)
    if (waiting === undefined) idle.set(size, [memory])
    else waiting.push(memory)
    idleBytes += size
    timer ??= setTimeout(forget, idleMs).unref()
    timer.refresh()
  }
}

/** Bytes that `takeMemory` really takes. */
export function sizeFor(bytes: number): number {
  let size = chunkBytes
  while (size < bytes) size *= 2
  return size
}

function forget(): void {
  idle.clear()
  idleBytes = 0
}
