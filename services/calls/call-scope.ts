import { createDelivery } from './delivery.ts'
import type { CallContext } from './types.ts'

/** What a call owns that arrived without an HTTP request, which would have a lifecycle of its own. */
export function createCallScope(): Pick<CallContext, 'scope' | 'outlive'> {
  const scope = new AsyncDisposableStack()
  return {
    scope,
    // The first to be disposed is what was added last, so that all else stays until the work has ended.
    outlive: (work) => scope.defer(() => work.then(ignore, ignore)),
  }
}

/** The context of work for a caller beside, or long after, its request. */
export function createContextBeside(
  {
    id,
    caller,
    access,
    door,
    baseUrl,
    log,
    trace,
  }: Pick<CallContext, 'id' | 'caller' | 'access' | 'door' | 'baseUrl' | 'log' | 'trace'>,
  signal: AbortSignal,
  deadlineMs: number,
): CallContext {
  return {
    id,
    caller,
    access,
    door,
    baseUrl,
    log,
    trace,
    signal,
    get isCancelled() {
      return signal.aborted
    },
    deadlineAt: performance.now() + deadlineMs,
    ...createCallScope(),
    delivery: createDelivery(0),
    sentRequests: 0,
    progress() {},
  }
}

function ignore(): void {}
