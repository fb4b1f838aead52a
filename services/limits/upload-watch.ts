/** Seconds that an upload may take whatever its speed; after that it must have kept up with the least one. */
const PATIENCE_S = 15
/** Far below any modem, far above a caller that only wants to hold memory. */
const MIN_BYTES_PER_SECOND = 1_024

/** Whether an upload is so slow that its memory is better given to somebody else. */
export function isTooSlow(receivedBytes: number, elapsedMs: number): boolean {
  const seconds = elapsedMs / 1000
  return seconds > PATIENCE_S && receivedBytes < seconds * MIN_BYTES_PER_SECOND
}
