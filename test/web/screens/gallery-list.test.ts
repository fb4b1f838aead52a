import { describe, type TestContext, test } from 'node:test'
import type { StudioImage } from '../../../schemas/studio.ts'
import {
  createGalleryList,
  type GalleryOptions,
  MAX_SHOWN,
  noFilter,
  PAGE_SIZE,
} from '../../../web/screens/gallery-list.ts'
import { studioImage } from '../../support/studio-images.ts'

/** `count` images, the newest first. */
const library = (count: number): StudioImage[] =>
  Array.from({ length: count }, (_, index) => studioImage(count - index, { createdAt: count - index }))

/** A service that lists what is in `images` at the time, and records the arguments. */
function serviceOf(images: StudioImage[]) {
  const calls: object[] = []
  const list: GalleryOptions['list'] = async (filter) => {
    calls.push(filter)
    const at = Number(filter.cursor ?? 0)
    const page = images.slice(at, at + filter.limit)
    return { images: page, ...(at + filter.limit < images.length && { nextCursor: String(at + filter.limit) }) }
  }
  return { calls, gallery: createGalleryList({ list, seen: () => [] }) }
}

describe('pages of the gallery', () => {
  test('are loaded one by one by their cursors, until there are no more', async (t: TestContext) => {
    const { gallery, calls } = serviceOf(library(PAGE_SIZE + 2))
    await gallery.search(noFilter)
    t.assert.deepStrictEqual([gallery.state.images.length, gallery.state.hasMore], [PAGE_SIZE, true])
    await gallery.showOlder()
    t.assert.deepStrictEqual([gallery.state.images.length, gallery.state.hasMore], [PAGE_SIZE + 2, false])
    await gallery.showOlder()
    t.assert.deepStrictEqual(calls, [{ limit: PAGE_SIZE }, { limit: PAGE_SIZE, cursor: `${PAGE_SIZE}` }])
  })

  test('at most so many are shown; earlier ones come back without a call', async (t: TestContext) => {
    const { gallery, calls } = serviceOf(library(10 * PAGE_SIZE))
    await gallery.search(noFilter)
    for (let page = 1; page < 8; page++) await gallery.showOlder()
    const { from, images } = gallery.state
    t.assert.deepStrictEqual([images.length, from], [8 * PAGE_SIZE, 8 * PAGE_SIZE - MAX_SHOWN])
    gallery.showNewer()
    t.assert.strictEqual(gallery.state.from, 2 * PAGE_SIZE)
    await gallery.showOlder()
    t.assert.deepStrictEqual([gallery.state.from, calls.length], [3 * PAGE_SIZE, 8])
    for (let page = 0; page < 9; page++) gallery.showNewer()
    t.assert.strictEqual(gallery.state.from, 0)
  })

  test('an image that is on two pages is shown once', async (t: TestContext) => {
    const images = library(PAGE_SIZE + 10)
    const { gallery } = serviceOf(images)
    await gallery.search(noFilter)
    images.unshift(studioImage('new', { createdAt: 1000 }))
    await gallery.showOlder()
    const ids = gallery.state.images.map(({ id }) => id)
    t.assert.strictEqual(new Set(ids).size, ids.length)
  })
})

