import type { ComponentChildren } from 'preact'
import type { StudioImage } from '../../schemas/studio.ts'
import { has, type Studio } from '../studio.ts'
import { formatBytes, formatDate, formatSize, formatUsd } from '../texts/format.ts'
import { formatAge } from '../texts/format-age.ts'
import { CopyId } from './copy-id.tsx'
import { showTag } from './gallery-store.ts'

/** What is known of an image. */
export function ViewerFacts({ studio, image }: { studio: Studio; image: StudioImage }) {
  const { texts, language, navigate } = studio
  const { viewer } = texts
  const { prompt, model, deployment, costUsd, seed, tags, name, parents, createdAt } = image
  return (
    <section aria-labelledby="viewer-facts">
      <h2 id="viewer-facts">{viewer.facts}</h2>
      <dl class="facts">
        {prompt !== undefined && prompt.trim() !== '' && (
          <Fact name={viewer.prompt}>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long prompt is scrolled by keys */}
            <div class="prompt" dir="auto" tabIndex={0}>
              {prompt}
            </div>
            {has(studio, 'generate_image') && (
              <button type="button" onClick={() => navigate({ name: 'generate', prompt })}>
                {viewer.again}
              </button>
            )}
          </Fact>
        )}
        <Fact name={viewer.origin}>{viewer.origins[image.origin]}</Fact>
        {model !== undefined && (
          <Fact name={viewer.model}>
            {deployment === undefined || deployment === model ? model : `${model} (${deployment})`}
          </Fact>
        )}
        <Fact name={viewer.size}>
          {formatSize(image)}, {formatBytes(image.bytes, language)},{' '}
          {image.mimeType.replace('image/', '').replace('+xml', '').toUpperCase()}
        </Fact>
        {costUsd !== undefined && <Fact name={viewer.cost}>{formatUsd(costUsd, language)}</Fact>}
        {seed !== undefined && <Fact name={viewer.seed}>{String(seed)}</Fact>}
        <Fact name={viewer.time}>
          <time dateTime={isoOf(createdAt)}>{formatDate(createdAt, language)}</time> (
          {formatAge(createdAt, Date.now(), language)})
        </Fact>
        <Fact name={viewer.credentials}>{image.hasCredentials ? viewer.hasCredentials : viewer.noCredentials}</Fact>
        {tags.length > 0 && (
          <Fact name={viewer.tags}>
            <span class="actions">
              {tags.map((tag) => (
                <button
                  key={tag}
                  type="button"
                  dir="auto"
                  title={viewer.findTag(tag)}
                  onClick={() => showTag(studio, tag)}
                >
                  {tag}
                </button>
              ))}
            </span>
          </Fact>
        )}
        {parents.length > 0 && (
          <Fact name={viewer.parents}>
            <span class="actions">
              {[...new Set(parents)].map((parent) => (
                <button key={parent} type="button" class="id" onClick={() => navigate({ name: 'viewer', id: parent })}>
                  {parent}
                </button>
              ))}
            </span>
          </Fact>
        )}
        {name !== undefined && <Fact name={viewer.name}>{name}</Fact>}
        <Fact name={viewer.id}>
          <CopyId studio={studio} id={image.id} />
        </Fact>
      </dl>
    </section>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt class="soft">{name}</dt>
      <dd dir="auto">{children}</dd>
    </div>
  )
}

/** Undefined for times that have no date: other programs may have written the record. */
function isoOf(time: number): string | undefined {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
