/** Memory of a `BufferPool`. Disposing it returns the memory; every view of it is empty from then on. Idempotent. */
export interface PooledBuffer extends Disposable {
  /** Has the requested length; its content is undefined. */
  readonly bytes: Buffer
}

/**
 * Memory for megabytes that live for one call. Left to the garbage collector, these buffers would make it run often,
 * which costs more than all other work on an image; left to the system, every page would be mapped and zeroed anew.
 */
export interface BufferPool {
  acquire(bytes: number): PooledBuffer
}

/** The smallest buffer; larger ones are this times a power of two, so that a returned one fits the next request. */
export const MIN_POOLED_BYTES = 131_072
/** Larger ones are too rare to be worth pooling. */
const MAX_IDLE_BUFFER_BYTES = 8_388_608
const MAX_IDLE_BYTES = 33_554_432
/** Milliseconds without use after which idle memory is freed. */
const IDLE_MS = 10_000

export function createBufferPool(): BufferPool {
  const idle = new Map<number, ArrayBuffer[]>()
  let idleBytes = 0
  let timer: NodeJS.Timeout | undefined

  function freeIdle(): void {
    idle.clear()
    idleBytes = 0
  }

  function reuse(size: number): ArrayBuffer | undefined {
    const memory = idle.get(size)?.pop()
    if (memory !== undefined) idleBytes -= size
    return memory
  }

  /**
   * Detaches the memory, so that a late reader gets nothing rather than another call's bytes. No write to a socket or
   * file and no thread may be reading it any more: they see memory, not views.
   */
  function takeBack(memory: ArrayBuffer): void {
    const size = memory.byteLength
    if (size === 0) return
    const isKept = size <= MAX_IDLE_BUFFER_BYTES && idleBytes + size <= MAX_IDLE_BYTES
    const detached = memory.transfer(isKept ? size : 0)
    if (!isKept) return
    const others = idle.get(size)
    if (others === undefined) idle.set(size, [detached])
    else others.push(detached)
    idleBytes += size
    timer ??= setTimeout(freeIdle, IDLE_MS).unref()
    timer.refresh()
  }

  return {
    acquire(bytes) {
      const size = pooledSize(bytes)
      const memory = reuse(size) ?? new ArrayBuffer(size)
      return { bytes: Buffer.from(memory, 0, bytes), [Symbol.dispose]: () => takeBack(memory) }
    },
  }
}

/** Bytes of memory that a buffer of so many bytes really takes. */
export function pooledSize(bytes: number): number {
  let size = MIN_POOLED_BYTES
  while (size < bytes) size *= 2
  return size
}
