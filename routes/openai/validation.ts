import type { Static, TSchema } from 'typebox'
import type { Validator } from 'typebox/compile'
import { Compile } from 'typebox/compile'
import { isRecord } from '../../services/bytes/json/is-record.ts'
import { describeErrors } from '../../services/errors/validation-message.ts'
import { normalizeArguments } from '../../services/parameters/normalize.ts'
import { RequestError } from './request-error.ts'

/** Checks request bodies against a schema. */
export function createValidation<S extends TSchema>(schema: S): (body: unknown) => Static<S> {
  const validator: Validator = Compile(schema)
  const isValid = (value: unknown): value is Static<S> => validator.Check(value)
  /**
   * The members of a request that are not absent, which null ones are.
   * @throws RequestError
   */
  return function validate(body) {
    if (!isRecord(body)) throw new RequestError('The body must be a JSON object.', { status: 400, code: null })
    const members = normalizeArguments(body, schema, [])
    if (isValid(members)) return members
    throw invalidMembers(validator.Errors(members))
  }
}

type ValidationErrors = ReturnType<Validator['Errors']>

/** Codes are those of OpenAI. */
function invalidMembers(errors: ValidationErrors): RequestError {
  const [first] = errors
  const [path] = first?.instancePath.split('/').slice(1) ?? []
  const missing = first?.keyword === 'required' ? first.params.requiredProperties[0] : undefined
  const isUnknown = first?.schemaPath.endsWith('/additionalProperties') === true
  const code = missing !== undefined ? 'missing_required_parameter' : isUnknown ? 'unknown_parameter' : 'invalid_value'
  const param = missing ?? path
  return new RequestError(`The request is not valid: ${describeErrors(errors)}.`, { status: 400, code, param })
}
