import type { StudioImage } from '../../schemas/studio.ts'
import { StudioError } from '../bridge/studio-error.ts'
import type { Studio } from '../studio.ts'
import { savedName } from './saved-name.ts'

/**
 * Stores an image where the person wants it: by the host, else by a link that the host opens.
 * @returns the link to show, where the host can do neither; undefined: it is done
 * @throws StudioError
 */
export async function downloadImage(
  { abilities, data, texts }: Pick<Studio, 'abilities' | 'data' | 'texts'>,
  image: StudioImage,
): Promise<string | undefined> {
  if (abilities.saveFile !== undefined) {
    const { bytes } = await data.file(image.id)
    await abilities.saveFile({
      name: savedName(image),
      mimeType: image.mimeType,
      uri: `image://${image.id}`,
      bytes,
    })
    return undefined
  }
  const link = await data.link(image.id)
  if (link === undefined) throw new StudioError('rejected', texts.viewer.noLink)
  if (abilities.openLink === undefined) return link
  try {
    await abilities.openLink(link)
    return undefined
  } catch {
    return link
  }
}
