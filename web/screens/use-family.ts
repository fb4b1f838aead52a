import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { StudioImage, StudioList } from '../../schemas/studio.ts'
import { toStudioError } from '../bridge/studio-error.ts'
import type { StudioData } from '../data/studio-data.ts'
import { has, type Studio } from '../studio.ts'
import { type Family, type FamilyStep, nextStep, startFamily, withImages, withList, withMissing } from './family.ts'

/** Images of one list. */
const LIST_SIZE = 50

export interface FamilyState {
  family?: Family
  isLoading: boolean
  /** Why loading has stopped. */
  error?: unknown
  /** Loads what was made from an image, or more of it. */
  showMore(id: string): Promise<void>
  retry(): void
}

/** The family of an image, which grows while it loads. */
export function useFamily(studio: Pick<Studio, 'data' | 'service'>, image: StudioImage | undefined): FamilyState {
  const { data } = studio
  const canList = has(studio, 'find_images')
  const [family, setFamily] = useState<Family>()
  const [error, setError] = useState<unknown>()
  const [isLoading, setLoading] = useState(true)
  const [attempt, setAttempt] = useState(0)
  const current = useRef<Family | undefined>(undefined)

  const change = useCallback((next: Family) => {
    current.current = next
    setFamily(next)
  }, [])

  useEffect(() => {
    if (image === undefined) return
    const abort = new AbortController()
    const load = async () => {
      // Where no one lists, images of the session may still be of the family.
      if (current.current?.focus !== image.id) change(withRelatives(startFamily(image), canList ? [] : data.seen))
      for (let step = next(); step !== undefined; step = next()) {
        const by = await stepOf(data, step, undefined, abort.signal)
        if (abort.signal.aborted) return
        if (current.current !== undefined) change(by(current.current))
      }
    }
    const next = () => current.current && nextStep(current.current, canList)
    setLoading(true)
    setError(undefined)
    load()
      .catch((thrown) => {
        if (!abort.signal.aborted) setError(thrown)
      })
      .finally(() => {
        if (!abort.signal.aborted) setLoading(false)
      })
    return () => abort.abort()
  }, [data, image, canList, attempt, change])

  const showMore = useCallback(
    async (id: string) => {
      const by = await stepOf(data, { kind: 'list', id }, current.current?.listed.get(id))
      if (current.current !== undefined) change(by(current.current))
    },
    [data, change],
  )
  return {
    ...(family !== undefined && { family }),
    isLoading,
    error,
    showMore,
    retry: () => setAttempt(attempt + 1),
  }
}

/** Adds those that are connected with what is there, however far. */
function withRelatives(family: Family, images: readonly StudioImage[]): Family {
  const related = images.filter(
    ({ id, parents }) =>
      !family.images.has(id) &&
      (parents.some((parent) => family.images.has(parent)) ||
        [...family.images.values()].some((each) => each.parents.includes(id))),
  )
  return related.length === 0 || family.isFull ? family : withRelatives(withImages(family, related), images)
}

/** Loads a step. @returns what it changes @throws StudioError if the connection is lost */
async function stepOf(
  data: Pick<StudioData, 'image' | 'list'>,
  { kind, id }: FamilyStep,
  cursor: string | undefined,
  signal?: AbortSignal,
): Promise<(family: Family) => Family> {
  try {
    if (kind === 'image') {
      const image = await data.image(id, signal)
      return (family) => withImages(family, [image])
    }
    const filter = { parent: id, limit: LIST_SIZE, ...(cursor !== undefined && { cursor }) }
    const list = await data.list(filter, signal)
    return (family) => withList(family, id, list)
  } catch (error) {
    if (toStudioError(error).kind !== 'rejected') throw error
    const none: StudioList = { images: [] }
    return (family) => (kind === 'image' ? withMissing(family, id) : withList(family, id, none))
  }
}
