import { type TestContext, test } from 'node:test'
import { newImageId } from '../../../services/library/image-id.ts'
import { parseImageReference } from '../../../services/library/image-reference.ts'

const id = newImageId()
const other = newImageId()

for (const text of [
  id,
  id.toUpperCase(),
  ` ${id}\n`,
  `\`${id}\``,
  `“${id}”,`,
  `image://${id}`,
  `image://${id}/`,
  `IMAGE://${id.toUpperCase()}`,
  `Image id: ${id} (pass it as "image" to edit_image).`,
  `<image://${id}>`,
]) {
  test(`an id is understood in ${JSON.stringify(text)}`, (t: TestContext) => {
    t.assert.deepEqual(parseImageReference(text), { kind: 'id', id })
  })
}

test('the newest image and the files of the store have their words', (t: TestContext) => {
  for (const text of ['last', ' LAST ', '"last"', 'image://last']) {
    t.assert.deepEqual(parseImageReference(text), { kind: 'last' }, text)
  }
  t.assert.deepEqual(parseImageReference('image:///album/a%20b.png'), {
    kind: 'file',
    names: ['album/a b.png', 'album/a%20b.png'],
  })
})

test('what may mean several images, or none, is no reference', (t: TestContext) => {
  const texts = ['', ' ', 'cat.png', `${id} ${other}`, `x${id}`, `${id}0`, id.slice(0, -1), `img_${'8'.repeat(26)}`]
  for (const text of [...texts, 'x'.repeat(1_000_000), `${id}`.padEnd(20_000), 'lastly']) {
    t.assert.equal(parseImageReference(text), undefined, text.slice(0, 40))
  }
})
