import type { StudioImage } from '../../schemas/studio.ts'

/** An id of the right form for a short name. */
export const imageIdOf = (name: string | number): string =>
  `img_0${String(name)
    .toLowerCase()
    .replaceAll(/[^0-9a-hjkmnp-tv-z]/g, 'x')
    .padStart(25, '0')
    .slice(-25)}`

/** An image as the studio shows it. */
export const studioImage = (name: string | number, fields: Partial<StudioImage> = {}): StudioImage => ({
  id: imageIdOf(name),
  createdAt: Date.UTC(2026, 10, 27, 10),
  origin: 'generated',
  mimeType: 'image/png',
  width: 1024,
  height: 1024,
  bytes: 1_500_000,
  hasCredentials: false,
  parents: [],
  tags: [],
  isOwn: true,
  ...fields,
})
