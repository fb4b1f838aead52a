import type { ErrorCode } from '../errors/errors.ts'
import type { ClientLine } from '../logging/client-line.ts'
import type { NextStep } from './retry-policy.ts'

/** What clients that request log lines are told of their calls. */

const seconds = (ms: number) => `${Math.max(1, Math.ceil(ms / 1000))} s`

export const sentLine = (deployment: string): ClientLine => ({
  level: 'info',
  logger: 'azure',
  message: `The request was sent to ${deployment}.`,
})

export const generatedLine = (deployment: string, model: string, count: number): ClientLine => ({
  level: 'info',
  logger: 'azure',
  message: `${deployment} (${model}) generated ${count === 1 ? 'an image' : `${count} images`}.`,
})

export const queuedLine = (deployment: string, remainingMs: number): ClientLine => ({
  level: 'info',
  logger: 'azure',
  message: `Waiting for a turn within the quota of ${deployment}: about ${seconds(remainingMs)}.`,
})

/** How a call goes on after a failed request. @param pausedMs for which the deployment takes no request */
export function stepLine(
  deployment: string,
  code: ErrorCode,
  step: NextStep,
  pausedMs: number,
): ClientLine | undefined {
  const line = (level: ClientLine['level'], message: string): ClientLine => ({ level, logger: 'azure', message, code })
  switch (step.type) {
    case 'waitForQuota':
      return line('notice', `The quota of ${deployment} is used up; trying again in ${seconds(pausedMs)}.`)
    case 'retry':
      return line('warning', `A request to ${deployment} failed; trying again in ${seconds(step.delayMs)}.`)
    case 'failOver':
      return line('warning', `${deployment} cannot serve the call now; another deployment takes over.`)
    case 'rejectRoute':
      return line('debug', `${deployment} did not accept the request by this route; trying the other one.`)
    case 'refreshCredential':
    case 'giveUp':
      return undefined
    default:
      return step satisfies never
  }
}
