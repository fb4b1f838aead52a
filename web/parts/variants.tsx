import type { StudioImage } from '../../schemas/studio.ts'
import type { Studio } from '../studio.ts'
import { formatSize, formatUsd } from '../texts/format.ts'
import { ImageView } from './image-view.tsx'

export interface VariantsProps {
  studio: Studio
  images: readonly StudioImage[]
  /** The service's sentences about the call. */
  text: string
}

/** Large enough for a screen's half, small enough to be one chunk. */
const PREVIEW_EDGE = 1024

/** The images of one call, side by side. */
export function Variants({ studio, images, text }: VariantsProps) {
  const words = studio.texts.generate
  if (images.length === 0) return <p role="status">{text === '' ? words.nothing : text}</p>
  return (
    <section aria-label={words.results}>
      <ul class={images.length === 1 ? 'variants single' : 'variants'}>
        {images.map((image, at) => (
          <li key={image.id}>
            <Variant studio={studio} image={image} number={at + 1} first={images[0]} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface VariantProps {
  studio: Studio
  image: StudioImage
  /** From 1. */
  number: number
  first: StudioImage | undefined
}

function Variant({ studio, image, number, first }: VariantProps) {
  const { texts, language, navigate, service } = studio
  const words = texts.generate
  const facts = [formatSize(image), ...(image.costUsd === undefined ? [] : [formatUsd(image.costUsd, language)])]
  const open = { name: 'viewer', id: image.id } as const
  const name = (action: string) => `${action}: ${words.variant(number)}`
  return (
    <figure>
      <ImageView studio={studio} image={image} maxEdge={PREVIEW_EDGE} />
      <figcaption>
        {words.variant(number)} <span class="soft">{facts.join(' · ')}</span>
      </figcaption>
      <div class="actions">
        <button type="button" aria-label={name(words.open)} onClick={() => navigate(open)}>
          {words.open}
        </button>
        {service.models.some(({ edit }) => edit !== undefined) && (
          <button type="button" aria-label={name(words.edit)} onClick={() => navigate({ name: 'edit', id: image.id })}>
            {words.edit}
          </button>
        )}
        {first !== undefined && first !== image && (
          <button
            type="button"
            aria-label={name(words.compare)}
            onClick={() => navigate({ name: 'compare', before: first.id, after: image.id })}
          >
            {words.compare}
          </button>
        )}
      </div>
    </figure>
  )
}
