import { type OpenCall, openCall } from './event-stream.ts'
import { type ModernOptions, modernHeaders, modernMeta, withTasks } from './modern-client.ts'

export const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId'

export interface Notification {
  method: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server sent
  params: any
}

export interface Subscription extends Pick<OpenCall, 'status' | 'headers' | 'disconnect'> {
  /** What the server has agreed to. */
  filter: Record<string, unknown>
  /** The next notification without its subscription id, or the result at the end of the stream; comments are skipped. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server sent
  next(): Promise<any>
}

const METHOD = 'subscriptions/listen'

/** Opens a subscription over HTTP and waits for its acknowledgement. */
export async function subscribe(
  url: string,
  notifications: object,
  { capabilities = withTasks, key, headers = {} }: ModernOptions = {},
  id: string | number = 7,
): Promise<Subscription> {
  const params = { notifications, _meta: modernMeta(capabilities) }
  const call = await openCall(
    `${url}/mcp`,
    { jsonrpc: '2.0', id, method: METHOD, params },
    { ...modernHeaders(METHOD, params), ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers },
  )
  async function next() {
    for (;;) {
      const event = await call.next()
      if (event === undefined || event.message !== undefined) return event?.message
    }
  }
  const first = Object(await next())
  if (first.method !== 'notifications/subscriptions/acknowledged') {
    throw new Error(`not acknowledged: ${JSON.stringify(first)}`)
  }
  return {
    ...call,
    filter: first.params.notifications,
    async next() {
      const message = Object(await next())
      const { _meta, ...rest } = Object(message.params ?? message.result)
      if (_meta?.[SUBSCRIPTION_ID] !== id) throw new Error(`without the subscription id: ${JSON.stringify(message)}`)
      return message.method === undefined ? { result: rest } : { method: message.method, params: rest }
    },
  }
}
