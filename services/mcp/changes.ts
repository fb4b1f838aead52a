import type { LibraryAccess } from '../library/access.ts'
import { describeTools } from './methods/tools.ts'
import type { Engine, Revision } from './types.ts'

/** What a client wants to be told of. */
export interface WatchedChanges {
  toolsList: boolean
  resourcesList: boolean
  /** Of resources. */
  uris: readonly string[]
}

export interface Watcher {
  engine: Engine
  revision: Revision
  access: LibraryAccess
}

/** A notification to be sent; of those with one key only the last. */
export type NotifyChange = (key: string, method: string, params?: object) => void

/** Watches everything that may change for a client. @returns what ends it */
export function watchChanges(
  { toolsList, resourcesList: lists, uris }: WatchedChanges,
  { engine, revision, access }: Watcher,
  notify: NotifyChange,
): () => void {
  const stops: (() => void)[] = []
  const { resources } = engine.catalog
  if (toolsList) {
    const read = () => describeTools(engine.catalog, revision, access)
    stops.push(engine.toolChanges.watch(read, () => notify('tools', 'notifications/tools/list_changed')))
  }
  if (resources?.watch !== undefined && (lists || uris.length > 0)) {
    const stop = resources.watch.watch({ uris, lists, access }, (change) => {
      if (change.isListed) notify('resources', 'notifications/resources/list_changed')
      for (const uri of change.uris) notify(`uri ${uri}`, 'notifications/resources/updated', { uri })
    })
    stops.push(stop)
  }
  return () => {
    for (const stop of stops) stop()
  }
}
