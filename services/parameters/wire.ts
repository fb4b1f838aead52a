import type { DialectName, Model, Operation } from '../../schemas/models.ts'
import { type Capability, flag, optional } from './capability.ts'
import { type BodyFormat, bodyFormatOf, type WireFields, type WireForm } from './parameter.ts'
import {
  imageArguments,
  imageFields,
  type ParameterName,
  type ParameterTypes,
  parameterNames,
  parameters,
  type RequestParameters,
} from './table.ts'

/** How the arguments of a request reach Azure, and which members of a model row have no way to. */

/** The fields of a request body, beside the prompt and what identifies the model. */
export function wireFields(
  request: RequestParameters,
  operation: Operation,
  model: Model,
  dialect: DialectName,
): WireFields {
  const format = bodyFormatOf(dialect, model)
  const sent = parameterNames.filter((name) => parameters[name].operations.includes(operation))
  return Object.fromEntries(sent.flatMap((name) => Object.entries(fieldsOf(name, request, model, format))))
}

function fieldsOf<N extends ParameterName>(
  name: N,
  request: RequestParameters,
  model: Model,
  format: BodyFormat,
): WireFields {
  const form: WireForm<ParameterTypes[N]> | undefined = parameters[name].wire[format]
  return form === undefined ? {} : form(request[name], { model, output_format: request.output_format })
}

/** Names of the form fields, or of the JSON members, that carry images. */
export interface ImageFields {
  /** Of each image if there are several; members of JSON bodies are numbered. */
  several: string
  mask: string | undefined
}

export function imageFieldsOf(model: Model, dialect: DialectName): ImageFields {
  const format = bodyFormatOf(dialect, model)
  const renamed = hasImagesField(format) ? model.imagesField : undefined
  return { several: renamed ?? imageFields[format], mask: imageArguments.mask_base64.fields[format] }
}

/** A member of a model row that only some body formats can express. */
interface Feature {
  names: string
  capability: Capability
  isSent(format: BodyFormat): boolean
}

const isIn =
  (...formats: readonly BodyFormat[]) =>
  (format: BodyFormat) =>
    formats.includes(format)

const hasImagesField = isIn('openai', 'openaiFlux', 'mai')

/** Members that no argument sets. */
const otherFeatures: readonly Feature[] = [
  {
    names: 'field for further images',
    capability: optional('imagesField'),
    isSent: hasImagesField,
  },
  { names: 'event stream', capability: flag('streaming'), isSent: isIn('openai') },
]

/** Arguments by the member that allows them: some share one, and the size has one for each operation. */
function argumentFeatures(): Feature[] {
  const all = [
    ...Object.entries(parameters).map(([name, row]) => ({ name, row, forms: row.wire })),
    // Stored images are sent as those of the other arguments.
    ...Object.entries(imageArguments)
      .filter(([, row]) => row.needsLibrary !== true)
      .map(([name, row]) => ({ name, row, forms: row.fields })),
  ]
  const features = new Map<keyof Model, Feature>()
  for (const { name, row, forms } of all) {
    for (const operation of row.operations) {
      const capability = row.capability(operation)
      const known = features.get(capability.member)?.names.split(' and ') ?? []
      const names = [...new Set([...known, name])].join(' and ')
      features.set(capability.member, { names, capability, isSent: (format) => forms[format] !== undefined })
    }
  }
  return [...features.values()]
}

const features: readonly Feature[] = [...argumentFeatures(), ...otherFeatures]

/** Every member of a model row that needs a wire form. */
export const capabilities: readonly Capability[] = features.map(({ capability }) => capability)

/** What a row allows although none of its routes can send it, each as a sentence for the operator. */
export function unreachable(model: Model): string[] {
  const dialects = [...new Set(model.dialects)]
  const formats = dialects.map((dialect) => bodyFormatOf(dialect, model))
  const routes = `the ${dialects.join(' and ')} ${dialects.length > 1 ? 'routes have' : 'route has'}`
  const problems = features
    .filter(({ capability, isSent }) => capability.isAllowed(model) && !formats.some(isSent))
    .map(({ names, capability }) => `${routes} no ${names} (${snakeCase(capability.member)})`)
  const hasJpeg = model.choosesFormat && model.formats.includes('jpeg')
  if (!model.compression || hasJpeg) return problems
  return [...problems, 'compression is that of JPEG, which needs chooses_format and "jpeg" among the formats']
}

/** A member of a model row as operators write it. */
export function snakeCase(member: string): string {
  return member.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The row without what the dialect cannot send: a published argument that is dropped would be paid for in vain. */
export function restrictTo(dialect: DialectName, model: Model): Model {
  const format = bodyFormatOf(dialect, model)
  return features.reduce(
    (row, { capability, isSent }) => (capability.isAllowed(row) && !isSent(format) ? capability.remove(row) : row),
    model,
  )
}
