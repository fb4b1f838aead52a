import Type, { type Static } from 'typebox'

/**
 * What a stroke does. `add` and `erase` are paths of a round brush, the rectangles have two opposite corners, and `invert`
 * exchanges what is painted so far and what is not.
 */
export const strokeModes = ['add', 'erase', 'add_rectangle', 'erase_rectangle', 'invert'] as const

/** Of one mask. Published schemas cannot say so: several APIs reject lists of more than 50. */
export const MAX_STROKES = 200
/** Of all strokes of a mask together. */
export const MAX_STROKE_POINTS = 5000
/** Of the strokes as JSON. */
export const MAX_STROKES_BYTES = 65_536
/** Pixels. */
export const MAX_FEATHER = 500

/** Of coordinates and brushes, in pixels: far beyond any image, so that a pointer may leave it. */
export const MAX_COORDINATE = 100_000

/**
 * One stroke of a mask, in pixels of the upright image: 0, 0 is its upper left corner and width, height the lower right one,
 * so that the middle of the first pixel is 0.5, 0.5. What lies outside of the image paints nothing there. Strokes are painted
 * in order, on a mask in which nothing is to be changed.
 */
export const MaskStrokeSchema = Type.Object(
  {
    mode: Type.Enum([...strokeModes], { type: 'string' }),
    /** The diameter of the brush: of `add` and `erase`, which require it. */
    size: Type.Optional(Type.Number({ minimum: 1, description: 'Of the brush.' })),
    /** x and y of each point in turn. One point is a dot; `invert` has none. */
    points: Type.Optional(
      Type.Array(Type.Number(), {
        description: 'x1, y1, x2, y2, …; of a rectangle two corners.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type MaskStroke = Static<typeof MaskStrokeSchema>

/** Arguments of `edit_image`. */
export interface MaskArguments {
  mask_strokes?: MaskStroke[]
  /** Pixels; only with `keep_outside_mask`. */
  mask_feather?: number
  keep_outside_mask?: boolean
}
