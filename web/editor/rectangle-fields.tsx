import { useState } from 'preact/hooks'
import { Field } from '../parts/choice.tsx'
import type { Studio } from '../studio.ts'
import type { Size } from './geometry.ts'
import type { MaskMode, MaskOperation } from './strokes.ts'

export interface RectangleFieldsProps {
  studio: Studio
  image: Size
  onOperation(operation: MaskOperation): void
}

const names = ['x', 'y', 'width', 'height'] as const

/** A rectangle by four numbers, for those who do not paint. Values are in pixels of the image, and cut at its edges. */
export function RectangleFields({ studio, image, onOperation }: RectangleFieldsProps) {
  const texts = studio.texts.editor
  const quarter = { x: Math.round(image.width / 4), y: Math.round(image.height / 4) }
  const [fields, setFields] = useState({ ...quarter, width: quarter.x * 2, height: quarter.y * 2 })
  const limits = { x: image.width, y: image.height, width: image.width, height: image.height }
  const { x, y, width, height } = fields
  const [right, bottom] = [Math.min(image.width, x + width), Math.min(image.height, y + height)]
  const isEmpty = !(right > Math.max(0, x) && bottom > Math.max(0, y))

  const add = (mode: MaskMode) =>
    onOperation({ kind: 'rectangle', mode, from: [Math.max(0, x), Math.max(0, y)], to: [right, bottom] })

  return (
    <details class="by-numbers">
      <summary>{texts.byNumbers}</summary>
      <div class="fields">
        {names.map((field) => (
          <Field key={field} label={texts[field]}>
            {(id) => (
              <input
                id={id}
                type="number"
                inputMode="numeric"
                min={field === 'x' || field === 'y' ? 0 : 1}
                max={limits[field]}
                value={fields[field]}
                onInput={({ currentTarget: { valueAsNumber: value } }) => {
                  if (!Number.isNaN(value)) setFields({ ...fields, [field]: Math.round(value) })
                }}
              />
            )}
          </Field>
        ))}
      </div>
      <div class="actions">
        <button type="button" disabled={isEmpty} onClick={() => add('add')}>
          {texts.addRectangle}
        </button>
        <button type="button" disabled={isEmpty} onClick={() => add('erase')}>
          {texts.eraseRectangle}
        </button>
      </div>
    </details>
  )
}
