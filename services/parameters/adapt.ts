import type { Model, Operation } from '../../schemas/models.ts'
import { isAllowed } from './arguments.ts'
import { type ParameterName, parameterNames, parameters, type RequestParameters } from './table.ts'

interface AdaptableRequest extends RequestParameters {
  images?: readonly unknown[]
  mask?: unknown
}

/**
 * A request for a fallback's model: the size is fitted again, and arguments that the model does not accept are dropped.
 * `undefined` if the result would be something else: the model does not edit, or accepts fewer images, or no mask.
 */
export function adaptRequest<R extends AdaptableRequest>(
  request: R,
  operation: Operation,
  model: Model,
): R | undefined {
  const isPossible =
    model.operations.includes(operation) &&
    (request.images?.length ?? 0) <= model.maxImages &&
    (request.mask === undefined || model.mask)
  if (!isPossible) return undefined
  const adapted = { ...request }
  return parameterNames.every((name) => adaptOne(name, adapted, operation, model)) ? adapted : undefined
}

/** Whether the model can serve the request with what it accepts of this argument. */
function adaptOne<N extends ParameterName>(
  name: N,
  request: RequestParameters,
  operation: Operation,
  model: Model,
): boolean {
  const value: RequestParameters[N] = request[name]
  if (value === undefined) return true
  const { adapt } = parameters[name]
  const adapted = adapt(value, model, operation)
  // Judged by the value: a model that does not accept n still generates one image.
  if (adapted === undefined && parameters[name].isEssential?.(value)) return false
  request[name] = isAllowed(name, operation, model) ? adapted : undefined
  return true
}
