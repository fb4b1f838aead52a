import type { ImageStore, SavedImage } from './image-store.ts'

/** `save` of a store whose `saveSet` has its rules. */
export function createSave(saveSet: ImageStore['saveSet']): ImageStore['save'] {
  return async function save(target, image): Promise<SavedImage> {
    const [saved] = await saveSet(target, [image])
    if (saved === undefined) throw new Error('a set has a result for each of its images')
    if (saved.status === 'rejected') throw saved.reason
    return saved.value
  }
}
