import { toStudioError } from '../bridge/studio-error.ts'
import type { Texts } from './texts.ts'

/** What the person reads of a failure: the service's sentence, where it has one, and what to do. */
export function errorText(thrown: unknown, { app: { errors } }: Texts): string {
  const { kind, message, retryAfterMs } = toStudioError(thrown)
  const seconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000)
  if (kind === 'interrupted') return message === '' ? errors.offline : message
  if (kind === 'rejected') return message === '' ? errors.rejected : message
  if (kind === 'rate-limited') return errors.rateLimited(seconds)
  if (kind === 'unavailable') return errors.unavailable(seconds)
  if (kind === 'forbidden') return message === '' ? errors.forbidden : `${message} ${errors.forbidden}`
  if (kind === 'unsupported') return errors.unsupported
  if (kind === 'unauthorized') return errors.unauthorized
  return kind === 'offline' ? errors.offline : errors.protocol
}
