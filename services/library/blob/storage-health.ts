import { setTimeout as pause } from 'node:timers/promises'
import { cachePromise } from '../../net/cached-promise.ts'
import { LIBRARY_FOLDER, type StoreHealth } from '../image-store.ts'
import type { Container } from './open-container.ts'
import { toStorageError } from './storage-error.ts'

/** Milliseconds for which a result is valid: unauthenticated clients can trigger the check. */
const HEALTH_TTL_MS = 15_000
/** Milliseconds for one check. */
const CHECK_MS = 5_000
/** Milliseconds after which a probe gets the previous result: its own time limit is often a second. */
const PATIENCE_MS = 500

/** An empty blob, written to learn whether the container can be written to. */
export const PROBE_NAME = `${LIBRARY_FOLDER}/.probe`

export interface StorageHealth {
  /** Whether images can be written, as of a few seconds ago. */
  check(): Promise<StoreHealth>
  /** A write was denied: the next check writes again. */
  doubt(): void
}

/**
 * Writes a probe once, and from then on reads the properties of the container, because accounts with versions or soft delete
 * would store each probe. https://learn.microsoft.com/rest/api/storageservices/get-container-properties
 */
export function createStorageHealth(container: Container): StorageHealth {
  let isProven = false
  let last: StoreHealth | undefined

  async function look(): Promise<StoreHealth> {
    const abortSignal = AbortSignal.timeout(CHECK_MS)
    try {
      const client = await container()
      if (isProven) await client.getProperties({ abortSignal })
      else await client.getBlockBlobClient(PROBE_NAME).upload('', 0, { abortSignal })
      isProven = true
      return { isWritable: true }
    } catch (error) {
      isProven = false
      const { kind, reason, hint } = toStorageError(error)
      const fault = kind === 'denied' ? 'IMG_ERR_STORE_DENIED' : 'IMG_ERR_STORE_UNAVAILABLE'
      return { isWritable: false, fault, reason, hint }
    }
  }

  const refresh = cachePromise(async () => {
    last = await look()
    return last
  }, HEALTH_TTL_MS)

  return {
    async check() {
      const fresh = refresh()
      if (last === undefined) return await fresh
      const previous = last
      return await Promise.race([fresh, pause(PATIENCE_MS, previous, { ref: false })])
    },
    doubt() {
      isProven = false
    },
  }
}
