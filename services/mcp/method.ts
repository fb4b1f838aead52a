import type { Static, TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import { describeErrors } from '../errors/validation-message.ts'
import { withClientLog } from './client-log.ts'
import { withInput } from './input-required.ts'
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
      if (traits.isSubscription === true) return run(params, request)
      const answer = () => withClientLog(params, request, () => run(params, request))
      const withAnswers = () => (traits.asks === true ? withInput(traits.name, params, request, answer) : answer())
      return withProgress(params, request, withAnswers)
    },
  }
}
