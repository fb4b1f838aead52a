import Type, { type Static, type TEnum, type TInteger, type TNumber, type TNumberOptions, type TSchema } from 'typebox'
import type { DialectName, Format, Model, Operation } from '../../schemas/models.ts'
import type { TargetSize } from '../imaging/size.ts'
import { type Capability, flag, list, optional } from './capability.ts'

export type FieldValue = string | number | boolean

/** Fields of a request body; `undefined` is not sent. */
export type WireFields = Readonly<Record<string, FieldValue | undefined>>

/** The body formats of Azure's image APIs. `openaiFlux`: FLUX on OpenAI's API. */
export type BodyFormat = 'openai' | 'openaiFlux' | 'bfl' | 'mai'

const bodyFormats: Readonly<Record<DialectName, BodyFormat>> = {
  deployments: 'openai',
  v1: 'openai',
  bfl: 'bfl',
  mai: 'mai',
}

/** FLUX accepts fewer fields of OpenAI's image API than gpt-image. */
export function bodyFormatOf(dialect: DialectName, { providerPath }: Model): BodyFormat {
  const format = bodyFormats[dialect]
  return format === 'openai' && providerPath !== undefined ? 'openaiFlux' : format
}

/** What the field of one argument may depend on. */
export interface WireContext {
  model: Model
  output_format?: Format | undefined
}

/** The fields in which a value is sent. Also called without a value, for fields that need a default. */
export type WireForm<V> = (value: V | undefined, context: WireContext) => WireFields

/** A wire form for each body format; `undefined`: the format has no field for it, so no model may allow it there. */
export type WireForms<V> = Readonly<Record<BodyFormat, WireForm<V> | undefined>>

export interface SchemaScope {
  operation: Operation
  /** The size if the client sends none, in words. */
  defaultSize: string
  /** Whether stored images can be named. */
  hasLibrary: boolean
}

/** What the value of a request may depend on beside its argument. */
export interface ParseContext {
  operation: Operation
  model: Model
  /** The size if the client sends none. */
  defaultSize: TargetSize
}

/** An argument that depends on the model. */
export interface Argument<A = unknown> {
  readonly operations: readonly Operation[]
  /** Names stored images, so that it is published only where images are stored. */
  readonly needsLibrary?: true
  capability(operation: Operation): Capability
  /** The published schema: the union of what these models, all of which allow the argument, accept. */
  schema(models: readonly Model[], scope: SchemaScope): TSchema
  /** The accepted values in words if the model does not accept this one, else `undefined`. */
  rejects?(value: A, model: Model): string | undefined
}

/** An argument that is sent as fields of the body. `A` is its type in a call, `V` in a request to Azure. */
export interface Parameter<V, A = V> extends Argument<A> {
  /** The value to request, from a valid argument; `undefined` if the model decides. */
  parse(argument: A, context: ParseContext): V | undefined
  /** The value for a fallback's model; `undefined` if that model does not accept it. */
  adapt(value: V, model: Model, operation: Operation): V | undefined
  /** Without it the result would be something else, so a model that does not accept the value cannot be a fallback. */
  isEssential?(value: V): boolean
  readonly wire: WireForms<V>
}

/** An argument that is sent as files. */
export interface ImageArgument<A = unknown> extends Argument<A> {
  /** The field of the files in each body format; `undefined`: the format has none. */
  readonly fields: Readonly<Record<BodyFormat, string | undefined>>
}

export const bothOperations: readonly Operation[] = ['generate', 'edit']

/** Sends the value as one field. */
export function field<V extends FieldValue>(name: string): WireForm<V> {
  return (value) => ({ [name]: value })
}

interface Row<S extends TSchema> {
  capability: Capability
  schema(models: readonly Model[], scope: SchemaScope): S
  rejects?(value: Static<S>, model: Model): string | undefined
  operations?: readonly Operation[]
  isEssential?(value: Static<S>): boolean
  wire: WireForms<Static<S>>
}

/** An argument whose value in a call is the value in the request. */
export function parameter<S extends TSchema>(row: Row<S>): Parameter<Static<S>> {
  const { capability, rejects, ...rest } = row
  return {
    operations: bothOperations,
    ...rest,
    capability: () => capability,
    ...(rejects === undefined ? {} : { rejects }),
    parse: (argument) => argument,
    adapt: (value, model) => (rejects?.(value, model) === undefined ? value : undefined),
  }
}

/** Published with a type, because several clients reject schemas without one. */
export function enumeration<const V extends string>(values: readonly V[], description: string) {
  return Type.Enum([...new Set(values)], { type: 'string', description })
}

type Varying<M extends string, V> = {
  description: string
  operations?: readonly Operation[]
  wire: WireForms<V>
  member: M
  isEssential?(value: V): boolean
}

/** An argument with the values that the model lists. */
export function choice({
  member,
  description,
  ...row
}: Varying<
  'aspectRatios' | 'qualities' | 'complexities' | 'backgrounds' | 'inputFidelities',
  string
>): Parameter<string> {
  return parameter<TEnum<string[]>>({
    ...row,
    capability: list(member),
    schema: (models) =>
      enumeration(
        models.flatMap((model) => model[member]),
        description,
      ),
    rejects: (value, model) => (model[member].includes(value) ? undefined : model[member].join(', ')),
  })
}

/** A number within the range of the model. */
export function ranged({
  member,
  description,
  type,
  ...row
}: Varying<'guidance' | 'steps', number> & {
  type: (options: TNumberOptions) => TInteger | TNumber
}): Parameter<number> {
  return parameter<TInteger | TNumber>({
    ...row,
    capability: optional(member),
    schema: (models) => {
      const ranges = models.map((model) => model[member]).filter((range) => range !== undefined)
      const minimum = Math.min(...ranges.map((range) => range.minimum))
      const maximum = Math.max(...ranges.map((range) => range.maximum))
      return type({ description, minimum, maximum })
    },
    rejects: (value, model) => outside(value, model[member]),
  })
}

export function outside(value: number, range: { minimum: number; maximum: number } | undefined): string | undefined {
  if (range === undefined || (value >= range.minimum && value <= range.maximum)) return undefined
  return `${range.minimum} to ${range.maximum}`
}

/** An argument that a model accepts or not. */
export function toggle({ member, description, ...row }: Varying<'grounding', boolean>): Parameter<boolean> {
  return parameter({ ...row, capability: flag(member), schema: () => Type.Boolean({ description }) })
}
