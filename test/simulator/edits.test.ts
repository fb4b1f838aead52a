import { describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { applyEdits } from '../../simulator/edit.ts'
import { readEdit } from '../../simulator/edits/reading.ts'
import { editImage } from '../../simulator/image.ts'

/** Actions in short: `add boat`, `sketch`, `rotate -90`. */
const read = (prompt: string): string[] =>
  readEdit(prompt).map((action) => {
    switch (action.kind) {
      case 'filter':
        return action.thing === undefined ? action.name : `${action.name} ${action.thing}`
      case 'rotate':
        return `rotate ${action.degrees}`
      case 'add':
        return `add ${action.found.map(({ name }) => name).join(' ')}`
      case 'tint':
        return action.thing === undefined ? 'tint' : `tint ${action.thing}`
      case 'background':
        return `background ${action.scene ?? 'plain'}`
      case 'text':
        return `text ${action.text}`
      default:
        return action.kind
    }
  })

const readings: readonly (readonly [prompt: string, ...actions: string[]])[] = [
  ['Turn it into a pencil sketch', 'sketch'],
  ['把它变成铅笔素描', 'sketch'],
  ['turn it left', 'rotate -90'],
  ['旋转180度', 'rotate 180'],
  ['Add a red boat', 'add boat'],
  ['在湖上加一只红色的船', 'add boat'],
  ['put a hat on the cat', 'add hat'],
  ['give the cat a hat', 'add hat'],
  ['给猫戴一顶帽子', 'add hat'],
  ['add two birds', 'add bird bird'],
  ['add a boat and a blue house', 'add boat house'],
  ['give the fox a hat and sunglasses', 'add hat', 'unknown'],
  ['add a boat, and make it warmer', 'add boat', 'tint'],
  ['Remove the sun', 'remove'],
  ['remove the text', 'remove'],
  ['去掉雪', 'remove'],
  ['replace the cat with a dog', 'remove', 'add dog'],
  ['把猫变成狗', 'remove', 'add dog'],
  ['make the car red', 'tint car'],
  ['make it red', 'tint'],
  ['paint the house dark red', 'tint house'],
  ['make the sky dark', 'darken sky'],
  ['make it less bright', 'darken'],
  ['it is too dark', 'brighten'],
  ['给图片加上雪花', 'snow'],
  ['restore this old photo'],
  ['Make this black and white', 'blackAndWhite'],
  ['grayscale, warm', 'tint', 'blackAndWhite'],
  ['blur the background', 'blurBackground'],
  ['把背景换成海滩', 'background 海滩'],
  ['remove the background', 'background plain'],
  ['keep the red boat, make the rest brighter', 'keep', 'brighten'],
  ["don't blur the face", 'keep'],
  ['add a pencil', 'unknown'],
  ['add the text "Hello"', 'text Hello'],
  ["Write 'Hello' on the cat's hat", 'text Hello'],
  ['写上“你好”', 'text 你好'],
  ['make her smile'],
]

describe('an edit is read by its verbs, not by single words', () => {
  for (const [prompt, ...actions] of readings) {
    test(`${prompt} → ${actions.join(', ') || 'nothing that is known'}`, (t: TestContext) => {
      t.assert.deepStrictEqual(read(prompt), actions)
    })
  }
})

const size = { width: 240, height: 180 }
const base = await sharp(
  Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="180"><rect width="240" height="180" fill="#6a9a6a"/><rect x="90" y="60" width="60" height="60" fill="#2030c0"/></svg>',
  ),
)
  .png()
  .toBuffer()
/** Opens a rectangle around the square in the middle. */
const mask = await sharp(
  Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="180"><path fill-rule="evenodd" d="M0 0H240V180H0ZM80 50V130H160V50Z"/></svg>',
  ),
)
  .png()
  .toBuffer()

async function pixelOf(image: Buffer, x: number, y: number): Promise<number[]> {
  return [...(await sharp(image).removeAlpha().extract({ left: x, top: y, width: 1, height: 1 }).raw().toBuffer())]
}

describe('an edit looks like what was asked', () => {
  test('a sketch has dark lines on white, where the image has edges', async (t: TestContext) => {
    const { image } = await applyEdits(base, { prompt: 'Turn it into a pencil sketch', ...size })
    t.assert.ok((await pixelOf(image, 10, 10)).every((value) => value > 230))
    const { channels } = await sharp(image).extract({ left: 84, top: 80, width: 12, height: 20 }).stats()
    t.assert.ok((channels[0]?.min ?? 255) < 190, `${channels[0]?.min}`)
  })

  test('an added thing is in its colour, and the rest stays', async (t: TestContext) => {
    const { image, done, missing } = await applyEdits(base, { prompt: 'Add a red boat', ...size })
    t.assert.deepStrictEqual([done, missing], [['added boat'], []])
    t.assert.deepStrictEqual(await pixelOf(image, 5, 5), await pixelOf(base, 5, 5))
    const raw = await sharp(image).removeAlpha().raw().toBuffer()
    let red = 0
    for (let i = 0; i < raw.length; i += 3) if ((raw[i] ?? 0) > 180 && (raw[i + 1] ?? 255) < 90) red++
    t.assert.ok(red > 100, `${red} red pixels`)
  })

  test('with a mask an added thing is inside it', async (t: TestContext) => {
    const { image } = await applyEdits(base, { prompt: 'add a red heart', mask, ...size })
    const [red = 0, green = 255] = await pixelOf(image, 120, 90)
    t.assert.ok(red > 180 && green < 90)
    for (const [x, y] of [
      [76, 90],
      [164, 90],
      [120, 46],
      [120, 134],
    ] as const) {
      t.assert.deepStrictEqual(await pixelOf(image, x, y), await pixelOf(base, x, y))
    }
  })

  test('with a mask a removed thing is filled from its surroundings', async (t: TestContext) => {
    const { image, missing } = await applyEdits(base, { prompt: 'Remove the square', mask, ...size })
    t.assert.deepStrictEqual(missing, [])
    const [red = 0, green = 0, blue = 255] = await pixelOf(image, 120, 90)
    t.assert.ok(green > red && green > blue, `${[red, green, blue]}`)
  })
})

describe('what an edit cannot do stands in its caption', () => {
  for (const [prompt, expected] of [
    ['Remove the sun', /"Remove the sun", which needs a mask/],
    ['make the car red', /finding "car" without a mask/],
    ['make her smile', /"make her smile"/],
    ['add a pencil', /"add a pencil"/],
    ['', /an empty prompt/],
  ] as const) {
    test(prompt || 'an empty prompt', async (t: TestContext) => {
      const { missing } = await applyEdits(base, { prompt, ...size })
      t.assert.match(missing.join('; '), expected)
      const edited = await editImage({ image: base, prompt, ...size, format: 'png' })
      // A dark panel across the lower edge.
      const [red = 255, green = 255] = await pixelOf(edited, 120, 170)
      t.assert.ok(red < 90 && green < 90, `${[red, green]}`)
    })
  }
})
