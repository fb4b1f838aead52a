import type { StudioImage } from '../../schemas/studio.ts'
import type { StudioData } from '../data/studio-data.ts'

/**
 * The image with which one compares another: the one that was edited. The parent of a composite is the model's own image, whose
 * parent was edited.
 * @returns an id; undefined: it was made from no image
 */
export async function versionBefore(
  data: Pick<StudioData, 'image'>,
  { origin, parents: [parent] }: StudioImage,
): Promise<string | undefined> {
  if (parent === undefined || origin !== 'composite') return parent
  const before = await data.image(parent).catch(() => undefined)
  return before?.parents[0] ?? parent
}
