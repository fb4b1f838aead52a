import type { TSchema } from 'typebox'
import { ConfigSchema } from '../../schemas/config.ts'
import type { UsedBy } from '../../schemas/config-row.ts'

/** The schema of one variable as an operator needs to read it. */
export interface VariableInfo {
  name: string
  description: string
  example: string
  /** As written in the environment; absent when there is none. */
  default: string | undefined
  required: boolean
  secret: boolean
  /** The transports that read it; absent for a row that does not say. */
  usedBy: UsedBy | undefined
}

/** Required unless another variable (a deployments file, Entra tokens) makes them needless. */
const REQUIRED: ReadonlySet<string> = new Set(['AZURE_BASE_URL', 'AZURE_API_KEY', 'AZURE_DEPLOYMENT_NAME'])

const annotation = (schema: TSchema, key: string): unknown => Reflect.get(schema, key)

function usedByOf(schema: TSchema): UsedBy | undefined {
  const usedBy = annotation(schema, 'usedBy')
  return usedBy === 'always' || usedBy === 'http' ? usedBy : undefined
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
    usedBy: usedByOf(schema),
  }
})
