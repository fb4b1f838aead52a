import { serviceError } from '../errors/errors.ts'
import { describeErrors } from '../errors/validation-message.ts'
import type { Around } from './types.ts'

/**
 * Normalizes the arguments and checks them against the schema that the tool publishes.
 * @throws ServiceError `IMG_ERR_ARGUMENTS`, or what the tool's own `reject` throws
 */
export const checkArguments: Around = async (call, next) => {
  const { tool, validator } = call.tool
  const args = tool.normalize?.(call.args) ?? call.args
  const { imageArguments = [] } = tool
  call.context.images.restore(args, (node, key) => node === args && imageArguments.includes(key))
  tool.reject?.(args)
  if (!validator.Check(args)) throw serviceError('IMG_ERR_ARGUMENTS', [describeErrors(validator.Errors(args))])
  call.args = args
  call.cost = tool.cost?.(args) ?? 0
  return await next()
}
