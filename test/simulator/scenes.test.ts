import { describe as suite, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { drawImage } from '../../simulator/image.ts'
import { describe } from '../../simulator/scenes/vocabulary.ts'

const kinds: readonly (readonly [
  prompt: string,
  kind: string,
  setting: string | undefined,
  subjects: readonly string[],
])[] = [
  ['A beautiful sunset over mountains', 'scene', 'lake', []],
  ['a city skyline at night', 'scene', 'city', []],
  ['城市夜景', 'scene', 'city', []],
  ['白天的海滩', 'scene', 'sea', []],
  ['a cat in a city', 'scene', 'city', ['cat']],
  ['城市里的一只猫', 'scene', 'city', ['cat']],
  ['portrait of a woman', 'scene', undefined, ['person']],
  ['An oil painting of my grandmother reading a letter', 'scene', undefined, ['person']],
  ['A hummingbird hovering over a hibiscus', 'scene', undefined, ['bird']],
  ['A spacecraft lands on Mars', 'scene', 'space', ['plane']],
  ['An isometric map of a small village', 'scene', 'city', []],
  ['Two penguins on an iceberg', 'scene', 'sea', ['bird']],
  ['女孩在海边', 'scene', 'sea', ['person']],
  ['a woman with a dog', 'scene', undefined, ['person', 'dog']],
  ['一只熊猫', 'scene', undefined, ['panda']],
  ['猫头鹰', 'scene', undefined, ['bird']],
  ['minimalist logo of a fox', 'logo', undefined, ['fox']],
  ['公司标志', 'logo', undefined, []],
  ['一杯咖啡', 'scene', undefined, ['cup']],
  ['perfume bottle product photo', 'scene', undefined, ['bottle']],
  ['抽象几何图案', 'abstract', undefined, []],
  ['space with planets', 'scene', 'space', []],
  ['a kite', 'abstract', undefined, []],
]

suite('the words of a prompt choose the scene', () => {
  for (const [prompt, kind, setting, subjects] of kinds) {
    test(prompt, (t: TestContext) => {
      const scene = describe(prompt)
      t.assert.deepStrictEqual(
        { kind: scene.kind, setting: scene.setting, subjects: scene.subjects.map(({ name }) => name) },
        { kind, setting, subjects },
      )
    })
  }

  test('and no part of a longer word does', (t: TestContext) => {
    for (const prompt of [
      'carpet',
      'scar',
      'catalog',
      'hotdog',
      'mango',
      '罗马',
      '马路',
      '人工智能',
      '写着"cat"的牌子',
    ]) {
      t.assert.deepStrictEqual(describe(prompt).subjects, [], prompt)
    }
  })

  test('and a colour belongs to the thing beside it', (t: TestContext) => {
    const coloursOf = (prompt: string) => describe(prompt).subjects.map(({ colour }) => colour)
    const [red] = coloursOf('a red boat')
    t.assert.deepStrictEqual(coloursOf('a red boat on a blue lake'), [red])
    t.assert.deepStrictEqual(coloursOf('一只红色的船'), [red])
    t.assert.deepStrictEqual(coloursOf('a boat on a red lake'), [undefined])
  })
})

/** Mean difference of two images of one size, 0 to 255. */
async function difference(a: Buffer, b: Buffer): Promise<number> {
  const [left, right] = await Promise.all([a, b].map((image) => sharp(image).removeAlpha().raw().toBuffer()))
  let sum = 0
  for (const [i, value] of (left ?? Buffer.of()).entries()) sum += Math.abs(value - (right?.[i] ?? 0))
  return sum / (left?.length ?? 1)
}

test('images of different subjects look different, and each is captioned as simulated', async (t: TestContext) => {
  // The caption has no space in 60 pixels of height, so that only the scenes are compared.
  const prompts = [
    'a lake',
    'a city',
    'portrait of a man',
    'a cat',
    'a company logo',
    'abstract',
    'a red car',
    '一朵花',
  ]
  const scenes = await Promise.all(prompts.map((prompt) => drawImage({ prompt, width: 90, height: 60, format: 'png' })))
  for (const [i, one] of scenes.entries()) {
    for (const [j, other] of scenes.entries()) {
      if (i < j) t.assert.ok((await difference(one, other)) > 6, `${prompts[i]} and ${prompts[j]}`)
    }
  }
  for (const prompt of prompts) {
    const captioned = await drawImage({ prompt, width: 400, height: 400, format: 'png' })
    const { channels } = await sharp(captioned).extract({ left: 20, top: 330, width: 360, height: 40 }).stats()
    t.assert.ok(
      channels.every(({ min, max }) => min < 150 && max > 220),
      `${prompt}: white on dark`,
    )
  }
})

test('a transparent image of a subject has the subject and no background', async (t: TestContext) => {
  const image = await drawImage({
    prompt: 'a cat in a city',
    width: 200,
    height: 200,
    format: 'png',
    transparent: true,
  })
  const alpha = await sharp(image).extractChannel(3).raw().toBuffer()
  t.assert.strictEqual(alpha[0], 0)
  t.assert.strictEqual(alpha[100 * 200 + 100], 255)
})

test('a style that the prompt names is applied', async (t: TestContext) => {
  const { channels } = await sharp(
    await drawImage({ prompt: 'black and white portrait of a man', width: 64, height: 64, format: 'png' }),
  ).stats()
  t.assert.strictEqual(new Set(channels.map(({ mean }) => Math.round(mean))).size, 1)
})
