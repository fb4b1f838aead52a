import type { TLocalizedValidationError } from 'typebox/error'

/** Further ones are summed up as "and more". */
const MAX_PROBLEMS = 5
const MAX_NAME_LENGTH = 60

/**
 * Describes validation errors so that a model can act on them: `"prompt" is missing; "size" must be an integer`.
 * `patterns` has a sentence for each regular expression of the schema, which says little to most readers.
 * Names come from the client and are truncated; values are never repeated.
 */
export function describeErrors(
  errors: readonly TLocalizedValidationError[],
  patterns: ReadonlyMap<unknown, string> = new Map(),
): string {
  const unique = [...new Set(errors.flatMap((error) => describe(error, patterns)))]
  return [...unique.slice(0, MAX_PROBLEMS), ...(unique.length > MAX_PROBLEMS ? ['and more'] : [])].join('; ')
}

function describe(error: TLocalizedValidationError, patterns: ReadonlyMap<unknown, string>): string[] {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer)
  const at = (name: string) => quote([...path, name].join('.'))
  const here = path.length === 0 ? 'the value' : quote(path.join('.'))
  switch (error.keyword) {
    case 'boolean':
      // TypeBox reports an unknown member here, before the error of its object; in a union the error means nothing.
      return error.schemaPath.endsWith('/additionalProperties') ? [`${here} is unknown`] : []
    case 'required':
      return error.params.requiredProperties.map((name) => `${at(name)} is missing`)
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => `${at(name)} is unknown`)
    case 'enum':
      return [`${here} must be one of ${error.params.allowedValues.join(', ')}`]
    case 'pattern':
      return [`${here} ${patterns.get(String(error.params.pattern)) ?? 'does not have the right form'}`]
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
