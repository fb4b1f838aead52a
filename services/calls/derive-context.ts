import type { Trace } from '../telemetry/trace.ts'
import { tracedLog } from '../telemetry/traced-log.ts'
import type { CallContext } from './types.ts'

/** The same context with members of its own, whose changes no one else sees. @param own also lists what it only sets later */
export function deriveContext<C extends CallContext>(context: C, own: Partial<CallContext>): C {
  return new Proxy(context, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (target, name, value) =>
      Object.hasOwn(own, name) ? Reflect.set(own, name, value) : Reflect.set(target, name, value, target),
  })
}

/** Work for the context that is further down in a trace. */
export function inTrace<C extends CallContext>(context: C, trace: Trace): C {
  if (trace.id === undefined) return context
  return deriveContext(context, { trace, log: tracedLog(context.log, trace) })
}

/** Of one call of a batch: what happens to it is its own, and what it sends to Azure counts for the whole batch as well. */
export function memberContext<C extends CallContext>(context: C): C {
  let sent = 0
  return deriveContext(context, {
    attempts: 0,
    countedAt: undefined,
    isDetached: false,
    isSaving: false,
    get sentRequests() {
      return sent
    },
    set sentRequests(count) {
      context.sentRequests += count - sent
      sent = count
    },
  })
}
