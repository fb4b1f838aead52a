import type { StudioData } from './studio-data.ts'

/**
 * Drafts at the service: what was begun survives a reload, in hosts too, where a page can store nothing. Failures are silent:
 * a draft is a convenience, and the next change stores it again.
 */
export interface Drafts {
  /** @param id of the image that is edited; absent: the draft of the generate screen. @returns undefined: there is none */
  load(id?: string): Promise<string | undefined>
  /** Stores a draft some time after its last change. @param text at most 64 KB; empty: there is none any more */
  store(id: string | undefined, text: string): void
  /** Stores what waits, now. */
  flush(): Promise<void>
}

const DELAY_MS = 1000

/** @param isAvailable whether this caller may store drafts; otherwise they last as long as the studio is open */
export function createDrafts(data: Pick<StudioData, 'draft' | 'storeDraft'>, isAvailable: boolean): Drafts {
  /** The newest texts, stored or not. */
  const texts = new Map<string | undefined, string>()
  const changed = new Set<string | undefined>()
  let timer: ReturnType<typeof setTimeout> | undefined
  /** One after the other, so that an older text never replaces a newer one. */
  let storing = Promise.resolve()

  async function storeChanged(): Promise<void> {
    for (const id of [...changed]) {
      changed.delete(id)
      const text = texts.get(id) ?? ''
      await data.storeDraft(id, text).catch(() => {})
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    storing = storing.then(storeChanged)
    return storing
  }

  return {
    flush,
    async load(id) {
      const text = texts.get(id) ?? (isAvailable ? await data.draft(id).catch(() => undefined) : undefined)
      // A change that came while it was loading is newer.
      const newest = texts.get(id) ?? text
      return newest === '' ? undefined : newest
    },
    store(id, text) {
      if (texts.get(id) === text) return
      texts.set(id, text)
      if (!isAvailable) return
      changed.add(id)
      clearTimeout(timer)
      timer = setTimeout(flush, DELAY_MS)
    },
  }
}
