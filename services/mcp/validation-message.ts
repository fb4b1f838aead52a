import type { TLocalizedValidationError } from 'typebox/error'

/** More than these help nobody. */
const MAX_PROBLEMS = 5
const MAX_NAME_LENGTH = 60

/**
 * What is wrong with a value, in words that a model can act on: `"prompt" is missing; "size" must match pattern …`.
 * Names come from the caller and are cut; values are never repeated.
 */
export function describeErrors(errors: readonly TLocalizedValidationError[]): string {
  const unique = [...new Set(errors.flatMap(describe))]
  return [...unique.slice(0, MAX_PROBLEMS), ...(unique.length > MAX_PROBLEMS ? ['and more'] : [])].join('; ')
}

function describe(error: TLocalizedValidationError): string[] {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer)
  const at = (name: string) => quote([...path, name].join('.'))
  const here = path.length === 0 ? 'the value' : quote(path.join('.'))
  switch (error.keyword) {
    case 'boolean':
      // Before the error of the object itself, and without it if there are many; of a union it is a shadow.
      return error.schemaPath.endsWith('/additionalProperties') ? [`${here} is unknown`] : []
    case 'required':
      return error.params.requiredProperties.map((name) => `${at(name)} is missing`)
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => `${at(name)} is unknown`)
    case 'enum':
      return [`${here} must be one of ${error.params.allowedValues.join(', ')}`]
    default:
      return [`${here} ${error.message}`]
  }
}

function quote(name: string): string {
  return name.length > MAX_NAME_LENGTH ? `"${name.slice(0, MAX_NAME_LENGTH)}…"` : `"${name}"`
}

/** https://www.rfc-editor.org/rfc/rfc6901#section-4 */
function unescapePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}
