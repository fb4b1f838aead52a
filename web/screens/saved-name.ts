import type { StudioImage } from '../../schemas/studio.ts'
import { extensionOf } from '../../services/bytes/image-extensions.ts'

/** The name under which an image is stored on a person's machine: its own, without folders, else its id. */
export function savedName({ id, name, mimeType }: Pick<StudioImage, 'id' | 'name' | 'mimeType'>): string {
  const own = name?.split(/[/\\]/).at(-1) ?? ''
  return own === '' ? `${id}.${extensionOf(mimeType)}` : own
}
