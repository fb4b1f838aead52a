import { InlineBlob, restoreTexts } from '../bytes/json/inline-blob.ts'
import { serviceError } from '../errors/errors.ts'
import { describeErrors } from '../errors/validation-message.ts'
import { patternSentences } from '../parameters/patterns.ts'
import type { Around } from './types.ts'
import { checkWellFormed } from './well-formed.ts'

/**
 * Normalizes the arguments and checks them against the schema that the tool publishes.
 * @throws ServiceError `IMG_ERR_ARGUMENTS`, or what the tool's own `reject` throws
 */
export const checkArguments: Around = async (call, next) => {
  const { tool, validator } = call.tool
  const args = tool.normalize?.(call.args) ?? call.args
  const { imageArguments = [] } = tool
  restoreTexts(args, (parent, key) => parent === args && imageArguments.includes(key))
  tool.reject?.(args)
  checkWellFormed(args)
  const checked = withTextForBlobs(args)
  if (!validator.Check(checked)) {
    throw serviceError('IMG_ERR_ARGUMENTS', [describeErrors(validator.Errors(checked), patternSentences)])
  }
  call.args = args
  call.cost = tool.cost?.(args) ?? 0
  return await next()
}

/** To the schema an image is a text. */
function withTextForBlobs(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const textFor = (value: unknown) => (value instanceof InlineBlob ? 'AAAA' : value)
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, Array.isArray(value) ? value.map(textFor) : textFor(value)]),
  )
}
