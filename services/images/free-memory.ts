/** Smaller ones are not worth the call. */
const minBytes = 16_384

/**
 * Gives the memory of Buffers back at once; they are empty afterwards. Left to the garbage collector, megabytes from
 * sockets make it come often, and it costs more than all else that is done for a picture.
 *
 * Only a Buffer that is the whole of its memory is freed: behind a smaller view there may be something else.
 */
export function freeMemory(buffers: readonly Buffer[]): void {
  for (const { buffer, length } of buffers) {
    if (buffer instanceof ArrayBuffer && length === buffer.byteLength && length >= minBytes) buffer.transfer(0)
  }
}
