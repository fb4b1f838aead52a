import type { StudioImage } from '../../schemas/studio.ts'
import { Thumbnail } from '../parts/thumbnail.tsx'
import type { Studio } from '../studio.ts'
import { formatSize } from '../texts/format.ts'
import { formatAge } from '../texts/format-age.ts'
import { shortPrompt } from '../texts/short-prompt.ts'

export interface TileProps {
  studio: Studio
  image: StudioImage
  /** The one tile that the Tab key reaches. */
  isCurrent: boolean
  onOpen(): void
  onFocus(): void
}

export function Tile({ studio, image, isCurrent, onOpen, onFocus }: TileProps) {
  const { texts, language } = studio
  const words = shortPrompt(image.prompt) ?? image.name ?? texts.gallery.noPrompt
  return (
    <li>
      <button type="button" class="tile" tabIndex={isCurrent ? 0 : -1} onClick={onOpen} onFocus={onFocus}>
        <Thumbnail studio={studio} image={image} />
        <span class="tile-words two-lines" dir="auto">
          {words}
        </span>
        <span class="tile-facts soft">
          <span>{formatAge(image.createdAt, Date.now(), language)}</span> <span>{formatSize(image)}</span>
        </span>
      </button>
    </li>
  )
}
