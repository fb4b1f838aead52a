import { modelTable } from '../../services/azure/models/table.ts'
import { argumentNames, publishedProperties } from '../../services/parameters/arguments.ts'

/** Valid values of every argument that depends on the model. */

interface Published {
  type?: string
  enum?: readonly unknown[]
  minimum?: number
}

const properties = publishedProperties(modelTable, { operation: 'edit', defaultSize: '', hasLibrary: true })

/** Of arguments whose schema does not say what is valid, or whose values matter. */
const chosen: Readonly<Record<string, readonly unknown[]>> = {
  size: ['1024x1024', '1:1'],
  aspect_ratio: ['16:9'],
  n: [2, 1],
  seed: [7, 0],
  complexity: ['low'],
  output_format: ['jpeg', 'png'],
  background: ['opaque', 'transparent', 'auto'],
  guidance: [3, 1.5],
  mask_region: [{ x: 0, y: 0, width: 10, height: 10 }],
}

/** The values of a schema as it is published for all models: so an ordinary new argument needs no line here. */
function published(name: string): readonly unknown[] {
  const schema: Published = properties[name] ?? {}
  if (schema.enum !== undefined) return schema.enum.slice(0, 3)
  if (schema.type === 'boolean') return [true, false]
  return schema.minimum === undefined ? [] : [schema.minimum + 1, schema.minimum]
}

/** By name of the argument; images are left to the test. */
export const argumentValues: Readonly<Record<string, readonly unknown[]>> = Object.fromEntries(
  argumentNames.map((name) => [name, chosen[name] ?? published(name)]),
)
