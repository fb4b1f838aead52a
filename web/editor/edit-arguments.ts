import type { StudioModel, StudioOperation, StudioService } from '../../schemas/studio.ts'
import type { MaskOperation } from './strokes.ts'
import { maskStrokes } from './wire.ts'

/** What a person chose beside the mask. Empty strings: the model's default. */
export interface EditChoices {
  readonly prompt: string
  /** `StudioModel.name`; undefined or unknown: the first that edits. */
  readonly model: string | undefined
  readonly size: string
  readonly quality: string
  readonly count: number
  /** Pixels over which the mask's edge is blended. */
  readonly feather: number
  readonly keepsOutside: boolean
}

export interface EditModel extends StudioModel {
  readonly edit: StudioOperation
}

export const initialChoices: EditChoices = {
  prompt: '',
  model: undefined,
  size: '',
  quality: '',
  count: 1,
  feather: 0,
  keepsOutside: true,
}

/** The models that can edit, the default first. */
export const editModels = ({ models }: StudioService): EditModel[] =>
  models.flatMap((model) => (model.edit === undefined ? [] : [{ ...model, edit: model.edit }]))

export const chosenModel = (models: readonly EditModel[], name: string | undefined): EditModel | undefined =>
  models.find((model) => model.name === name) ?? models[0]

/** Without a mask of its own, a model generates the whole image anew: then only the service can keep what is outside. */
export const mustKeepOutside = ({ edit }: EditModel): boolean => !edit.hasMask

export const keepsOutside = (choices: EditChoices, model: EditModel | undefined): boolean =>
  choices.keepsOutside || (model !== undefined && mustKeepOutside(model))

/**
 * The arguments of `edit_image`, without those of jobs. What the chosen model does not take is left out.
 * @param image an id
 * @param operations the mask; none: the whole image may change
 */
export function editArguments(
  image: string,
  choices: EditChoices,
  models: readonly EditModel[],
  operations: readonly MaskOperation[],
): Readonly<Record<string, unknown>> {
  const model = chosenModel(models, choices.model)
  const strokes = maskStrokes(operations)
  const edit = model?.edit
  const count = Math.min(choices.count, edit?.maxCount ?? 1)
  return {
    image,
    prompt: choices.prompt.trim(),
    // Published only where there is a choice.
    ...(models.length > 1 ? { model: model?.name } : {}),
    ...(choices.size !== '' && edit?.sizes?.includes(choices.size) ? { size: choices.size } : {}),
    ...(choices.quality !== '' && edit?.qualities?.includes(choices.quality) ? { quality: choices.quality } : {}),
    ...(count > 1 ? { n: count } : {}),
    ...(strokes.length > 0 ? maskArguments(strokes, choices, model) : {}),
  }
}

/** A soft edge is one of the composite, so that there is none without it. */
const maskArguments = (
  strokes: ReturnType<typeof maskStrokes>,
  choices: EditChoices,
  model: EditModel | undefined,
) => ({
  mask_strokes: strokes,
  ...(keepsOutside(choices, model)
    ? { keep_outside_mask: true, ...(choices.feather > 0 ? { mask_feather: Math.round(choices.feather) } : {}) }
    : {}),
})
