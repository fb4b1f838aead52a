import { useEffect, useRef } from 'preact/hooks'
import type { StudioImage } from '../../schemas/studio.ts'
import { ImageView } from '../parts/image-view.tsx'
import type { Studio } from '../studio.ts'

export interface ResultsProps {
  studio: Studio
  /** The image that was edited, as an id. */
  before: string
  images: readonly StudioImage[]
  /** The service's sentences about the call. */
  text: string
}

/** Pixels of the longer edge of a result. */
const resultEdge = 512

/** The images of an edit, each with the way to compare it with the one before. */
export function Results({ studio, before, images, text }: ResultsProps) {
  const texts = studio.texts.editor
  const section = useRef<HTMLElement>(null)
  useEffect(() => section.current?.scrollIntoView({ block: 'nearest' }), [])
  if (images.length === 0) return <p role="status">{text === '' ? texts.noImages : text}</p>
  return (
    <section ref={section} class="results">
      <h2>{texts.done(images.length)}</h2>
      <ul class="variants">
        {images.map((image, at) => (
          <li key={image.id}>
            <ImageView studio={studio} image={image} maxEdge={resultEdge} />
            <Actions studio={studio} before={before} image={image} number={images.length > 1 ? at + 1 : undefined} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface ActionsProps {
  studio: Studio
  before: string
  image: StudioImage
  /** Absent: there is one image only, which needs no number. */
  number: number | undefined
}

function Actions({ studio: { texts, navigate }, before, image: { id }, number }: ActionsProps) {
  const words = texts.editor
  const name = (action: string) => (number === undefined ? action : `${action}: ${number}`)
  const actions = [
    [words.compare, { name: 'compare', before, after: id }],
    [words.view, { name: 'viewer', id }],
    [words.editNext, { name: 'edit', id }],
  ] as const
  return (
    <div class="actions">
      {actions.map(([action, screen]) => (
        <button key={action} type="button" aria-label={name(action)} onClick={() => navigate(screen)}>
          {action}
        </button>
      ))}
    </div>
  )
}
