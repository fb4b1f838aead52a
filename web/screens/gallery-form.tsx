import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { Form } from '../parts/form.tsx'
import type { Studio } from '../studio.ts'
import { type GalleryFilter, type GalleryList, isFiltered, noFilter } from './gallery-list.ts'

/** So that not every letter is a call. */
const PAUSE_MS = 400
/** Suggested ones. */
const MAX_TAGS = 100

export interface GalleryFormProps {
  studio: Studio
  gallery: GalleryList
  filter: GalleryFilter
  images: readonly StudioImage[]
}

/** Searches while one types. */
export function GalleryForm({ studio: { texts, service }, gallery, filter, images }: GalleryFormProps) {
  const [typed, setTyped] = useState(filter)
  const tags = useId()
  const isComposing = useRef(false)
  // What is being typed stays as it is: a space at its end is no other search.
  useEffect(() => setTyped((now) => (isSame(trimmed(now), filter) ? now : filter)), [filter])
  useEffect(() => {
    if (isSame(trimmed(typed), filter)) return
    const timer = setTimeout(() => {
      // Letters of an input method are no words yet.
      if (!isComposing.current) void gallery.search(trimmed(typed))
    }, PAUSE_MS)
    return () => clearTimeout(timer)
  }, [typed, filter, gallery])
  const { gallery: words } = texts
  const models = [...new Set([...service.models.map(({ model }) => model), ...images.map(({ model = '' }) => model)])]
  return (
    <search
      onCompositionStart={() => {
        isComposing.current = true
      }}
      onCompositionEnd={() => {
        isComposing.current = false
        setTyped((now) => ({ ...now }))
      }}
    >
      <Form class="gallery-form" onSubmit={() => void gallery.search(trimmed(typed))}>
        <label class="gallery-words">
          {words.words}
          <input
            type="search"
            value={typed.query}
            placeholder={words.wordsHint}
            maxLength={1000}
            dir="auto"
            onInput={({ currentTarget }) => setTyped({ ...typed, query: currentTarget.value })}
          />
        </label>
        <label>
          {words.tag}
          <input
            type="text"
            value={typed.tag}
            list={tags}
            maxLength={64}
            dir="auto"
            onInput={({ currentTarget }) => setTyped({ ...typed, tag: currentTarget.value })}
          />
        </label>
        <datalist id={tags}>
          {[...new Set(images.flatMap((image) => image.tags))].slice(0, MAX_TAGS).map((tag) => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
        <label>
          {words.model}
          <select
            value={typed.model}
            onChange={({ currentTarget }) => setTyped({ ...typed, model: currentTarget.value })}
          >
            <option value="">{words.anyModel}</option>
            {models
              .filter((model) => model !== '')
              .map((model) => (
                <option key={model} value={model}>
                  {model}
                </option>
              ))}
          </select>
        </label>
        {isFiltered(filter) && (
          <button type="button" onClick={() => gallery.search(noFilter)}>
            {words.clear}
          </button>
        )}
      </Form>
    </search>
  )
}

const trimmed = ({ query, tag, model }: GalleryFilter): GalleryFilter => ({
  query: query.trim(),
  tag: tag.trim(),
  model,
})

const isSame = (one: GalleryFilter, other: GalleryFilter): boolean =>
  one.query === other.query && one.tag === other.tag && one.model === other.model
