import type { Static, TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import { describeErrors } from '../errors/validation-message.ts'
import { withProgress } from './progress.ts'
import { invalidParams } from './protocol-error.ts'
import type { McpRequest, Method } from './types.ts'

/** A method whose parameters are checked against a schema that is compiled once per process. */
export function defineMethod<S extends TObject>(
  traits: Omit<Method, 'run'>,
  schema: S,
  run: (params: Static<S>, request: McpRequest) => object | Promise<object>,
): Method {
  const validator = Compile(schema)
  return {
    ...traits,
    run(params, request) {
      if (!validator.Check(params)) {
        throw invalidParams(`Invalid params of ${traits.name}: ${describeErrors(validator.Errors(params))}.`)
      }
      return withProgress(params, request, () => run(params, request))
    },
  }
}
