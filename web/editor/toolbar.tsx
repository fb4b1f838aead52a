import { useId } from 'preact/hooks'
import type { Studio } from '../studio.ts'
import { IconButton } from './icons.tsx'
import type { Tool } from './live-stroke.ts'
import type { Mask } from './use-mask.ts'

export interface ToolbarProps {
  studio: Studio
  mask: Mask
  tool: Tool
  onTool(tool: Tool): void
  onUndo(): void
  onRedo(): void
}

const tools = ['brush', 'eraser', 'rectangle'] as const

/** What one paints with, and what is done to the whole mask. */
export function Toolbar({ studio, mask, tool, onTool, onUndo, onRedo }: ToolbarProps) {
  const texts = studio.texts.editor
  const isEmpty = mask.operations.length === 0
  return (
    <fieldset class="toolbar">
      <legend class="visually-hidden">{texts.tools}</legend>
      {tools.map((each) => (
        <IconButton key={each} icon={each} label={texts[each]} isPressed={tool === each} onClick={() => onTool(each)} />
      ))}
      <IconButton icon="undo" label={texts.undo} isDisabled={!mask.canUndo} onClick={onUndo} />
      <IconButton icon="redo" label={texts.redo} isDisabled={!mask.canRedo} onClick={onRedo} />
      <IconButton icon="invert" label={texts.invert} onClick={() => mask.add({ kind: 'invert' })} />
      <IconButton icon="clear" label={texts.clear} isDisabled={isEmpty} onClick={() => mask.add({ kind: 'clear' })} />
    </fieldset>
  )
}

export interface PixelSliderProps {
  studio: Studio
  label: string
  value: number
  min: number
  max: number
  onChange(value: number): void
}

/** A number of pixels of the image. */
export function PixelSlider({ studio, label, value, min, max, onChange }: PixelSliderProps) {
  const id = useId()
  const text = studio.texts.editor.pixels(value)
  return (
    <div class="pixel-slider">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        value={value}
        aria-valuetext={text}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      <output for={id}>{text}</output>
    </div>
  )
}
