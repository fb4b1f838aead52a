import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { serviceError } from '../errors/errors.ts'
import type { CallContext } from './types.ts'

/**
 * Awaits work that has no deadline itself, until the call is cancelled or its deadline is reached.
 * @throws ServiceError IMG_ERR_AZURE_NOT_SENT, IMG_ERR_CANCELLED
 */
export async function withinCall<T>(
  work: MaybePromise<T>,
  { signal, deadlineAt }: Pick<CallContext, 'signal' | 'deadlineAt'>,
): Promise<T> {
  if (!(work instanceof Promise)) return work
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => timeout.reject(serviceError('IMG_ERR_AZURE_NOT_SENT', [])),
    Math.max(0, deadlineAt - performance.now()),
  )
  const cancel = () => timeout.reject(serviceError('IMG_ERR_CANCELLED', []))
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await Promise.race([work, timeout.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}
