import { Fragment } from 'preact'
import { useId } from 'preact/hooks'
import { Choice, Field, type Option } from '../parts/choice.tsx'
import type { Studio } from '../studio.ts'
import {
  fitted,
  type GenerateForm,
  type GeneratingModel,
  generatingModels,
  lengthOf,
  shapesOf,
} from './generate-form.ts'

export interface GenerateFieldsProps {
  studio: Studio
  form: GenerateForm
  model: GeneratingModel
  onChange(form: GenerateForm): void
}

/** Only what the model can. */
export function GenerateFields({ studio, form, model, onChange }: GenerateFieldsProps) {
  const words = studio.texts.generate
  const models = generatingModels(studio.service)
  const { qualities = [], maxCount } = model.generate
  const change = (changes: Partial<GenerateForm>) => onChange({ ...form, ...changes })
  return (
    <>
      <Prompt studio={studio} form={form} model={model} onChange={onChange} />
      <div class="fields">
        {models.length > 1 && (
          <Choice
            label={words.model}
            value={form.model}
            options={models.map(({ name, model }): Option => [name, name === model ? name : `${name} (${model})`])}
            onChange={(name) => {
              const next = models.find((each) => each.name === name)
              if (next !== undefined) onChange(fitted(form, next))
            }}
          />
        )}
        <Shape studio={studio} form={form} model={model} onChange={onChange} />
        {qualities.length > 0 && (
          <Choice
            label={words.quality}
            value={form.quality}
            options={[
              ['', words.qualityByModel],
              ...qualities.map((each): Option => [each, words.qualities[each] ?? each]),
            ]}
            onChange={(quality) => change({ quality })}
          />
        )}
        {maxCount > 1 && (
          <Choice
            label={words.count}
            value={String(form.count)}
            options={Array.from({ length: maxCount }, (_, at): Option => [String(at + 1), String(at + 1)])}
            onChange={(count) => change({ count: Number(count) })}
          />
        )}
      </div>
      {model.retires !== undefined && <p class="soft">{words.retires(model.retires)}</p>}
    </>
  )
}

function Prompt({ studio, form, model, onChange }: GenerateFieldsProps) {
  const { texts, language } = studio
  const words = texts.generate
  const { maxPromptCharacters: limit } = model.generate
  const [id, hint] = [useId(), useId()]
  const characters = lengthOf(form.prompt)
  const count = (value: number) => new Intl.NumberFormat(language).format(value)
  return (
    <>
      <label for={id}>{words.prompt}</label>
      <textarea
        id={id}
        rows={4}
        value={form.prompt}
        placeholder={words.promptHint}
        aria-describedby={hint}
        aria-invalid={characters > limit}
        onInput={(event) => onChange({ ...form, prompt: event.currentTarget.value })}
      />
      <p id={hint} class="soft hint">
        {words.characters(count(characters), count(limit))}
      </p>
    </>
  )
}

function Shape({ studio, form, model, onChange }: GenerateFieldsProps) {
  const words = studio.texts.generate
  const shapes = shapesOf(model.generate)
  if (shapes.length < 2) return null
  const name = (shape: string): string => {
    if (shape === '') return words.byModel
    if (shape === 'other') return words.other
    return shape.startsWith('ratio:') ? words.ratio(shape.slice(6)) : shape.slice(5).replace('x', ' × ')
  }
  return (
    <Fragment>
      <Choice
        label={words.shape}
        value={form.shape}
        options={shapes.map((shape): Option => [shape, name(shape)])}
        onChange={(shape) => onChange({ ...form, shape })}
      />
      {form.shape === 'other' &&
        (['width', 'height'] as const).map((edge) => (
          <Field key={edge} label={words[edge]}>
            {(id) => (
              <input
                id={id}
                type="text"
                inputMode="numeric"
                value={form[edge]}
                onInput={(event) => onChange({ ...form, [edge]: event.currentTarget.value })}
              />
            )}
          </Field>
        ))}
    </Fragment>
  )
}
