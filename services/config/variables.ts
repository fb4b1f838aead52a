import type { TSchema } from 'typebox'
import { ConfigSchema } from '../../schemas/config.ts'
import { GROUPS, type Group, type UsedBy } from '../../schemas/config-row.ts'

/** The schema of one variable as an operator needs to read it. */
export interface VariableInfo {
  name: string
  description: string
  example: string
  /** As written in the environment; absent when there is none. */
  default: string | undefined
  required: boolean
  secret: boolean
  /** Its subject. */
  group: Group
  /** The transports that read it. */
  usedBy: UsedBy
}

/** Required unless another variable (a deployments file, Entra tokens) makes them needless. */
const REQUIRED: ReadonlySet<string> = new Set(['AZURE_BASE_URL', 'AZURE_API_KEY', 'AZURE_DEPLOYMENT_NAME'])

const annotation = (schema: TSchema, key: string): unknown => Reflect.get(schema, key)

function oneOf<T extends string>(values: readonly T[], value: unknown): T {
  const found = values.find((each) => each === value)
  if (found === undefined) throw new Error(`${value} is none of ${values}`)
  return found
}

/** Every variable in the order of the schema. */
export const variables: readonly VariableInfo[] = Object.entries(ConfigSchema.properties).map(([name, schema]) => {
  const value = annotation(schema, 'default')
  const examples = annotation(schema, 'examples')
  return {
    name,
    description: String(annotation(schema, 'description')),
    example: String(Array.isArray(examples) ? examples[0] : ''),
    default: value === undefined ? undefined : String(value),
    required: REQUIRED.has(name),
    secret: annotation(schema, 'writeOnly') === true,
    group: oneOf(GROUPS, annotation(schema, 'group')),
    usedBy: oneOf(['always', 'http'], annotation(schema, 'usedBy')),
  }
})
