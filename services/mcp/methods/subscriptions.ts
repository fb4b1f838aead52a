import type { Static } from 'typebox'
import { ListenParamsSchema, SubscribeParamsSchema } from '../../../schemas/mcp.ts'
import { hasCapability } from '../capabilities.ts'
import { watchChanges } from '../changes.ts'
import { defineMethod } from '../method.ts'
import { createOutbox } from '../outbox.ts'
import { invalidParams, invalidRequest, methodNotFound, missingCapability } from '../protocol-error.ts'
import { watchTasks } from '../task-notifications.ts'
import { TASKS } from '../tasks.ts'
import type { McpRequest, Notices } from '../types.ts'

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId'

/** Of all URIs of a subscription together. */
const MAX_URI_CHARACTERS = 16_384

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions */
export const listen = defineMethod(
  { name: 'subscriptions/listen', isSubscription: true },
  ListenParamsSchema,
  async ({ notifications }, request) => {
    const { context, engine, id } = request
    const { notify } = context
    if (notify === undefined) throw invalidRequest('A subscription is an event stream: accept text/event-stream.', 406)
    const _meta = { [SUBSCRIPTION_ID]: id }
    const send = (method: string, params: object = {}) =>
      notify({ jsonrpc: '2.0', method, params: { ...params, _meta } })
    const honored = await honoredFilter(notifications, request)
    const acknowledge = () => send('notifications/subscriptions/acknowledged', { notifications: honored })
    // Nothing of it can ever be sent.
    if (Object.keys(honored).length === 0) await acknowledge()
    else {
      await engine.subscriptions.run(context.caller, context.signal, (ended) => {
        // Not awaited: what follows is sent after it, and nothing that happens from now on is missed.
        void acknowledge()
        // Its client disconnected meanwhile, or the service shuts down: its end is not announced once more.
        if (ended.aborted) return
        const outbox = createOutbox(engine.subscriptions.collectMs, ended, (err) => {
          context.log.warn({ err }, 'a client was not told of a change')
        })
        const watched = {
          toolsList: honored.toolsListChanged === true,
          resourcesList: honored.resourcesListChanged === true,
          uris: honored.resourceSubscriptions ?? [],
        }
        const stop = watchChanges(
          watched,
          { engine, revision: request.revision, access: context.access },
          (key, ...of) => outbox.add(key, () => send(...of)),
        )
        ended.addEventListener('abort', stop, { once: true })
        watchTasks(honored.taskIds ?? [], { request, outbox, send, ended })
      })
    }
    return { _meta }
  },
)

type Filter = Static<typeof ListenParamsSchema>['notifications']

/** What of a filter this service serves for this client; the list of prompts never changes. */
async function honoredFilter(asked: Filter, { context, engine, clientCapabilities }: McpRequest): Promise<Filter> {
  const { toolsListChanged, resourcesListChanged, resourceSubscriptions = [], taskIds = [] } = asked
  const { resources, tasks } = engine.catalog
  const characters = resourceSubscriptions.reduce((sum, uri) => sum + uri.length, 0)
  if (characters > MAX_URI_CHARACTERS) {
    throw invalidParams(`The URIs of a subscription have at most ${MAX_URI_CHARACTERS} characters together.`)
  }
  if (taskIds.length > 0 && tasks !== undefined && !hasCapability(clientCapabilities, TASKS)) {
    throw missingCapability(TASKS)
  }
  const watch = resources?.watch
  // Another caller's task is left out as an unknown one is.
  const known = (await tasks?.known(taskIds, context.caller)) ?? []
  return {
    ...(toolsListChanged === true && { toolsListChanged }),
    ...(resourcesListChanged === true && watch?.listsFor(context.access) === true && { resourcesListChanged }),
    ...(watch !== undefined && resourceSubscriptions.length > 0 && { resourceSubscriptions }),
    ...(known.length > 0 && { taskIds: [...known] }),
  }
}

/** Only where the client has a connection of its own: over HTTP nothing could be sent. */
function noticesOf({ context }: McpRequest, method: string): Notices {
  const notices = context.connection?.notices
  if (notices === undefined) throw methodNotFound(method)
  return notices
}

export const subscribe = defineMethod(
  { name: 'resources/subscribe', needs: 'resources' },
  SubscribeParamsSchema,
  ({ uri }, request) => {
    noticesOf(request, 'resources/subscribe').subscribe(uri)
    return {}
  },
)

export const unsubscribe = defineMethod(
  { name: 'resources/unsubscribe', needs: 'resources' },
  SubscribeParamsSchema,
  ({ uri }, request) => {
    noticesOf(request, 'resources/unsubscribe').unsubscribe(uri)
    return {}
  },
)
