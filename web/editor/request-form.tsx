import { useId } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { Choice, type Option } from '../parts/choice.tsx'
import { Form } from '../parts/form.tsx'
import { QuoteLine } from '../parts/quote-line.tsx'
import { useQuote } from '../parts/use-quote.ts'
import type { Studio } from '../studio.ts'
import {
  chosenModel,
  type EditChoices,
  type EditModel,
  editArguments,
  keepsOutside,
  mustKeepOutside,
} from './edit-arguments.ts'
import type { Size } from './geometry.ts'
import { maskLimits } from './strokes.ts'
import { PixelSlider } from './toolbar.tsx'

export interface RequestFormProps {
  studio: Studio
  image: StudioImage
  models: readonly EditModel[]
  choices: EditChoices
  hasMask: boolean
  /** An edit is on its way. */
  isBusy: boolean
  onChange(changes: Partial<EditChoices>): void
  onSubmit(): void
}

/** What is asked of the model, with the price before it is paid. */
export function RequestForm({ studio, image, models, choices, hasMask, isBusy, onChange, onSubmit }: RequestFormProps) {
  const texts = studio.texts.editor
  const id = useId()
  const model = chosenModel(models, choices.model)
  // The price does not depend on the words, so that not every one of them is a call.
  const priced = editArguments(image.id, { ...choices, prompt: 'price' }, models, [])
  const quote = useQuote(studio, 'edit_image', model === undefined ? undefined : priced)
  if (model === undefined) return <p role="status">{texts.noModel}</p>
  const limit = model.edit.maxPromptCharacters
  const isTooLong = [...choices.prompt.trim()].length > limit
  const isReady = choices.prompt.trim() !== '' && !isTooLong && !isBusy

  const submit = () => {
    if (isReady) onSubmit()
    else if (!isBusy) studio.announce(isTooLong ? texts.promptTooLong(limit) : texts.promptMissing)
  }

  return (
    <Form class="request" onSubmit={submit}>
      <label for={`${id}-prompt`}>{texts.prompt}</label>
      <textarea
        id={`${id}-prompt`}
        rows={3}
        value={choices.prompt}
        aria-invalid={isTooLong}
        aria-describedby={isTooLong ? `${id}-hint` : undefined}
        placeholder={texts.promptHint}
        onInput={(event) => onChange({ prompt: event.currentTarget.value })}
      />
      {isTooLong && (
        <p id={`${id}-hint`} class="failed">
          {texts.promptTooLong(limit)}
        </p>
      )}
      <ModelFields studio={studio} models={models} model={model} choices={choices} onChange={onChange} />
      {hasMask && <KeepOutside studio={studio} image={image} model={model} choices={choices} onChange={onChange} />}
      <QuoteLine studio={studio} state={quote} />
      <div class="actions">
        <button type="button" class="primary" aria-disabled={!isReady} onClick={submit}>
          {texts.submit}
        </button>
      </div>
    </Form>
  )
}

interface ModelFieldsProps {
  studio: Studio
  models: readonly EditModel[]
  model: EditModel
  choices: EditChoices
  onChange(changes: Partial<EditChoices>): void
}

/** The model, and what of its options there is to choose. */
function ModelFields({ studio, models, model, choices, onChange }: ModelFieldsProps) {
  const texts = studio.texts.editor
  const { sizes = [], qualities = [], maxCount } = model.edit
  const { qualities: qualityNames } = studio.texts.generate
  const counts = Array.from({ length: Math.min(maxCount, maxOfferedCount) }, (_, index) => String(index + 1))
  return (
    <div class="fields">
      {models.length > 1 && (
        <Choice
          label={texts.model}
          value={model.name}
          options={models.map(({ name }) => [name, name])}
          onChange={(name) => onChange({ model: name })}
        />
      )}
      {sizes.length > 0 && (
        <Choice
          label={texts.imageSize}
          value={sizes.includes(choices.size) ? choices.size : ''}
          options={[['', texts.sizeOfImage], ...sizes.map((size): Option => [size, size.replace('x', ' × ')])]}
          onChange={(size) => onChange({ size })}
        />
      )}
      {qualities.length > 0 && (
        <Choice
          label={texts.quality}
          value={qualities.includes(choices.quality) ? choices.quality : ''}
          options={[['', texts.byDefault], ...qualities.map((each): Option => [each, qualityNames[each] ?? each])]}
          onChange={(quality) => onChange({ quality })}
        />
      )}
      {counts.length > 1 && (
        <Choice
          label={texts.count}
          value={String(Math.min(choices.count, counts.length))}
          options={counts.map((count) => [count, count])}
          onChange={(count) => onChange({ count: Number(count) })}
        />
      )}
    </div>
  )
}

/** More at once are seldom meant, and dear. */
const maxOfferedCount = 10

/** Of the image's shorter edge. */
const maxFeatherShare = 1 / 8

type KeepOutsideProps = Omit<ModelFieldsProps, 'models'> & { image: Size }

function KeepOutside({ studio, image, model, choices, onChange }: KeepOutsideProps) {
  const texts = studio.texts.editor
  const id = useId()
  const isFixed = mustKeepOutside(model)
  return (
    <div class="keep">
      <label for={id} class="check">
        <input
          id={id}
          type="checkbox"
          checked={isFixed || choices.keepsOutside}
          disabled={isFixed}
          aria-describedby={`${id}-kind`}
          onChange={(event) => onChange({ keepsOutside: event.currentTarget.checked })}
        />
        {texts.keepOutside}
      </label>
      <p id={`${id}-kind`} class="soft">
        {isFixed ? texts.hasNoMask : texts.hasMask}
      </p>
      {keepsOutside(choices, model) && (
        <PixelSlider
          studio={studio}
          label={texts.feather}
          value={choices.feather}
          min={0}
          max={Math.max(
            1,
            Math.min(maskLimits.feather, Math.round(Math.min(image.width, image.height) * maxFeatherShare)),
          )}
          onChange={(feather) => onChange({ feather })}
        />
      )}
    </div>
  )
}
