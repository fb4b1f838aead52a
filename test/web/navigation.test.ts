import { describe, type TestContext, test } from 'node:test'
import { backward, forward, popped, replaced, screenOf, type Way } from '../../web/navigation.ts'
import type { Screen } from '../../web/screen.ts'
import { fragmentOf, screenAt } from '../../web/screen-address.ts'

const id = 'img_01jd00000000000000000000ab'
const gallery: Screen = { name: 'gallery' }
const viewer: Screen = { name: 'viewer', id }
const edit: Screen = { name: 'edit', id }

describe('the way through the studio', () => {
  test('leads back as it came, and from the first screen to the start', (t: TestContext) => {
    const way = forward(forward([gallery], viewer), edit)
    t.assert.deepStrictEqual(screenOf(way), edit)
    t.assert.deepStrictEqual(backward(way, gallery), [gallery, viewer])
    t.assert.deepStrictEqual(backward([viewer], gallery), [gallery])
    t.assert.deepStrictEqual(replaced(way, gallery), [gallery, viewer, gallery])
    t.assert.deepStrictEqual(replaced([viewer], edit), [edit])
  })

  test('follows the buttons of the browser', (t: TestContext) => {
    const way = forward(forward([gallery], viewer), edit)
    t.assert.deepStrictEqual(popped(way, viewer), [gallery, viewer])
    t.assert.deepStrictEqual(popped([gallery, viewer], edit), way)
  })

  test('does not grow without end', (t: TestContext) => {
    let way: Way = [gallery]
    for (let at = 0; at < 200; at++) way = forward(way, at % 2 === 0 ? viewer : edit)
    t.assert.strictEqual(way.length, 50)
    t.assert.deepStrictEqual([way[0], screenOf(way)], [gallery, edit])
  })
})

describe('the address of a screen', () => {
  test('leads to it', (t: TestContext) => {
    for (const screen of [
      gallery,
      viewer,
      edit,
      { name: 'generate' },
      { name: 'history', id },
      { name: 'compare', before: id, after: id.replace('ab', 'cd') },
    ] satisfies Screen[]) {
      t.assert.deepStrictEqual(screenAt(fragmentOf(screen)), screen)
    }
  })

  test('has no prompt and no job', (t: TestContext) => {
    t.assert.strictEqual(fragmentOf({ name: 'generate', prompt: 'secret', jobId: 'job_1' }), '#generate')
  })

  test('leads nowhere if it is none', (t: TestContext) => {
    for (const fragment of [
      '',
      '#',
      '#viewer',
      '#viewer/x',
      '#edit/../..',
      `#compare/${id}`,
      '#constructor',
      `#other/${id}`,
    ]) {
      t.assert.strictEqual(screenAt(fragment), undefined, fragment)
    }
  })
})
