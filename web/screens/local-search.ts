import type { StudioImage } from '../../schemas/studio.ts'

/** Whether an image has the tag, the model and every word, as the service's search does for images it may list. */
export function matches(
  { prompt = '', tags, model = '', deployment = '', name = '' }: StudioImage,
  filter: { query: string; tag: string; model: string },
): boolean {
  const text = [prompt, name, ...tags].join('\n').toLowerCase()
  return (
    filter.query
      .toLowerCase()
      .split(/\s+/)
      .every((word) => text.includes(word)) &&
    (filter.tag === '' || tags.includes(filter.tag)) &&
    (filter.model === '' || filter.model === model || filter.model === deployment)
  )
}
