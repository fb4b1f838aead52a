import Type, { type TProperties } from 'typebox'
import {
  MAX_FEATHER,
  MAX_STROKE_POINTS,
  MAX_STROKES,
  type MaskArguments,
  MaskStrokeSchema,
} from '../../schemas/mask.ts'
import type { Model } from '../../schemas/models.ts'
import { serviceError } from '../errors/errors.ts'
import { checkStrokes } from '../imaging/stroke-shapes.ts'
import { maskNames } from './image-sources.ts'

/**
 * The arguments of a mask that work with every model: one without masks is given the whole image, and what is outside of the
 * mask is put back.
 * @param models that edit
 */
export function maskArguments(models: readonly Model[]): TProperties {
  const required = models.every(({ mask }) => mask)
    ? ''
    : models.some(({ mask }) => mask)
      ? ' Models without masks require keep_outside_mask.'
      : ' Requires keep_outside_mask.'
  return {
    mask_strokes: Type.Optional(
      Type.Array(MaskStrokeSchema, {
        description:
          'A mask, painted in order in pixels of the displayed image; at most ' +
          `${MAX_STROKES} strokes, ${MAX_STROKE_POINTS} points.${required}`,
      }),
    ),
    mask_feather: Type.Optional(
      Type.Integer({
        description: 'Soft edge, in pixels.',
        minimum: 0,
        maximum: MAX_FEATHER,
      }),
    ),
    keep_outside_mask: Type.Optional(
      Type.Boolean({ description: 'true: the image stays as it is outside the mask. Returns PNG.' }),
    ),
  }
}

type Arguments = MaskArguments & { readonly [N in (typeof maskNames)[number]]?: unknown }

/**
 * Checks what no schema can say, before any image is read.
 * @throws ServiceError `IMG_ERR_ARGUMENTS`, `IMG_ERR_MASK`, `IMG_ERR_MASK_UNSUPPORTED`
 */
export function checkMaskArguments(args: Arguments, { id, mask }: Model): void {
  const { mask_strokes: strokes, mask_feather: feather = 0, keep_outside_mask: isKept = false } = args
  if (strokes !== undefined) checkStrokes(strokes)
  if (isKept && maskNames.every((name) => args[name] === undefined)) {
    throw serviceError('IMG_ERR_ARGUMENTS', ['keep_outside_mask requires a mask, such as mask_strokes'])
  }
  if (feather > 0 && !isKept) {
    throw serviceError('IMG_ERR_ARGUMENTS', ['mask_feather requires keep_outside_mask: true'])
  }
  if (strokes !== undefined && !mask && !isKept) throw serviceError('IMG_ERR_MASK_UNSUPPORTED', [id])
}
