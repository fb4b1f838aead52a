/**
 * Memory that is allocated here and given back here, without waiting for the garbage collector. Left to it, megabytes a
 * call make it come often, and it then costs more than all else that is done for a picture.
 *
 * Only for memory of our own: what a socket or a parser allocated may still be looked at from outside JavaScript.
 */
export function allocateOwn(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes)
}

/**
 * Gives the memory of Buffers from `allocateOwn` back at once; they and all views of them are empty afterwards. Nobody
 * may be reading them any more: neither a write to a socket or file that is under way, nor a thread.
 */
export function freeOwn(buffers: readonly Buffer[]): void {
  for (const { buffer } of buffers) if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
