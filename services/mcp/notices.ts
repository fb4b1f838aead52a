import type { Logger } from '../logging/logger.ts'
import { type Watcher, watchChanges } from './changes.ts'
import { createOutbox } from './outbox.ts'
import { invalidParams } from './protocol-error.ts'
import type { Connection, Notices } from './types.ts'

const MAX_URIS = 100

/**
 * Tells the client of changed lists, and of the resources to which it subscribes.
 * https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions
 */
export function createNotices(connection: Connection, watcher: Watcher, log: Logger): Notices {
  const { engine, access } = watcher
  const outbox = createOutbox(engine.subscriptions.collectMs, connection.closed, (err) => {
    log.warn({ err }, 'a client was not told of a change')
  })
  const uris = new Set<string>()
  let stop = watch()

  function watch(): () => void {
    const resourcesList = engine.catalog.resources?.watch?.listsFor(access) === true
    return watchChanges({ toolsList: true, resourcesList, uris: [...uris] }, watcher, (key, method, params) => {
      const notification = { jsonrpc: '2.0' as const, method, ...(params && { params }) }
      outbox.add(key, () => connection.send(notification))
    })
  }
  function watchAgain(): void {
    stop()
    stop = watch()
  }

  return {
    subscribe(uri) {
      if (uris.has(uri)) return
      if (uris.size >= MAX_URIS) throw invalidParams(`At most ${MAX_URIS} resources can be subscribed to.`)
      uris.add(uri)
      watchAgain()
    },
    unsubscribe(uri) {
      if (uris.delete(uri)) watchAgain()
    },
    [Symbol.dispose]: () => stop(),
  }
}
