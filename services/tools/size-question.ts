import type { Operation } from '../../schemas/models.ts'
import type { DeploymentInfo } from '../azure/types.ts'
import { askForm, type ClientInput, type Completion, formResponse } from '../calls/input.ts'
import { serviceError } from '../errors/errors.ts'
import { isAllowed } from '../parameters/arguments.ts'
import type { GenerateArguments } from './arguments.ts'
import { choiceForm, formFor } from './choice-form.ts'

const nothing: Completion = { answers: {}, requests: {} }

/**
 * Asks which of two sizes is meant where the call has a size and a ratio.
 * @throws ServiceError `IMG_ERR_NOT_ANSWERED`
 */
export function completeSize(
  operation: Operation,
  { size, aspect_ratio: ratio, model }: GenerateArguments,
  deployments: readonly DeploymentInfo[],
  input: ClientInput | undefined,
): Completion {
  const { capabilities } = deployments.find(({ name }) => name === (model ?? deployments[0]?.name)) ?? {}
  const isAmbiguous = size !== undefined && size !== 'auto' && ratio !== undefined
  if (!isAmbiguous || capabilities === undefined || input?.canAsk('form') !== true) return nothing
  if (!isAllowed('size', operation, capabilities) || !isAllowed('aspect_ratio', operation, capabilities)) return nothing
  const response = formResponse(input, 'size', choiceForm('size'))
  if (response !== undefined && response.action !== 'accept') throw serviceError('IMG_ERR_NOT_ANSWERED', ['size'])
  const chosen = response?.content.size
  if (chosen === size) return { answers: { aspect_ratio: null }, requests: {} }
  if (chosen === ratio) return { answers: { size: null }, requests: {} }
  const choices = [size, ratio].map((id) => ({ id, title: id }))
  const message = `The call has the size ${size} and the shape ${ratio}. Which one should the image have?`
  return { answers: {}, requests: { size: askForm(message, formFor('size', choices)) } }
}

/** The arguments that do not depend on the answer. */
export function withoutSize<A extends GenerateArguments>({ size: _, ...args }: A): Omit<A, 'size'> {
  return args
}
