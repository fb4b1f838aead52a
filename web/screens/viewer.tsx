import { useEffect } from 'preact/hooks'
import { Heading } from '../parts/heading.tsx'
import { ImageStage } from '../parts/image-stage.tsx'
import { imageOf, useImage } from '../parts/use-image.ts'
import type { Studio } from '../studio.ts'
import { MissingImage } from './missing-image.tsx'
import { ViewerActions } from './viewer-actions.tsx'
import { ViewerFacts } from './viewer-facts.tsx'

/** One image, with what is known of it and what can be done with it. */
export function ViewerScreen({ studio, id }: { studio: Studio; id: string }) {
  const state = useImage(studio, id)
  const image = imageOf(state)
  const { texts, select } = studio
  useEffect(() => {
    if (image !== undefined) select(image)
  }, [image, select])
  return (
    <section class="screen wide">
      <Heading text={texts.viewer.title} />
      {state === undefined && <p role="status">{texts.app.loading}</p>}
      {state !== undefined && 'error' in state && <MissingImage studio={studio} error={state.error} />}
      {image !== undefined && (
        <div class="viewer">
          <ImageStage studio={studio} image={image} />
          <div class="viewer-side">
            <ViewerActions studio={studio} image={image} />
            <ViewerFacts studio={studio} image={image} />
          </div>
        </div>
      )}
    </section>
  )
}
