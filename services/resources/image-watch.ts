import type { ImageEvents } from '../library/image-events.ts'
import { keyOfId, keyOfName } from '../library/image-events.ts'
import { idOfPreviewUri, idOfUri } from '../library/image-reference.ts'
import { namesOfImageUri } from '../library/image-uri.ts'
import type { ResourceWatch } from './types.ts'

/**
 * Watches the images that a client may see. A URI of another caller's image behaves like one of no image: it is watched, and
 * nothing is ever reported of it.
 */
export function createImageWatch(events: Pick<ImageEvents, 'watch' | 'digestOf'>): ResourceWatch {
  return {
    listsFor: ({ canList }) => canList,
    watch({ uris, access, lists }, report) {
      const owner = events.digestOf(access.owner)
      const byKey = new Map<string, string[]>()
      for (const uri of uris) {
        for (const key of keysOf(uri)) {
          const digest = events.digestOf(key)
          byKey.set(digest, [...(byKey.get(digest) ?? []), uri])
        }
      }
      const hasLists = lists && access.canList
      return events.watch({
        changed(event) {
          if (access.uses === 'own' && event.owner !== owner) return
          const updated = new Set(event.keys.flatMap((key) => byKey.get(key) ?? []))
          report({ isListed: hasLists && event.isListed, uris: [...updated] })
        },
        missed: () => report({ isListed: hasLists, uris }),
      })
    },
  }
}

function keysOf(uri: string): string[] {
  const id = idOfUri(uri) ?? idOfPreviewUri(uri)
  return id === undefined ? namesOfImageUri(uri).map(keyOfName) : [keyOfId(id)]
}
