import { useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { Heading } from '../parts/heading.tsx'
import { imageOf, useImage } from '../parts/use-image.ts'
import type { Studio } from '../studio.ts'
import { formatSize } from '../texts/format.ts'
import { formatAge } from '../texts/format-age.ts'
import { shortPrompt } from '../texts/short-prompt.ts'
import type { CompareMode } from './compare-layout.ts'
import { CompareStage } from './compare-stage.tsx'
import { MissingImage } from './missing-image.tsx'

/** Images in the lists from which one chooses. */
const MAX_CHOICES = 100

/** Two versions: one over the other with a slider, or beside each other. */
export function CompareScreen({ studio, ...given }: { studio: Studio; before: string; after: string }) {
  const { texts } = studio
  // Not by `replace`, which would open the screen again and move the focus.
  const [{ before, after }, setPair] = useState({ before: given.before, after: given.after })
  const { compare } = texts
  const [mode, setMode] = useState<CompareMode>('slider')
  const states = [useImage(studio, before), useImage(studio, after)] as const
  const [first, second] = [imageOf(states[0]), imageOf(states[1])]
  const show = (ids: { before?: string; after?: string }) => setPair({ before, after, ...ids })
  const open = (id: string) => {
    studio.replace({ name: 'compare', before, after })
    studio.navigate({ name: 'viewer', id })
  }
  return (
    <section class="screen wide compare">
      <Heading text={compare.title} />
      <div class="compare-choices">
        <Choice
          studio={studio}
          label={compare.before}
          id={before}
          image={first}
          onChoose={(id) => show({ before: id })}
        />
        <Choice
          studio={studio}
          label={compare.after}
          id={after}
          image={second}
          onChoose={(id) => show({ after: id })}
        />
      </div>
      {states.map(
        (state, index) =>
          state !== undefined &&
          'error' in state && <MissingImage key={index === 0 ? before : after} studio={studio} error={state.error} />,
      )}
      {states.includes(undefined) && <p role="status">{texts.app.loading}</p>}
      {before === after && <p role="status">{compare.same}</p>}
      {first !== undefined && second !== undefined && before !== after && (
        <>
          <div class="compare-bar">
            <ModeSwitch studio={studio} mode={mode} onMode={setMode} />
            <button type="button" onClick={() => show({ before: after, after: before })}>
              {compare.swap}
            </button>
          </div>
          <CompareStage studio={studio} images={[first, second]} mode={mode} />
          <div class="actions">
            <button type="button" onClick={() => open(before)}>
              {compare.openBefore}
            </button>
            <button type="button" onClick={() => open(after)}>
              {compare.openAfter}
            </button>
          </div>
        </>
      )}
    </section>
  )
}

function ModeSwitch({ studio, mode, onMode }: { studio: Studio; mode: CompareMode; onMode(mode: CompareMode): void }) {
  const { compare } = studio.texts
  const modes: readonly CompareMode[] = ['slider', 'side']
  return (
    <fieldset class="actions plain">
      <legend class="visually-hidden">{compare.mode}</legend>
      {modes.map((each) => (
        <button key={each} type="button" aria-pressed={each === mode} onClick={() => onMode(each)}>
          {compare[each]}
        </button>
      ))}
    </fieldset>
  )
}

interface ChoiceProps {
  studio: Studio
  label: string
  id: string
  image: StudioImage | undefined
  onChoose(id: string): void
}

/** Any image that this session knows: of the gallery, of a history, or generated in it. */
function Choice({ studio, label, id, image, onChoose }: ChoiceProps) {
  const known = studio.data.seen.slice(0, MAX_CHOICES)
  const choices = image === undefined || known.some((each) => each.id === id) ? known : [image, ...known]
  return (
    <label>
      {label}
      <select value={id} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        {!choices.some((each) => each.id === id) && <option value={id}>{id}</option>}
        {choices.map((each) => (
          <option key={each.id} value={each.id}>
            {choiceText(studio, each)}
          </option>
        ))}
      </select>
    </label>
  )
}

function choiceText({ texts, language }: Studio, image: StudioImage): string {
  const words = shortPrompt(image.prompt, 40) ?? image.name ?? texts.gallery.noPrompt
  return `${words} · ${formatSize(image)} · ${formatAge(image.createdAt, Date.now(), language)}`
}
