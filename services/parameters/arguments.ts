import Type, { type TSchema } from 'typebox'
import type { Model, Operation } from '../../schemas/models.ts'
import { serviceError } from '../errors/errors.ts'
import type { Argument, ParseContext, SchemaScope } from './parameter.ts'
import {
  imageArguments,
  type ParameterArguments,
  type ParameterName,
  parameterNames,
  parameters,
  type RequestParameters,
} from './table.ts'

/** What a client sees of the rows, and the check of a call against the model that it names. */

const table = { ...parameters, ...imageArguments }

export type ArgumentName = keyof typeof table
type ArgumentTypes = { [N in ArgumentName]: (typeof table)[N] extends Argument<infer A> ? A : never }

/** The arguments of a call that depend on the model. */
export type ModelArguments = { [N in ArgumentName]?: ArgumentTypes[N] | undefined }

const rows: { readonly [N in ArgumentName]: Argument<ArgumentTypes[N]> } = table
const names = Object.keys(rows).filter((name): name is ArgumentName => isArgumentName(name))

export const argumentNames: readonly ArgumentName[] = names

function isArgumentName(name: string): name is ArgumentName {
  return Object.hasOwn(rows, name)
}

export function isAllowed(name: ArgumentName, operation: Operation, model: Model): boolean {
  const { operations, capability } = rows[name]
  return operations.includes(operation) && capability(operation).isAllowed(model)
}

/** The arguments that the model accepts in this operation. @param hasLibrary whether stored images can be named */
export function allowedArguments(operation: Operation, model: Model, hasLibrary = false): readonly ArgumentName[] {
  return names.filter((name) => isPublished(name, hasLibrary) && isAllowed(name, operation, model))
}

function isPublished(name: ArgumentName, hasLibrary: boolean): boolean {
  return hasLibrary || rows[name].needsLibrary !== true
}

/** The optional properties of a tool's schema: every argument that at least one of the models accepts. */
export function publishedProperties(models: readonly Model[], scope: SchemaScope): Record<string, TSchema> {
  const properties: Record<string, TSchema> = {}
  for (const name of names.filter((each) => isPublished(each, scope.hasLibrary))) {
    const able = models.filter((model) => isAllowed(name, scope.operation, model))
    if (able.length > 0) properties[name] = Type.Optional(rows[name].schema(able, scope))
  }
  return properties
}

/**
 * Checks that the model accepts every argument of a call.
 * @throws ServiceError `IMG_ERR_MODEL_ARGUMENT`, `IMG_ERR_MODEL_VALUE`
 */
export function assertSupported(args: ModelArguments, operation: Operation, model: Model): void {
  for (const name of names) assertOne(name, args, operation, model)
}

function assertOne<N extends ArgumentName>(name: N, args: ModelArguments, operation: Operation, model: Model): void {
  const value = args[name]
  if (value === undefined) return
  if (!isAllowed(name, operation, model)) {
    const allowed = allowedArguments(operation, model)
    throw serviceError('IMG_ERR_MODEL_ARGUMENT', [model.id, name, allowed], { detail: { argument: name } })
  }
  const accepted = rows[name].rejects?.(value, model)
  if (accepted !== undefined) {
    throw serviceError('IMG_ERR_MODEL_VALUE', [model.id, name, accepted], { detail: { argument: name } })
  }
}

/** The arguments of a call that the model of a fallback does not accept; their values were not sent to it. */
export function ignoredArguments(args: ModelArguments, operation: Operation, model: Model): readonly ArgumentName[] {
  return names.filter((name) => isIgnored(name, args, operation, model))
}

function isIgnored<N extends ArgumentName>(name: N, args: ModelArguments, operation: Operation, model: Model): boolean {
  const value = args[name]
  if (value === undefined) return false
  return !isAllowed(name, operation, model) || rows[name].rejects?.(value, model) !== undefined
}

/** The arguments as a request carries them. */
export function requestParameters(args: ParameterArguments, context: ParseContext): RequestParameters {
  const request: RequestParameters = {}
  for (const name of parameterNames) parseOne(name, args, request, context)
  return request
}

function parseOne<N extends ParameterName>(
  name: N,
  args: ParameterArguments,
  request: RequestParameters,
  context: ParseContext,
): void {
  const value = args[name]
  if (value !== undefined) request[name] = parameters[name].parse(value, context)
}
