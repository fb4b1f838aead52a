import type { StudioModel, StudioOperation, StudioService } from '../../schemas/studio.ts'
import type { ToolArguments } from '../bridge/bridge.ts'
import { objectOf, parseJson } from '../bridge/json.ts'
import { type PaidSnapshot, readSnapshot } from '../data/paid-call.ts'

/** What a person fills in on the generate screen. Blank texts: the model decides. */
export interface GenerateForm {
  prompt: string
  /** Name of a model. */
  model: string
  /** `size:1024x1024`, `ratio:16:9`, `other` (then `width` and `height` count) or blank. */
  shape: string
  width: string
  height: string
  quality: string
  count: number
}

export const emptyForm: GenerateForm = {
  prompt: '',
  model: '',
  shape: '',
  width: '1024',
  height: '1024',
  quality: '',
  count: 1,
}

export type GeneratingModel = StudioModel & { generate: StudioOperation }

export const generatingModels = ({ models }: StudioService): GeneratingModel[] =>
  models.filter((model): model is GeneratingModel => model.generate !== undefined)

/** The chosen model, else the default. Undefined: none generates. */
export function modelOf(form: GenerateForm, service: StudioService): GeneratingModel | undefined {
  const models = generatingModels(service)
  return models.find(({ name }) => name === form.model) ?? models[0]
}

/** Values of `shape` that a model takes, its default first. Empty: there is no choice. */
export function shapesOf({ sizes = [], aspectRatios = [], takesAnySize }: StudioOperation): string[] {
  const shapes = [
    ...sizes.map((size) => `size:${size}`),
    ...(takesAnySize ? ['other'] : []),
    ...aspectRatios.map((ratio) => `ratio:${ratio}`),
  ]
  return sizes.length > 0 || shapes.length === 0 ? shapes : ['', ...shapes]
}

/** The form with what the model can: everything else gets the model's default. The prompt stays as it is. */
export function fitted(form: GenerateForm, { name, generate }: GeneratingModel): GenerateForm {
  const shapes = shapesOf(generate)
  return {
    ...form,
    model: name,
    shape: shapes.includes(form.shape) ? form.shape : (shapes[0] ?? ''),
    quality: generate.qualities?.includes(form.quality) === true ? form.quality : '',
    count: Math.min(Math.max(1, Math.round(form.count)), generate.maxCount),
  }
}

/** Characters as the service counts them: an emoji is one. */
export const lengthOf = (text: string): number => [...text].length

/** Why the form cannot be sent yet. */
export type FormProblem = 'no-prompt' | 'long-prompt' | 'size'

export function problemOf(form: GenerateForm, { generate }: GeneratingModel): FormProblem | undefined {
  if (form.prompt.trim() === '') return 'no-prompt'
  if (lengthOf(form.prompt) > generate.maxPromptCharacters) return 'long-prompt'
  return form.shape === 'other' && (edgeOf(form.width) === undefined || edgeOf(form.height) === undefined)
    ? 'size'
    : undefined
}

const edgeOf = (text: string): number | undefined => {
  const value = Number(text)
  return Number.isInteger(value) && value >= 1 && value <= 65_536 ? value : undefined
}

/**
 * Arguments of `generate_image`. What a model does not take, or the service decides by itself, is not in them.
 * @param form one without a problem, fitted to the model
 */
export function argumentsOf(form: GenerateForm, model: GeneratingModel, service: StudioService): ToolArguments {
  const { prompt, shape, width, height, quality, count } = form
  const [kind, value] = [shape.slice(0, shape.indexOf(':')), shape.slice(shape.indexOf(':') + 1)]
  const size = shape === 'other' ? `${edgeOf(width)}x${edgeOf(height)}` : kind === 'size' ? value : undefined
  return {
    prompt,
    // With one model there is no such argument.
    ...(service.models.length > 1 && { model: model.name }),
    ...(size !== undefined && { size }),
    ...(kind === 'ratio' && { aspect_ratio: value }),
    ...(quality !== '' && { quality }),
    ...(count > 1 && { n: count }),
  }
}

export interface GenerateDraft {
  form: GenerateForm
  /** The last submission. */
  call?: PaidSnapshot | undefined
}

export const writeDraft = (draft: GenerateDraft): string => JSON.stringify({ v: 1, ...draft })

/** @returns undefined: the text is no draft of this version */
export function readDraft(text: string | undefined): GenerateDraft | undefined {
  const { v, form, call } = objectOf(parseJson(text ?? ''))
  if (v !== 1) return undefined
  const given = objectOf(form)
  const textOr = (name: 'prompt' | 'model' | 'shape' | 'width' | 'height' | 'quality') =>
    typeof given[name] === 'string' ? given[name] : emptyForm[name]
  return {
    form: {
      prompt: textOr('prompt'),
      model: textOr('model'),
      shape: textOr('shape'),
      width: textOr('width'),
      height: textOr('height'),
      quality: textOr('quality'),
      count: typeof given.count === 'number' && given.count >= 1 ? Math.round(given.count) : 1,
    },
    call: readSnapshot(call),
  }
}
