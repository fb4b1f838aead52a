import type { StudioData } from '../data/studio-data.ts'
import { has, type Studio } from '../studio.ts'
import { createGalleryList, type GalleryList, noFilter } from './gallery-list.ts'

const galleries = new WeakMap<StudioData, GalleryList>()

/** The gallery of this session, which the screens have in common. */
export function galleryOf({ data, service }: Pick<Studio, 'data' | 'service'>): GalleryList {
  const known = galleries.get(data)
  if (known !== undefined) return known
  const gallery = createGalleryList({
    seen: () => data.seen,
    ...(has({ service }, 'find_images') && { list: data.list }),
  })
  galleries.set(data, gallery)
  return gallery
}

/** Opens the gallery with the images that have a tag. */
export function showTag(studio: Studio, tag: string): void {
  void galleryOf(studio).search({ ...noFilter, tag })
  studio.navigate({ name: 'gallery' })
}