describe('a search', () => {
  test('sends what is filled in', async (t: TestContext) => {
    const { gallery, calls } = serviceOf([])
    await gallery.search({ query: 'red fox', tag: 'draft', model: 'gpt-image-2' })
    t.assert.deepStrictEqual(calls, [{ query: 'red fox', tags: ['draft'], model: 'gpt-image-2', limit: PAGE_SIZE }])
  })

  test('gives up the one before, whose result comes too late', async (t: TestContext) => {
    const first = Promise.withResolvers<{ images: StudioImage[] }>()
    let signal: AbortSignal | undefined
    const gallery = createGalleryList({
      seen: () => [],
      list: async ({ query }, given) => {
        if (query === 'new') return { images: [studioImage('new')] }
        signal = given
        return await first.promise
      },
    })
    const old = gallery.search({ ...noFilter, query: 'old' })
    await gallery.search({ ...noFilter, query: 'new' })
    first.resolve({ images: [studioImage('old')] })
    await old
    t.assert.deepStrictEqual([signal?.aborted, gallery.state.images], [true, [studioImage('new')]])
    t.assert.strictEqual(gallery.state.isLoading, false)
  })

  test('that fails says so, and the next one works', async (t: TestContext) => {
    let fails = true
    const list: GalleryOptions['list'] = async () => {
      if (fails) throw new Error('offline')
      return { images: library(1) }
    }
    const gallery = createGalleryList({ list, seen: () => [] })
    await gallery.search(noFilter)
    t.assert.match(String(gallery.state.error), /offline/)
    fails = false
    await gallery.search(noFilter)
    t.assert.deepStrictEqual([gallery.state.error, gallery.state.images.length], [undefined, 1])
  })

  test('repeats what failed, and keeps what is there', async (t: TestContext) => {
    const images = library(PAGE_SIZE + 1)
    let fails = false
    const list: GalleryOptions['list'] = async ({ cursor }) => {
      if (fails) throw new Error('offline')
      return cursor === undefined
        ? { images: images.slice(0, PAGE_SIZE), nextCursor: 'next' }
        : { images: images.slice(PAGE_SIZE) }
    }
    const gallery = createGalleryList({ list, seen: () => [] })
    await gallery.search(noFilter)
    fails = true
    await gallery.showOlder()
    t.assert.strictEqual(gallery.state.images.length, PAGE_SIZE)
    fails = false
    await gallery.retry()
    t.assert.deepStrictEqual([gallery.state.images, gallery.state.error], [images, undefined])
  })

  test('without a list finds images of this session by words, tag and model', async (t: TestContext) => {
    const images = [
      studioImage(1, { prompt: 'A Red fox', tags: ['draft'], model: 'flux' }),
      studioImage(2, { prompt: '一只红色的狐狸' }),
      studioImage(3),
    ]
    const gallery = createGalleryList({ seen: () => images })
    const found = async (filter: object) => {
      await gallery.search({ ...noFilter, ...filter })
      return gallery.state.images.map(({ id }) => images.findIndex((image) => image.id === id))
    }
    t.assert.deepStrictEqual(await found({}), [0, 1, 2])
    t.assert.deepStrictEqual(await found({ query: 'fox red' }), [0])
    t.assert.deepStrictEqual(await found({ query: '狐狸' }), [1])
    t.assert.deepStrictEqual(await found({ tag: 'draft', model: 'flux' }), [0])
    t.assert.deepStrictEqual(await found({ model: 'other' }), [])
  })
})

describe('back in the gallery', () => {
  test('new images come first, deleted ones are away, and the place stays', async (t: TestContext) => {
    const images = library(2 * PAGE_SIZE + 5)
    const { gallery } = serviceOf(images)
    await gallery.search(noFilter)
    await gallery.showOlder()
    gallery.moveTo(10)
    const at = gallery.state.images[10]?.id
    images.splice(3, 1)
    images.unshift(studioImage('new', { createdAt: 1000 }), studioImage('newer', { createdAt: 1001 }))
    await gallery.refresh()
    t.assert.strictEqual(gallery.state.images[gallery.state.current]?.id, at)
    t.assert.deepStrictEqual(gallery.state.images, images.slice(0, 2 * PAGE_SIZE + 1))
    await gallery.showOlder()
    t.assert.deepStrictEqual([gallery.state.images, gallery.state.hasMore], [images, false])
  })

  test('of a short list, what is not in it any more is away', async (t: TestContext) => {
    const images = library(3)
    const { gallery } = serviceOf(images)
    await gallery.search(noFilter)
    images.pop()
    await gallery.refresh()
    t.assert.deepStrictEqual(gallery.state.images, images)
  })

  test('where all is new, the first page is shown', async (t: TestContext) => {
    const images = library(5)
    const { gallery } = serviceOf(images)
    await gallery.search(noFilter)
    images.splice(0, 5, studioImage('other'))
    await gallery.refresh()
    t.assert.deepStrictEqual(gallery.state.images, images)
  })

  test('a deleted image is away, and the keyboard is at one that is there', async (t: TestContext) => {
    const { gallery } = serviceOf(library(3))
    await gallery.search(noFilter)
    gallery.moveTo(2)
    gallery.remove(gallery.state.images[2]?.id ?? '')
    t.assert.deepStrictEqual([gallery.state.images.length, gallery.state.current], [2, 1])
  })
})
